"""What a relay gives in a session: takes it in, checks it, keeps it, and answers its offers."""

from __future__ import annotations

from qanat_client.reporter.disk_thread import DiskThread
from qanat_client.reporter.library import Library, kept
from qanat_client.reporter.relay_report import RelayReport
from qanat_protocol.errors import BadRoot, ProtocolError, TooLarge, UnexpectedFrame
from qanat_protocol.frames import Answer, Answers, Block, HeaderFrame, Leaves, Offers, Opened
from qanat_protocol.kinds import Kind
from qanat_protocol.limits import MAX_LETTER_BODY_BYTES, MAX_PUBLIC_BODY_BYTES
from qanat_protocol.parcel import Header
from qanat_protocol.transfer import Intake

__all__ = ["Receiving"]

_MOST_TAKEN_BYTES = 64 << 20
"""What one session may bring in: a relay that lies can't fill a phone."""

_MOST_OFFERS = 65_536
"""Sixteen times what an honest relay offers (relay/API.md): each is remembered until it comes."""


class Receiving:
    """The incoming half of one session."""

    def __init__(self, library: Library, disk: DiskThread, report: RelayReport, today: int) -> None:
        self._library = library
        self._disk = disk
        self._report = report
        self._today = today
        self._intake = Intake()
        self._bodies: dict[int, list[bytes | None]] = {}
        self._taken_bytes = 0
        self._expected: set[bytes] = set()
        self._offers = 0

    @property
    def waits(self) -> bool:
        """Whether something that was answered with "want" is still to come."""
        return bool(self._expected)

    async def answer(self, frame: Offers) -> Answers:
        """What to say to a relay's offers: of replies, those that are not here.

        Raises TooLarge for more than any relay has to offer.
        """
        self._offers += len(frame.offers)
        if self._offers > _MOST_OFFERS:
            raise TooLarge(f"more than {_MOST_OFFERS:,} offers")
        codes = []
        for offer in frame.offers:
            if await self._disk.run(self._library.holds, offer):
                codes.append(Answer.HAVE)
            else:
                codes.append(Answer.WANT)
                self._expected.add(offer)
        return Answers(frame.first, tuple(codes))

    async def take(self, frame: HeaderFrame | Leaves | Block) -> None:
        """A frame of a transfer. Raises what ends the session; the rest is told in the report."""
        try:
            if isinstance(frame, HeaderFrame):
                self._open(frame)
            elif isinstance(frame, Leaves):
                self._intake.leaves(frame)
            else:
                await self._block(frame)
        except (UnexpectedFrame, TooLarge):
            raise
        except BadRoot as error:
            if error.handle is not None:
                self._bodies.pop(error.handle, None)
            self._report.tell(f"something damaged was not taken ({error})")
        except ProtocolError as error:
            self._report.tell(f"something was not taken ({error})")

    def _open(self, frame: HeaderFrame) -> None:
        header = self._intake.open(frame)
        most = {Kind.REPLY: MAX_LETTER_BODY_BYTES, Kind.PUBLIC: MAX_PUBLIC_BODY_BYTES}
        self._taken_bytes += header.body_size
        self._expected.discard(header.offer)
        fits = self._taken_bytes <= _MOST_TAKEN_BYTES
        if header.body_size > most.get(header.kind, 0) or not fits:
            self._intake.close(frame.handle)
            return
        self._bodies[frame.handle] = []

    async def _block(self, frame: Block) -> None:
        found = self._intake.block(frame)
        if found is None:
            return
        body = self._bodies[frame.handle]
        body.extend([None] * (found.index + 1 - len(body)))
        body[found.index] = found.data
        if found.complete:
            del self._bodies[frame.handle]
            await self._keep(found.header, b"".join(block or b"" for block in body))

    async def _keep(self, header: Header, body: bytes) -> None:
        told = await self._disk.run(kept, self._library, header, body)
        if header.kind is Kind.REPLY:
            self._report.replies += 1
        if told:
            self._report.tell(told)

    async def opened(self, frame: Opened) -> bool:
        """The desk's word on a parcel of ours; whether it is true."""
        try:
            self._report.opened += await self._disk.run(
                self._library.hear_opened, frame, self._today
            )
        except ProtocolError as error:
            self._report.tell(f"it claims that the desk opened a parcel; untrue ({error})")
            return False
        return True
