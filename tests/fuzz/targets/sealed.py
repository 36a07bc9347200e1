"""Targets of what is sealed: letters, parts, purge keys. Inputs say what is sealed, wrongly or not.

Sealed bytes that are changed only fail to authenticate; so a genuine key seals what the input says,
and the input may spoil a little of it afterwards.
"""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.fuzz.target import Shape, Target, pieces
from tests.make_vectors.independent import chunked as other_chunked
from tests.protocol.samples import SECRETS, SIGNER, parses_or_refuses

from qanat_protocol.errors import CannotOpen, LocalError, RemoteError
from qanat_protocol.kinds import Kind, Rendition
from qanat_protocol.labels import label
from qanat_protocol.letter import LetterType, OpenLetter, _seal_coded, open_letter
from qanat_protocol.limits import BLOCK_BYTES, MAX_LETTER_CONTENT_BYTES, SEALED_KEY_BYTES
from qanat_protocol.parcel import Header
from qanat_protocol.part import PartOpener, PartSealer
from qanat_protocol.record import pack, unpack
from qanat_protocol.sealing import ChunkedOpener, ChunkedSealer, capacity
from qanat_protocol.sizes import LETTER_FRONT_BYTES, letter_body_size
from qanat_protocol.tombstone import check_opened, check_purge, lock_of, opened_value, purge_key

__all__ = ["TARGETS"]

_EXPIRY_DAY = 19_100
_TAG = b"t" * 16


class _Letter(NamedTuple):
    """What the input asks to be sealed, and how to spoil it."""

    type: int
    coding: int
    claimed: int | None
    coded: bytes
    tail: bytes
    kind: Kind
    urgent: bool
    body_at: int | None
    other_key: bool
    other_expiry: bool


def _asked(data: bytes) -> list[Any] | None:
    return parses_or_refuses(lambda data: unpack(data, max_bytes=1 << 20), data)  # type: ignore[no-any-return]


def _number(values: list[Any], at: int, default: int = 0) -> int:
    value = values[at] if at < len(values) else default
    return value if isinstance(value, int) else default


def _binary(values: list[Any], at: int) -> bytes:
    value = values[at] if at < len(values) else b""
    return value if isinstance(value, bytes) else b""


def _letter_of(values: list[Any]) -> _Letter:
    claimed, body_at = (values[at] if at < len(values) else None for at in (2, 7))
    content = _binary(values, 3)[:MAX_LETTER_CONTENT_BYTES]
    # 256 and more: deflated here, so that a mutation of the content still inflates.
    coding = _number(values, 1)
    if coding >= 256:
        packer = zlib.compressobj(wbits=-15)
        content = packer.compress(content[:256] * (coding % 4096)) + packer.flush()
    return _Letter(
        type=_number(values, 0) % 256,
        coding=1 if coding >= 256 else coding % 256,
        claimed=claimed if isinstance(claimed, int) else None,
        coded=content,
        tail=_binary(values, 4)[:256],
        kind=Kind.REPLY if _number(values, 5) == 4 else Kind.LETTER,
        urgent=bool(_number(values, 6)),
        body_at=body_at if isinstance(body_at, int) else None,
        other_key=bool(_number(values, 8)),
        other_expiry=bool(_number(values, 9)),
    )


def _letter(data: bytes) -> None:
    """A letter opens to exactly what was sealed, where SPEC 5 allows that; else it is refused."""
    values = _asked(data)
    if values is None:
        return
    asked = _letter_of(values)
    claimed = len(asked.coded) if asked.claimed is None else min(asked.claimed, 2**32 - 1)
    coded = asked.coded + asked.tail
    try:
        sealed = _seal_coded(
            kind=asked.kind,
            urgent=asked.urgent,
            tag=_TAG,
            expiry_day=_EXPIRY_DAY,
            body_size=letter_body_size(len(coded)),
            recipient=SECRETS[0].public,
            front=bytes([asked.type, asked.coding]) + claimed.to_bytes(4, "big"),
            coded=coded,
            sign=lambda bind: SIGNER.sign("report", bind, asked.coded),
        )
    except LocalError:
        # The smallest body that is too large is refused before anything is sealed.
        return
    header, body = sealed.header, bytearray(sealed.body)
    if asked.body_at is not None:
        body[asked.body_at % len(body)] ^= 1
    if asked.other_expiry:
        header = Header(
            header.kind, header.urgent, _EXPIRY_DAY + 1, header.body_size, _TAG, header.lock,
            header.root,
        )  # fmt: skip
    spoilt = asked.body_at is not None or asked.other_key or asked.other_expiry
    opened: OpenLetter | None = parses_or_refuses(
        lambda body: open_letter(header, body, SECRETS[int(asked.other_key)]), bytes(body)
    )
    expected = None if spoilt else _content(asked, claimed)
    assert (opened is None) == (expected is None)
    if opened is not None:
        assert opened.content == expected
        assert opened.letter_type == asked.type
        check_opened(header.lock, opened_value(opened.content_key))


def _content(asked: _Letter, claimed: int) -> bytes | None:
    """What SPEC 5 makes of it, said another way."""
    whole = asked.coded + asked.tail
    if claimed > len(whole):
        # Zeros of the padding may be taken for content: that is for the coding to judge.
        room = capacity(letter_body_size(len(whole)) - SEALED_KEY_BYTES) - LETTER_FRONT_BYTES
        whole = whole.ljust(min(claimed, room), b"\0")
    coded, behind = whole[:claimed], whole[claimed:]
    if len(coded) < claimed or behind.strip(b"\0"):
        return None
    if asked.type not in list(LetterType) or asked.coding > 1:
        return None
    if asked.coding == 0:
        return coded if len(coded) <= MAX_LETTER_CONTENT_BYTES else None
    inflater = zlib.decompressobj(wbits=-15)
    try:
        content = inflater.decompress(coded)
    except zlib.error:
        return None
    whole_stream = inflater.eof and not inflater.unused_data
    return content if whole_stream and len(content) <= MAX_LETTER_CONTENT_BYTES else None


def _chunks(data: bytes) -> None:
    """Chunked encryption opens what another implementation opens, whole or in any pieces."""
    values = _asked(data)
    if values is None:
        return
    plain, sizes, edits = _binary(values, 0), _binary(values, 1), _binary(values, 2)
    plain = plain * (_number(values, 3, 1) % 40)
    key, context = b"k" * 32, label("content") + _binary(values, 4)
    sealer = ChunkedSealer(key, context)
    body = bytearray(sealer.update(plain) + sealer.finish())
    for at in range(0, len(edits) - 3, 4):
        place = int.from_bytes(edits[at : at + 3], "big") % (len(body) + 1)
        match edits[at + 3] % 3:
            case 0:
                body[place : place + 1] = bytes([edits[at + 3]])
            case 1:
                del body[place:]
            case _:
                body += edits
    expected = None
    with contextlib.suppress(ValueError):
        expected = other_chunked.decrypt(key, context, bytes(body))
    # Byte by byte what is short, and large bodies in steps that fit no chunk.
    for step in (len(body) + 1, max(1, sizes[0] if sizes else 1) * (len(body) // 600 + 1)):
        opener = ChunkedOpener(key, context)
        found: bytes | None = None
        try:
            plain = b"".join(
                opener.update(body[start : start + step]) for start in range(0, len(body), step)
            )
            found = plain + opener.finish()
        except CannotOpen:
            pass
        assert found == expected


def _part(data: bytes) -> None:
    """A part gives exactly its data, or an error at the end or before, however blocks come."""
    values = _asked(data)
    if values is None:
        return
    content = _binary(values, 0) * (_number(values, 1, 1) % 64)
    rendition = Rendition(1 + _number(values, 2, 2) % 3)
    claimed, hashed = _number(values, 3, len(content)), _binary(values, 4)
    place, cut = _number(values, 5), _binary(values, 6)
    try:
        sealer = PartSealer(
            tag=_TAG, expiry_day=_EXPIRY_DAY, length=len(content), rendition=rendition
        )
    except LocalError:
        assert rendition is not Rendition.ORIGINAL
        return
    body = bytearray(b"".join(block.data for block in sealer.blocks([content])))
    if place:
        body[place % len(body)] ^= 1
    blocks = [bytes(body[at : at + BLOCK_BYTES]) for at in range(0, len(body), BLOCK_BYTES)]
    if cut:
        blocks = [*blocks[:-1], *pieces(blocks[-1][:600], cut), blocks[-1][600:]]
    digest = hashed or hashlib.sha256(content).digest()
    opener = PartOpener(sealer.header, sealer.content_key, claimed, digest)
    try:
        found = b"".join(opener.data(blocks))
    except RemoteError:
        found = None
    is_right = not place and claimed == len(content) and digest == hashlib.sha256(content).digest()
    if is_right:
        assert found == content
    elif not place and claimed != len(content):
        # Another length is right only where zeros stand and the hash is of it.
        padded = content.ljust(claimed, b"\0")[:claimed] if claimed < 1 << 22 else b""
        assert found is None or found == padded
        assert found is None or hashlib.sha256(found).digest() == digest
    else:
        assert found is None or hashlib.sha256(found).digest() == digest


def _lock(data: bytes) -> None:
    """A lock opens to the key that made it, and to nothing that was changed."""
    key, change = data[:32].ljust(32, b"k"), data[32:64].ljust(32, b"\0")
    lock = lock_of(key)
    changed = any(change)
    for check, value in ((check_opened, opened_value(key)), (check_purge, purge_key(key))):
        given = bytes(a ^ b for a, b in zip(value, change, strict=True))
        try:
            check(lock, given)
        except RemoteError:
            assert changed
        else:
            assert not changed


def _letter_seeds() -> Iterable[bytes]:
    seeds: list[list[Any]] = [
        [1, 0, None, b"content", b"", 1, 0, None],
        [2, 1, None, b"\x03\x00", b"", 4, 0, None],
        [3, 0, 0, b"", b"", 4, 0, None],
        [1, 300, None, b"content", b"", 1, 1, None],
        [1, 4000, None, b"a" * 50, b"\0", 1, 1, None],
        [1, 0, 3, b"content", b"\0\0", 1, 0, 12, 0, 0],
        [9, 7, 9000, b"content", b"x", 1, 0, None, 1, 1],
        [1, 0, None, b"z" * 20_000, b"", 1, 0, None],
    ]
    return map(pack, seeds)


def _part_seeds() -> Iterable[bytes]:
    digest = hashlib.sha256(b"abc").digest()
    seeds: list[list[Any]] = [
        [b"abc", 1],
        [b"abc" * 100, 60, 0],
        [b"", 1, 1],
        [b"abc", 1, 2, 3, digest, 0, b"\x03\x01"],
        [b"abc\0", 1, 2, 3, digest],
        [b"abc", 1, 2, 4000, digest, 77],
    ]
    return map(pack, seeds)


def _chunk_seeds() -> Iterable[bytes]:
    yield pack([b"abc", b"\x01", b"", 1, b"context"])
    yield pack([b"a" * 1024, b"\x10\x03", b"\0\0\x09\x01", 33, b""])
    yield pack([b"a" * 1024, b"\x10", b"\0\x41\x09\x06", 16, b""])


TARGETS = (
    Target("letter", _letter, _letter_seeds, Shape.RECORD, 24_000, brief_runs=300),
    Target("chunked", _chunks, _chunk_seeds, Shape.RECORD, brief_runs=300),
    Target("part", _part, _part_seeds, Shape.RECORD, brief_runs=300),
    Target("lock", _lock, lambda: [bytes(64), b"k" * 33], max_bytes=64, brief_runs=3000),
)
