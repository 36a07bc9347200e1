"""RFC 9162 Merkle trees written as the RFC defines them, by recursion: a second opinion."""

import hashlib
from collections.abc import Sequence


def leaf_hash(entry: bytes) -> bytes:
    """HASH(0x00 || entry), section 2.1.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH over leaf *hashes* of 32 bytes; SHA-256 of nothing for an empty tree (section 2.1.1)."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return _node(root(leaves[:k]), root(leaves[k:]))


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(index, leaves), the node next to the leaf first (section 2.1.3.1)."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"there is no leaf {index} among {len(leaves)}")
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if index < k:
        return [*inclusion_proof(index, leaves[:k]), root(leaves[k:])]
    return [*inclusion_proof(index - k, leaves[k:]), root(leaves[:k])]


def root_from_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that a proof leads to from a leaf hash; ValueError for a proof of wrong length."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} among {size}")
    if size == 1:
        if proof:
            raise ValueError("the proof is too long")
        return leaf
    if not proof:
        raise ValueError("the proof is too short")
    k = _split(size)
    if index < k:
        return _node(root_from_proof(leaf, index, k, proof[:-1]), proof[-1])
    return _node(proof[-1], root_from_proof(leaf, index - k, size - k, proof[:-1]))


def _split(size: int) -> int:
    # The largest power of two smaller than size.
    return 1 << ((size - 1).bit_length() - 1)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
