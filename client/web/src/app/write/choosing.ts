/** Files that are taken into the draft, their small pictures drawn one after the other. */
import { signal } from "@preact/signals";
import { withoutMetadata } from "../../media/bare.ts";
import { drawRenditions } from "../../media/renditions.ts";
import { type ChosenFile, files, isStripped, MAX_FILES, newKey } from "../draft.ts";

/** Names of files that had no byte in them. */
export const emptied = signal<readonly string[]>([]);
export const isTooMany = signal(false);

/** Drawn one at a time: two films at once are too much for a small phone. */
let queue: Promise<void> = Promise.resolve();

/** Takes files into the draft; those without a byte and those over the limit are said. */
export function take(chosen: readonly File[]): void {
  emptied.value = chosen.filter((file) => file.size === 0).map((file) => file.name);
  const full = chosen.filter((file) => file.size > 0);
  const room = MAX_FILES - files.value.length;
  isTooMany.value = full.length > room;
  for (const file of full.slice(0, room)) {
    const key = newKey();
    files.value = [...files.value, { key, file, renditions: null, bare: null }];
    queue = queue.then(() => draw(key, file));
  }
}

/** Resolves when every file of the draft has been drawn. */
export function allDrawn(): Promise<void> {
  return queue;
}

export function takeOut(key: number): void {
  files.value = files.value.filter((each) => each.key !== key);
}

/** Makes the bare copies that are asked for and not yet there. */
export function strip(isOn: boolean): void {
  isStripped.value = isOn;
  if (!isOn) return;
  for (const { key, file, bare } of files.value) {
    if (bare === null) queue = queue.then(() => makeBare(key, file));
  }
}

async function draw(key: number, file: File): Promise<void> {
  if (!isChosen(key)) return;
  const renditions = await drawRenditions(file);
  change(key, { renditions });
  if (isStripped.value) await makeBare(key, file);
}

async function makeBare(key: number, file: File): Promise<void> {
  if (!isChosen(key)) return;
  // A file that can't be read is refused at sealing, with words.
  const bare = await withoutMetadata(file).catch(() => null);
  change(key, { bare });
}

function isChosen(key: number): boolean {
  return files.value.some((each) => each.key === key);
}

function change(key: number, news: Partial<ChosenFile>): void {
  files.value = files.value.map((each) => (each.key === key ? { ...each, ...news } : each));
}
