"""A session as a machine without I/O (SPEC section 17): bytes in, frames out, and the other way.

Owns what may be said when. What a frame asks for is done by whoever drives the session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from qanat_protocol.channel import (
    MAX_PLAIN_BYTES,
    REFUSAL,
    ClientChannel,
    Data,
    RelayChannel,
)
from qanat_protocol.errors import (
    Cut,
    LocalError,
    LocalUnexpectedFrame,
    Malformed,
    RemoteError,
    UnexpectedFrame,
    UnknownVersion,
    our_own,
)
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import (
    Answers,
    End,
    Error,
    Frame,
    FrameType,
    Hello,
    Offers,
    Welcome,
)
from qanat_protocol.interest import (
    sign_desk_interest,
    sign_peer_interest,
    verify_desk_interest,
    verify_peer_interest,
)
from qanat_protocol.limits import HEADER_BYTES
from qanat_protocol.runs import Run, read_run, write_run
from qanat_protocol.sealing import SealingSecret

__all__ = [
    "HELLO",
    "TRANSITIONS",
    "VERSION",
    "VERSIONS",
    "ClientSession",
    "Event",
    "RelaySession",
    "Side",
    "State",
    "sign_desk_interest",
    "sign_peer_interest",
    "verify_desk_interest",
    "verify_peer_interest",
]

VERSION: Final = 1
VERSIONS: Final = (VERSION,)
"""What this program speaks. Who speaks more than one knows the last one as well as ever."""

HELLO: Final = Hello(VERSIONS)
"""What every client of this version says first."""


class Side(Enum):
    """Who speaks."""

    CLIENT = auto()
    RELAY = auto()


class State(Enum):
    """Where one direction stands."""

    NEW = auto()
    OPEN = auto()
    REFUSED = auto()
    ENDED = auto()


class Event(Enum):
    """What the side of that direction says."""

    HELLO = auto()
    WELCOME = auto()
    ERROR = auto()
    END = auto()
    OTHER = auto()


TRANSITIONS: Final[dict[Side, dict[tuple[State, Event], State]]] = {
    Side.CLIENT: {
        (State.NEW, Event.HELLO): State.OPEN,
        (State.OPEN, Event.OTHER): State.OPEN,
        (State.OPEN, Event.ERROR): State.OPEN,
        (State.OPEN, Event.END): State.ENDED,
    },
    Side.RELAY: {
        (State.NEW, Event.WELCOME): State.OPEN,
        # A relay that shares no version, or is too busy to begin, says why and ends.
        (State.NEW, Event.ERROR): State.REFUSED,
        (State.REFUSED, Event.END): State.ENDED,
        (State.OPEN, Event.OTHER): State.OPEN,
        (State.OPEN, Event.ERROR): State.OPEN,
        (State.OPEN, Event.END): State.ENDED,
    },
}
"""Per side: what it may say in which state. What has no row is not allowed."""


_STEPS: Final = frozenset({Hello, Welcome, Error, End, Offers, Answers})
"""Frames that may change something in an open direction. The others come by the thousand."""


@dataclass(frozen=True, slots=True)
class _Direction:
    """One direction's state, and how many offers and answers it has carried."""

    side: Side
    state: State = State.NEW
    offered: int = 0
    answered: int = 0

    def step(self, frame: Frame | None, heard: _Direction) -> _Direction:
        """This direction after one more frame (None: one that is ignored).

        `heard` is the other direction, whose offers the answers are for. Raises UnexpectedFrame.
        """
        event = _event_of(frame)
        state = TRANSITIONS[self.side].get((self.state, event))
        if state is None:
            raise UnexpectedFrame(
                f"{event.name} from the {self.side.name.lower()}, whose direction is"
                f" {self.state.name}"
            )
        match frame:
            case Offers(first, offers):
                if first != self.offered:
                    raise UnexpectedFrame(f"offers from {first} on; {self.offered} is next")
                return _Direction(self.side, state, first + len(offers), self.answered)
            case Answers(first, codes):
                if first != self.answered or first + len(codes) > heard.offered:
                    raise UnexpectedFrame(
                        f"answers {first} to {first + len(codes) - 1}; {self.answered} is next of"
                        f" {heard.offered} offers"
                    )
                return _Direction(self.side, state, self.offered, first + len(codes))
            case _:
                if state is self.state:
                    return self
                return _Direction(self.side, state, self.offered, self.answered)


def _event_of(frame: Frame | None) -> Event:
    match frame:
        case Hello():
            return Event.HELLO
        case Welcome():
            return Event.WELCOME
        case Error():
            return Event.ERROR
        case End():
            return Event.END
        case _:
            return Event.OTHER


def _is_header(piece: bytes) -> bool:
    """Whether it is a HEADER alone. It goes with its BLOCK: together they are read as a run."""
    return len(piece) < 2 * HEADER_BYTES and piece[3] == FrameType.HEADER


class _Session:
    """What both sides do alike: pack and unpack frames, and hold each direction to its table."""

    def __init__(self, channel: ClientChannel | RelayChannel, ours: Side, theirs: Side) -> None:
        self._channel = channel
        self._ours = _Direction(ours)
        self._theirs = _Direction(theirs)
        self._failure: RemoteError | None = None

    @property
    def session_hash(self) -> bytes:
        """32 bytes that are this session's alone, whoever says again what was said in another. A
        relay has them once the preamble is read, a client once the answer is: LocalError before."""
        return self._channel.session_hash

    @property
    def is_open(self) -> bool:
        """Whether there are such bytes yet."""
        return self._channel.is_open

    @property
    def ended(self) -> bool:
        """Whether the other side has said END."""
        return self._theirs.state is State.ENDED

    @property
    def failure(self) -> RemoteError | None:
        """Why nothing more can be received, or None. Known as soon as the bytes are in."""
        return self._failure

    def send(self, *frames: Frame | Run) -> bytes:
        """The packets that carry these frames, as many in each as fit.

        Raises a LocalError, and sends none of them, where a frame may not be said now, or would
        be refused by the other side.
        """
        direction = self._ours
        pieces: list[bytes] = []
        for frame in frames:
            if isinstance(frame, Run):
                if direction.state is not State.OPEN:
                    raise LocalUnexpectedFrame("a run of parcels in a direction that is not open")
                pieces += write_run(frame)
                continue
            if type(frame) in _STEPS or direction.state is not State.OPEN:
                with our_own():
                    direction = direction.step(frame, self._theirs)
            record = encode_frame(frame)
            pieces.append(len(record).to_bytes(2) + record)
        packets = self._seal(pieces)
        self._ours = direction
        return packets

    def receive(self, data: Data) -> list[Frame]:
        """The frames that `data` completes.

        Raises as `receive_runs` does.
        """
        return [
            frame
            for received in self.receive_runs(data)
            for frame in (received.frames() if isinstance(received, Run) else (received,))
        ]

    def receive_runs(self, data: Data) -> list[Frame | Run]:
        """The frames that `data` completes; parcels of one block as runs where they come so.

        Raises a RemoteError when the other side breaks the protocol. Frames that stand before the
        fault are returned first: the error comes with the next call, and again with every call
        after it; `failure` tells it at once.
        """
        if self._failure is None:
            frames: list[Frame | Run] = []
            try:
                for plain in self._channel.feed(data):
                    self._read(plain, frames)
                if self._channel.failure is not None:
                    raise self._channel.failure
            except RemoteError as failure:
                self._failure = failure
            if frames or self._failure is None:
                return frames
        raise self._failure.with_traceback(None)

    def finish(self) -> None:
        """The input has ended. Raises the failure, or Cut where END was not among it."""
        if self._failure is None and not self.ended:
            self._failure = Cut("the other side's bytes end before END")
        if self._failure is not None:
            raise self._failure.with_traceback(None)

    def _seal(self, pieces: Sequence[bytes]) -> bytes:
        """The packets that carry whole frames with their lengths; none is split over packets."""
        packets = []
        first, room_bytes = 0, MAX_PLAIN_BYTES
        for number, piece in enumerate(pieces):
            if len(piece) > room_bytes:
                end = number - (number - first > 1 and _is_header(pieces[number - 1]))
                packets.append(self._channel.seal(b"".join(pieces[first:end])))
                first, room_bytes = end, MAX_PLAIN_BYTES - sum(map(len, pieces[end:number]))
            room_bytes -= len(piece)
        if pieces:
            packets.append(self._channel.seal(b"".join(pieces[first:])))
        return b"".join(packets)

    def _read(self, plain: bytes, frames: list[Frame | Run]) -> None:
        view = memoryview(plain)
        at = 0
        while at < len(view):
            if self._theirs.state is State.OPEN and (found := read_run(view, at)) is not None:
                run, at = found
                frames.append(run)
                continue
            start = at + 2
            at = start + int.from_bytes(view[at:start], "big")
            if start > len(view) or at > len(view):
                raise Malformed("a frame does not end with its packet")
            frame = decode_frame(view[start:at])
            if type(frame) in _STEPS or self._theirs.state is not State.OPEN:
                self._theirs = self._theirs.step(frame, self._ours)
            if frame is not None:
                self._check(frame)
                frames.append(frame)

    def _check(self, frame: Frame) -> None:
        """What this side asks of a frame beyond the table; raises RemoteError."""


class ClientSession(_Session):
    """The side that begins. `relay_sealing_key` (1216 bytes) comes from a card."""

    _channel: ClientChannel

    def __init__(self, relay_sealing_key: bytes, versions: Sequence[int] = VERSIONS) -> None:
        """versions: those that its HELLO names."""
        super().__init__(ClientChannel(relay_sealing_key), Side.CLIENT, Side.RELAY)
        self._versions = versions
        self._started = False
        self._welcome: Welcome | None = None

    @property
    def welcome(self) -> Welcome | None:
        """The relay's first frame, once it is there."""
        return self._welcome

    def start(self) -> bytes:
        """The preamble, which goes before everything else; once."""
        if self._started:
            raise LocalError("the session has been started")
        self._started = True
        return self._channel.preamble

    def _seal(self, pieces: Sequence[bytes]) -> bytes:
        if not self._started:
            raise LocalError("the session has not been started")
        return super()._seal(pieces)

    def _check(self, frame: Frame) -> None:
        if isinstance(frame, Welcome):
            if frame.version not in self._versions:
                named = ", ".join(map(str, self._versions))
                raise UnknownVersion(f"the relay chose version {frame.version}, not {named}")
            self._welcome = frame


class RelaySession(_Session):
    """The side that answers, with the secret of the sealing key that its card names."""

    _channel: RelayChannel

    def __init__(self, secret: SealingSecret, versions: Sequence[int] = VERSIONS) -> None:
        """versions: those that this relay speaks."""
        super().__init__(RelayChannel(secret), Side.RELAY, Side.CLIENT)
        self._versions = versions
        self._version = VERSION
        self._answered = False

    @property
    def version(self) -> int:
        """The highest that both speak, once HELLO is read: what WELCOME is to name."""
        return self._version

    @property
    def refusal(self) -> bytes:
        """What to send, unsealed, before hanging up: which channel versions there are. Or b""."""
        foreign = isinstance(self._failure, UnknownVersion) and not self._channel.is_open
        return REFUSAL if foreign else b""

    def _seal(self, pieces: Sequence[bytes]) -> bytes:
        answer = b"" if self._answered else self._channel.answer()
        packets = super()._seal(pieces)
        self._answered = True
        return answer + packets

    def _check(self, frame: Frame) -> None:
        if not isinstance(frame, Hello):
            return
        shared = set(frame.versions).intersection(self._versions)
        if not shared:
            spoken, ours = (", ".join(map(str, each)) for each in (frame.versions, self._versions))
            raise UnknownVersion(f"the client speaks versions {spoken}; this relay {ours}")
        self._version = max(shared)
