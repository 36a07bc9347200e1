"""The short way for frames that come by the thousand: HEADER, BLOCK and ACK in their usual form.

Gives exactly what frame_codec's table gives, or None where the table has to look.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

from qanat_protocol.frames import Ack, AckEntry, AckStatus, Block, Frame, FrameType, HeaderFrame
from qanat_protocol.limits import BLOCK_BYTES, HEADER_BYTES, MAX_INT

__all__ = ["decode", "encode"]

_ENTRY: Final = struct.Struct(">HHH")
"""An ACK entry of a handle of three bytes that was stored: its heads, the handle, two zeros."""

_ENTRY_HEADS: Final = 0x93CD
_MAX_ENTRIES: Final = 512


def _number(value: int) -> bytes:
    """An integer in its shortest encoding."""
    if value < 0x80:
        return value.to_bytes(1)
    for head, size in ((b"\xcc", 1), (b"\xcd", 2), (b"\xce", 4)):
        if value >> 8 * size == 0:
            return head + value.to_bytes(size)
    return b"\xcf" + value.to_bytes(8)


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_INT


def _encode_header(frame: HeaderFrame) -> bytes | None:
    header = frame.header
    if _is_number(frame.handle) and type(header) is bytes and len(header) == HEADER_BYTES:
        return b"\x93\x09" + _number(frame.handle) + b"\xc4\x60" + header
    return None


def _encode_block(frame: Block) -> bytes | None:
    data = frame.data
    if not (_is_number(frame.handle) and _is_number(frame.index) and type(data) is bytes):
        return None
    if not 0x100 <= len(data) <= BLOCK_BYTES:
        return None
    head = b"\x94\x0b" + _number(frame.handle) + _number(frame.index) + b"\xc5"
    return head + len(data).to_bytes(2) + data


def _encode_ack(frame: Ack) -> bytes | None:
    count = len(frame.entries)
    if not (_is_number(frame.commit) and 0x10 <= count <= _MAX_ENTRIES):
        return None
    entries = []
    for entry in frame.entries:
        handle = entry.handle
        stored = entry.status is AckStatus.STORED and type(entry.value) is int and not entry.value
        if not (stored and type(handle) is int and 0x100 <= handle <= 0xFFFF):
            return None
        entries.append(_ENTRY.pack(_ENTRY_HEADS, handle, 0))
    head = b"\x93\x0c" + _number(frame.commit) + b"\xdc"
    return head + count.to_bytes(2) + b"".join(entries)


_ENCODERS: Final[dict[type, Callable[[Any], bytes | None]]] = {
    HeaderFrame: _encode_header,
    Block: _encode_block,
    Ack: _encode_ack,
}


def encode(frame: Frame) -> bytes | None:
    """The record of a frame of usual form."""
    encoder = _ENCODERS.get(type(frame))
    return None if encoder is None else encoder(frame)


def decode(data: bytes | memoryview) -> Frame | None:
    """The ACK of a record that tells of many stored transfers; of others None."""
    if len(data) < 3 + 3 + _ENTRY.size or data[:2] != bytes([0x93, FrameType.ACK]):
        return None
    # The commit is the one number before the array, whose head says where the entries begin.
    width = {0xCC: 2, 0xCD: 3, 0xCE: 5}.get(data[2], 1)
    commit = int.from_bytes(data[2 + (width > 1) : 2 + width])
    count, odd = divmod(len(data) - 2 - width - 3, _ENTRY.size)
    head = b"\x93\x0c" + _number(commit) + b"\xdc" + max(count, 0).to_bytes(2)
    if odd or not 0x10 <= count <= _MAX_ENTRIES or data[: len(head)] != head:
        return None
    entries = []
    for heads, handle, zeros in _ENTRY.iter_unpack(data[len(head) :]):
        if heads != _ENTRY_HEADS or handle < 0x100 or zeros:
            return None
        entries.append(AckEntry(handle, AckStatus.STORED, 0))
    return Ack(commit, tuple(entries))
