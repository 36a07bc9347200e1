"""Merkle roots and page roots (section 4), and transfers that are checked against them (17)."""

import hashlib
from collections.abc import Iterator

from tests.make_vectors import wire
from tests.make_vectors.documents import EXPIRY, TAG
from tests.make_vectors.independent import merkle
from tests.make_vectors.scenario import Scenario

_SEED = wire.draw("leaves")
_COUNTS = (1, 2, 3, 63, 64, 65, 128, 129, 512, 1025)


def scenarios() -> Iterator[Scenario]:
    """`merkle_root`, `inclusion`, `receive_transfer`."""
    for count in _COUNTS:
        leaves = [wire.sha256(_SEED, wire.u32(index)) for index in range(count)]
        out = {"root": merkle.root(leaves), "page_roots": wire.page_roots_of(leaves)}
        yield Scenario(
            "merkle_root", f"leaves-{count}", "4",
            f"{count} leaf hashes; hash i is H(seed || i u32).",
            {"seed": _SEED, "count": count}, output=out,
        )  # fmt: skip
        for index in sorted({0, count // 2, count - 1}):
            path = merkle.inclusion_proof(index, leaves)
            given = {"leaf": leaves[index], "index": index, "count": count, "path": path,
                     "root": merkle.root(leaves)}  # fmt: skip
            yield Scenario("inclusion", f"leaf-{index}-of-{count}", "13", "A proof that stands.",
                           given, output={"included": True})  # fmt: skip
    leaves = [wire.sha256(_SEED, wire.u32(index)) for index in range(65)]
    path, root = merkle.inclusion_proof(7, leaves), merkle.root(leaves)
    bad: dict[str, dict[str, object]] = {
        "wrong-index": {"index": 6},
        "wrong-count": {"count": 64},
        "index-behind-the-end": {"index": 65},
        "path-too-short": {"path": path[:-1]},
        "path-too-long": {"path": [*path, bytes(32)]},
        "other-leaf": {"leaf": leaves[8]},
    }
    for name, changed in bad.items():
        given = {"leaf": leaves[7], "index": 7, "count": 65, "path": path, "root": root} | changed
        yield Scenario("inclusion", name, "13", "A proof that does not stand.", given,
                       output={"included": False})  # fmt: skip
    yield from _transfers()


def _transfers() -> Iterator[Scenario]:
    size = 65536
    body = hashlib.shake_256(b"body").digest(size)
    leaves = wire.leaves_of(body)
    header = _part(body)
    blocks = [body[start : start + 16384] for start in range(0, size, 16384)]
    opening = wire.pack([9, 0, header])
    listed = wire.pack([10, 0, 0, b"".join(leaves)])
    sent = [wire.pack([11, 0, index, block]) for index, block in enumerate(blocks)]
    one = hashlib.shake_256(b"one block").digest(4096)
    one_header = wire.header_front(1, expiry=EXPIRY, size=4096, tag=TAG, lock=bytes(32))
    one_opening = wire.pack([9, 0, wire.finish_header(one_header, one)])
    changed = bytes([blocks[1][0] ^ 1]) + blocks[1][1:]

    cases = {
        "four-blocks": ("HEADER, LEAVES, BLOCK.", [opening, listed, *sent], "ok", [0, 1, 2, 3]),
        "blocks-in-any-order": ("The order of blocks is the sender's.",
                                [opening, listed, *reversed(sent)], "ok", [3, 2, 1, 0]),
        "blocks-left-out": ("What the receiver holds is left out.", [opening, listed, sent[2]],
                            "ok", [2]),
        "one-block": ("One block has no list: its leaf is the root.",
                      [one_opening, wire.pack([11, 0, 0, one])], "ok", [0]),
        "one-block-changed": ("The only block is another.",
                              [one_opening, wire.pack([11, 0, 0, bytes(4096)])], "bad_root", []),
        "block-changed": ("The second block is another.",
                          [opening, listed, sent[0], wire.pack([11, 0, 1, changed])],
                          "bad_root", [0]),
        "blocks-swapped": ("Two blocks have changed places.",
                           [opening, listed, wire.pack([11, 0, 1, blocks[0]])], "bad_root", []),
        "leaves-changed": ("A list that does not hash to the root.",
                           [opening, wire.pack([10, 0, 0, b"".join(reversed(leaves))])],
                           "bad_root", []),
        "handle-1-first": ("The first handle is 0.", [wire.pack([9, 1, header])],
                           "unexpected_frame", []),
        "handle-again": ("A handle is used twice.", [opening, opening], "unexpected_frame", []),
        "block-of-no-transfer": ("No HEADER gave this handle.", [sent[0]],
                                 "unexpected_frame", []),
        "block-before-leaves": ("A block before its list.", [opening, sent[0]],
                                "unexpected_frame", []),
    }  # fmt: skip
    for name, (comment, frames, verdict, indices) in cases.items():
        yield Scenario(
            "receive_transfer", name, "17", comment, {"frames": frames}, verdict,
            {"blocks": [[0, index] for index in indices]},
        )  # fmt: skip
    yield from _paged()


def _paged() -> Iterator[Scenario]:
    # 65 blocks and more need page roots; of one block alone the bytes are ever told.
    first = wire.PAGE_LEAVES
    size = next(
        size for size in wire.legal_sizes(wire.PART, 1 << 24) if size > first * wire.BLOCK_BYTES
    )
    count = -(-size // 16384)
    block = hashlib.shake_256(b"block 64").digest(16384)
    leaves = [wire.sha256(_SEED, wire.u32(index)) for index in range(count)]
    leaves[first] = merkle.leaf_hash(block)
    front = wire.header_front(wire.PART, expiry=EXPIRY, size=size, tag=TAG, lock=bytes(32))
    header = front + merkle.root(leaves)
    roots = b"".join(wire.page_roots_of(leaves))
    second = b"".join(leaves[first:])
    spoilt = b"".join(leaves[: first - 1]) + bytes(32)
    opening = wire.pack([9, 0, header])
    listed = wire.pack([10, 0, wire.PAGE_ROOTS, roots])
    page = wire.pack([10, 0, 1, second])
    sent = wire.pack([11, 0, first, block])
    cases = {
        "paged": ("Page roots, the second page, its first block.", [opening, listed, page, sent],
                  "ok", [first]),
        "paged-page-before-roots": ("A page before the page roots.", [opening, page],
                                    "unexpected_frame", []),
        "paged-block-before-page": ("A block before its page.", [opening, listed, sent],
                                    "unexpected_frame", []),
        "paged-roots-changed": ("Page roots that do not hash to the root.",
                                [opening,
                                 wire.pack([10, 0, wire.PAGE_ROOTS, roots[32:] + roots[:32]])],
                                "bad_root", []),
        "paged-page-under-another": ("The second page under the first one's number.",
                                     [opening, listed, wire.pack([10, 0, 0, spoilt])],
                                     "bad_root", []),
    }  # fmt: skip
    for name, (comment, frames, verdict, indices) in cases.items():
        yield Scenario(
            "receive_transfer", name, "17", comment, {"frames": frames}, verdict,
            {"blocks": [[0, index] for index in indices]},
        )  # fmt: skip


def _part(body: bytes) -> bytes:
    front = wire.header_front(wire.PART, expiry=EXPIRY, size=len(body), tag=TAG, lock=bytes(32))
    return wire.finish_header(front, body)
