"""The frames of a session as values (SPEC section 17). Bytes are the work of frame_codec.

Fields stand in the order of the record; what the record joins into one binary is a tuple here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias


class FrameType(IntEnum):
    """The first field of every frame. 128 and above are reserved for growth and ignored."""

    HELLO = 1
    WELCOME = 2
    INTEREST = 3
    CURSOR = 4
    OFFERS = 5
    ANSWERS = 6
    PARTIAL = 7
    WANT = 8
    HEADER = 9
    LEAVES = 10
    BLOCK = 11
    ACK = 12
    RECEIPT = 13
    OPENED = 14
    PURGE = 15
    STAMP = 16
    CELLS = 17
    SKETCH = 18
    BISECT = 19
    IDLE = 20
    ERROR = 21
    END = 22
    LACK = 23
    CARD = 24


class InterestClass(IntEnum):
    """What an interest asks for."""

    DESK = 1
    REPLIES = 2
    OPENED = 3
    PUBLIC = 4
    ALL = 5
    CARD = 6


class Answer(IntEnum):
    """What one side says to one offer of the other."""

    WANT = 0
    HAVE = 1
    TOMBSTONED = 2
    REFUSED = 3
    WANT_REST = 4

    @property
    def is_wanted(self) -> bool:
        """Whether the parcel, or what lacks of it, is to be sent."""
        return self in (Answer.WANT, Answer.WANT_REST)


class AckStatus(IntEnum):
    """What became of a transfer. All but PARTIAL are final."""

    STORED = 0
    PARTIAL = 1
    HAVE = 2
    TOMBSTONED = 3
    REFUSED = 4

    @property
    def is_final(self) -> bool:
        """Whether frames of the transfer behind this status are dropped without a word."""
        return self is not AckStatus.PARTIAL


@dataclass(frozen=True, slots=True)
class Hello:
    """The versions that the client speaks, 1 to 8 of them. The same for every client."""

    versions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Welcome:
    """The relay's first frame: its day, its store's incarnation (16 bytes), what it takes.

    `largest_body` is in bytes; `reply_bits` and `opened_bits` say how long a prefix may be, 0 to
    32; `effort` is the stamp that it would like, 0 for none.
    """

    version: int
    day: int
    incarnation: bytes
    largest_body: int
    reply_bits: int
    opened_bits: int
    effort: int


@dataclass(frozen=True, slots=True)
class DeskInterest:
    """Class 1: letters, parts and tombstones under the tags of a desk's epochs.

    `statement` is an envelope (at most 8192 bytes), `signing_key` 32 bytes, `signature` 65 bytes,
    by a key that the statement certifies. `estimate`: 512 bytes (SPEC section 18), or none of them
    where a sketch is understood and none is asked for; None where not even that.
    """

    number: int
    statement: bytes
    signing_key: bytes
    first_epoch: int
    last_epoch: int
    cursor: bytes | None
    signature: bytes
    estimate: bytes | None = None


@dataclass(frozen=True, slots=True)
class RepliesInterest:
    """Class 2: replies whose tag begins with the first `bits` bits of `prefix` (4 bytes)."""

    number: int
    bits: int
    prefix: bytes


@dataclass(frozen=True, slots=True)
class OpenedInterest:
    """Class 3: OPENED of parcels whose id begins with `bits` bits of one of 1 to 64 prefixes.

    `since`: those that came on this day of the relay's or later, 0 for all.
    """

    number: int
    bits: int
    prefixes: tuple[bytes, ...]
    since: int = 0


@dataclass(frozen=True, slots=True)
class PublicWant:
    """One public tag (16 bytes) and the newest serials that the asker holds, 0 for none."""

    tag: bytes
    bulletin_serial: int
    card_serial: int


@dataclass(frozen=True, slots=True)
class PublicInterest:
    """Class 4: newer public documents of 1 to 32 desks."""

    number: int
    wants: tuple[PublicWant, ...]


@dataclass(frozen=True, slots=True)
class AllInterest:
    """Class 5: everything, for a configured peer that signs with its relay key."""

    number: int
    signing_key: bytes
    cursor: bytes | None
    signature: bytes


@dataclass(frozen=True, slots=True)
class CardInterest:
    """Class 6: the card of the relay that is asked."""

    number: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """All of an interest has been sent up to here. Opaque, at most 64 bytes."""

    interest: int
    cursor: bytes


@dataclass(frozen=True, slots=True)
class Offers:
    """1 to 2048 offers (16 bytes each); `first` counts the sender's offers in the session."""

    first: int
    offers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to the offers from number `first` on, 1 to 2048 of them."""

    first: int
    codes: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Partial:
    """The blocks of a parcel that the sender of this frame holds.

    `bitmap` as in SPEC section 17: bit 7 of byte 0 is block 0, no zero byte at the end.
    """

    parcel_id: bytes
    bitmap: bytes


@dataclass(frozen=True, slots=True)
class Want:
    """Give these (offers of 16 bytes, 1 to 2048) in any case."""

    offers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class HeaderFrame:
    """Opens a transfer; `header` is the parcel's 96 bytes as they are."""

    handle: int
    header: bytes


@dataclass(frozen=True, slots=True)
class Leaves:
    """Hashes (32 bytes each): 1 to 64 of a page, or (page 1024) 1 to 1024 page roots."""

    handle: int
    page: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a body, 1 to 16,384 bytes."""

    handle: int
    index: int
    data: bytes


@dataclass(frozen=True, slots=True)
class AckEntry:
    """A transfer's status. `value`: how many of the transfer's blocks, in the order in which they
    came in this session, are durable (PARTIAL); a verdict (REFUSED); otherwise 0."""

    handle: int
    status: AckStatus
    value: int


@dataclass(frozen=True, slots=True)
class Ack:
    """What group commit number `commit` (from 1) made durable, 1 to 512 entries."""

    commit: int
    entries: tuple[AckEntry, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A custody receipt (SPEC section 13) over 1 to 512 parcel ids; `seed` is 16 bytes."""

    day: int
    seed: bytes
    ids: tuple[bytes, ...]
    signature: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """The desk has opened this parcel (SPEC section 12)."""

    parcel_id: bytes
    opened: bytes
    signing_key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Purge:
    """The desk needs this parcel no more (SPEC section 12)."""

    parcel_id: bytes
    purge_key: bytes


@dataclass(frozen=True, slots=True)
class Stamp:
    """Work done for a parcel (SPEC section 14); `nonce` is 16 bytes."""

    parcel_id: bytes
    epoch: int
    effort: int
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Cells:
    """Up to 2048 cells of a sketch (12 bytes each, one after the other), from cell `first` on."""

    interest: int
    first: int
    cells: bytes


@dataclass(frozen=True, slots=True)
class Sketch:
    """The key (16 bytes) of a day's sketch and the fingerprint (32 bytes) of the set.

    `expected`: about how many ids differ, 0 where that is not known; `cells`: how many follow.
    """

    interest: int
    day: int
    key: bytes
    fingerprint: bytes
    expected: int
    cells: int


@dataclass(frozen=True, slots=True)
class Bisect:
    """Asks for cells of the ids that begin with the first `bits` bits of `prefix`: `count` of them
    from cell `first` on. None: for these ids themselves, as OFFERS."""

    interest: int
    bits: int
    prefix: bytes
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Lack:
    """Asks for up to 4096 parcels by the first 5 bytes of their short ids.

    The last LACK of a sketch has fewer, and may have none.
    """

    interest: int
    heads: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """The envelope of the relay's own card (SPEC section 15), 1 to 65,000 bytes."""

    envelope: bytes


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing more is on its way until something else is asked for, or comes.

    `heard`: how many IDLE of the other side this one answers; of all that was said before them it
    is known by now what became of it.
    """

    heard: int = 0


@dataclass(frozen=True, slots=True)
class Error:
    """A verdict by number (one that is not in the list is allowed) and a line for the person."""

    verdict: int
    detail: str


@dataclass(frozen=True, slots=True)
class End:
    """The last frame of a direction."""


Interest: TypeAlias = (
    DeskInterest | RepliesInterest | OpenedInterest | PublicInterest | AllInterest | CardInterest
)
Frame: TypeAlias = (
    Hello
    | Welcome
    | Interest
    | Cursor
    | Offers
    | Answers
    | Partial
    | Want
    | HeaderFrame
    | Leaves
    | Block
    | Ack
    | Receipt
    | Opened
    | Purge
    | Stamp
    | Cells
    | Sketch
    | Bisect
    | Lack
    | Card
    | Idle
    | Error
    | End
)
