/** The shared vectors as they lie in protocol/vectors. For Node alone. */
import { readdirSync, readFileSync } from "node:fs";

const VECTORS = new URL("../../../protocol/vectors/", import.meta.url);

/** The folders: one for each operation, and `known`. */
export function folders(): string[] {
  return readdirSync(VECTORS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** The file names of a folder. */
export function filesOf(folder: string): string[] {
  return readdirSync(new URL(`${folder}/`, VECTORS)).sort();
}

export function read<T>(folder: string, file: string): T {
  return JSON.parse(readFileSync(new URL(`${folder}/${file}`, VECTORS), "utf8")) as T;
}
