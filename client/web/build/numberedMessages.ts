/**
 * Messages by number: their names are for those who write programs, and take 7 of the 130 kB of the
 * single file. Every language has the same ones in the same order (test/messages.test.ts).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Plugin, parseAst } from "vite";

const ENGLISH = join(import.meta.dirname, "..", "src", "languages", "en.json");

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly value?: unknown;
  readonly callee?: { readonly name?: string };
  readonly arguments?: readonly Node[];
}

/** For builds alone. */
export function numberedMessages(): Plugin[] {
  const numbers = numbersOf(Object.keys(JSON.parse(readFileSync(ENGLISH, "utf8")) as object));
  return [
    {
      name: "messages-as-lists",
      apply: "build",
      enforce: "pre",
      transform(code, id) {
        if (!/\/src\/languages\/\w+\.json$/.test(id)) return null;
        const messages = JSON.parse(code) as Readonly<Record<string, unknown>>;
        // No message has number 0, which would count as none at all.
        return { code: JSON.stringify([0, ...Object.values(messages)]), map: null };
      },
    },
    {
      name: "numbers-for-keys",
      apply: "build",
      // Types are gone by then.
      enforce: "post",
      transform(code, id) {
        if (!/\/src\/.*\.tsx?$/.test(id)) return null;
        const keys = new Map<Node, number>();
        walk(parseAst(code) as unknown as Node, numbers, keys);
        let rest = code;
        for (const [{ start, end }, number] of [...keys].sort(([a], [b]) => b.start - a.start)) {
          rest = `${rest.slice(0, start)}${number}${rest.slice(end)}`;
        }
        return { code: rest, map: null };
      },
    },
  ];
}

function numbersOf(keys: readonly string[]): ReadonlyMap<string, number> {
  return new Map(keys.map((key, at) => [key, at + 1]));
}

/** A name with a dot is a message's wherever it stands, one without where it is said. */
function walk(node: Node, numbers: ReadonlyMap<string, number>, keys: Map<Node, number>): void {
  if (node.type === "ImportDeclaration") return;
  const [first] = node.callee?.name === "say" ? (node.arguments ?? []) : [];
  for (const found of [node, first]) {
    if (found?.type !== "Literal" || typeof found.value !== "string") continue;
    const number = numbers.get(found.value);
    if (number !== undefined && (found === first || found.value.includes("."))) {
      keys.set(found, number);
    }
  }
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === "string") walk(child as Node, numbers, keys);
    }
  }
}
