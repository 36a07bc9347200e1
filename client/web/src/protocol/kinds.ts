/** The kinds that parcels come in, and the order in which they go (SPEC 3, 6). Names and numbers. */

/** What a parcel is, by the number in its header (SPEC 3). */
export const Kind = { LETTER: 1, PART: 2, PUBLIC: 3, REPLY: 4 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** Which form of a file a part holds (SPEC 6, 7). */
export const Rendition = { THUMBNAIL: 1, PREVIEW: 2, ORIGINAL: 3 } as const;
export type Rendition = (typeof Rendition)[keyof typeof Rendition];

/** The place in the order of sending, the lowest first; it follows from kind, flag and size. */
export const Rank = { URGENT: 0, LETTER: 1, THUMBNAIL: 2, PREVIEW: 3, ORIGINAL: 4 } as const;
export type Rank = (typeof Rank)[keyof typeof Rank];

/** The kind with this number, or none. */
export function kindOf(number: number): Kind | undefined {
  return Object.values(Kind).find((kind) => kind === number);
}

/** A kind as messages call it. */
export function kindName(kind: Kind): string {
  return { 1: "letter", 2: "part", 3: "public document", 4: "reply" }[kind];
}
