/**
 * Removes all but the database that this app has left in a browser, and counts what is still there.
 *
 * What a worker can reach and what only a page can are two halves of it.
 */

/** How many caches of the app's own files are left. */
export async function wipeCaches(): Promise<number> {
  if (typeof caches === "undefined") return 0;
  for (const name of await caches.keys()) await caches.delete(name);
  return (await caches.keys()).length;
}

/** How many entries are left in the page's small stores. */
export function wipeEntries(): number {
  return [() => localStorage, () => sessionStorage].reduce((left, storeOf) => {
    try {
      return left + emptied(storeOf());
    } catch (error) {
      // A browser that refuses to give it has kept nothing in it.
      if (!(error instanceof DOMException)) throw error;
      return left;
    }
  }, 0);
}

/** All pages of a disk share one store there: only what is ours goes. */
function emptied(store: Storage): number {
  const names = () => Object.keys(store);
  const isOurs = (name: string) => location.protocol !== "file:" || name.startsWith("qanat");
  for (const name of names().filter(isOurs)) store.removeItem(name);
  return names().filter(isOurs).length;
}

/** How many service workers are still registered. */
export async function wipeWorkers(): Promise<number> {
  const workers = navigator.serviceWorker;
  if (workers === undefined || location.protocol === "file:") return 0;
  for (const registration of await workers.getRegistrations()) await registration.unregister();
  return (await workers.getRegistrations()).length;
}
