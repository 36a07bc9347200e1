/** What a file of a report can be shown as, and which of its renditions are here. */
import type { Rendition, ReportFile } from "../api.ts";

export type Form = "picture" | "poster" | "film" | "sound";
export type Kind = "picture" | "film" | "sound" | "other";

const ORDER: readonly Rendition[] = ["thumbnail", "preview", "original"];

/** By the type that its writer gave it; the desk's decoder judges by the bytes. */
export function kindOf({ media_type }: Pick<ReportFile, "media_type">): Kind {
  if (media_type.startsWith("image/")) return "picture";
  if (media_type.startsWith("video/")) return "film";
  if (media_type.startsWith("audio/")) return "sound";
  return "other";
}

/** Those that are here and verified, the smallest first. */
export function here({ parts }: Pick<ReportFile, "parts">): Rendition[] {
  return ORDER.filter((rendition) =>
    parts.some((part) => part.rendition === rendition && part.state === "verified"),
  );
}

/** What can be looked at as a still picture: smaller renditions always are pictures. */
export function stills(file: Pick<ReportFile, "media_type" | "parts">): Rendition[] {
  const found = here(file);
  const kind = kindOf(file);
  return kind === "picture" || kind === "film"
    ? found
    : found.filter((rendition) => rendition !== "original");
}

/** Whether anything of it can be seen or heard here. */
export function isShowable(file: Pick<ReportFile, "media_type" | "parts">): boolean {
  return stills(file).length > 0 || here(file).includes("original");
}

/** How a rendition of it is asked for as a still picture. */
export function stillForm(kind: Kind, rendition: Rendition): Form {
  return kind === "film" && rendition === "original" ? "poster" : "picture";
}
