/** What somebody wrote, made into what a report can hold, or refused. In memory only. */

import { checkName, MAX_FILES } from "../protocol/attachment.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { Rendition } from "../protocol/kinds.ts";
import type { Figure } from "../protocol/report.ts";
import { partBodySize } from "../protocol/sizes.ts";
import { type Draft, type DraftFile, EngineError } from "./engine.ts";

const MAX_TEXT_BYTES = 65_536;
const MAX_LINE_BYTES = 512;
const MAX_WHEN_BYTES = 128;
const MAX_LANGUAGE_BYTES = 35;
const MAX_FIGURES = 32;
const MAX_FIGURE_WHAT_BYTES = 256;
const MAX_NAME_BYTES = 255;
const MAX_ENDING_BYTES = 16;

/** Signs that are not seen, or that turn others, but for the joiners of Persian and of emoji. */
const LOST = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}/\\]/gu;
const NO_TEXT = /(?![\n\t])\p{Cc}/gu;
const NO_LINE = /\p{Cc}/gu;
const LONE_SURROGATE = /\p{Cs}/gu;
const utf8 = new TextEncoder();

/** The draft with texts, names and media types that a report takes; nothing is read of the files. */
export function checkedDraft(draft: Draft): Draft {
  const text = draft.text.replace(/\r\n?/g, "\n").replace(NO_TEXT, "").replace(LONE_SURROGATE, "�");
  checkSize("text", text, MAX_TEXT_BYTES);
  if (text.trim() === "" && draft.files.length === 0) throw new EngineError("empty");
  if (draft.files.length > MAX_FILES) {
    throw new EngineError("too_many_files", `${draft.files.length}; at most ${MAX_FILES}`);
  }
  if (draft.figures.length > MAX_FIGURES) throw new EngineError("too_large", "figures");
  draft.files.forEach(checkSizes);
  const language = lineOf(draft.language);
  return {
    ...draft,
    text,
    what: checkedLine("what", draft.what, MAX_LINE_BYTES),
    where: checkedLine("where", draft.where, MAX_LINE_BYTES),
    when: checkedLine("when", draft.when, MAX_WHEN_BYTES),
    language: sizeOf(language) > MAX_LANGUAGE_BYTES ? "" : language,
    figures: draft.figures.map(checkedFigure),
    files: withoutDoubles(draft.files),
  };
}

function sizeOf(text: string): number {
  return utf8.encode(text).length;
}

function checkSize(name: string, text: string, most: number): void {
  const size = sizeOf(text);
  if (size > most) throw new EngineError("too_large", `${name} of ${size} bytes; at most ${most}`);
}

function lineOf(text: string): string {
  return text.replace(NO_LINE, " ").replace(LONE_SURROGATE, "�").trim();
}

function checkedLine(name: string, text: string, most: number): string {
  const line = lineOf(text);
  checkSize(name, line, most);
  return line;
}

function checkedFigure({ what, minimum, maximum }: Figure): Figure {
  const isSound = [minimum, maximum].every((number) => Number.isSafeInteger(number) && number >= 0);
  if (!isSound || minimum > maximum) {
    throw new EngineError("malformed", `a figure from ${minimum} to ${maximum}`);
  }
  return { what: checkedLine("figure", what, MAX_FIGURE_WHAT_BYTES), minimum, maximum };
}

function checkSizes(file: DraftFile): void {
  for (const [data, rendition] of renditionsOf(file)) {
    try {
      partBodySize(data.size, rendition);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw new EngineError("too_large", error.message);
    }
  }
}

/** What is sealed of a file, the smallest first. */
export function renditionsOf(file: DraftFile): [Blob, Rendition][] {
  const found: [Blob, Rendition][] = [];
  if (file.thumbnail !== null) found.push([file.thumbnail, Rendition.THUMBNAIL]);
  if (file.preview !== null) found.push([file.preview, Rendition.PREVIEW]);
  found.push([file.data, Rendition.ORIGINAL]);
  return found;
}

/** A name that every desk can keep: no path, no sign that is not seen. Longer ones are shortened. */
export function safeName(name: string): string {
  let kept = name.replace(LOST, "_").trim();
  if (kept === "" || kept === "." || kept === "..") kept = "file";
  if (sizeOf(kept) > MAX_NAME_BYTES) {
    const dot = kept.lastIndexOf(".");
    const ending =
      dot > 0 && sizeOf(kept.slice(dot)) <= MAX_ENDING_BYTES + 1 ? kept.slice(dot) : "";
    const signs = [...kept.slice(0, ending === "" ? undefined : dot)];
    while (sizeOf(signs.join("") + ending) > MAX_NAME_BYTES) signs.pop();
    kept = signs.join("") + ending;
  }
  checkName(kept);
  return kept;
}

function mediaTypeOf(type: string): string {
  // What a browser says of a file, parameters and all.
  const bare = type.split(";")[0]?.trim().toLowerCase() ?? "";
  return /^[a-z0-9][\w!#$&^.+-]*\/[\w!#$&^.+-]+$/.test(bare) && bare.length <= 127
    ? bare
    : "application/octet-stream";
}

/** The same files, where those of one name get a number; the desk keeps them side by side. */
function withoutDoubles(files: readonly DraftFile[]): DraftFile[] {
  const seen = new Set<string>();
  return files.map((file) => {
    const given = safeName(file.name);
    let name = given;
    for (let count = 2; seen.has(name); count++) {
      const dot = given.lastIndexOf(".");
      const at = dot > 0 ? dot : given.length;
      name = safeName(`${given.slice(0, at)}-${count}${given.slice(at)}`);
    }
    seen.add(name);
    return { ...file, name, mediaType: mediaTypeOf(file.mediaType) };
  });
}
