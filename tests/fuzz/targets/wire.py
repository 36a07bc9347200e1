"""Targets of frames, of what they prove, of transfers and of bundles (SPEC 4, 13, 14, 17, 19)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from tests.fuzz.target import Shape, Target, pieces
from tests.fuzz.vectors import binaries
from tests.protocol import samples
from tests.protocol.made_bodies import (
    LETTER,
    ONE_BLOCK,
    PREVIEW,
    TWO_BLOCKS,
    TWO_PAGES,
    body_of,
)
from tests.protocol.samples import DAY, EPOCH, RELAY, SIGNER, parses_or_refuses

from qanat_protocol import frames
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.bundle import Bundled, IndexEntry, iter_bundle, write_bundle
from qanat_protocol.errors import (
    BadRoot,
    LocalUnexpectedFrame,
    RemoteError,
    TooLarge,
    UnexpectedFrame,
)
from qanat_protocol.frame_codec import PAGE_ROOTS, decode_frame, encode_frame
from qanat_protocol.frames import Block, Frame, HeaderFrame, Leaves
from qanat_protocol.interest import verify_desk_interest, verify_peer_interest
from qanat_protocol.limits import MAX_BLOCKS, MAX_FRAME_BYTES, MAX_OPEN_TRANSFERS
from qanat_protocol.receipt import custody_root, single_receipts, verify_receipt, verify_single
from qanat_protocol.record import pack, unpack
from qanat_protocol.session import sign_desk_interest, sign_peer_interest
from qanat_protocol.stamp import check_stamp, find_stamp
from qanat_protocol.tombstone import check_opened, check_purge, lock_of, sign_opened, verify_opened
from qanat_protocol.transfer import Intake, Verified

__all__ = ["TARGETS", "frame_seeds"]

_HASH = bytes(range(32))


def _frame(data: bytes) -> None:
    """A frame is the same when it is written anew, and always fits a packet."""
    frame: Frame | None = parses_or_refuses(decode_frame, data)
    if frame is None:
        return
    again = encode_frame(frame)
    assert decode_frame(again) == frame
    assert len(again) <= min(len(data), MAX_FRAME_BYTES)
    assert again == data or len(again) < len(data)


def _proof(data: bytes) -> None:
    """What a frame proves is judged, as it came and as a genuine key would have signed it."""
    frame: Frame | None = parses_or_refuses(decode_frame, data)
    match frame:
        case frames.Stamp():
            parses_or_refuses(lambda _: check_stamp(frame, DAY), data)
            if 1 <= frame.effort <= 4:
                found = find_stamp(frame.parcel_id, EPOCH, frame.effort, start=frame.nonce, tries=9)
                if found is not None:
                    check_stamp(found, DAY)
        case frames.Opened():
            parses_or_refuses(lambda _: verify_opened(frame), data)
            parses_or_refuses(lambda _: check_opened(lock_of(frame.opened), frame.opened), data)
            verify_opened(sign_opened(SIGNER, frame.parcel_id, frame.opened))
        case frames.Purge():
            parses_or_refuses(lambda _: check_purge(_HASH, frame.purge_key), data)
        case frames.Receipt():
            parses_or_refuses(lambda _: verify_receipt(RELAY.public, frame), data)
            _receipt(frame)
        case frames.DeskInterest():
            parses_or_refuses(lambda _: verify_desk_interest(frame, _HASH, DAY), data)
            signed = sign_desk_interest(
                SIGNER,
                _HASH,
                number=frame.number,
                statement=frame.statement,
                first_epoch=frame.first_epoch,
                last_epoch=frame.last_epoch,
                cursor=frame.cursor,
            )
            parses_or_refuses(lambda _: verify_desk_interest(signed, _HASH, DAY), data)
            spoilt = dataclasses.replace(signed, number=(signed.number + 1) % 32)
            assert (
                parses_or_refuses(lambda _: verify_desk_interest(spoilt, _HASH, DAY), data) is None
            )
        case frames.AllInterest():
            parses_or_refuses(lambda _: verify_peer_interest(frame, _HASH), data)
            verify_peer_interest(
                sign_peer_interest(RELAY, _HASH, number=frame.number, cursor=frame.cursor), _HASH
            )
        case _:
            return


def _receipt(frame: frames.Receipt) -> None:
    context = RELAY.public + frame.day.to_bytes(4, "big") + len(frame.ids).to_bytes(4, "big")
    signature = RELAY.sign("custody", context, custody_root(frame.ids, frame.seed))
    signed = dataclasses.replace(frame, signature=signature)
    verify_receipt(RELAY.public, signed)
    singles = [verify_single(single) for single in single_receipts(RELAY.public, signed)]
    assert [single.parcel_id for single in singles] == list(frame.ids)
    assert {single.day for single in singles} == {frame.day}


_BODIES = [body_of(size) for size in (LETTER, ONE_BLOCK, TWO_BLOCKS, PREVIEW)]


def _transfer(data: bytes) -> None:
    """Nothing leaves Intake but blocks of the body whose header it took, each of them once.

    The input is a list of events: [0, body] HEADER, [1, handle, page] a list, [2, handle, index] a
    block, [3, handle, indices] what is held, [4, handle] closed, and frames as they are.
    """
    values = parses_or_refuses(lambda data: unpack(data, max_bytes=65_536), data)
    if values is None:
        return
    taking = _Taking()
    try:
        for event in values:
            taking.step(event)
            assert len(taking.intake.open_handles) <= MAX_OPEN_TRANSFERS
    except (UnexpectedFrame, TooLarge):
        # These alone end a session; what was taken before stands.
        pass
    taking.check()


class _Taking:
    """An Intake, and beside it what it should have let through."""

    def __init__(self) -> None:
        self.intake = Intake()
        self._bodies: dict[int, Any] = {}
        self._next = 0
        self._seen: set[tuple[int, int]] = set()
        self._held: dict[int, set[int]] = {}
        self._complete: set[int] = set()

    def step(self, event: Any) -> None:
        """Do one event; raises what ends the session."""
        numbers = [each for each in event if type(each) is int] if isinstance(event, list) else []
        match numbers:
            case [0, which, *_] if not isinstance(event[-1], bytes):
                body = _BODIES[which % len(_BODIES)] if which % 7 else body_of(TWO_PAGES)
                self._open(HeaderFrame(self._next, body.header.encode()), body)
            case [1, handle, page, *_]:
                self._list(handle, page)
            case [2, handle, index, *rest]:
                self._give(handle, index, spoilt=bool(rest and rest[0] == 7))
            case [3, handle, *held] if max(held, default=0) < MAX_BLOCKS:
                self._hold(handle, held)
            case [4, handle, *_]:
                self.intake.close(handle)
            case _ if isinstance(event, list) and event and isinstance(event[-1], bytes):
                self._raw(event[-1])

    def _open(self, frame: HeaderFrame, body: Any) -> None:
        header = self.intake.open(frame)
        if body is None:
            body = next((each for each in _BODIES if each.header == header), None)
        self._bodies[frame.handle] = body
        self._next = frame.handle + 1

    def _list(self, handle: int, page: int) -> None:
        body = self._bodies.get(handle)
        hashes = (
            [b"!" * 32]
            if body is None
            else body.page_roots
            if page == PAGE_ROOTS
            else body.page(page)
        )
        self._refusable(Leaves(handle, page, tuple(hashes)))

    def _give(self, handle: int, index: int, *, spoilt: bool) -> None:
        body = self._bodies.get(handle)
        known = body is not None and index < body.count
        data: bytes = body.block(index) if known else b"?"  # type: ignore[union-attr]
        self._refusable(Block(handle, index, b"?" + data[1:] if spoilt else data))

    def _hold(self, handle: int, held: list[int]) -> None:
        try:
            self.intake.leave_out(handle, Bitmap.from_indices(held))
        except LocalUnexpectedFrame:
            return
        self._held[handle] = set(held)

    def _raw(self, record: bytes) -> None:
        frame = parses_or_refuses(decode_frame, record)
        if isinstance(frame, HeaderFrame):
            try:
                self._open(frame, None)
            except RemoteError as error:
                if error.verdict in (7, 24):
                    raise
                # The header is refused and its handle is used up.
                self._next = frame.handle + 1
        elif isinstance(frame, Leaves | Block):
            self._refusable(frame)

    def _refusable(self, frame: Leaves | Block) -> None:
        was_open = frame.handle in self.intake.open_handles
        try:
            if isinstance(frame, Leaves):
                self.intake.leaves(frame)
                return
            found = self.intake.block(frame)
        except BadRoot as error:
            assert was_open
            assert error.handle == frame.handle
            assert frame.handle not in self.intake.open_handles
            return
        assert (found is not None) == was_open
        if found is not None:
            self._check(found)

    def _check(self, found: Verified) -> None:
        body = self._bodies[found.handle]
        if body is not None:
            assert found.header == body.header
            assert found.data == body.block(found.index)
            assert found.leaf == body.leaves[found.index]
        if found.complete:
            assert found.handle not in self._complete
            assert found.handle not in self.intake.open_handles
            self._complete.add(found.handle)
        assert (found.handle, found.index) not in self._seen
        self._seen.add((found.handle, found.index))

    def check(self) -> None:
        """What is called complete has come in whole, but for what was told to be here."""
        for handle in self._complete:
            body = self._bodies[handle]
            if body is not None:
                came = {index for other, index in self._seen if other == handle}
                assert came | self._held.get(handle, set()) >= set(range(body.count))


def _read(data: bytes, sizes: bytes | None) -> tuple[list[Any], str]:
    found: list[Any] = []
    source = [data] if sizes is None else pieces(data, sizes)
    try:
        for item in iter_bundle(source):
            found.append(item)
    except RemoteError as error:
        return found, f"{type(error).__name__}: {error}"
    return found, ""


def _bundle(data: bytes) -> None:
    """A bundle gives the same however it is cut into pieces; cut short it gives what stood before.

    The first byte says into what pieces. The index is a hint: without it the frames are the same.
    """
    sizes, whole = data[:1], data[1:]
    items, error = _read(whole, None)
    assert _read(whole, sizes) == (items, error)
    if len(whole) < 2000:
        assert _read(whole, b"") == (items, error)
    half, _ = _read(whole[: len(whole) // 2], None)
    assert items[: len(half)] == half
    read = [item for item in items if not isinstance(item, IndexEntry)]
    if read and whole[8:12] != bytes(4):
        bare, again = _read(whole[:8] + bytes(4) + _behind_index(whole), None)
        assert (bare, again) == (read, error)


def _behind_index(whole: bytes) -> bytes:
    return whole[12 + 56 * int.from_bytes(whole[8:12], "big") :]


def frame_seeds() -> Iterable[bytes]:
    """Every kind of frame: the vectors hold them all."""
    yield from binaries("decode_frame", "record", max_bytes=600)


def _proof_seeds() -> Iterable[bytes]:
    for operation in ("check_stamp", "verify_opened", "verify_receipt", "verify_desk_interest"):
        yield from binaries(operation, "frame", max_bytes=4000)
    yield from binaries("verify_peer_interest", "frame", max_bytes=4000)
    for frame in (
        sign_desk_interest(
            SIGNER, _HASH, number=1, statement=samples.statement(), first_epoch=EPOCH,
            last_epoch=EPOCH + 2,
        ),
        frames.Stamp(_HASH, EPOCH, 3, bytes(16)),
        frames.Purge(_HASH, _HASH),
    ):  # fmt: skip
        yield encode_frame(frame)


def _transfer_seeds() -> Iterable[bytes]:
    yield pack([[0, 1], [2, 0, 0]])
    yield pack([[0, 4], [1, 0, 0], *([2, 0, index] for index in range(8))])
    yield pack([[0, 3], [3, 0, 1], [1, 0, 0], [2, 0, 0]])
    yield pack([[0, 7], [1, 0, PAGE_ROOTS], [1, 0, 1], [2, 0, 64], [2, 0, 65, 7], [4, 0]])
    body = _BODIES[0]
    header, block = HeaderFrame(0, body.header.encode()), Block(0, 0, body.block(0)[:600])
    yield pack([[encode_frame(header)], [encode_frame(block)]])
    yield pack([[0, 2], [1, 0, 0], [2, 0, 0], [2, 0, 0], [2, 0, 1]])
    yield pack([[0, 1]] * 65)


def _bundle_seeds() -> Iterable[bytes]:
    for data in binaries("read_bundle", "bundle", max_bytes=20_000):
        yield b"\x07" + data
    body = _BODIES[0]
    parcel = Bundled(body.header, (), body.leaves, list(body.blocks()))
    note = frames.Purge(_HASH, _HASH)
    yield b"\xff" + b"".join(write_bundle([parcel], [note]))
    yield b"\x01" + b"".join(write_bundle([], [note]))


TARGETS = (
    Target("frame", _frame, frame_seeds, Shape.RECORD, brief_runs=2500),
    Target("frame-bytes", _frame, frame_seeds, max_bytes=512, brief_runs=3000),
    Target("proof", _proof, _proof_seeds, Shape.RECORD, brief_runs=500),
    Target("transfer", _transfer, _transfer_seeds, Shape.RECORD, brief_runs=500),
    Target("bundle", _bundle, _bundle_seeds, max_bytes=20_000, brief_runs=500),
)
