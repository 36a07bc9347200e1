"""Public documents (section 11) and relay cards (section 15)."""

from collections.abc import Iterator

from tests.make_vectors import wire
from tests.make_vectors.documents import (
    DAY,
    DESK_ID,
    DESK_KEY,
    DESK_SEED,
    EXPIRY,
    OTHER_DESK_ID,
    OTHER_SEED,
    PUBLIC_TAG,
    RELAY_KEY,
    RELAY_SEED,
    SMALL_ORDER,
    card,
    envelope,
    key,
    public_fields,
    relay_card_fields,
    relay_entry,
    statement,
)
from tests.make_vectors.scenario import Scenario, tree
from tests.make_vectors.sealed import Parcel, seal_public
from tests.make_vectors.wire import Value


def scenarios() -> Iterator[Scenario]:
    """`parse_public` and `parse_relay_card`."""
    yield from _publics()
    yield from _moved()
    yield from _relay_cards()


def _seal(
    name: str, changed: dict[str, Value], *, seed: bytes = DESK_SEED, number: int = 7,
    label: str = "public", tag: bytes = PUBLIC_TAG, behind: bytes = b"",
    padding: bytes | None = None, said_n: int | None = None,
) -> Parcel:  # fmt: skip
    content = wire.pack(public_fields(**changed)) + behind

    def make(bind: bytes) -> bytes:
        return envelope(number, label, seed, content, bind)

    return seal_public(f"public {name}", tag, EXPIRY, make, padding=padding, said_n=said_n)


def _scenario(
    name: str, comment: str, parcel: Parcel, verdict: str = "ok", **output: object
) -> Scenario:
    given = {"header": parcel.header, "body": parcel.body}
    return Scenario("parse_public", name, "11", comment, given, verdict, output)


def _publics() -> Iterator[Scenario]:
    good: dict[str, tuple[str, dict[str, Value]]] = {
        "bulletin": ("A bulletin.", {}),
        "bulletin-picture": ("A bulletin with a picture.",
                             {"pictures": [["image/jpeg", wire.draw("picture", 500)]]}),
        "pictures-4": ("Most pictures.", {"pictures": [["image/png", b"png"]] * 4}),
        "card": ("A card as a public document; its serial is the card's.",
                 {"class": 2, "card": card()}),
        "text-65536": ("The longest text.", {"text": "a" * 65536}),
        "title-256": ("The longest title.", {"title": "a" * 256}),
        "second": ("The second bulletin.", {"serial": 2, "previous": wire.draw("first")}),
        "longer-array": ("A field that this version does not know.", {"more": ["new"]}),
    }  # fmt: skip
    for name, number in (("2-31", 2**31), ("2-32", 2**32), ("2-53-less-1", 2**53 - 1)):
        good[f"serial-{name}"] = (
            "Serials count up.",
            {"serial": number, "previous": wire.draw("before")},
        )
    for name, (comment, changed) in good.items():
        content = wire.pack(public_fields(**changed))
        yield _scenario(
            name, comment, _seal(name, changed), desk_id=DESK_ID, signer=DESK_KEY,
            document_hash=wire.sha256(wire.label("document"), content),
            fields=tree(public_fields(**changed)[:11]) if len(content) < 8192 else None,
        )  # fmt: skip

    bad: dict[str, tuple[str, dict[str, Value], str]] = {
        "version-2": ("A version of the future.", {"version": 2}, "unknown_version"),
        "class-0": ("There is no class 0.", {"class": 0}, "unknown_kind"),
        "class-3": ("There is no class 3.", {"class": 3}, "unknown_kind"),
        "serial-0": ("Serials begin with 1.", {"serial": 0}, "malformed"),
        "serial-2-53": ("Above the largest integer.", {"serial": 2**53}, "malformed"),
        "previous-31": ("A hash is short.", {"previous": bytes(31)}, "malformed"),
        "title-257": ("One byte too long.", {"title": "a" * 257}, "malformed"),
        "title-line-feed": ("A line has no line feed.", {"title": "a\nb"}, "malformed"),
        "text-65537": ("One byte too long.", {"text": "a" * 65537}, "malformed"),
        "pictures-5": ("One too many.", {"pictures": [["image/png", b""]] * 5}, "malformed"),
        "picture-130049": ("One byte too long.",
                           {"pictures": [["image/png", bytes(130049)]]}, "malformed"),
        "picture-media-type": ("No slash.", {"pictures": [["png", b""]]}, "malformed"),
        "class-2-without-card": ("A card that is not there.", {"class": 2}, "malformed"),
        "class-1-with-card": ("A bulletin has no card.", {"card": card()}, "malformed"),
        "card-of-another-serial": ("Its serial is the card's.",
                                   {"class": 2, "serial": 2, "card": card()}, "malformed"),
        "card-of-another-desk": ("The card inside is another desk's.",
                                 {"class": 2, "card": card(statement=statement(OTHER_SEED))},
                                 "wrong_recipient"),
        "key-expired": ("Issued behind the key's last day.", {"issued": DAY + 301},
                        "not_certified"),
        "key-revoked": ("The key is revoked.",
                        {"statement": statement(revoked=[DESK_KEY])}, "not_certified"),
        "card-broken": ("The card inside is no card.", {"class": 2, "card": b"card"},
                        "malformed"),
    }  # fmt: skip
    for name, (comment, changed, verdict) in bad.items():
        yield _scenario(name, comment, _seal(name, changed), verdict)


def _moved() -> Iterator[Scenario]:
    yield _scenario("signer-unknown", "The signer is in no row.",
                    _seal("signer", {}, seed=OTHER_SEED), "not_certified")  # fmt: skip
    yield _scenario(
        "another-tag",
        "Under the public tag of another desk.",
        _seal("tag", {}, tag=wire.public_tag_of(OTHER_DESK_ID)),
        "wrong_recipient",
    )
    yield _scenario("statement-of-another-desk", "Another desk's document under this tag.",
                    _seal("desk", {"statement": statement(OTHER_SEED)}),
                    "wrong_recipient")  # fmt: skip
    yield _scenario("type-5", "The envelope is a card's.", _seal("type", {}, number=5),
                    "unknown_kind")  # fmt: skip
    yield _scenario("signed-as-card", "The label is a card's.",
                    _seal("label", {}, label="desk-card"), "bad_signature")  # fmt: skip
    yield _scenario("trailing-byte-inside", "A byte behind the content, signed.",
                    _seal("behind", {}, behind=b"\x00"), "malformed")  # fmt: skip
    yield _scenario("padding-last-byte", "The last byte is not zero.",
                    _seal("padding", {}, padding=b"\x01"), "bad_padding")  # fmt: skip
    for name, n in (("4093", 4093), ("2-31", 2**31), ("2-32-less-1", 2**32 - 1)):
        yield _scenario(f"n-{name}", "n is beyond the body.", _seal("n", {}, said_n=n),
                        "malformed")  # fmt: skip
    yield _scenario("n-0", "n is 0, and the envelope stands in the padding.",
                    _seal("n", {}, said_n=0), "bad_padding")  # fmt: skip
    good = _seal("moved", {})
    front = good.header[:4] + wire.u32(EXPIRY + 7) + good.header[8:64]
    later = Parcel(wire.finish_header(front, good.body), good.body, good.content_key)
    yield _scenario("under-a-later-expiry", "The body under another header.", later,
                    "bad_signature")  # fmt: skip


def _relay_cards() -> Iterator[Scenario]:
    good: dict[str, tuple[str, dict[str, Value]]] = {
        "good": ("A relay's card.", {}),
        "others": ("It names another relay.", {"others": [relay_entry()]}),
        "nameless": ("No name, no address, no country.",
                     {"name": "", "addresses": [], "country": ""}),
        "longer-array": ("A field that this version does not know.", {"more": ["new"]}),
    }  # fmt: skip
    for name, number in (("0", 0), ("2-31", 2**31), ("2-32", 2**32), ("2-53-less-1", 2**53 - 1)):
        good[f"largest-body-{name}"] = ("Bytes.", {"largest_body": number})
        good[f"serial-{name}"] = ("Seconds.", {"serial": number})
    for name, (comment, changed) in good.items():
        fields = relay_card_fields(**changed)
        data = envelope(6, "relay-card", RELAY_SEED, wire.pack(fields))
        out = {"signing_key": RELAY_KEY, "fields": tree(fields[:9])}
        yield Scenario("parse_relay_card", name, "15", comment, {"envelope": data}, output=out)
    sealing = key("relay").public
    bad: dict[str, tuple[str, dict[str, Value], str]] = {
        "version-2": ("A version of the future.", {"version": 2}, "unknown_version"),
        "serial-2-53": ("Above the largest integer.", {"serial": 2**53}, "malformed"),
        "name-129": ("One byte too long.", {"name": "a" * 129}, "malformed"),
        "addresses-9": ("One too many.", {"addresses": ["http://a"] * 9}, "malformed"),
        "address-path": ("No address.", {"addresses": ["http://a/b"]}, "malformed"),
        "sealing-key-1217": ("A key is long.", {"sealing_key": sealing + b"\x00"}, "malformed"),
        "sealing-key-x25519-zero": ("X25519's key is the point of order 1.",
                                    {"sealing_key": sealing[:1184] + bytes(32)}, "bad_key"),
        "country-lower": ("Two capitals.", {"country": "de"}, "malformed"),
        "others-17": ("One too many.", {"others": [relay_entry()] * 17}, "malformed"),
        "others-small-order": ("Another relay's key has small order.",
                               {"others": [relay_entry(signing_key=SMALL_ORDER)]}, "bad_key"),
    }  # fmt: skip
    for name, (comment, changed, verdict) in bad.items():
        data = envelope(6, "relay-card", RELAY_SEED, wire.pack(relay_card_fields(**changed)))
        yield Scenario("parse_relay_card", name, "15", comment, {"envelope": data}, verdict)
    content = wire.pack(relay_card_fields())
    whole = envelope(6, "relay-card", RELAY_SEED, content)
    for name, comment, data, verdict in (
        ("signature-changed", "One bit of the signature.",
         whole[:-1] + bytes([whole[-1] ^ 1]), "bad_signature"),
        ("signed-as-desk-card", "The label is a desk card's.",
         envelope(6, "desk-card", RELAY_SEED, content), "bad_signature"),
        ("type-5", "The envelope says that it is a desk's.",
         envelope(5, "relay-card", RELAY_SEED, content), "unknown_kind"),
        ("signer-small-order", "The signer has small order.",
         wire.pack([6, content, SMALL_ORDER, bytes([1]) + bytes(64)]), "bad_key"),
        ("trailing-byte", "A byte behind the envelope.", whole + b"\x00", "malformed"),
    ):  # fmt: skip
        yield Scenario("parse_relay_card", name, "15", comment, {"envelope": data}, verdict)
