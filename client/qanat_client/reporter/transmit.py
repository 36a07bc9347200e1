"""One session of a reporter with one relay: hello, asking, giving and taking at once, the end.

Persists what it is told before it goes on; a session that breaks at any byte loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qanat_client.carriers.conversation import Conversation, Roads, converse
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import HalfDuplex, Refused, TookTooLong, Unreachable
from qanat_client.reporter.asking import ask, public_interest
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.disk_thread import DiskThread
from qanat_client.reporter.giving import Giving
from qanat_client.reporter.home import Home
from qanat_client.reporter.library import Library
from qanat_client.reporter.outbox import Outbox, Word
from qanat_client.reporter.receiving import Receiving
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.reporter.traffic import Traffic
from qanat_protocol.card import DeskCard, RelayEntry
from qanat_protocol.errors import Cut, ProtocolError, TooLarge, error_for
from qanat_protocol.frames import (
    Ack,
    Answers,
    Block,
    Error,
    Frame,
    HeaderFrame,
    Idle,
    Leaves,
    Offers,
    Opened,
    Partial,
    Receipt,
    Welcome,
)

__all__ = ["Run", "exit_code", "transmit"]

_QUIET_S = 15.0
"""How long to wait for what a relay was asked for, or still owes an answer, once nothing moves."""

_MOST_HEARD_BYTES = 128 << 20
"""What a relay may say in one session, twice what is taken of it: people pay by the megabyte."""

_MOST_TOGETHER = 4
"""Blocks that are handed over together while the line takes them at once: no more than what a
connection keeps ready anyway, so that a slow line still gets what is most urgent next."""

_QUICK_S = 0.02


class Run:
    """What the sessions of one sync share; everything on the disk goes through one thread."""

    def __init__(
        self,
        home: Home,
        connection: sqlite3.Connection,
        *,
        carrier: CarrierSettings,
        roads: Roads,
        traffic: Traffic,
        mailboxes: Sequence[bytes],
        advance: Callable[[int], None],
    ) -> None:
        desks = Desks(home)
        self.disk = DiskThread()
        self.outbox = Outbox(home, connection)
        self.library = Library(home, connection, desks)
        self.carrier = carrier
        self.roads = roads
        self.traffic = traffic
        self.mailboxes = tuple(mailboxes)
        self.advance = advance


@dataclass(frozen=True, slots=True)
class _Place:
    """A relay and the desks whose cards name it."""

    entry: RelayEntry
    cards: tuple[DeskCard, ...]


class _Session:
    """One conversation, from the first byte to the last."""

    def __init__(self, run: Run, place: _Place, report: RelayReport, talk: Conversation) -> None:
        self._run = run
        self._place = place
        self._report = report
        self._talk = talk
        self._day = run.traffic.today
        self._giving = Giving(
            place.entry.signing_key,
            outbox=run.outbox,
            disk=run.disk,
            traffic=run.traffic,
            report=report,
            desks=frozenset(card.desk_id for card in place.cards),
        )
        self._receiving = Receiving(run.library, run.disk, report, run.traffic.today)
        self._replies: asyncio.Queue[list[Frame]] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._asked = False
        self._idle = False
        self._over = False

    async def run(self) -> None:
        await self._talk.open(*await self._giving.offers())
        reader = asyncio.create_task(self._read())
        sender = asyncio.create_task(self._send())
        try:
            await asyncio.wait({reader, sender}, return_when=asyncio.FIRST_EXCEPTION)
            # The relay's own last word says more than that it hung up while we were sending.
            if sender.done() and not reader.done() and sender.exception() is not None:
                await asyncio.wait({reader}, timeout=1.0)
            for task in (reader, sender):
                if task.done():
                    task.result()
        finally:
            for task in (reader, sender):
                task.cancel()
            await asyncio.wait({reader, sender})
            self._giving.over()

    # Sending

    async def _send(self) -> None:
        loop, together = asyncio.get_running_loop(), 1
        while not self._over:
            self._wake.clear()
            while not self._replies.empty():
                frames = self._replies.get_nowait()
                if not isinstance(frames[0], Answers):
                    self._asked, self._idle = True, False
                await self._talk.send(*frames)
            if offers := await self._giving.offers():
                await self._talk.send(*offers)
            if parts := await self._some(together):
                begun_s = loop.time()
                await self._talk.send_apart(parts)
                quick = loop.time() - begun_s < _QUICK_S
                together = min(_MOST_TOGETHER, 2 * together) if quick else 1
                sent = (frame for frames in parts for frame in frames)
                self._run.advance(sum(len(f.data) for f in sent if isinstance(f, Block)))
                continue
            if self._is_done():
                break
            if self._wake.is_set():
                continue
            try:
                await asyncio.wait_for(self._wake.wait(), _QUIET_S)
            except TimeoutError:
                break
        if not self._over:
            await self._talk.end()

    async def _some(self, most: int) -> list[list[Frame]]:
        """The frames of the next blocks, at most so many."""
        found: list[list[Frame]] = []
        while len(found) < most and (frames := await self._giving.next()):
            found.append(frames)
        return found

    def _is_done(self) -> bool:
        if self._giving.finishing:
            return True
        return (
            self._asked
            and self._idle
            and not self._receiving.waits
            and not self._giving.waits_for_answers
            and self._replies.empty()
        )

    # Reading

    async def _read(self) -> None:
        half: HalfDuplex | None = None
        try:
            await self._read_to_the_end()
        except HalfDuplex as error:
            half = error
            self._giving.finishing = True
            self._wake.set()
            # Some of these paths cut the answer short as well.
            with contextlib.suppress(Cut, Unreachable):
                await self._read_to_the_end()
        finally:
            self._over = True
            self._wake.set()
        if half is not None:
            raise half

    async def _read_to_the_end(self) -> None:
        async for frame in self._talk.frames():
            await self._heed(frame)
            self._wake.set()
            if self._talk.heard_bytes > _MOST_HEARD_BYTES:
                raise TooLarge(f"more than {_MOST_HEARD_BYTES:,} bytes in one session")

    async def _heed(self, frame: Frame) -> None:
        match frame:
            case Welcome():
                await self._welcome(frame)
            case Answers():
                await self._note(self._giving.answers(frame))
            case Partial():
                self._giving.partial(frame)
            case Ack():
                await self._note(self._giving.acks(frame))
            case Receipt():
                words = self._giving.receipt(frame)
                await self._run.disk.run(
                    self._run.outbox.note, self._place.entry.signing_key, frame.day, words
                )
            case Offers():
                self._replies.put_nowait([await self._receiving.answer(frame)])
            case HeaderFrame() | Leaves() | Block():
                await self._receiving.take(frame)
            case Opened():
                await self._receiving.opened(frame)
            case Idle():
                self._idle = True
            case Error():
                said = str(error_for(frame.verdict, frame.detail))
                self._report.problem = f"the relay says: {said}"
            case _:
                # Purges, stamps, cursors and sketches are for desks and peers.
                pass

    async def _welcome(self, frame: Welcome) -> None:
        self._report.reached = True
        self._day = frame.day
        self._giving.welcome(frame.day, frame.largest_body)
        await self._run.disk.run(
            self._run.outbox.note_largest_body,
            self._place.entry.signing_key,
            frame.largest_body,
        )
        await self._run.disk.run(self._run.library.clear_expired, frame.day)
        own = {card.desk_id for card in self._place.cards}
        unopened = await self._run.disk.run(self._run.outbox.unopened)
        asked = ask(
            frame,
            [parcel_id for parcel_id, desk_id in unopened if desk_id in own],
            self._run.mailboxes,
        )
        if asked.advice:
            self._report.advice.append(asked.advice)
        public = await self._run.disk.run(public_interest, 0, self._place.cards, self._run.library)
        # All at once, so that one IDLE answers all of it.
        self._replies.put_nowait([*public, *asked.frames])

    async def _note(self, words: list[tuple[int, Word]]) -> None:
        if words:
            await self._run.disk.run(
                self._run.outbox.note, self._place.entry.signing_key, self._day, words
            )


async def transmit(run: Run, entry: RelayEntry, cards: Sequence[DeskCard]) -> RelayReport:
    """Talk with one relay about these desks' parcels; what came of it. Never raises for the relay.

    Raises what the disk does.
    """
    place = _Place(entry, tuple(cards))
    report = RelayReport(entry.addresses[0], entry.country)
    await run.disk.run(run.outbox.note_relay, entry.signing_key, entry.addresses[0], entry.country)

    async def talk(conversation: Conversation) -> None:
        await _Session(run, place, report, conversation).run()

    try:
        await converse(entry, talk, settings=run.carrier, roads=run.roads)
    except Refused as error:
        report.says_no = True
        report.problem = str(error)
    except Cut:
        # What the relay itself gave as a reason says more.
        report.problem = report.problem or (
            "the connection broke off; what it had not confirmed goes again next time"
            if report.reached
            else "it hung up before it had proven to be the relay of the card"
        )
    except (Unreachable, HalfDuplex) as error:
        report.problem = str(error)
        report.has_more = isinstance(error, TookTooLong) and report.went_on
    except ProtocolError as error:
        report.problem = f"it breaks the protocol: {error}"
    return report


def exit_code(reports: Sequence[RelayReport]) -> int:
    """0 if all went well, 4 if something was refused that nobody has, 3 if no relay was reached."""
    if any(report.reached for report in reports):
        return 4 if any(report.stuck for report in reports) else 0
    return 4 if any(report.says_no for report in reports) else 3
