/** The shared vectors in a browser: a page that tests/web asks about one operation after another. */
import { OPERATIONS } from "./operations.ts";
import { faultsOf } from "./scenarios.ts";
import type { Scenario } from "./vectors.ts";

async function read<T>(path: string): Promise<T> {
  return (await (await fetch(path)).json()) as T;
}

/** The faults of an operation's vectors, by the name of the file, and how many were run. */
async function run(operation: string, files: string[]): Promise<{ ran: number; faults: string[] }> {
  const faults: string[] = [];
  for (const file of files) {
    const found = await faultsOf(await read<Scenario>(`/vectors/${operation}/${file}`));
    faults.push(...found.map((fault) => `${file}: ${fault}`));
  }
  return { ran: files.length, faults };
}

Object.assign(globalThis, { qanatVectors: { operations: Object.keys(OPERATIONS), run } });
