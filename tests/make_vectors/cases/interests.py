"""Interests that prove who asks (section 17, classes 1 and 5)."""

from collections.abc import Iterator

from tests.make_vectors import wire
from tests.make_vectors.documents import (
    DAY,
    DESK_ID,
    DESK_KEY,
    DESK_SEED,
    EPOCH,
    OTHER_KEY,
    OTHER_SEED,
    RELAY_KEY,
    RELAY_SEED,
    SMALL_ORDER,
    statement,
)
from tests.make_vectors.scenario import Scenario
from tests.make_vectors.wire import Value

_SESSION = wire.draw("session hash")
_FIRST, _LAST = EPOCH - 12, EPOCH


def scenarios() -> Iterator[Scenario]:
    """`verify_desk_interest` and `verify_peer_interest`."""
    yield from _desks()
    yield from _peers()


def _signed(
    number: int = 3, first: int = _FIRST, last: int = _LAST, *, seed: bytes = DESK_SEED,
    session: bytes = _SESSION, label: str = "interest",
) -> bytes:  # fmt: skip
    weeks = wire.u32(number) + wire.u32(first) + wire.u32(last)
    return wire.sign(seed, label, session, weeks)


def _desks() -> Iterator[Scenario]:
    def case(name: str, comment: str, verdict: str = "ok", *, day: int = DAY,
             **changed: Value) -> Scenario:  # fmt: skip
        fields: dict[str, Value] = {
            "type": 3, "number": 3, "class": 1, "statement": statement(),
            "signing_key": DESK_KEY, "first": _FIRST, "last": _LAST, "cursor": None,
            "signature": _signed(),
        }  # fmt: skip
        given = {
            "frame": wire.pack(list((fields | changed).values())),
            "session_hash": _SESSION,
            "day": day,
        }
        out = {"desk_id": DESK_ID} if verdict == "ok" else {}
        return Scenario("verify_desk_interest", name, "17", comment, given, verdict, out)

    yield case("good", "A desk asks for its weeks.")
    yield case("cursor", "The cursor is not signed.", cursor=b"a cursor")
    yield case("epoch-0", "From the first week of all.", first=0, last=0,
               signature=_signed(3, 0, 0))  # fmt: skip
    top = 2**32 - 1
    yield case("epoch-2-32-less-1", "Up to the last week of all.", first=top, last=top,
               signature=_signed(3, top, top))  # fmt: skip
    yield case("another-session", "Said in another session.", "bad_signature",
               signature=_signed(session=wire.draw("another session hash")))  # fmt: skip
    yield case("another-number", "Another number.", "bad_signature", number=4)
    yield case("another-first", "An earlier week.", "bad_signature", first=_FIRST - 1)
    yield case("another-last", "A later week.", "bad_signature", last=_LAST + 1)
    yield case("signed-as-peer", "The label is a peer's.", "bad_signature",
               signature=_signed(label="peer"))  # fmt: skip
    yield case("signed-by-another", "Another key's signature.", "bad_signature",
               signature=_signed(seed=OTHER_SEED))  # fmt: skip
    yield case("key-unknown", "The key is in no row.", "not_certified", signing_key=OTHER_KEY,
               signature=_signed(seed=OTHER_SEED))  # fmt: skip
    yield case("key-small-order", "No statement certifies such a key.", "not_certified",
               signing_key=SMALL_ORDER)  # fmt: skip
    yield case("key-revoked", "The key is revoked.", "not_certified",
               statement=statement(revoked=[DESK_KEY]))  # fmt: skip
    yield case("key-expired", "The relay's day is behind the key's last.", "not_certified",
               day=DAY + 301)  # fmt: skip
    broken = statement()
    yield case("statement-changed", "One bit of the statement's signature.", "bad_signature",
               statement=broken[:-1] + bytes([broken[-1] ^ 1]))  # fmt: skip
    yield case("statement-of-nothing", "No statement.", "malformed", statement=b"")
    yield case("algorithm-2", "There is no algorithm 2.", "unknown_suite",
               signature=b"\x02" + _signed()[1:])  # fmt: skip


def _peers() -> Iterator[Scenario]:
    def signed(seed: bytes = RELAY_SEED, session: bytes = _SESSION, label: str = "peer") -> bytes:
        return wire.sign(seed, label, session, wire.u32(3))

    def case(name: str, comment: str, verdict: str = "ok", *, number: int = 3,
             key: bytes = RELAY_KEY, signature: bytes | None = None) -> Scenario:  # fmt: skip
        frame = wire.pack([3, number, 5, key, None, signature or signed()])
        given = {"frame": frame, "session_hash": _SESSION}
        return Scenario("verify_peer_interest", name, "17", comment, given, verdict)

    yield case("good", "A peer asks for all.")
    yield case("another-session", "Said in another session.", "bad_signature",
               signature=signed(session=wire.draw("another session hash")))  # fmt: skip
    yield case("another-number", "Another number.", "bad_signature", number=4)
    yield case("another-key", "Another peer is named.", "bad_signature", key=OTHER_KEY)
    yield case("signed-as-interest", "The label is a desk's.", "bad_signature",
               signature=signed(label="interest"))  # fmt: skip
    yield case("small-order", "The key has small order.", "bad_key", key=SMALL_ORDER)
    yield case("algorithm-0", "There is no algorithm 0.", "unknown_suite",
               signature=b"\x00" + signed()[1:])  # fmt: skip
