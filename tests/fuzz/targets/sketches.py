"""Target of sketches: what one side says of its set is answered within bounds, by both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tests.fuzz.events import framed
from tests.fuzz.target import Target

from qanat_protocol.errors import RemoteError
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import Bisect, Cells, Frame, Lack, Sketch
from qanat_protocol.reconciliation import MAX_QUESTIONS, Reconciliation
from qanat_protocol.sketch import Sketched, pack_cells, sum_cells
from qanat_relay.sketching import KnownTag, View
from qanat_relay.store.interface import Known

__all__ = ["TARGETS"]

_KEY = bytes(16)
_IDS = [hashlib.sha256(number.to_bytes(4)).digest() for number in range(80)]
_OURS = b"".join(_IDS[:60])
_TAG = KnownTag()
_TAG.take([Known(at + 1, one, 9) for at, one in enumerate(_IDS[20:])], day=0)
_VIEW = View(0, _KEY, [_TAG])
_MOST_CELLS = 4096
"""What the relay's limits let through takes too long for a fuzzer."""


def _frames(data: bytes) -> list[Frame]:
    found: list[Frame] = []
    at = 0
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2])
        try:
            frame = decode_frame(data[at + 2 : end])
        except RemoteError:
            return found
        if frame is not None:
            found.append(frame)
        at = end
    return found


def _talk(data: bytes) -> None:
    """Whatever cells come to whatever questions: frames that may be sent, or a RemoteError."""
    found: Reconciliation | None = None
    questions = 0
    for frame in _frames(data):
        said: list[Frame] = []
        match frame:
            case Sketch() if found is None:
                found = Reconciliation(frame, _OURS, _IDS[70])
                said = found.begin()
            case Cells() if found is not None:
                try:
                    said = found.hear(frame)
                except RemoteError:
                    return
            case Bisect() if frame.first + frame.count <= _MOST_CELLS:
                end, prefix = frame.first + frame.count, int.from_bytes(frame.prefix)
                cells = _VIEW.cells(frame.bits, prefix, end)
                assert len(pack_cells(cells)) == 12 * end
                if frame.bits:
                    assert len(_VIEW.begin_with(frame.bits, prefix, 7)) <= 7
            case Lack():
                assert len(_VIEW.with_heads(frame.heads)) <= len(_VIEW)
            case _:
                pass
        questions += sum(isinstance(one, Bisect) for one in said)
        for one in said:
            assert decode_frame(encode_frame(one)) == one
    if found is not None:
        assert questions <= MAX_QUESTIONS
        assert set(found.absent) <= set(_IDS)
        assert set(found.present) <= {_IDS[70]}


def _seeds() -> Iterable[bytes]:
    theirs = Sketched(_KEY, b"".join(_IDS[20:]))
    equal = Sketched(_KEY, _OURS)
    whole = pack_cells(sum_cells(theirs.short_ids, 104))

    def joined(*frames: Frame) -> bytes:
        return b"".join(framed(encode_frame(frame)) for frame in frames)

    yield joined(Sketch(0, 0, _KEY, theirs.fingerprint, 40, 72), Cells(0, 0, whole[: 72 * 12]))
    yield joined(
        Sketch(0, 0, _KEY, theirs.fingerprint, 60, 8),
        Cells(0, 0, whole[: 8 * 12]),
        Cells(0, 8, whole[8 * 12 :]),
    )
    yield joined(Sketch(0, 0, _KEY, equal.fingerprint, 0, 0))
    yield joined(Sketch(0, 0, _KEY, theirs.fingerprint, 2**53 - 1, 0), Cells(0, 0, b""))
    yield joined(Sketch(0, 0, _KEY, theirs.fingerprint, 0, 0), Cells(0, 0, bytes(96)))
    yield joined(Bisect(0, 3, b"\x20\0\0\0", 7, 9), Bisect(0, 0, bytes(4), 0, 50), Lack(0, ()))
    yield joined(Lack(0, (int(theirs.short_ids[0]).to_bytes(8)[:5], bytes(5))))


TARGETS = [Target("sketch", _talk, _seeds, brief_runs=150)]
