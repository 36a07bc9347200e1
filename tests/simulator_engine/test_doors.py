"""What is computed once in a run is what would be computed each time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qanat_protocol import merkle, session, signing, transfer
from qanat_protocol.errors import BadSignature
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import Block, End, Frame, Idle, Leaves, Opened, Partial
from qanat_protocol.signing import SigningKey
from qanat_simulation.engine.doors import opened_doors
from qanat_simulation.engine.virtual_time import VirtualLoop

FRAMES: list[Frame] = [
    End(),
    Idle(3),
    Partial(bytes(32), b"\x80"),
    Opened(bytes(32), bytes(32), bytes(32), b"\x01" + bytes(64)),
    Leaves(1, 0, (bytes(32), bytes(32))),
    Block(1, 2, bytes(16_384)),
    Block(1, 2, b"\x01" * 300),
]


@pytest.fixture(autouse=True)
def _open_doors() -> Iterator[None]:
    loop = VirtualLoop()
    with opened_doors("1", loop):
        yield
    loop.close()


@pytest.mark.parametrize("block", [b"\0", bytes(300), bytes(16_384), b"\0\x01", b"\x01" * 16_384])
def test_a_block_has_the_leaf_that_its_bytes_have(block: bytes) -> None:
    leaf = transfer.leaf_hash  # type: ignore[attr-defined]
    assert leaf(block) == leaf(bytearray(block)) == merkle.leaf_hash(block)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_and_its_record_are_those_of_the_codec_each_time(frame: Frame) -> None:
    record = encode_frame(frame)
    for _ in range(2):
        assert session.encode_frame(frame) == record  # type: ignore[attr-defined]
        assert session.decode_frame(memoryview(record)) == decode_frame(record)  # type: ignore[attr-defined]


def test_a_signature_that_does_not_hold_is_refused_each_time() -> None:
    key = SigningKey(bytes(32))
    signature = key.sign("custody", b"", b"this")
    for _ in range(2):
        signing.verify_signature(key.public, signature, "custody", b"", b"this")
        with pytest.raises(BadSignature):
            signing.verify_signature(key.public, signature, "custody", b"", b"that")
