"""Replies (section 10)."""

from collections.abc import Iterator

from tests.make_vectors import wire
from tests.make_vectors.documents import (
    DAY,
    DESK_ID,
    DESK_KEY,
    DESK_SEED,
    OTHER_DESK_ID,
    OTHER_KEY,
    OTHER_SEED,
    SMALL_ORDER,
    key,
    reply_fields,
    statement,
)
from tests.make_vectors.scenario import Scenario, tree
from tests.make_vectors.wire import Value

_BIND = wire.label("bind") + wire.draw("header front of a reply", 64)


def _context(desk_id: bytes, reply_key: bytes, bind: bytes = _BIND) -> bytes:
    return desk_id + wire.sha256(reply_key) + bind


def _case(
    name: str, comment: str, verdict: str = "ok", *, seed: bytes = DESK_SEED,
    label: str = "reply", given: dict[str, bytes] | None = None, **changed: Value,
) -> Scenario:  # fmt: skip
    fields = reply_fields(**changed)
    content = wire.pack(fields)
    reply_key = key("reporter").public
    signature = wire.sign(seed, label, _context(DESK_ID, reply_key), content)
    whole: dict[str, object] = {"content": content, "signature": signature, "desk_id": DESK_ID,
                              "reply_key": reply_key, "bind": _BIND}  # fmt: skip
    out = {"fields": tree(fields[:10])} if verdict == "ok" else {}
    return Scenario("verify_reply", name, "10", comment, whole | (given or {}), verdict, out)


def scenarios() -> Iterator[Scenario]:
    """All of the operation `verify_reply`."""
    yield _case("good", "A reply to a report, wanting an original.")
    yield _case("to-nobody", "A reply to no report.", answers=None, wanted=[])
    yield _case("text-16384", "The longest text.", text="a" * 16384)
    yield _case("text-empty", "Nothing but what is wanted.", text="")
    yield _case("wanted-96", "Most wanted parts.",
                wanted=[wire.draw(f"wanted {n}") for n in range(96)])  # fmt: skip
    yield _case("longer-array", "A field that this version does not know.", more=["new"])
    for name, number in (("2-31", 2**31), ("2-32", 2**32), ("2-53-less-1", 2**53 - 1)):
        yield _case(f"number-{name}", "Replies are counted.", number=number)
    yield _case("last-certified-day", "The last day of the signing key.", issued=DAY + 300)

    yield _case("version-0", "There is no version 0.", "unknown_version", version=0)
    yield _case("version-2", "A version of the future.", "unknown_version", version=2)
    yield _case("number-2-53", "Above the largest integer.", "malformed", number=2**53)
    yield _case("nonce-15", "The nonce is short.", "malformed", nonce=bytes(15))
    yield _case("answers-31", "An id is short.", "malformed", answers=bytes(31))
    yield _case("language-36", "One byte too long.", "malformed", language="a" * 36)
    yield _case("text-16385", "One byte too long.", "malformed", text="a" * 16385)
    yield _case("text-escape", "A control character.", "malformed", text="\x1b[2J")
    yield _case("wanted-97", "One too many.", "malformed", wanted=[bytes(32)] * 97)
    yield _case("wanted-nil", "An array, if empty.", "malformed", wanted=None)
    yield _case("signing-key-31", "A key is short.", "malformed", signing_key=bytes(31))
    yield _case("statement-8193", "A statement is at most 8192 bytes.", "malformed",
                statement=bytes(8193))  # fmt: skip

    yield _case("another-desk", "Another desk's reply, well signed.", "wrong_recipient",
                given={"desk_id": OTHER_DESK_ID})  # fmt: skip
    yield _case("statement-of-another-desk", "The statement is another desk's.",
                "wrong_recipient", statement=statement(OTHER_SEED))  # fmt: skip
    yield _case("order-desk-before-key", "Another desk's statement, and a key in none of its rows.",
                "wrong_recipient", statement=statement(OTHER_SEED), signing_key=OTHER_KEY,
                seed=OTHER_SEED)  # fmt: skip
    yield _case("another-mailbox", "Moved to another mailbox.", "bad_signature",
                given={"reply_key": key("another reporter").public})  # fmt: skip
    yield _case("another-parcel", "Moved to another parcel.", "bad_signature",
                given={"bind": wire.label("bind") + bytes(64)})  # fmt: skip
    yield _case("content-changed", "Another text under the same signature.", "bad_signature",
                given={"content": wire.pack(reply_fields(text="Another text."))})  # fmt: skip
    yield _case("signed-as-report", "The label is a report's.", "bad_signature", label="report")
    yield _case("signed-by-another", "Signed by a key that is not the one named.",
                "bad_signature", seed=OTHER_SEED)  # fmt: skip
    yield _case("key-unknown", "The key is in no row.", "not_certified", seed=OTHER_SEED,
                signing_key=OTHER_KEY)  # fmt: skip
    yield _case("key-small-order", "A key of small order: no statement certifies one.",
                "not_certified", signing_key=SMALL_ORDER)  # fmt: skip
    yield _case("key-revoked", "The key is revoked.", "not_certified",
                statement=statement(revoked=[DESK_KEY]))  # fmt: skip
    yield _case("issued-too-early", "Before the key's first day.", "not_certified",
                issued=DAY - 31)  # fmt: skip
    yield _case("issued-too-late", "Behind the key's last day.", "not_certified",
                issued=DAY + 301)  # fmt: skip
    broken = statement()
    yield _case("statement-changed", "One bit of the statement's signature.", "bad_signature",
                statement=broken[:-1] + bytes([broken[-1] ^ 1]))  # fmt: skip
    signature = wire.sign(DESK_SEED, "reply", _context(DESK_ID, key("reporter").public),
                          wire.pack(reply_fields()))  # fmt: skip
    yield _case("algorithm-2", "There is no algorithm 2.", "unknown_suite",
                given={"signature": b"\x02" + signature[1:]})  # fmt: skip
