/** The bulletin that is being written: texts in several languages, a picture, what it corrects. */
import { signal } from "@preact/signals";
import { ask } from "../client.ts";

export interface Text {
  readonly language: string;
  readonly title: string;
  readonly text: string;
}

/** What the desk takes; larger files are made smaller elsewhere first. */
export const MOST_PICTURE_BYTES = 8_000_000;

export const texts = signal<readonly Text[]>([{ language: "", title: "", text: "" }]);
export const picture = signal<File | null>(null);
/** The serial of the bulletin that it corrects. */
export const corrects = signal<number | null>(null);

export function change(at: number, to: Partial<Text>): void {
  texts.value = texts.value.map((text, each) => (each === at ? { ...text, ...to } : text));
}

/** Another language, the first that has no text yet. */
export function add(languages: readonly string[]): void {
  const used = new Set(texts.value.map(({ language }) => language));
  const language = languages.find((each) => !used.has(each)) ?? "";
  texts.value = [...texts.value, { language, title: "", text: "" }];
}

export function remove(at: number): void {
  texts.value = texts.value.filter((_, each) => each !== at);
}

/** Those in which something stands. */
export function written(): readonly Text[] {
  return texts.value.filter(({ title, text }) => `${title}${text}`.trim() !== "");
}

/** Whether it can go out: no text waits to be written or has no language. */
export function isWhole(): boolean {
  const all = texts.value;
  if (written().length === 0) return all.length === 1 && picture.value !== null;
  return all.every(({ language, text }) => language !== "" && text.trim() !== "");
}

/** Signs and queues it; what is not taken stays written. Throws DeskError. */
export async function publish(): Promise<void> {
  const file = picture.value;
  await ask("/api/bulletins", {
    texts: written().map(({ language, title, text }) => ({
      language,
      text,
      ...(title.trim() === "" ? {} : { title: title.trim() }),
    })),
    ...(corrects.value === null ? {} : { corrects: corrects.value }),
    ...(file === null ? {} : { picture: await base64(file) }),
  });
  texts.value = texts.value.slice(0, 1).map(({ language }) => ({ language, title: "", text: "" }));
  picture.value = null;
  corrects.value = null;
}

async function base64(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
