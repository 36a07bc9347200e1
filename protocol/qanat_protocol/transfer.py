"""How a parcel crosses a session, block by block (SPEC sections 4 and 17): Outgoing gives, Intake
takes. Nothing leaves Intake that does not hash to what its header says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import (
    BadRoot,
    LocalMalformed,
    LocalUnexpectedFrame,
    RemoteError,
    TooLarge,
    UnexpectedFrame,
)
from qanat_protocol.frame_codec import PAGE_ROOTS
from qanat_protocol.frames import Block, Frame, HeaderFrame, Leaves
from qanat_protocol.limits import HASH_BYTES, MAX_OPEN_TRANSFERS, PAGE_LEAVES
from qanat_protocol.merkle import block_count, block_length, leaf_hash, page_count, root_of
from qanat_protocol.parcel import Header, parcel_ids_of, parse_header
from qanat_protocol.runs import Run

__all__ = ["Intake", "Outgoing", "Verified"]

_NOTHING: Final = Bitmap()


class _Pages:
    """In what order a body's lists and blocks may pass, kept alike by giver and taker.

    One page is open at a time, so that the taker keeps one list of it. Every page and every block
    passes once. What breaks the order is told as a reason, for each side to raise its own error.
    """

    def __init__(self, body_size: int) -> None:
        self.body_size = body_size
        self.blocks = block_count(body_size)
        self.pages = page_count(body_size)
        self.needs_roots = self.pages > 1
        self._passed = 0  # pages, as bits
        self._current: int | None = None if self.blocks > 1 else 0
        self._given = 0  # blocks of the current page, as bits

    def page_size(self, page: int) -> int:
        """How many leaves the page holds, or how many page roots there are."""
        if page == PAGE_ROOTS:
            return self.pages
        return min(PAGE_LEAVES, self.blocks - page * PAGE_LEAVES)

    def needed_for(self, index: int) -> int | None:
        """The page that has to pass before the block does; None if it is open."""
        page = index // PAGE_LEAVES
        return None if page == self._current else page

    def is_past(self, page: int) -> bool:
        """Whether the page has passed and is not open any more."""
        return page != self._current and bool(self._passed >> page & 1)

    def why_not_page(self, page: int) -> str | None:
        """Why these leaves may not pass now."""
        if page == PAGE_ROOTS:
            return None if self.needs_roots else "page roots that are not called for"
        if self.blocks == 1 or page >= self.pages:
            return f"page {page} of a body of {self.blocks} blocks"
        if self.needs_roots:
            return f"page {page} before the page roots"
        return f"page {page} a second time" if self._passed >> page & 1 else None

    def pass_page(self, page: int) -> None:
        """Take note that it has passed."""
        if page == PAGE_ROOTS:
            self.needs_roots = False
        else:
            self._passed |= 1 << page
            self._current = page
            self._given = 0

    def why_not_block(self, index: int) -> str | None:
        """Why this block may not pass now."""
        if index >= self.blocks:
            return f"block {index} of a body of {self.blocks}"
        if self.needed_for(index) is not None:
            return f"block {index} outside of the page that is open"
        return f"block {index} a second time" if self._given >> index % PAGE_LEAVES & 1 else None

    def pass_block(self, index: int) -> bool:
        """Take note that it has passed; whether its page has now passed in whole."""
        page, place = divmod(index, PAGE_LEAVES)
        self._given |= 1 << place
        return self._given.bit_count() == self.page_size(page)


class Outgoing:
    """One transfer as its giver makes it. Raises LocalUnexpectedFrame for what breaks the order.

    `held` are the blocks that the taker told to have; they are left out.
    """

    def __init__(self, handle: int, header: Header, held: Bitmap = _NOTHING) -> None:
        self.handle = handle
        self.header = header
        self._held = held
        self._pages = _Pages(header.body_size)
        self._started = False

    def start(self, page_roots: Sequence[bytes] = ()) -> list[Frame]:
        """HEADER and, for more than 64 blocks, the page roots; no others are needed."""
        self._refuse("HEADER a second time" if self._started else None)
        opening: list[Frame] = [HeaderFrame(self.handle, self.header.encode())]
        if self._pages.needs_roots:
            opening.append(self._leaves(PAGE_ROOTS, page_roots))
        self._started = True
        return opening

    def missing(self) -> Iterator[int]:
        """The blocks that the taker has not told to hold, in their order."""
        return self._held.missing(self._pages.blocks)

    def page_needed(self, index: int) -> int | None:
        """The page to send before this block, or None."""
        return self._pages.needed_for(index)

    def is_past(self, page: int) -> bool:
        """Whether this page has passed and can't again: its blocks need another transfer."""
        return self._pages.is_past(page)

    def page(self, page: int, leaves: Sequence[bytes]) -> Leaves:
        """A page's list. It takes the place of the page before."""
        self._refuse(None if self._started else "a page before HEADER")
        return self._leaves(page, leaves)

    def block(self, index: int, data: bytes) -> Block:
        """A block of the page that is open."""
        self._refuse(None if self._started else "a block before HEADER")
        self._refuse(self._pages.why_not_block(index))
        length = block_length(self._pages.body_size, index)
        if len(data) != length:
            raise LocalMalformed(f"block {index} has {length:,} bytes, not {len(data):,}")
        self._pages.pass_block(index)
        return Block(self.handle, index, data)

    def _leaves(self, page: int, leaves: Sequence[bytes]) -> Leaves:
        self._refuse(self._pages.why_not_page(page))
        if len(leaves) != self._pages.page_size(page):
            raise LocalMalformed(
                f"list {page} holds {self._pages.page_size(page)} hashes, not {len(leaves)}"
            )
        self._pages.pass_page(page)
        return Leaves(self.handle, page, tuple(leaves))

    def _refuse(self, reason: str | None) -> None:
        if reason is not None:
            raise LocalUnexpectedFrame(f"transfer {self.handle}: {reason}")


@dataclass(frozen=True, slots=True)
class Verified:
    """A block that hashes to what its header says.

    `complete`: with it every block that was not held has come, and the transfer is closed.
    """

    handle: int
    header: Header
    index: int
    data: bytes
    leaf: bytes
    complete: bool


class _Incoming:
    """A transfer that is open: at most the page roots, 32 KiB, and one page, 2 KiB."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.order = _Pages(header.body_size)
        self.held = _NOTHING
        self.left = self.order.blocks
        self.roots: Sequence[bytes] = (header.root,)
        self.leaves: Sequence[bytes] = (header.root,)


class Intake:
    """All transfers of one direction. Give it every HEADER, LEAVES and BLOCK, in their order.

    UnexpectedFrame and TooLarge end the session. Every other error is of the one transfer that the
    frame names: it is closed, and its later frames are dropped without a word.
    """

    def __init__(self) -> None:
        self._next = 0
        self._open: dict[int, _Incoming] = {}

    @property
    def open_handles(self) -> tuple[int, ...]:
        """The transfers that are neither complete nor closed."""
        return tuple(self._open)

    def open(self, frame: HeaderFrame) -> Header:
        """The header of a transfer that begins. Whether it is wanted is for the caller to say.

        Raises UnexpectedFrame for a handle that is not the next, TooLarge above 64 open transfers,
        and what parse_header raises, which leaves the transfer closed.
        """
        if frame.handle != self._next:
            raise UnexpectedFrame(f"transfer {frame.handle} where {self._next} is the next")
        if len(self._open) == MAX_OPEN_TRANSFERS:
            raise TooLarge(f"more than {MAX_OPEN_TRANSFERS} open transfers")
        self._next += 1
        header = parse_header(frame.header)
        self._open[frame.handle] = _Incoming(header)
        return header

    def run(self, run: Run) -> tuple[bytes, ...] | None:
        """The ids of a run's parcels, each verified, complete and closed, as by `open` and `block`.

        None where one of them has to be taken by itself, so that its own error tells what is wrong
        with it; nothing of the run is taken then.
        """
        if run.first != self._next or len(self._open) == MAX_OPEN_TRANSFERS:
            return None
        if [header[-HASH_BYTES:] for header in run.headers] != list(map(leaf_hash, run.bodies)):
            return None
        self._next += len(run.headers)
        return parcel_ids_of(run.headers)

    def leave_out(self, handle: int, held: Bitmap) -> None:
        """Count these blocks, which the giver was told to be held, as here already.

        Right after `open`, before any block. Where nothing is left to come the transfer closes.
        """
        incoming = self._open.get(handle)
        if incoming is None or incoming.left < incoming.order.blocks:
            raise LocalUnexpectedFrame("what is held is told between the header and the blocks")
        incoming.held = held
        incoming.left = held.count_missing(incoming.order.blocks)
        if not incoming.left:
            self.close(handle)

    def leaves(self, frame: Leaves) -> None:
        """Take a list. BadRoot (with its handle) where it is not what the header says."""
        incoming = self._find(frame.handle)
        if incoming is None:
            return
        self._refuse(frame.handle, incoming.order.why_not_page(frame.page))
        ours = incoming.header.root if frame.page == PAGE_ROOTS else incoming.roots[frame.page]
        right_size = len(frame.hashes) == incoming.order.page_size(frame.page)
        if not right_size or root_of(frame.hashes) != ours:
            raise self._close_for(frame.handle, f"list {frame.page}")
        incoming.order.pass_page(frame.page)
        if frame.page == PAGE_ROOTS:
            incoming.roots = frame.hashes
        else:
            incoming.leaves = frame.hashes

    def block(self, frame: Block) -> Verified | None:
        """The block, verified, or None where its transfer is closed.

        Raises BadRoot (with its handle) where it is not what the header says.
        """
        incoming = self._find(frame.handle)
        if incoming is None:
            return None
        order = incoming.order
        self._refuse(frame.handle, order.why_not_block(frame.index))
        leaf = leaf_hash(frame.data)
        right_size = len(frame.data) == block_length(order.body_size, frame.index)
        if not right_size or leaf != incoming.leaves[frame.index % PAGE_LEAVES]:
            raise self._close_for(frame.handle, f"block {frame.index}")
        if order.pass_block(frame.index):
            incoming.leaves = ()
        incoming.left -= frame.index not in incoming.held
        if not incoming.left:
            self.close(frame.handle)
        return Verified(
            frame.handle, incoming.header, frame.index, frame.data, leaf, not incoming.left
        )

    def close(self, handle: int) -> None:
        """The transfer has a final status. Closing twice does nothing."""
        self._open.pop(handle, None)

    def _find(self, handle: int) -> _Incoming | None:
        if handle >= self._next:
            raise UnexpectedFrame(f"transfer {handle} has no HEADER")
        return self._open.get(handle)

    def _refuse(self, handle: int, reason: str | None) -> None:
        if reason is not None:
            raise UnexpectedFrame(f"transfer {handle}: {reason}")

    def _close_for(self, handle: int, what: str) -> RemoteError:
        self.close(handle)
        return BadRoot(f"{what} is not what the header says", handle=handle)
