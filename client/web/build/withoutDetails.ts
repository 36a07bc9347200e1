/**
 * Leaves the details of errors out of what browsers load: English sentences for those who write
 * programs, six of the hundred kB of a first visit. What a person is shown goes by the error's code.
 */
import { type Plugin, parseAst } from "vite";

/** What makes an error of ours, and which of its arguments is the detail. */
const MAKERS: Readonly<Record<string, number>> = {
  RemoteError: 1,
  LocalError: 1,
  EngineError: 1,
  BadRoot: 1,
  RangeError: 0,
  malformed: 0,
  localMalformed: 0,
  unexpected: 0,
  badChannel: 0,
  badStamp: 0,
  badSignature: 0,
  local: 0,
};
/** The same of the libraries' errors, of which only their class is ever looked at. */
const LIBRARY_MAKERS: Readonly<Record<string, number>> = { Error: 0, TypeError: 0, RangeError: 0 };

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly callee?: { readonly name?: string };
  readonly arguments?: readonly Node[];
}

/** For builds alone: tests and harnesses say what went wrong. */
export function withoutDetails(): Plugin {
  return {
    name: "without-details",
    apply: "build",
    // Types are gone by then.
    enforce: "post",
    transform(code, id) {
      const makers = makersIn(id);
      if (makers === undefined) return null;
      const details: Node[] = [];
      walk(parseAst(code) as unknown as Node, makers, details);
      let rest = code;
      for (const { start, end } of details.sort((one, other) => other.start - one.start)) {
        rest = `${rest.slice(0, start)}""${rest.slice(end)}`;
      }
      return { code: rest, map: null };
    },
  };
}

function makersIn(id: string): Readonly<Record<string, number>> | undefined {
  if (/\/src\/(?:protocol|engine)\//.test(id)) return MAKERS;
  return /\/node_modules\/@noble\//.test(id) ? LIBRARY_MAKERS : undefined;
}

function walk(node: Node, makers: Readonly<Record<string, number>>, details: Node[]): void {
  const name = node.callee?.name ?? "";
  const place = Object.hasOwn(makers, name) ? makers[name] : undefined;
  const detail = place === undefined ? undefined : node.arguments?.[place];
  if (detail !== undefined && isText(detail, makers === LIBRARY_MAKERS)) {
    details.push(detail);
    return;
  }
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === "string") walk(child as Node, makers, details);
    }
  }
}

/** Texts in one piece; the libraries also put theirs together, from nothing that has an effect. */
function isText({ type }: Node, mayBeMade: boolean): boolean {
  if (type === "TemplateLiteral" || type === "Literal") return true;
  return mayBeMade && (type === "BinaryExpression" || type === "Identifier");
}
