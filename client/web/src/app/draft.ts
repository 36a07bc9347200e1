/**
 * The report that is being written. It is in this page's memory and nowhere else: not in the
 * address, not in a store, and gone with the page.
 */
import { signal } from "@preact/signals";
import type { Draft, DraftFile } from "../engine/engine.ts";
import type { Basis, Figure } from "../protocol/report.ts";

/** A file that was chosen, and what is known of it so far. */
export interface ChosenFile {
  readonly key: number;
  readonly file: File;
  /** Null while they are being drawn. */
  readonly renditions: { readonly thumbnail: Blob | null; readonly preview: Blob | null } | null;
  /** The same without place and device; null where that can't be made. */
  readonly bare: Blob | null;
}

export interface FigureFields {
  readonly key: number;
  readonly what: string;
  readonly from: string;
  readonly to: string;
}

export const MAX_FILES = 32;
export const MAX_FIGURES = 32;

export const text = signal("");
export const what = signal("");
export const where = signal("");
export const when = signal("");
export const basis = signal<Basis>(0);
export const figures = signal<readonly FigureFields[]>([]);
export const isUrgent = signal(false);
export const code = signal("");
/** "" until somebody chooses another one than the app's. */
export const reportLanguage = signal("");
export const desk = signal("");
export const files = signal<readonly ChosenFile[]>([]);
export const isStripped = signal(false);

let lastKey = 0;

export function newKey(): number {
  lastKey += 1;
  return lastKey;
}

/** Forgets all of it, but to whom it goes. */
export function clearDraft(): void {
  for (const each of [text, what, where, when, code, reportLanguage]) each.value = "";
  basis.value = 0;
  figures.value = [];
  isUrgent.value = false;
  files.value = [];
  isStripped.value = false;
}

export function isEmpty(): boolean {
  return text.value.trim() === "" && files.value.length === 0;
}

const DIGITS = /^\d{1,15}$/;

/** The figures as they are typed, or null where one is no figure. Rows left empty don't count. */
export function typedFigures(): readonly Figure[] | null {
  const found: Figure[] = [];
  for (const row of figures.value) {
    const name = row.what.trim();
    const from = asciiDigits(row.from);
    const to = asciiDigits(row.to) || from;
    if (name === "" && from === "" && to === "") continue;
    if (name === "" || !DIGITS.test(from) || !DIGITS.test(to)) return null;
    if (Number(from) > Number(to)) return null;
    found.push({ what: name, minimum: Number(from), maximum: Number(to) });
  }
  return found;
}

/** Digits as typed on Arabic and Persian keypads become those that are sent. */
function asciiDigits(typed: string): string {
  return typed
    .replace(/[\u0660-\u0669]/g, (sign) => String(sign.charCodeAt(0) - 0x660))
    .replace(/[\u06f0-\u06f9]/g, (sign) => String(sign.charCodeAt(0) - 0x6f0))
    .replace(/[\s\u00a0\u202f.,\u066c']/g, "");
}

/** What the engine seals. `withoutOriginals`: pictures go in the size of their previews. */
export function toDraft(
  figuresTyped: readonly Figure[],
  appLanguage: string,
  today: number | null,
  withoutOriginals: boolean,
): Draft {
  return {
    desk: desk.value,
    text: text.value.trim(),
    what: what.value.trim(),
    where: where.value.trim(),
    when: when.value.trim(),
    basis: basis.value,
    figures: figuresTyped,
    language: reportLanguage.value || appLanguage,
    urgent: isUrgent.value,
    files: withoutOriginals ? smallFiles() : files.value.map(draftFile),
    code: code.value.trim() === "" ? null : code.value,
    today,
  };
}

function draftFile(chosen: ChosenFile): DraftFile {
  const data = isStripped.value && chosen.bare !== null ? chosen.bare : chosen.file;
  return {
    data,
    name: chosen.file.name,
    mediaType: chosen.file.type || "application/octet-stream",
    thumbnail: chosen.renditions?.thumbnail ?? null,
    preview: chosen.renditions?.preview ?? null,
  };
}

/** The previews in place of the originals; what has none is left out. */
function smallFiles(): DraftFile[] {
  const small: DraftFile[] = [];
  for (const { file, renditions } of files.value) {
    if (!renditions?.preview) continue;
    small.push({
      data: renditions.preview,
      name: `${file.name.replace(/\.[^.]*$/, "")}.jpg`,
      mediaType: "image/jpeg",
      thumbnail: renditions.thumbnail,
      preview: null,
    });
  }
  return small;
}
