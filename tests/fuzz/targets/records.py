"""Targets of what everything else stands on: records, headers, bitmaps, trees, tags, keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgpack
from tests.fuzz.target import Shape, Target
from tests.fuzz.vectors import binaries, scenarios
from tests.make_vectors.independent import ed25519
from tests.make_vectors.independent import merkle as other_merkle
from tests.protocol.samples import SEALING_KEYS, SIGNER, parses_or_refuses

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import BadKey, BadSignature, LocalMalformed, RemoteError
from qanat_protocol.kinds import Kind
from qanat_protocol.limits import MAX_DEPTH, MAX_INT, MAX_VALUES
from qanat_protocol.merkle import (
    TreeBuilder,
    inclusion_path,
    page_roots,
    root_by_path,
    root_of,
    verify_inclusion,
)
from qanat_protocol.parcel import check_expiry, parse_header, rank_of
from qanat_protocol.record import pack, unpack
from qanat_protocol.sealing import check_sealing_key
from qanat_protocol.signing import check_key, verify
from qanat_protocol.sizes import is_legal, letter_body_size, padme
from qanat_protocol.tags import desk_tag, mailbox_prefix, prefix_matches, reply_tag

__all__ = ["TARGETS"]

_MAX_BYTES = 65_536


def _is_canonical(data: bytes) -> bool:
    """SPEC 1 by another library: what repacks to the same bytes and holds nothing forbidden."""
    try:
        value = msgpack.unpackb(
            data, strict_map_key=False, max_array_len=len(data), max_str_len=len(data)
        )
    # The library raises ValueError, its own errors, and UnicodeDecodeError among others.
    except Exception:  # noqa: BLE001
        return False
    values = 0

    def holds(value: Any, depth: int) -> bool:
        nonlocal values
        if isinstance(value, list):
            values += len(value)
            return depth < MAX_DEPTH and all(holds(each, depth + 1) for each in value)
        if isinstance(value, int) and not isinstance(value, bool):
            return 0 <= value <= MAX_INT
        return value is None or isinstance(value, (bool, bytes, str))

    is_record = isinstance(value, list) and holds(value, 0) and values <= MAX_VALUES
    return is_record and msgpack.packb(value, use_bin_type=True) == data


def _record(data: bytes) -> None:
    """A record is taken exactly where another library finds it canonical, and packs to itself."""
    values = parses_or_refuses(lambda data: unpack(data, max_bytes=_MAX_BYTES), data)
    assert (values is not None) == _is_canonical(data)
    if values is not None:
        assert pack(values) == data
        longer = data + b"\0"
        assert (
            parses_or_refuses(lambda data: unpack(data, max_bytes=_MAX_BYTES + 1), longer) is None
        )


def _header(data: bytes) -> None:
    """What parses is the same 96 bytes again; its expiry and rank can be asked."""
    header = parses_or_refuses(parse_header, data)
    if header is None:
        return
    assert header.encode() == data
    assert header.offer == header.parcel_id[:16]
    assert rank_of(header) in range(5)
    parses_or_refuses(lambda _: check_expiry(header, 19_000), data)


def _bitmap(data: bytes) -> None:
    """A bitmap is the set of its bits, and has one form."""
    try:
        bitmap = Bitmap.from_bytes(data)
    except RemoteError:
        assert data.endswith(b"\0") or len(data) > 32_768
        return
    held = {8 * at + bit for at, byte in enumerate(data) for bit in range(8) if byte & 0x80 >> bit}
    assert bitmap.to_bytes() == data
    assert set(bitmap) == held
    assert bitmap.count() == len(held)
    assert Bitmap.from_indices(held) == bitmap
    assert set(bitmap.missing(len(data) * 8)) == set(range(len(data) * 8)) - held
    assert all(index in bitmap for index in held)
    assert -1 not in bitmap
    assert 8 * len(data) not in bitmap


def _tree(data: bytes) -> None:
    """Roots, pages and paths are those of another implementation; no other path leads there."""
    if len(data) < 4:
        return
    count = data[0] * 4 + data[1] % 4
    index, cut, rest = data[2], data[3], data[4:]
    leaves = [rest[at % len(rest) :][:32].ljust(32, b"!") for at in range(count if rest else 0)]
    builder = TreeBuilder()
    for leaf in leaves:
        builder.add_leaf(leaf)
    root = root_of(leaves)
    assert builder.root() == root == other_merkle.root(leaves)
    assert root_of(page_roots(leaves)) == root
    if not leaves:
        return
    at = index % len(leaves)
    path = inclusion_path(leaves, at)
    assert verify_inclusion(leaves[at], at, len(leaves), path, root)
    assert root_by_path(leaves[at], at, len(leaves), [*path, bytes(32)]) != root
    for place, size, some in ((at, count, path[:cut]), (index, cut, path), (cut, index, path)):
        led = root_by_path(leaves[at], place, size, some)
        try:
            assert led == other_merkle.root_from_proof(leaves[at], place, size, some)
        except ValueError:
            assert led is None


def _tag(data: bytes) -> None:
    """A prefix matches as bits do, written out."""
    if len(data) < 8:
        return
    bits, prefix, tag = data[0] % 33, data[1:5], data[5:21].ljust(16, b"\0")
    shown = [f"{int.from_bytes(each[:4], 'big'):032b}"[:bits] for each in (tag, prefix)]
    assert prefix_matches(tag, prefix, bits) == (shown[0] == shown[1])
    epoch, number = int.from_bytes(data[:5], "big"), int.from_bytes(data[2:7], "big")
    try:
        made = reply_tag(data, epoch, number)
    except LocalMalformed:
        assert epoch >= 1 << 32 or number >= 1 << 32
        return
    assert made[:4] == mailbox_prefix(data, epoch)
    assert len(made) == len(desk_tag(data, epoch)) == 16


def _size(data: bytes) -> None:
    """A size is legal or not without an error, and a letter gets a legal one that holds it."""
    size = int.from_bytes(data[:8], "big")
    for kind in Kind:
        if is_legal(kind, size) and size > 16_384:
            assert padme(size) == size
    content = size % 200_000
    assert is_legal(Kind.LETTER, letter_body_size(content))
    assert letter_body_size(content) > content


def _signing_key_and_signature(data: bytes) -> None:
    """Keys and signatures are judged as by another implementation of the strict rule.

    The input is laid over a genuine key and signature, so that little of it changes much.
    """
    if len(data) < 2:
        return
    message, given = data[:1], data[1:97]
    genuine = SIGNER.public + SIGNER.sign("fuzz", b"", message)[1:]
    laid = bytes(a ^ b for a, b in zip(genuine, given.ljust(96, b"\0"), strict=True))
    for whole in (laid, given.ljust(96, b"\0")):
        public, signature = whole[:32], whole[32:]
        signed = b"qanat/1/fuzz\0" + message
        found = None
        try:
            verify(public, signature, signed)
        except (BadKey, BadSignature) as error:
            found = error.verdict.name.lower()
        assert found == ed25519.strict_error(public, signature, signed)
        parses_or_refuses(check_key, public)


def _sealing_key(data: bytes) -> None:
    """A sealing key is refused exactly where a coefficient or the curve's point is no good."""
    base = SEALING_KEYS[0]
    changed = bytearray(base)
    for at in range(0, len(data) - 2, 3):
        place = int.from_bytes(data[at : at + 2], "big") % (len(base) + 8)
        if place < len(base):
            changed[place] = data[at + 2]
    if len(data) % 3 == 1:
        changed = changed[: -data[0]] if data[0] else changed
    elif len(data) % 3 == 2:
        changed += data[:2]
    public = bytes(changed)
    try:
        check_sealing_key(public)
        taken = True
    except BadKey:
        taken = False
    assert taken == _is_sealing_key(public)


def _is_sealing_key(public: bytes) -> bool:
    if len(public) != 1216:
        return False
    bits = int.from_bytes(public[:1152], "little")
    if any(bits >> 12 * at & 0xFFF >= 3329 for at in range(768)):
        return False
    u, prime = int.from_bytes(public[1184:], "little"), 2**255 - 19
    return u < prime and not _is_of_small_order(u, prime)


def _is_of_small_order(u: int, prime: int) -> bool:
    """Doubling three times with x alone (RFC 7748) reaches the neutral point or the origin."""
    x, z = u, 1
    for _ in range(3):
        x, z = (
            pow(x * x - z * z, 2, prime),
            4 * x * z * (x * x + 486662 * x * z + z * z) % prime,
        )
    return z == 0


def _header_seeds() -> Iterable[bytes]:
    return binaries("parse_header", "header", max_bytes=200)


def _frames_seeds() -> Iterable[bytes]:
    yield from binaries("unpack_record", "data", max_bytes=4096)
    yield from binaries("decode_frame", "record", max_bytes=600)


def _tag_seeds() -> Iterable[bytes]:
    for given, _ in scenarios("prefix_matches"):
        yield bytes([given.number("bits")]) + given.binary("prefix") + given.binary("tag")


TARGETS = (
    Target("record", _record, _frames_seeds, brief_runs=6000),
    Target("record-values", _record, _frames_seeds, Shape.RECORD, brief_runs=3000),
    Target("header", _header, _header_seeds, max_bytes=128, brief_runs=6000),
    Target("bitmap", _bitmap, lambda: [b"", b"\x80", b"\0\x01"], max_bytes=512, brief_runs=600),
    Target("tree", _tree, lambda: [bytes(4), b"\x04\x01\x02\x03abc"], max_bytes=64, brief_runs=300),
    Target("tag", _tag, _tag_seeds, max_bytes=64, brief_runs=4000),
    Target("size", _size, lambda: [bytes(8), (4096).to_bytes(8, "big")], max_bytes=8),
    Target(
        "signature", _signing_key_and_signature, lambda: [b"m", b"m" + bytes(96)], max_bytes=97,
        brief_runs=30,
    ),
    Target("sealing-key", _sealing_key, lambda: [b"", b"\0\0\1"], max_bytes=90, brief_runs=300),
)  # fmt: skip
