/** Removes the database. Apart from `wiping.ts`, so that the page's own script goes without idb. */
import { deleteDB } from "idb";
import { DATABASE } from "./databaseStore.ts";

/** How long another tab has to let go of the database. */
const BLOCKED_MS = 5_000;

/** How many databases are left; the store has been closed before. */
export async function wipeDatabase(name = DATABASE): Promise<number> {
  if (typeof indexedDB === "undefined") return 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), BLOCKED_MS);
  });
  const isGone = await Promise.race([
    deleteDB(name).then(
      () => true,
      () => false,
    ),
    late,
  ]);
  clearTimeout(timer);
  return isGone ? await databasesLeft(name) : 1;
}

async function databasesLeft(name: string): Promise<number> {
  // Firefox did not list them for years.
  if (typeof indexedDB.databases !== "function") return 0;
  return (await indexedDB.databases()).filter((found) => found.name === name).length;
}
