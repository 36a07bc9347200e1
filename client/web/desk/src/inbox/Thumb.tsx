/** The small picture of a row, as the desk decoded it; without one the number of files. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { FILE, Icon } from "../../../src/app/icons.tsx";
import type { Row, Shown } from "../api.ts";
import { ask } from "../client.ts";

/** Rows that only fly by ask for nothing. */
const SETTLE_MS = 120;
const MOST_KEPT = 600;

/** By report, file and rendition: its address, or null for what can't be shown. */
const addresses = signal<ReadonlyMap<string, string | null>>(new Map());

export function Thumb({ id, thumb, files }: { id: string; thumb: Row["thumb"]; files: number }) {
  const key = thumb === null ? "" : `${id} ${thumb.file} ${thumb.rendition}`;
  const address = addresses.value.get(key);
  useEffect(() => {
    if (thumb === null || addresses.peek().has(key)) return;
    const timer = setTimeout(() => {
      const wanted = { report: id, file: thumb.file, rendition: thumb.rendition, form: "picture" };
      void ask<Shown>("/api/media", wanted).then(
        ({ url }) => keep(key, url),
        () => keep(key, null),
      );
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [key]);
  if (typeof address === "string") {
    return (
      <img class="thumb" src={address} alt="" loading="lazy" onError={() => keep(key, null)} />
    );
  }
  return <span class="thumb none">{files > 0 && <Icon path={FILE} />}</span>;
}

function keep(key: string, address: string | null): void {
  const all = [...addresses.peek(), [key, address] as const];
  addresses.value = new Map(all.slice(-MOST_KEPT));
}
