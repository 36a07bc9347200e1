/**
 * Merkle trees as in RFC 9162 section 2.1 and how a body is cut into blocks and pages (SPEC 4).
 *
 * Leaves are hashes of 32 bytes here; a block becomes one by `leafHash`.
 */
import { pieces } from "./bytes.ts";
import { localMalformed } from "./errors.ts";
import { sha256, sha256Fast } from "./hashing.ts";
import { BLOCK_BYTES, PAGE_LEAVES } from "./limits.ts";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The leaf of a block. */
export function leafHash(block: Uint8Array): Uint8Array {
  return sha256(LEAF, block);
}

/** A leaf's zero, and room for its block. WebCrypto has its own copy as soon as it is called. */
const hashed = new Uint8Array(1 + BLOCK_BYTES);

/** The same, by WebCrypto where the page has it: ten times as fast. */
export function leafHashFast(block: Uint8Array): Promise<Uint8Array> {
  hashed.set(block, 1);
  return sha256Fast(hashed.subarray(0, 1 + block.length));
}

function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(NODE, left, right);
}

/** The parents of a level; one without a neighbour rises as it is. */
function nextLevel(level: readonly Uint8Array[]): Uint8Array[] {
  const parents: Uint8Array[] = [];
  for (let at = 0; at < level.length; at += 2) {
    const left = level[at] as Uint8Array;
    const right = level[at + 1];
    parents.push(right === undefined ? left : node(left, right));
  }
  return parents;
}

/** The root over leaves; over none, the hash of nothing. */
export function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  let level = leaves;
  while (level.length > 1) level = nextLevel(level);
  return level[0] ?? sha256();
}

/** The root of each page of 64 leaves, the last perhaps shorter. */
export function pageRoots(leaves: readonly Uint8Array[]): Uint8Array[] {
  const roots = [];
  for (let at = 0; at < leaves.length; at += PAGE_LEAVES) {
    roots.push(rootOf(leaves.slice(at, at + PAGE_LEAVES)));
  }
  return roots;
}

/** The leaves of a whole body's blocks. */
export function leavesOf(body: Uint8Array): Uint8Array[] {
  return pieces(body, BLOCK_BYTES).map(leafHash);
}

/** How many blocks a body has. */
export function blockCount(bodySize: number): number {
  return Math.ceil(bodySize / BLOCK_BYTES);
}

/** How many bytes a block has: 16,384, the last one perhaps fewer. */
export function blockLength(bodySize: number, index: number): number {
  if (!(index >= 0 && index < blockCount(bodySize))) {
    throw localMalformed(`a body of ${bodySize} bytes has no block ${index}`);
  }
  return Math.min(BLOCK_BYTES, bodySize - index * BLOCK_BYTES);
}

/** How many pages of leaves a body has. */
export function pageCount(bodySize: number): number {
  return Math.ceil(blockCount(bodySize) / PAGE_LEAVES);
}

/** The root over leaves that come one by one, in the memory of one path. */
export class TreeBuilder {
  /** Leaves below and root of the complete subtrees so far, each smaller than the one before. */
  readonly #subtrees: { size: number; root: Uint8Array }[] = [];

  /** Take the next leaf. */
  addLeaf(leaf: Uint8Array): void {
    let subtree = { size: 1, root: leaf };
    for (let left = this.#subtrees[this.#subtrees.length - 1]; left?.size === subtree.size; ) {
      this.#subtrees.pop();
      subtree = { size: subtree.size * 2, root: node(left.root, subtree.root) };
      left = this.#subtrees[this.#subtrees.length - 1];
    }
    this.#subtrees.push(subtree);
  }

  /** The root over the leaves so far; more may follow. */
  root(): Uint8Array {
    const roots = this.#subtrees.map((subtree) => subtree.root);
    return roots.length === 0 ? sha256() : roots.reduceRight((right, left) => node(left, right));
  }
}

/** The hashes that lead from each leaf to the root, next to the leaf first (section 2.1.3.1). */
export function inclusionPaths(leaves: readonly Uint8Array[]): Uint8Array[][] {
  const levels = [leaves];
  for (let level = leaves; level.length > 1; ) {
    level = nextLevel(level);
    levels.push(level);
  }
  levels.pop();
  return leaves.map((_, index) => {
    const path: Uint8Array[] = [];
    let at = index;
    for (const level of levels) {
      const sibling = level[at ^ 1];
      if (sibling !== undefined) path.push(sibling);
      at >>= 1;
    }
    return path;
  });
}

/**
 * The root to which a path leads from the leaf at index of count; undefined where no path of this
 * length does (section 2.1.3.2).
 */
export function rootByPath(
  leaf: Uint8Array,
  index: number,
  count: number,
  path: readonly Uint8Array[],
): Uint8Array | undefined {
  if (!(index >= 0 && index < count)) return undefined;
  // Divided and not shifted: a claimed index may have more than 31 bits.
  let at = index;
  let last = count - 1;
  let reached = leaf;
  const up = () => {
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  };
  for (const sibling of path) {
    if (last === 0) return undefined;
    if (at % 2 === 1 || at === last) {
      reached = node(sibling, reached);
      while (at % 2 === 0 && at > 0) up();
    } else {
      reached = node(reached, sibling);
    }
    up();
  }
  return last === 0 ? reached : undefined;
}
