"""What a session says of its own accord: whom it comes for, what it wants by name, what the desk
has opened, and what it hands in. Knows which of that the relay has answered.
"""

from __future__ import annotations

from qanat_client.carriers.conversation import Conversation
from qanat_client.desk.epochs import live_epochs
from qanat_client.desk.halves import Told
from qanat_client.desk.outgoing import Handing
from qanat_client.desk.workbench import Workbench
from qanat_protocol.frames import Ack, Frame, Idle, Opened, Purge, Want
from qanat_protocol.limits import MAX_OFFERS, MAX_PARTIALS_BYTES
from qanat_protocol.session import sign_desk_interest

__all__ = ["Saying"]


class Saying:
    """One session's. `held`: what the relay is told that it need not send."""

    def __init__(self, bench: Workbench, relay: bytes, held: Told) -> None:
        self._bench = bench
        self._relay = relay
        self._held = held
        self._handing = Handing(bench.outbox, relay)
        self._told: dict[Opened | Purge, int] = {}
        """With how many IDLE went before."""
        self._heard_of = 0
        """Up to which of them the tombstones were asked for."""
        self._wanted: dict[bytes, int] = {}
        """The same, by the offers that were asked for by name."""
        self._ever_asked: set[bytes] = set()
        self._idles = self._answered = 0
        self._is_open = False

    @property
    def waits(self) -> bool:
        """Whether an IDLE of ours is not answered."""
        return self._answered < self._idles

    @property
    def is_answered(self) -> bool:
        """Whether all that was said is."""
        return not (self.waits or self._is_open)

    def wants(self, offer: bytes) -> bool:
        """Whether this was asked for by name."""
        return offer in self._wanted

    def asked(self, offer: bytes) -> None:
        """This was asked for when it was offered."""
        self._ever_asked.add(offer)

    def hear(self, ack: Ack, day: int) -> None:
        """Keep the relay's word on what was handed in. Raises UnexpectedFrame."""
        self._handing.hear(ack, day)

    async def begin(
        self, conversation: Conversation, cursor: bytes | None, estimate: bytes | None
    ) -> None:
        """What is held before what leads to its being sent, and old wishes behind the proof."""
        bench = self._bench
        for parcel_id, bitmap in bench.arrivals.held().items():
            # The other half is for what will be offered.
            told = self._held.tell(parcel_id, bitmap, up_to_bytes=MAX_PARTIALS_BYTES // 2)
            if told is not None:
                await conversation.send(told)
        epochs = live_epochs(bench.desk.vault)
        interest = sign_desk_interest(
            bench.desk.signing,
            await conversation.session_hash(),
            number=0,
            statement=bench.desk.card.statement_bytes,
            first_epoch=epochs[0],
            last_epoch=epochs[-1],
            cursor=cursor,
            estimate=estimate,
        )
        await self._send(conversation, interest, *self._wishes())
        await self.tell(conversation)
        await self._hand_in(conversation)

    async def more(self, conversation: Conversation) -> None:
        """What has come up since: wishes that others did not fulfil, and what waits to go."""
        if wishes := self._wishes():
            await self._send(conversation, *wishes)
        await self.tell(conversation)
        await self._hand_in(conversation)

    async def tell(self, conversation: Conversation) -> None:
        """What the desk has opened or purged, and this relay does not know."""
        bench = self._bench
        day = bench.book.plausible_day(bench.desk.today)
        found, self._heard_of = bench.tombstones.untold_since(self._relay, day, self._heard_of)
        news = [frame for frame in found if frame not in self._told]
        if news:
            self._told.update(dict.fromkeys(news, self._idles))
            await self._send(conversation, *news)

    async def ask_for_idle(self, conversation: Conversation) -> None:
        """Ask what became of all that was said, and whether the relay is there."""
        self._idles += 1
        self._is_open = False
        await conversation.send(Idle())

    def confirm(self, idles: int) -> None:
        """The relay answers so many IDLE, and with them all that was said before."""
        self._answered = max(self._answered, min(idles, self._idles))
        self._settle(self._answered)

    def confirm_all(self) -> None:
        """The session is over, in order."""
        self._settle(self._idles + 1)

    def _settle(self, answered: int) -> None:
        told = [frame for frame, before in self._told.items() if before < answered]
        if told:
            self._bench.tombstones.mark_told(self._relay, told)
        gone = [offer for offer, before in self._wanted.items() if before < answered]
        if gone:
            # What did not come by now this relay does not have.
            self._bench.arrivals.give_up(self._relay, gone)
        for frame in told:
            del self._told[frame]
        for offer in gone:
            del self._wanted[offer]

    def _wishes(self) -> list[Frame]:
        found = [
            offer
            for offer in self._bench.arrivals.skipped(self._relay)
            # Once in a session: others have their turn, and a relay that gives what does not verify
            # would be asked for ever.
            if offer not in self._ever_asked and self._claim(offer)
        ]
        self._wanted.update(dict.fromkeys(found, self._idles))
        self._ever_asked.update(found)
        return [Want(tuple(found[at : at + MAX_OFFERS])) for at in range(0, len(found), MAX_OFFERS)]

    def _claim(self, offer: bytes) -> bool:
        """Whether to ask by name: not while others are asked for some of its blocks."""
        claims = self._bench.arrivals.claims
        known_id, _ = claims.of_others(offer, self._relay)
        return known_id is None and claims.take_whole(offer, self._relay)

    async def _hand_in(self, conversation: Conversation) -> None:
        for frames in self._handing.frames():
            await self._send(conversation, *frames)

    async def _send(self, conversation: Conversation, *frames: Frame) -> None:
        self._is_open = True
        await conversation.send(*frames)
