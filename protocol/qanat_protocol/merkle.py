"""Merkle trees as in RFC 9162 section 2.1 and how a body is cut into blocks and pages (SPEC 4).

Leaves are hashes of 32 bytes here; a block becomes one by `leaf_hash`.
"""

import hashlib
from collections.abc import Sequence

from qanat_protocol.errors import LocalMalformed
from qanat_protocol.hashing import sha256
from qanat_protocol.limits import BLOCK_BYTES, PAGE_LEAVES

__all__ = [
    "TreeBuilder",
    "block_count",
    "block_length",
    "inclusion_path",
    "inclusion_paths",
    "leaf_hash",
    "page_count",
    "page_roots",
    "root_by_path",
    "root_of",
    "verify_inclusion",
]


def leaf_hash(block: bytes | bytearray | memoryview) -> bytes:
    """The leaf of a block."""
    digest = hashlib.sha256(b"\x00")
    digest.update(block)
    return digest.digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _next_level(level: Sequence[bytes]) -> list[bytes]:
    """The parents of a level; one without a neighbour rises as it is."""
    parents = [_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return [*parents, level[-1]] if len(level) % 2 else parents


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaves; over none, the hash of nothing."""
    if not leaves:
        return sha256()
    level = leaves
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def page_roots(leaves: Sequence[bytes]) -> list[bytes]:
    """The root of each page of 64 leaves, the last perhaps shorter."""
    return [root_of(leaves[at : at + PAGE_LEAVES]) for at in range(0, len(leaves), PAGE_LEAVES)]


def block_count(body_size: int) -> int:
    """How many blocks a body has."""
    return -(-body_size // BLOCK_BYTES)


def block_length(body_size: int, index: int) -> int:
    """How many bytes a block has: 16,384, the last one perhaps fewer."""
    if not 0 <= index < block_count(body_size):
        raise LocalMalformed(f"a body of {body_size:,} bytes has no block {index}")
    return min(BLOCK_BYTES, body_size - index * BLOCK_BYTES)


def page_count(body_size: int) -> int:
    """How many pages of leaves a body has."""
    return -(-block_count(body_size) // PAGE_LEAVES)


class TreeBuilder:
    """The root over leaves that come one by one, in the memory of one path."""

    def __init__(self) -> None:
        # (leaves below, root) of the complete subtrees so far, each smaller than the one before.
        self._subtrees: list[tuple[int, bytes]] = []

    def add_leaf(self, leaf: bytes) -> None:
        """Take the next leaf."""
        size, root = 1, leaf
        while self._subtrees and self._subtrees[-1][0] == size:
            _, left = self._subtrees.pop()
            size, root = size * 2, _node(left, root)
        self._subtrees.append((size, root))

    def root(self) -> bytes:
        """The root over the leaves so far; more may follow."""
        if not self._subtrees:
            return sha256()
        root = self._subtrees[-1][1]
        for _, left in reversed(self._subtrees[:-1]):
            root = _node(left, root)
        return root


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from a leaf to the root, next to the leaf first (section 2.1.3.1)."""
    if not 0 <= index < len(leaves):
        raise LocalMalformed(f"there is no leaf {index} among {len(leaves)}")
    return _path(_levels(leaves), index)


def inclusion_paths(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """The same for every leaf, in their order; the tree is made once."""
    levels = _levels(leaves)
    return [_path(levels, index) for index in range(len(leaves))]


def _levels(leaves: Sequence[bytes]) -> list[Sequence[bytes]]:
    """The levels of a tree below its root, the leaves first."""
    levels = []
    level = leaves
    while len(level) > 1:
        levels.append(level)
        level = _next_level(level)
    return levels


def _path(levels: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    path = []
    for level in levels:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        index >>= 1
    return path


def root_by_path(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """The root to which a path leads from the leaf at index of count, None where no path of this
    length does (section 2.1.3.2)."""
    if not 0 <= index < count:
        return None
    last, reached = count - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            reached = _node(sibling, reached)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            reached = _node(reached, sibling)
        index, last = index >> 1, last >> 1
    return reached if last == 0 else None


def verify_inclusion(
    leaf: bytes, index: int, count: int, path: Sequence[bytes], root: bytes
) -> bool:
    """Whether a path shows that a leaf is the one at index of count (section 2.1.3.2)."""
    return root_by_path(leaf, index, count, path) == root
