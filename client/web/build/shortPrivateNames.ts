/**
 * Makes private members plain ones with short names, since browsers of the oldest kind have no
 * private ones and each would become a WeakMap: a twentieth of the worker. The compiler has already
 * seen to it that nobody reaches for them from outside.
 */
import { type Plugin, parseAst } from "vite";

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly name?: string;
  readonly superClass?: Node | null;
}

/** For builds alone. */
export function shortPrivateNames(): Plugin {
  return {
    name: "short-private-names",
    apply: "build",
    // Types are gone by then, and `#` is not lowered yet.
    enforce: "post",
    transform(code, id) {
      if (!/\/src\/.*\.tsx?$/.test(id) || !code.includes("#")) return null;
      const names: Node[] = [];
      walk(parseAst(code) as unknown as Node, names, id);
      const short = shortened(names, code);
      let rest = code;
      for (const { start, end, name = "" } of names.sort((one, other) => other.start - one.start)) {
        rest = `${rest.slice(0, start)}${short.get(name)}${rest.slice(end)}`;
      }
      return { code: rest, map: null };
    },
  };
}

/** The names of a module in their order, so that every build gives the same. */
function shortened(names: readonly Node[], code: string): Map<string, string> {
  // A class and the one that it extends must not share any, and may lie in two modules.
  const prefix = / extends /.test(code) ? "$_" : "$";
  const all = [...new Set(names.map(({ name = "" }) => name))];
  return new Map(all.map((name, at) => [name, prefix + at.toString(36)]));
}

function walk(node: Node, names: Node[], id: string): void {
  if (node.type === "PrivateIdentifier") names.push(node);
  if (node.type === "PrivateInExpression") throw new Error(`${id}: asks whether a class has #x`);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === "string") walk(child as Node, names, id);
    }
  }
}
