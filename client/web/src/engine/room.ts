/** How much of the browser's room this app takes. */
import { parseHeader } from "../protocol/parcel.ts";
import type { Room } from "./engine.ts";
import type { Store } from "./tables.ts";

/** By the browser's word where it gives one; it counts coarsely, and the app's own files too. */
export async function roomIn(store: Store): Promise<Room> {
  const storage = typeof navigator === "undefined" ? undefined : navigator.storage;
  const { usage, quota } = (await storage?.estimate?.()) ?? {};
  return {
    used: store.isKept && usage !== undefined ? usage : await keptBytes(store),
    most: store.isKept ? (quota ?? null) : null,
    isPersistent: store.isKept && ((await storage?.persisted?.()) ?? false),
    isKept: store.isKept,
  };
}

/** What the bodies of all that is kept hold. */
async function keptBytes(store: Store): Promise<number> {
  const [parcels, replies, documents] = await store.read(
    ["parcel", "reply", "document"],
    async (rows) => [await rows.all("parcel"), await rows.all("reply"), await rows.all("document")],
  );
  const queued = parcels
    .filter(({ hasBody, header }) => hasBody && header.length > 0)
    .map(({ header }) => parseHeader(header).bodySize);
  const bodies = [...replies, ...documents].map(({ body }) => body.length);
  return [...queued, ...bodies].reduce((sum, size) => sum + size, 0);
}
