"""One session of a reporter with one relay: hello, asking, giving and taking at once, the end.

Persists what it is told before it goes on; a session that breaks at any byte loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence

from qanat_client.carriers.conversation import Conversation, Roads, converse
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import HalfDuplex, Refused, TookTooLong, Unreachable
from qanat_client.reporter.asking import FIRST_OPENED, ask, card_interest, public_interest
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.disk_thread import DiskThread
from qanat_client.reporter.giving import Giving
from qanat_client.reporter.home import Home
from qanat_client.reporter.known_relays import KnownRelays
from qanat_client.reporter.learned import RelayCards
from qanat_client.reporter.library import Library
from qanat_client.reporter.line import QUIET_S, Line, SideLine
from qanat_client.reporter.openings import Openings
from qanat_client.reporter.outbox import Outbox, Said
from qanat_client.reporter.receiving import Receiving
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.reporter.relays import Target
from qanat_client.reporter.stamper import Stamper
from qanat_client.reporter.traffic import Traffic
from qanat_client.reporter.widening import Connections, widen
from qanat_protocol.errors import Cut, ProtocolError, error_for
from qanat_protocol.frames import (
    Answers,
    Block,
    Card,
    Error,
    Frame,
    HeaderFrame,
    Idle,
    Leaves,
    Offers,
    Opened,
    Partial,
    Welcome,
)

__all__ = ["Run", "transmit"]


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
        stamper: Stamper,
    ) -> None:
        desks = Desks(home)
        self.disk = DiskThread()
        self.outbox = Outbox(home, connection)
        self.library = Library(home, connection, desks)
        self.relays = KnownRelays(home, connection)
        self.relay_cards = RelayCards(home, connection)
        self.reached: set[bytes] = set()
        """The relays (their signing keys) that have answered."""
        self.carrier = carrier
        self.roads = roads
        self.traffic = traffic
        self.mailboxes = tuple(mailboxes)
        self.advance = advance
        self.stamper = stamper
        self.connections = Connections()
        self.widen = widen


class _Session(Line):
    """One conversation, from the first byte to the last, with those beside it."""

    def __init__(self, run: Run, place: Target, report: RelayReport, talk: Conversation) -> None:
        giving = Giving(
            place.entry.signing_key,
            outbox=run.outbox,
            disk=run.disk,
            traffic=run.traffic,
            report=report,
            desks=frozenset(card.desk_id for card in place.cards),
            stamper=run.stamper,
        )
        super().__init__(talk, giving, self._keep, run.advance)
        self._run = run
        self._place = place
        self._report = report
        self._day = run.traffic.today
        self._receiving = Receiving(run.library, run.disk, report, run.traffic.today)
        self._replies: asyncio.Queue[list[Frame]] = asyncio.Queue()
        self._openings: Openings | None = None
        self._asked = False
        self._idle = False
        self._card_due = False
        self._card_asked = False

    async def run(self) -> None:
        """As `Line.run`."""
        if self._place.named_by is None:
            self._card_due = await self._run.disk.run(
                self._run.relay_cards.asks, self._giving.relay
            )
        await self.talk.open(*await self._giving.offers())
        widening = asyncio.create_task(
            self._run.widen(
                self.talk,
                self._giving,
                lambda talk: self._beside(talk).run(),
                self._run.connections,
            )
        )
        self._run.stamper.listeners.add(self._giving.stir)
        try:
            await super().run()
            # Before END a relay gives all that it was asked for.
            await self._keep_told()
            # The others have their last words to hear; one that stands still holds nobody up.
            await asyncio.wait({widening}, timeout=QUIET_S)
            if widening.done():
                widening.result()
        finally:
            self._run.stamper.listeners.discard(self._giving.stir)
            widening.cancel()
            await asyncio.wait({widening})
            self._giving.over()

    def _beside(self, talk: Conversation) -> SideLine:
        return SideLine(talk, self._giving, self._keep, self._run.advance)

    # Sending

    async def say(self) -> None:
        """Answers, questions and offers."""
        while not self._replies.empty():
            frames = self._replies.get_nowait()
            if not isinstance(frames[0], Answers):
                self._asked, self._idle = True, False
            await self.talk.send(*frames)
        if offers := await self._giving.offers():
            await self.talk.send(*offers)

    def is_done(self) -> bool:
        """Whether all was said and answered."""
        if self._giving.finishing:
            return True
        return (
            self._asked
            and self._idle
            and not self._receiving.waits
            and not self._giving.waits(self.lane)
            and self._replies.empty()
        )

    def ended(self) -> None:
        """Nothing more is sent, by the others neither."""
        self._giving.ended.set()
        self._giving.stir()

    # Reading

    async def read(self) -> None:
        """Read to the end; on a path that gives no answers before it, once letters have gone."""
        half: HalfDuplex | None = None
        try:
            await super().read()
        except HalfDuplex as error:
            half = error
            self.over = False
            self._giving.finishing = True
            self._giving.stir()
            # Some of these paths cut the answer short as well.
            with contextlib.suppress(Cut, Unreachable):
                await super().read()
        if half is not None:
            raise half

    async def heed(self, frame: Frame) -> None:
        """Do what a frame asks for, or keep what it says."""
        match frame:
            case Welcome():
                await self._welcome(frame)
            case Answers():
                await self._keep(None, self._giving.answers(frame))
            case Partial():
                self._giving.partial(frame)
            case Offers():
                self._replies.put_nowait([await self._receiving.answer(frame)])
            case HeaderFrame() | Leaves() | Block():
                await self._receiving.take(frame)
            case Opened() if self._openings is not None:
                # Of the many that a prefix matches most are other people's.
                if self._openings.heard(frame.parcel_id):
                    is_true = await self._receiving.opened(frame)
                    self._openings.weighed(frame.parcel_id, is_true=is_true)
            case Idle():
                self._idle = True
                if self._openings is not None and len(self._openings.interests) == 1:
                    # Asked before all else, so that this answers it, and maybe more.
                    await self._keep_told()
                if self._card_due:
                    # Behind all else: it is of use when this relay can't be reached any more.
                    self._card_due, self._card_asked = False, True
                    self._replies.put_nowait([card_interest()])
            case Card() if self._card_asked:
                self._card_asked = False
                await self._keep_card(frame)
            case Error():
                said = str(error_for(frame.verdict, frame.detail))
                self._report.problem = f"the relay says: {said}"
            case _:
                # Purges, stamps, cursors and sketches are for desks and peers.
                await super().heed(frame)

    async def _welcome(self, frame: Welcome) -> None:
        self._report.reached = True
        self._day = frame.day
        self._giving.welcome(frame.day, frame.largest_body, frame.effort)
        self._run.reached.add(self._giving.relay)
        await self._run.disk.run(
            self._run.relays.note_reached,
            self._giving.relay,
            self.talk.address or self._place.entry.addresses[0],
            frame.largest_body,
        )
        await self._run.disk.run(self._run.library.clear_expired, frame.day)
        own = {card.desk_id for card in self._place.cards}
        unopened = await self._run.disk.run(self._run.outbox.unopened)
        self._openings = Openings(
            frame,
            [(parcel_id, desk_id) for parcel_id, desk_id in unopened if desk_id in own],
            await self._run.disk.run(self._run.relays.told, self._giving.relay),
            today=self._run.traffic.today,
            number=FIRST_OPENED,
        )
        asked = ask(frame, self._run.mailboxes)
        if asked.advice:
            self._report.advice.append(asked.advice)
        public = await self._run.disk.run(public_interest, 0, self._place.cards, self._run.library)
        self._replies.put_nowait([*self._openings.interests, *public, *asked.frames])

    async def _keep_told(self) -> None:
        """The relay has answered all that it was asked about openings."""
        if self._openings is None or not self._asked:
            return
        if told := self._openings.all_told():
            await self._run.disk.run(self._run.relays.keep_told, self._giving.relay, told)

    async def _keep_card(self, frame: Card) -> None:
        try:
            await self._run.disk.run(self._run.relay_cards.keep, self._giving.relay, frame.envelope)
        except ProtocolError as error:
            self._report.tell(f"its own card was not taken ({error})")

    async def _keep(self, day: int | None, words: Sequence[Said]) -> None:
        if words:
            await self._run.disk.run(
                self._run.outbox.note,
                self._giving.relay,
                self._day if day is None else day,
                words,
            )


async def transmit(run: Run, place: Target, *, spares: int = 0) -> RelayReport:
    """Talk with one relay about its desks' parcels; what came of it. Never raises for the relay.

    `spares`: how many connections are begun beside the first. Raises what the disk does.
    """
    entry = place.entry
    report = RelayReport(entry.addresses[0], entry.country)
    await run.disk.run(
        run.relays.note, entry.signing_key, entry.addresses[0], entry.country, place.named_by
    )

    async def talk(conversation: Conversation) -> None:
        with run.connections.first(conversation):
            await _Session(run, place, report, conversation).run()

    try:
        await converse(entry, talk, settings=run.carrier, roads=run.roads, spares=spares)
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
