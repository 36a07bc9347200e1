"""Frames as records and back (SPEC section 17), by one table. Knows no order of frames: that is the
session's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from qanat_protocol import bulk_frames, frames
from qanat_protocol.errors import (
    LocalMalformed,
    Malformed,
    UnexpectedFrame,
    UnknownKind,
    our_own,
)
from qanat_protocol.fields import Field, array_of, binary, line, nil_or, row, uint
from qanat_protocol.frames import AckStatus, Answer, Frame, FrameType, InterestClass
from qanat_protocol.limits import (
    BLOCK_BYTES,
    CELL_BYTES,
    ESTIMATE_BYTES,
    HASH_BYTES,
    HEAD_BYTES,
    HEADER_BYTES,
    MAX_BLOCKS,
    MAX_CELLS,
    MAX_FRAME_BYTES,
    MAX_INTERESTS,
    MAX_LACKS,
    MAX_OFFERS,
    MAX_PAGES,
    MAX_RECEIPT_IDS,
    MAX_STATEMENT_BYTES,
    MAX_TOLD_CARD_BYTES,
    OFFER_BYTES,
    PAGE_LEAVES,
    SIGNATURE_BYTES,
    SIGNING_KEY_BYTES,
    TAG_BYTES,
)
from qanat_protocol.record import Packable, Value, pack, unpack

__all__ = ["FIRST_RESERVED_TYPE", "PAGE_ROOTS", "decode_frame", "encode_frame"]

FIRST_RESERVED_TYPE: Final = 128
"""Types from here on are for growth: a reader ignores them."""

PAGE_ROOTS: Final = MAX_PAGES
"""The page number under which the page roots are sent."""

_MAX_U32: Final = 2**32 - 1
_PREFIX_BYTES: Final = 4


class _Column(NamedTuple):
    """One field of a frame: how it is read from a record, and how it is written into one."""

    read: Field[Any]
    write: Callable[[Any], Packable]


def _as_is(field: Field[Any]) -> _Column:
    return _Column(field, lambda value: value)


def _pieces(size: int, most: int, least: int = 1) -> _Column:
    """`least` to `most` values of `size` bytes each, in the record one binary."""
    whole = binary(least=size * least, most=size * most)

    def read(value: Value) -> tuple[bytes, ...]:
        joined = whole(value)
        if len(joined) % size:
            raise Malformed(f"{len(joined)} bytes are no row of {size} each")
        return tuple(joined[at : at + size] for at in range(0, len(joined), size))

    def write(values: tuple[bytes, ...]) -> bytes:
        if any(len(value) != size for value in values):
            raise LocalMalformed(f"each has to be {size} bytes")
        return b"".join(values)

    return _Column(read, write)


def _joined(size: int, most: int) -> _Column:
    """As _pieces, but left in one binary, and there may be none."""
    whole = binary(most=size * most)

    def read(value: Value) -> bytes:
        joined = whole(value)
        if len(joined) % size:
            raise Malformed(f"{len(joined)} bytes are no row of {size} each")
        return joined

    return _as_is(read)


def _read_codes(value: Value) -> tuple[Answer, ...]:
    codes = _CODES(value)
    if max(codes) > _MAX_ANSWER:
        raise Malformed(f"answer {max(codes)}")
    return tuple(map(Answer, codes))


def _read_bitmap(value: Value) -> bytes:
    bitmap = _BITMAP(value)
    if bitmap.endswith(b"\0"):
        raise Malformed("a bitmap ends in a zero byte")
    return bitmap


def _read_entry(value: Value) -> frames.AckEntry:
    handle, status, told = _ENTRY(value)
    return frames.AckEntry(handle, AckStatus(status), told)


def _read_estimate(value: Value) -> bytes | None:
    estimate = _NIL_OR_ESTIMATE(value)
    if estimate and len(estimate) != ESTIMATE_BYTES:
        raise Malformed(f"an estimate of {len(estimate)} bytes")
    return estimate


def _read_public_want(value: Value) -> frames.PublicWant:
    return frames.PublicWant(*_PUBLIC_WANT(value))


_CODES: Final = binary(least=1, most=MAX_OFFERS)
_MAX_ANSWER: Final = max(Answer)
_NIL_OR_ESTIMATE: Final = nil_or(binary(most=ESTIMATE_BYTES))
_BITMAP: Final = binary(most=MAX_BLOCKS // 8)
_ENTRY: Final = row(uint(), uint(most=max(AckStatus)), uint())
_PUBLIC_WANT: Final = row(binary(TAG_BYTES), uint(), uint())


_INT: Final = _as_is(uint())
_U32: Final = _as_is(uint(most=_MAX_U32))
_NUMBER: Final = _as_is(uint(most=MAX_INTERESTS - 1))
_BITS: Final = _as_is(uint(most=32))
_PREFIX: Final = _as_is(binary(_PREFIX_BYTES))
_HASH: Final = _as_is(binary(HASH_BYTES))
_BIN16: Final = _as_is(binary(16))
_KEY: Final = _as_is(binary(SIGNING_KEY_BYTES))
_SIGNATURE: Final = _as_is(binary(SIGNATURE_BYTES))
_CURSOR: Final = binary(most=64)
_NIL_OR_CURSOR: Final = _as_is(nil_or(_CURSOR))
_OFFERS: Final = _pieces(OFFER_BYTES, MAX_OFFERS)
_LEAVES: Final = _pieces(HASH_BYTES, MAX_PAGES)
_IDS: Final = _pieces(HASH_BYTES, MAX_RECEIPT_IDS)

_INTERESTS: Final[dict[int, tuple[type[Frame], tuple[_Column, ...]]]] = {
    InterestClass.DESK: (
        frames.DeskInterest,
        (
            _as_is(binary(most=MAX_STATEMENT_BYTES)),
            _KEY,
            _U32,
            _U32,
            _NIL_OR_CURSOR,
            _SIGNATURE,
            _as_is(_read_estimate),
        ),
    ),
    InterestClass.REPLIES: (frames.RepliesInterest, (_BITS, _PREFIX)),
    InterestClass.OPENED: (
        frames.OpenedInterest,
        (_BITS, _pieces(_PREFIX_BYTES, 64), _U32),
    ),
    InterestClass.PUBLIC: (
        frames.PublicInterest,
        (
            _Column(
                array_of(_read_public_want, least=1, most=32),
                lambda wants: [
                    [want.tag, want.bulletin_serial, want.card_serial] for want in wants
                ],
            ),
        ),
    ),
    InterestClass.ALL: (frames.AllInterest, (_KEY, _NIL_OR_CURSOR, _SIGNATURE)),
    InterestClass.CARD: (frames.CardInterest, ()),
}

_FRAMES: Final[dict[int, tuple[type[Frame], tuple[_Column, ...]]]] = {
    FrameType.HELLO: (frames.Hello, (_Column(array_of(uint(), least=1, most=8), list),)),
    FrameType.WELCOME: (frames.Welcome, (_INT, _U32, _BIN16, _INT, _BITS, _BITS, _INT)),
    FrameType.CURSOR: (frames.Cursor, (_NUMBER, _as_is(_CURSOR))),
    FrameType.OFFERS: (frames.Offers, (_INT, _OFFERS)),
    FrameType.ANSWERS: (frames.Answers, (_INT, _Column(_read_codes, bytes))),
    FrameType.PARTIAL: (frames.Partial, (_HASH, _as_is(_read_bitmap))),
    FrameType.WANT: (frames.Want, (_OFFERS,)),
    FrameType.HEADER: (frames.HeaderFrame, (_INT, _as_is(binary(HEADER_BYTES)))),
    FrameType.LEAVES: (frames.Leaves, (_INT, _as_is(uint(most=PAGE_ROOTS)), _LEAVES)),
    FrameType.BLOCK: (frames.Block, (_INT, _INT, _as_is(binary(least=1, most=BLOCK_BYTES)))),
    FrameType.ACK: (
        frames.Ack,
        (
            _INT,
            _Column(
                array_of(_read_entry, least=1, most=512),
                lambda entries: [[entry.handle, entry.status, entry.value] for entry in entries],
            ),
        ),
    ),
    FrameType.RECEIPT: (frames.Receipt, (_U32, _BIN16, _IDS, _SIGNATURE)),
    FrameType.OPENED: (frames.Opened, (_HASH, _HASH, _KEY, _SIGNATURE)),
    FrameType.PURGE: (frames.Purge, (_HASH, _HASH)),
    FrameType.STAMP: (frames.Stamp, (_HASH, _U32, _INT, _BIN16)),
    FrameType.CELLS: (frames.Cells, (_NUMBER, _U32, _joined(CELL_BYTES, MAX_CELLS))),
    FrameType.SKETCH: (
        frames.Sketch,
        (_NUMBER, _U32, _BIN16, _HASH, _INT, _as_is(uint(most=MAX_CELLS))),
    ),
    FrameType.BISECT: (
        frames.Bisect,
        (_NUMBER, _BITS, _PREFIX, _U32, _as_is(uint(most=MAX_CELLS))),
    ),
    FrameType.LACK: (frames.Lack, (_NUMBER, _pieces(HEAD_BYTES, MAX_LACKS, least=0))),
    FrameType.CARD: (frames.Card, (_as_is(binary(least=1, most=MAX_TOLD_CARD_BYTES)),)),
    FrameType.IDLE: (frames.Idle, (_INT,)),
    FrameType.ERROR: (frames.Error, (_INT, _as_is(line(256)))),
    FrameType.END: (frames.End, ()),
}


class _Form(NamedTuple):
    """All that is known of one frame's record: what it begins with, and its columns."""

    head: tuple[int, ...]
    shape: type[Frame]
    columns: tuple[_Column, ...]
    read: Field[tuple[Any, ...]]


def _form(head: tuple[int, ...], shape: type[Frame], columns: tuple[_Column, ...]) -> _Form:
    return _Form(head, shape, columns, row(*(column.read for column in columns)))


_FRAME_FORMS: Final = {
    kind: _form((kind,), shape, columns) for kind, (shape, columns) in _FRAMES.items()
}
# An interest's number stands before its class.
_INTEREST_FORMS: Final = {
    kind: _form((FrameType.INTEREST, kind), shape, (_NUMBER, *columns))
    for kind, (shape, columns) in _INTERESTS.items()
}
_FORMS: Final[dict[type, _Form]] = {
    form.shape: form for form in (*_FRAME_FORMS.values(), *_INTEREST_FORMS.values())
}
_APPENDED: Final[dict[type, Value]] = {
    frames.DeskInterest: None,
    frames.OpenedInterest: 0,
    frames.Idle: 0,
}
"""Frames whose last field may be missing, and what it is then."""

_TYPE: Final = uint()
_INTEREST_HEAD: Final = row(_TYPE, _NUMBER.read, uint())


def encode_frame(frame: Frame) -> bytes:
    """The record of a frame; LocalMalformed where the other side would refuse it.

    It always fits a packet: what the table allows at most is far below 65,517 bytes.
    """
    if (record := bulk_frames.encode(frame)) is not None:
        return record
    form = _FORMS[type(frame)]
    values = [
        column.write(getattr(frame, name))
        for name, column in zip(form.shape.__match_args__, form.columns, strict=True)
    ]
    # An interest's number stands before its class.
    number, rest = (values[:1], values[1:]) if len(form.head) > 1 else ([], values)
    if form.shape in _APPENDED and rest[-1] == _APPENDED[form.shape]:
        # Appended later than the others: who knows nothing of it leaves it out.
        rest = rest[:-1]
    record = pack([form.head[0], *number, *form.head[1:], *rest])
    with our_own():
        for value, column in zip(values, form.columns, strict=True):
            column.read(value)  # type: ignore[arg-type]
        _check(frame)
    return record


def decode_frame(data: bytes | memoryview) -> Frame | None:
    """The frame of a record, or None for a type that is reserved for growth.

    Raises TooLarge above 65,517 bytes, UnexpectedFrame for an unknown type, UnknownKind for an
    unknown class of interest, and Malformed.
    """
    if (frame := bulk_frames.decode(data)) is not None:
        return frame
    fields = unpack(data, max_bytes=MAX_FRAME_BYTES)
    if not fields:
        raise Malformed("a frame without a type")
    kind = _TYPE(fields[0])
    if kind >= FIRST_RESERVED_TYPE:
        return None
    if kind == FrameType.INTEREST:
        return _decode_interest(fields)
    if kind not in _FRAME_FORMS:
        raise UnexpectedFrame(f"frame type {kind}")
    return _build(_FRAME_FORMS[kind], fields[1:])


def _decode_interest(fields: list[Value]) -> Frame:
    _, _, kind = _INTEREST_HEAD(fields)
    if kind not in _INTEREST_FORMS:
        raise UnknownKind(f"interest class {kind}")
    form = _INTEREST_FORMS[kind]
    return _build(form, [fields[1], *fields[3:]])


def _build(form: _Form, fields: list[Value]) -> Frame:
    if form.shape in _APPENDED:
        # If it was left out; behind it nothing is read.
        fields = [*fields, _APPENDED[form.shape]]
    frame = form.shape(*form.read(fields))
    _check(frame)
    return frame


def _check(frame: Frame) -> None:
    """What the table says of two fields together; raises Malformed."""
    match frame:
        case frames.Leaves(page=page, hashes=hashes):
            if page != PAGE_ROOTS and len(hashes) > PAGE_LEAVES:
                raise Malformed(f"{len(hashes)} leaves in a page; at most {PAGE_LEAVES}")
        case frames.DeskInterest(first_epoch=first, last_epoch=last):
            if not 0 <= last - first <= 127:
                raise Malformed(f"an interest in the weeks {first} to {last}")
        case (
            frames.RepliesInterest(bits=bits, prefix=prefix)
            | frames.Bisect(bits=bits, prefix=prefix)
        ):
            _check_prefixes(bits, (prefix,))
        case frames.OpenedInterest(bits=bits, prefixes=prefixes):
            _check_prefixes(bits, prefixes)
        case _:
            pass


def _check_prefixes(bits: int, prefixes: tuple[bytes, ...]) -> None:
    for prefix in prefixes:
        if int.from_bytes(prefix) & (_MAX_U32 >> bits):
            raise Malformed(f"a prefix of {bits} bits has more of them set")
