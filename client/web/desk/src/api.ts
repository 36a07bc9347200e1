/**
 * What the desk's server answers, as its JSON has it. Ids, keys and hashes are hexadecimal; a name
 * that ends in `_s` is unix seconds, one in `_day` or `day` a date as 2022-01-06.
 */

export const STATES = [
  "new",
  "checking",
  "corroborated",
  "doubtful",
  "published",
  "rejected",
] as const;
export type State = (typeof STATES)[number];

export const ELEMENTS = ["source", "date", "place", "content"] as const;
export type Element = (typeof ELEMENTS)[number];

export const CONFIDENCES = ["unknown", "low", "medium", "high"] as const;
export type Confidence = (typeof CONFIDENCES)[number];

export type Rendition = "thumbnail" | "preview" | "original";
export type Basis = "seen" | "heard" | "not said";

/** What narrows the inbox; all that is set holds together. */
export interface Wish {
  readonly words?: string;
  readonly states?: readonly State[];
  readonly tags?: readonly string[];
  readonly places?: readonly string[];
  /** Of the table of cities, by name; `none` is what lies in none. */
  readonly cities?: readonly string[];
  readonly languages?: readonly string[];
  readonly alias?: string;
  readonly since_s?: number;
  readonly until_s?: number;
  readonly incident?: string;
  readonly unread?: boolean;
  readonly starred?: boolean;
  readonly urgent?: boolean;
  readonly first_hand?: boolean;
  readonly with_media?: boolean;
  readonly muted?: boolean;
  readonly grouped?: boolean;
}

export interface Row {
  readonly id: string;
  readonly short_id: string;
  readonly alias: string | null;
  readonly author: string;
  /** The first words, in one line. */
  readonly line: string;
  readonly where: string;
  readonly when: string;
  readonly written_s: number | null;
  readonly arrived_s: number;
  readonly language: string;
  readonly basis: Basis;
  readonly urgent: boolean;
  /** complete, files missing, corrected or withdrawn, in the server's word. */
  readonly state: string;
  readonly can_be_answered: boolean;
  readonly files: number;
  readonly files_here: number;
  readonly thumb: { readonly file: number; readonly rendition: Rendition } | null;
  readonly decided: {
    readonly state: State;
    readonly read: boolean;
    readonly starred: boolean;
    readonly tags: readonly string[];
  };
  readonly figures: number;
  /** `more` reports of this pseudonym stand behind this row. */
  readonly group?: { readonly alias: string; readonly more: number } | null;
  /** It can't be read, from a page of the vault that is damaged. */
  readonly damaged?: boolean;
}

export interface Rows {
  readonly rows: readonly Row[];
  readonly next: number | null;
  readonly total: number;
  /** How many more there would be if no pseudonym were muted. */
  readonly muted: number;
  /** The words name it, and more reports lie there; `words` are those beside its name. */
  readonly city?: NamedCity;
}

export interface NamedCity {
  readonly city: string;
  readonly words: string;
  readonly reports: number;
}

export interface Part {
  readonly rendition: Rendition;
  readonly media_type: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly parcel_id: string;
  readonly state: "missing" | "verified" | "bad";
  readonly verdict: string | null;
}

export interface ReportFile {
  readonly name: string;
  readonly media_type: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly parts: readonly Part[];
}

export interface Decided {
  readonly state: State;
  readonly read: boolean;
  readonly starred: boolean;
  readonly tags: readonly string[];
  readonly elements: Readonly<Partial<Record<Element, Assessment>>>;
  readonly incidents: readonly { readonly id: string; readonly name: string }[];
}

export interface Assessment {
  readonly confidence: Confidence;
  readonly note: string;
}

export interface Logged {
  readonly id: string;
  readonly author: string;
  readonly ours: boolean;
  readonly clock: number;
  readonly at_s: number;
  readonly what: string;
  readonly words: string;
}

/** Something of the desk's own on its way out: `words` says what is known of it. */
export interface Sent {
  readonly number: number;
  readonly at_s: number;
  readonly state: string;
  readonly words: string;
  readonly relays: readonly { readonly name: string; readonly day: string }[];
}

export interface Reply extends Sent {
  readonly text: string;
  readonly wanted: readonly number[];
  readonly report?: string;
  readonly short_id?: string;
}

export interface ReportPage {
  readonly id: string;
  readonly short_id: string;
  readonly from: string;
  readonly author: string;
  readonly alias: string | null;
  readonly muted: boolean;
  readonly arrived_s: number;
  readonly written_s: number | null;
  readonly urgent: boolean;
  readonly language: string;
  readonly text: string;
  readonly what: string;
  readonly where: string;
  readonly when: string;
  readonly basis: Basis;
  readonly figures: readonly {
    readonly what: string;
    readonly minimum: number;
    readonly maximum: number;
  }[];
  readonly files: readonly ReportFile[];
  readonly files_arrived: number;
  readonly state: string;
  readonly corrects: string | null;
  readonly withdraws: string | null;
  readonly reference_counts: boolean;
  readonly referred_to_by: readonly {
    readonly id: string;
    readonly how: "withdraws" | "corrects";
    readonly counts: boolean;
  }[];
  readonly can_be_answered: boolean;
  readonly not_before: {
    readonly day: string;
    readonly hash: string;
    readonly document: string | null;
  } | null;
  readonly custody: readonly {
    readonly parcel_id: string;
    readonly relay: string;
    readonly relay_name?: string | null;
    readonly day: string;
  }[];
  readonly letters: readonly string[];
  readonly decided: Decided;
  readonly same_pseudonym: readonly string[];
  /** How many others this pseudonym wrote. */
  readonly same_pseudonym_total: number;
  readonly log: readonly Logged[];
  /** What of it lies on a damaged page of the vault, in words: it is missing in the rest. */
  readonly unreadable?: readonly string[];
  readonly replies: readonly Reply[];
  /** The numbers of the files that were asked for. */
  readonly wanted: readonly number[];
}

export interface Change {
  readonly what:
    | "state"
    | "element"
    | "starred"
    | "tag"
    | "read"
    | "muted"
    | "incident"
    | "gathered"
    | "deleted";
  readonly report?: string;
  readonly incident?: string;
  readonly element?: Element;
  readonly value?: string | boolean;
  readonly note?: string;
  readonly tag?: string;
  readonly name?: string;
}

export interface Counts {
  readonly reports: number | null;
  readonly unread: number | null;
  readonly starred: number | null;
  readonly urgent: number | null;
  readonly muted: number | null;
  readonly set_aside: number | null;
  readonly alarms: number | null;
  readonly unlooked: number | null;
}

export interface PullState {
  readonly state: "starting" | "watching" | "idle" | "failed" | "elsewhere";
  readonly words: string;
  readonly relays: readonly {
    readonly name: string;
    readonly reached: boolean;
    readonly words: string;
    readonly last_s: number | null;
  }[];
  readonly came: { readonly reports: number; readonly parts: number };
  readonly last_s: number | null;
}

export interface Desk {
  readonly name: string;
  readonly fingerprint: string;
  readonly card: {
    readonly serial: number;
    readonly valid_until_day: string;
    readonly weeks_left: number;
  };
  readonly relays: readonly {
    readonly name: string;
    readonly url: string;
    readonly country: string;
  }[];
  readonly counts: Counts;
  readonly pull: PullState;
  readonly editor: string | null;
  /** What is wrong with the machine or the vault, in sentences. */
  readonly warnings?: readonly string[];
  readonly now_s: number;
}

export interface Tag {
  readonly tag: string;
  readonly reports: number;
}

export interface Incident {
  readonly id: string;
  readonly name: string;
  readonly reports: number;
  readonly newest_s: number | null;
}

export interface IncidentPage {
  readonly id: string;
  readonly name: string;
  readonly rows: readonly Row[];
  readonly log: readonly Logged[];
}

export interface Bulletin extends Sent {
  readonly serial: number;
  readonly title: string;
  readonly language: string;
  readonly text: string;
  readonly corrects?: number | null;
  readonly corrected_by?: number | null;
  readonly pictures?: number;
}

export interface Outgoing {
  readonly replies: readonly Reply[];
  readonly bulletins: readonly Bulletin[];
  readonly cards: readonly (Sent & { readonly serial: number })[];
}

export interface Aside {
  readonly parcel_id: string;
  readonly verdict: string;
  readonly detail: string;
  readonly arrived_s: number;
}

export interface Alarm {
  readonly words: string;
  readonly at_s?: number | null;
}

/** A medium as it was decoded and encoded anew, on the media origin. */
export interface Shown {
  readonly url: string;
  readonly width?: number;
  readonly height?: number;
  readonly duration_s?: number;
  readonly is: string;
  readonly note: string;
}
