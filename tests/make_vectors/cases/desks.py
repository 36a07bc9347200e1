"""Statements and desk cards (section 9)."""

from collections.abc import Iterator

from tests.make_vectors import wire
from tests.make_vectors.documents import (
    DAY,
    DESK_ID,
    DESK_KEY,
    DESK_SEED,
    EPOCH,
    GRACE_DAYS,
    NEXT_ROOT,
    OTHER_KEY,
    OTHER_SEED,
    ROOT,
    ROOT_KEY,
    SMALL_ORDER,
    card,
    card_fields,
    card_hash,
    envelope,
    key,
    relay_entry,
    statement,
    statement_fields,
)
from tests.make_vectors.scenario import Scenario, tree
from tests.make_vectors.wire import Value


def scenarios() -> Iterator[Scenario]:
    """`parse_statement`, `check_certified`, `is_successor`, `parse_card`, `replace_card`,
    `choose_epoch`."""
    yield from _statements()
    yield from _certified()
    yield from _successors()
    yield from _cards()
    yield from _replacing()
    yield from _epochs()


def _statements() -> Iterator[Scenario]:
    row: Value = [DESK_KEY, DAY, DAY + 366]
    good: dict[str, tuple[str, dict[str, Value]]] = {
        "good": ("One certified key.", {}),
        "certified-8": ("Most keys.", {"certified": [row] * 8}),
        "certified-366-days": ("The longest term.", {"certified": [row]}),
        "certified-one-day": ("The shortest term.", {"certified": [[DESK_KEY, DAY, DAY]]}),
        "revoked-64": ("Most revoked keys.",
                       {"revoked": [wire.draw(f"revoked {n}") for n in range(64)]}),
        "predecessor": ("A desk that succeeds another.", {"predecessor": wire.draw("old desk")}),
        "longer-array": ("A field that this version does not know.", {"more": [["new"]]}),
    }  # fmt: skip
    for name, number in (("0", 0), ("2-31", 2**31), ("2-32", 2**32), ("2-53-less-1", 2**53 - 1)):
        good[f"serial-{name}"] = ("Serials count from anywhere.", {"serial": number})
    for name, (comment, changed) in good.items():
        yield _statement(name, comment, statement(**changed), fields=statement_fields(**changed))

    bad: dict[str, tuple[str, dict[str, Value], str]] = {
        "version-0": ("There is no version 0.", {"version": 0}, "unknown_version"),
        "version-2": ("A version of the future.", {"version": 2}, "unknown_version"),
        "serial-2-53": ("Above the largest integer.", {"serial": 2**53}, "malformed"),
        "issued-nil": ("A day is an integer.", {"issued": None}, "malformed"),
        "certified-none": ("No key.", {"certified": []}, "malformed"),
        "certified-9": ("One too many.", {"certified": [row] * 9}, "malformed"),
        "certified-367-days": ("One day too long.", {"certified": [[DESK_KEY, DAY, DAY + 367]]},
                               "malformed"),
        "certified-backwards": ("It ends before it begins.",
                                {"certified": [[DESK_KEY, DAY, DAY - 1]]}, "malformed"),
        "certified-small-order": ("A key of small order.",
                                  {"certified": [[SMALL_ORDER, DAY, DAY]]}, "bad_key"),
        "revoked-65": ("One too many.", {"revoked": [bytes(32)] * 65}, "malformed"),
        "revoked-31-bytes": ("A key is short.", {"revoked": [bytes(31)]}, "malformed"),
        "successor-nil": ("A successor is always committed to.", {"successor": None}, "malformed"),
        "predecessor-31": ("An id is short.", {"predecessor": bytes(31)}, "malformed"),
    }  # fmt: skip
    for name, (comment, changed, verdict) in bad.items():
        yield _statement(name, comment, statement(**changed), verdict)

    content = wire.pack(statement_fields())
    good_envelope = statement()
    signature = wire.sign(ROOT, "statement", b"", content)
    envelopes = {
        "signature-changed": ("One bit of the signature.",
                              good_envelope[:-1] + bytes([good_envelope[-1] ^ 1]), "bad_signature"),
        "content-changed": ("Another serial under the same signature.",
                            wire.pack([4, wire.pack(statement_fields(serial=2)), ROOT_KEY,
                                       signature]), "bad_signature"),
        "signer-changed": ("Another root key under the same signature.",
                           wire.pack([4, content, OTHER_KEY, signature]), "bad_signature"),
        "signer-small-order": ("The signer has small order.",
                               wire.pack([4, content, SMALL_ORDER, signature]), "bad_key"),
        "signed-as-card": ("The label is a card's.", envelope(4, "desk-card", ROOT, content),
                           "bad_signature"),
        "type-5": ("The envelope says that it is a card.", envelope(5, "statement", ROOT, content),
                   "unknown_kind"),
        "type-0": ("There is no type 0.", envelope(0, "statement", ROOT, content), "unknown_kind"),
        "algorithm-2": ("There is no algorithm 2.",
                        wire.pack([4, content, ROOT_KEY, b"\x02" + signature[1:]]),
                        "unknown_suite"),
        "signature-64": ("A signature without its algorithm.",
                         wire.pack([4, content, ROOT_KEY, signature[1:]]), "malformed"),
        "trailing-byte": ("A byte behind the envelope.", good_envelope + b"\x00", "malformed"),
        "trailing-byte-inside": ("A byte behind the content, signed.",
                                 envelope(4, "statement", ROOT, content + b"\x00"), "malformed"),
        "truncated": ("The last byte is missing.", good_envelope[:-1], "malformed"),
        "nothing": ("No byte.", b"", "malformed"),
    }  # fmt: skip
    for name, (comment, data, verdict) in envelopes.items():
        yield _statement(name, comment, data, verdict)


def _statement(
    name: str, comment: str, data: bytes, verdict: str = "ok", *, fields: list[Value] | None = None
) -> Scenario:
    out: dict[str, object] = {}
    if fields is not None:
        out = {"desk_id": DESK_ID, "root_key": ROOT_KEY, "fields": tree(fields[:7])}
    return Scenario("parse_statement", name, "9", comment, {"envelope": data}, verdict, out)


def _certified() -> Iterator[Scenario]:
    first, last = DAY - 30, DAY + 300
    rows: list[Value] = [[DESK_KEY, first, last], [OTHER_KEY, first, last]]
    plain, revoking = statement(certified=rows), statement(certified=rows, revoked=[OTHER_KEY])
    for name, comment, data, signing_key, day, verdict in (
        ("first-day", "The first day counts.", plain, DESK_KEY, first, "ok"),
        ("last-day", "The last day counts.", plain, DESK_KEY, last, "ok"),
        ("before", "One day too early.", plain, DESK_KEY, first - 1, "not_certified"),
        ("expired", "One day too late.", plain, DESK_KEY, last + 1, "not_certified"),
        ("second-row", "Any row counts.", plain, OTHER_KEY, DAY, "ok"),
        ("revoked", "Revoked, whatever the rows say.", revoking, OTHER_KEY, DAY, "not_certified"),
        ("other-revoked", "Another key is revoked.", revoking, DESK_KEY, DAY, "ok"),
        ("unknown-key", "No row has it.", plain, ROOT_KEY, DAY, "not_certified"),
        ("day-0", "The first day of all.", plain, DESK_KEY, 0, "not_certified"),
        ("day-2-53-less-1", "The last day of all.", plain, DESK_KEY, 2**53 - 1, "not_certified"),
    ):
        given = {"envelope": data, "signing_key": signing_key, "day": day}
        yield Scenario("check_certified", name, "9", comment, given, verdict)


def _successors() -> Iterator[Scenario]:
    old = statement()
    for name, comment, new, succeeds in (
        ("successor", "The key that was committed to, naming its predecessor.",
         statement(NEXT_ROOT, predecessor=DESK_ID), True),
        ("no-predecessor", "It does not say whom it succeeds.", statement(NEXT_ROOT), False),
        ("other-predecessor", "It says that it succeeds another.",
         statement(NEXT_ROOT, predecessor=wire.draw("old desk")), False),
        ("uncommitted-key", "A root key that was not committed to.",
         statement(OTHER_SEED, predecessor=DESK_ID), False),
        ("itself", "A desk does not succeed itself.", statement(predecessor=DESK_ID), False),
    ):  # fmt: skip
        given = {"old": old, "new": new}
        yield Scenario("is_successor", name, "9", comment, given, output={"successor": succeeds})


def _cards() -> Iterator[Scenario]:
    desk = key("desk").public
    good: dict[str, tuple[str, dict[str, Value]]] = {
        "good": ("A card of two weeks and one relay.", {}),
        "one-week": ("The shortest card.", {"sealing_keys": [desk]}),
        "53-weeks": ("The longest card.", {"sealing_keys": [desk] * 53}),
        "grace-1": ("The shortest grace.", {"grace": 1}),
        "grace-180": ("The longest grace.", {"grace": 180}),
        "name-128": ("The longest name.", {"name": "a" * 128}),
        "languages-none": ("No language.", {"languages": []}),
        "languages-16": ("Most languages.", {"languages": ["kk"] * 16}),
        "note-2048": ("The longest note.", {"note": "a" * 2048}),
        "relays-none": ("No relay: a card for couriers.", {"relays": []}),
        "relay-onion": ("An onion host.", {"relays": [relay_entry(addresses=[
            "http://" + "a" * 56 + ".onion"])]}),
        "relay-ipv6": ("An IPv6 host.", {"relays": [relay_entry(addresses=[
            "http://[2001:db8::7]:8080"])]}),
        "relay-pin": ("A certificate's pin.", {"relays": [relay_entry(pin=wire.draw("pin"))]}),
        "relay-no-country": ("No country.", {"relays": [relay_entry(country="")]}),
        "relay-addresses-8": ("Most addresses.", {"relays": [relay_entry(addresses=[
            f"https://r{n}.example" for n in range(8)])]}),
        "serial-2": ("A second card.", {"serial": 2, "previous": card_hash()}),
        "first-epoch-0": ("The first week of all.", {"first_epoch": 0}),
        "longer-array": ("A field that this version does not know.", {"more": [True]}),
    }  # fmt: skip
    for name, (comment, changed) in good.items():
        yield _card(name, comment, card(**changed), fields=card_fields(**changed))

    short = statement(certified=[[DESK_KEY, DAY - 30, DAY - 1]])
    revoked = statement(revoked=[DESK_KEY])
    broken = statement()
    broken = broken[:-1] + bytes([broken[-1] ^ 1])
    bad: dict[str, tuple[str, dict[str, Value], str]] = {
        "version-2": ("A version of the future.", {"version": 2}, "unknown_version"),
        "serial-0": ("Serials begin with 1.", {"serial": 0}, "malformed"),
        "serial-2-53": ("Above the largest integer.", {"serial": 2**53}, "malformed"),
        "serial-1-with-previous": ("The first card has none before it.",
                                   {"previous": wire.draw("x")}, "malformed"),
        "previous-31": ("A hash is short.", {"previous": bytes(31)}, "malformed"),
        "name-empty": ("A desk has a name.", {"name": ""}, "malformed"),
        "name-129": ("One byte too long.", {"name": "a" * 129}, "malformed"),
        "name-line-feed": ("A line has no line feed.", {"name": "a\nb"}, "malformed"),
        "languages-17": ("One too many.", {"languages": ["kk"] * 17}, "malformed"),
        "note-2049": ("One byte too long.", {"note": "a" * 2049}, "malformed"),
        "grace-0": ("No grace.", {"grace": 0}, "malformed"),
        "grace-181": ("One day too long.", {"grace": 181}, "malformed"),
        "sealing-keys-none": ("No key.", {"sealing_keys": []}, "malformed"),
        "sealing-keys-54": ("One too many.", {"sealing_keys": [desk] * 54}, "malformed"),
        "sealing-key-1215": ("A key is short.", {"sealing_keys": [desk[:-1]]}, "malformed"),
        "sealing-key-not-reduced": ("A coefficient of ML-KEM's key is 4095: above q.",
                                    {"sealing_keys": [b"\xff" * 3 + desk[3:]]}, "bad_key"),
        "sealing-key-x25519-zero": ("X25519's key is the point of order 1.",
                                    {"sealing_keys": [desk[:1184] + bytes(32)]}, "bad_key"),
        "sealing-key-x25519-bit-255": ("The bit that X25519 drops is set: the key in another form.",
                                       {"sealing_keys": [desk[:-1] + bytes([desk[-1] | 0x80])]},
                                       "bad_key"),
        "sealing-key-x25519-above-p": ("X25519's key is p + 9, another form of 9.",
                                       {"sealing_keys": [
                                           desk[:1184] + (2**255 - 10).to_bytes(32, "little")]},
                                       "bad_key"),
        "relays-17": ("One too many.", {"relays": [relay_entry()] * 17}, "malformed"),
        "relay-no-address": ("No address.", {"relays": [relay_entry(addresses=[])]}, "malformed"),
        "relay-addresses-9": ("One too many.",
                              {"relays": [relay_entry(addresses=["http://a"] * 9)]}, "malformed"),
        "relay-small-order": ("The relay's signing key has small order.",
                              {"relays": [relay_entry(signing_key=SMALL_ORDER)]}, "bad_key"),
        "relay-country-lower": ("Two capitals.", {"relays": [relay_entry(country="de")]},
                                "malformed"),
        "relay-country-1": ("Two capitals.", {"relays": [relay_entry(country="D")]}, "malformed"),
        "relay-pin-31": ("A pin is short.", {"relays": [relay_entry(pin=bytes(31))]}, "malformed"),
        "expiry-above-u32": ("No header holds the expiry of these weeks.",
                             {"first_epoch": 2**32 // 7}, "malformed"),
        "sources-17": ("One too many.", {"sources": ["https://a"] * 17}, "malformed"),
        "statement-8193": ("A statement is at most 8192 bytes.", {"statement": bytes(8193)},
                           "malformed"),
        "statement-signature": ("The statement's signature is changed.", {"statement": broken},
                                "bad_signature"),
        "signer-expired": ("The signer's term ended the day before.", {"statement": short},
                           "not_certified"),
        "signer-revoked": ("The signer is revoked.", {"statement": revoked}, "not_certified"),
    }  # fmt: skip
    for name, address in {
        "ftp": "ftp://relay.example", "path": "https://relay.example/v1",
        "slash": "https://relay.example/", "query": "https://relay.example?a",
        "user": "https://user@relay.example", "no-host": "https://", "no-scheme": "relay.example",
        "upper-case": "https://Relay.example", "ipv4-octet": "http://192.0.2.256",
        "ipv4-short": "http://127.1", "ipv4-hex": "http://0x7f.0.0.1", "underscore": "https://a_b",
        "not-ascii": "https://қанат.example", "ipv6-bare": "http://2001:db8::7",
        "label-64": "https://" + "a" * 64 + ".example",
        "port-0": "https://relay.example:0", "port-65536": "https://relay.example:65536",
        "port-empty": "https://relay.example:", "space": "https://relay example",
        "fragment": "https://relay.example#a", "257": "https://" + "a" * 249,
    }.items():  # fmt: skip
        relays: Value = [relay_entry(addresses=[address])]
        bad[f"address-{name}"] = ("Not an address of a relay.", {"relays": relays}, "malformed")
    for name, (comment, changed, verdict) in bad.items():
        yield _card(name, comment, card(**changed), verdict)
    yield _card("signer-unknown", "The signer is in no row.", card(OTHER_SEED), "not_certified")
    yield _card("signer-root", "The root key signs statements alone.", card(ROOT), "not_certified")
    good_card = card()
    yield _card("signature-changed", "One bit of the signature.",
                good_card[:-1] + bytes([good_card[-1] ^ 1]), "bad_signature")  # fmt: skip
    yield _card(
        "signed-as-statement",
        "The label is a statement's.",
        envelope(5, "statement", DESK_SEED, wire.pack(card_fields())),
        "bad_signature",
    )
    yield _card(
        "type-4",
        "The envelope says that it is a statement.",
        envelope(4, "desk-card", DESK_SEED, wire.pack(card_fields())),
        "unknown_kind",
    )
    yield _card("too-large", "Larger than a card may be.", bytes(131073), "too_large")
    yield _card("trailing-byte", "A byte behind the envelope.", good_card + b"\x00", "malformed")


def _card(
    name: str, comment: str, data: bytes, verdict: str = "ok", *, fields: list[Value] | None = None
) -> Scenario:
    out: dict[str, object] = {}
    if fields is not None:
        relays, keys = fields[11], fields[10]
        assert isinstance(relays, list)
        assert isinstance(keys, list)
        out = {
            "desk_id": DESK_ID,
            "card_hash": wire.sha256(wire.label("card"), wire.pack(fields)),
            "serial": fields[2],
            "previous": fields[3],
            "issued": fields[4],
            "name": fields[5],
            "languages": fields[6],
            "note": fields[7],
            "grace": fields[8],
            "first_epoch": fields[9],
            "sealing_keys_sha256": wire.sha256(*keys),
            "addresses": [relay[0] for relay in relays],
            "sources": fields[12],
        }
    return Scenario("parse_card", name, "9", comment, {"envelope": data}, verdict, out)


def _replacing() -> Iterator[Scenario]:
    first = card_hash()
    second: dict[str, Value] = {"serial": 2, "previous": first}
    old = card(**second)
    third = card(serial=3, previous=card_hash(**second))
    for name, comment, new, verdict, gap in (
        ("next", "The next serial, and the hash of the card before.", third, "ok", 0),
        ("next-broken-chain", "The next serial after another card.",
         card(serial=3, previous=wire.draw("another card")), "bad_chain", None),
        ("same", "The same card again.", old, "ok", 0),
        ("same-serial-other-card", "Two cards of one serial.",
         card(**second, note="Another."), "bad_chain", None),
        ("older", "The card before.", card(), "older_serial", None),
        ("jump-1", "One card was missed.", card(serial=4, previous=wire.draw("third card")), "ok",
         1),
        ("jump-to-2-53-less-1", "All cards but the last were missed.",
         card(serial=2**53 - 1, previous=wire.draw("x")), "ok", 2**53 - 1 - 3),
        ("another-desk", "A card of another desk.",
         card(statement=statement(OTHER_SEED), serial=3), "wrong_recipient", None),
    ):  # fmt: skip
        out = {} if gap is None else {"gap": gap}
        yield Scenario("replace_card", name, "9", comment, {"old": old, "new": new}, verdict, out)
    revoking = statement(serial=2, certified=[[OTHER_KEY, DAY, DAY]], revoked=[DESK_KEY])
    held = card(OTHER_SEED, **second, statement=revoking)
    yield Scenario(
        "replace_card", "older-statement", "9",
        "A revoked key comes back with the statement of the time before.",
        {"old": held, "new": card(serial=4, previous=wire.draw("x"))}, "not_certified",
    )  # fmt: skip
    yield Scenario(
        "replace_card", "revoked-signer", "9",
        "A stolen key gave its card the last serial; the statement that revokes it undoes that.",
        {"old": card(serial=2**53 - 1, previous=wire.draw("x")), "new": held}, output={"gap": 0},
    )  # fmt: skip


def _epochs() -> Iterator[Scenario]:
    data = card()
    for name, comment, today, epoch in (
        ("day-of-issue", "The week of issue.", DAY, EPOCH),
        ("clock-of-2015", "A clock before the day of issue counts as that day.", 16436, EPOCH),
        ("clock-of-0", "A clock that was never set.", 0, EPOCH),
        ("sunday", "The last day of the week.", wire.last_day(EPOCH), EPOCH),
        ("monday", "The first day of the next week.", wire.first_day(EPOCH + 1), EPOCH + 1),
        ("last-day", "The last day of the card.", wire.last_day(EPOCH + 1), EPOCH + 1),
        ("late", "The day after: the late key.", wire.first_day(EPOCH + 2), EPOCH + 1),
        ("clock-of-2040", "A clock far ahead: the late key.", 25567, EPOCH + 1),
        ("clock-of-2-32", "A clock beyond all reason.", 2**32, EPOCH + 1),
    ):
        names = {EPOCH: "desk", EPOCH + 1: "desk, next week"}
        out = {
            "epoch": epoch,
            "expiry": wire.last_day(epoch) + GRACE_DAYS,
            "sealing_key_sha256": wire.sha256(key(names[epoch]).public),
            "tag": wire.desk_tag_of(DESK_ID, epoch),
        }
        yield Scenario("choose_epoch", name, "9", comment, {"envelope": data, "day": today},
                       output=out)  # fmt: skip
    ahead = card(first_epoch=EPOCH + 4)
    out = {
        "epoch": EPOCH + 4,
        "expiry": wire.last_day(EPOCH + 4) + GRACE_DAYS,
        "sealing_key_sha256": wire.sha256(key("desk").public),
        "tag": wire.desk_tag_of(DESK_ID, EPOCH + 4),
    }
    yield Scenario("choose_epoch", "card-of-the-future", "9", "The card begins later: its first.",
                   {"envelope": ahead, "day": DAY}, output=out)  # fmt: skip
