/** Looks for words that a person would read and that stand in code, where no language has them. */
import { parseSync } from "vite";

interface Node {
  readonly type: string;
  readonly value?: unknown;
}

/** In a .tsx file, as `name: words`; other files show nothing. */
export function spokenInCode(name: string, text: string): string[] {
  if (!name.endsWith(".tsx")) return [];
  const found: string[] = [];
  const { program } = parseSync(name, text, { lang: "tsx" });
  visit(program, (node) => {
    if (node.type === "JSXText" && /\p{L}/u.test(String(node.value))) {
      found.push(`${name}: ${String(node.value).trim()}`);
    }
    if (node.type !== "JSXAttribute") return;
    const { name: attribute, value } = node as unknown as {
      name: { name: string };
      value: { type: string; value?: unknown } | null;
    };
    const isSpoken = /^(aria-label|alt|title|label|hint|question|placeholder)$/.test(
      attribute.name,
    );
    if (isSpoken && value?.type === "Literal" && /\p{L}/u.test(String(value.value))) {
      found.push(`${name}: ${attribute.name}=${String(value.value)}`);
    }
  });
  return found;
}

function visit(node: unknown, look: (node: Node) => void): void {
  if (Array.isArray(node)) for (const each of node) visit(each, look);
  if (typeof node !== "object" || node === null || Array.isArray(node)) return;
  if ("type" in node) look(node as Node);
  for (const each of Object.values(node)) visit(each, look);
}
