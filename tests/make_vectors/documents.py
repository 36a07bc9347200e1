"""Reports, statements, cards and replies as records, by the tables of SPEC.md: good ones, whose
fields a case then changes."""

import zlib
from collections.abc import Sequence
from functools import cache

from tests.make_vectors import wire
from tests.make_vectors.sealed import Key, sealing_key
from tests.make_vectors.wire import Value

DAY = 18998  # 2022-01-06, a Thursday
EPOCH = wire.epoch_of(DAY)
GRACE_DAYS = 90
EXPIRY = wire.last_day(EPOCH) + GRACE_DAYS

ROOT = wire.draw("desk root")
ROOT_KEY = wire.public_of(ROOT)
NEXT_ROOT = wire.draw("next desk root")
DESK_ID = wire.desk_id_of(ROOT_KEY)
DESK_SEED = wire.draw("desk signing key")
DESK_KEY = wire.public_of(DESK_SEED)
OTHER_SEED = wire.draw("another signing key")
OTHER_KEY = wire.public_of(OTHER_SEED)
OTHER_DESK_ID = wire.desk_id_of(OTHER_KEY)
AUTHOR = wire.draw("author")
AUTHOR_KEY = wire.public_of(AUTHOR)
RELAY_SEED = wire.draw("relay signing key")
RELAY_KEY = wire.public_of(RELAY_SEED)
TAG = wire.desk_tag_of(DESK_ID, EPOCH)
PUBLIC_TAG = wire.public_tag_of(DESK_ID)
SMALL_ORDER = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")


@cache
def key(name: str) -> Key:
    """A sealing key; making one takes milliseconds, so each is made once."""
    return sealing_key(name)


def report(**changed: Value) -> list[Value]:
    """The fields of section 7, a short text and no file; by name, others instead."""
    fields: dict[str, Value] = {
        "version": 1,
        "author": AUTHOR_KEY,
        "nonce": wire.draw("report nonce", 16),
        "written": DAY * 86400 + 3600,
        "language": "kk",
        "text": "Алматы, Республика алаңы. Байланыс жоқ.",
        "what": "Байланыс жоқ",
        "where": "Алматы",
        "when": "бүгін таңертең",
        "basis": 1,
        "figures": [],
        "files": [],
        "parts": [],
        "refers": None,
        "reply_box": None,
        "checkpoint": None,
    }
    return _with(fields, changed)


def attachment(
    name: str = "alan.jpg", media_type: str = "image/jpeg", data: bytes = b"picture"
) -> list[Value]:
    """One row of a report's files."""
    return [name, media_type, len(data), wire.sha256(data)]


def part(
    file: int = 0, rendition: int = 3, data: bytes = b"picture", number: int = 0, **changed: Value
) -> list[Value]:
    """One row of a report's parts; `number` tells the rows of one report apart."""
    fields: dict[str, Value] = {
        "file": file,
        "rendition": rendition,
        "media_type": "image/jpeg",
        "length": len(data),
        "sha256": wire.sha256(data),
        "parcel_id": wire.draw(f"part {number}: parcel id"),
        "content_key": wire.draw(f"part {number}: content key"),
    }
    return _with(fields, changed)


def report_context(bind: bytes, desk_id: bytes = DESK_ID, recipient: bytes | None = None) -> bytes:
    """What stands between label and content in a report's signature."""
    return desk_id + wire.sha256(recipient or key("desk").public) + bind


def envelope(number: int, name: str, seed: bytes, content: bytes, context: bytes = b"") -> bytes:
    """A signed document (section 9)."""
    signature = wire.sign(seed, name, context, content)
    return wire.pack([number, content, wire.public_of(seed), signature])


def statement_fields(**changed: Value) -> list[Value]:
    """The fields of a statement, section 9."""
    fields: dict[str, Value] = {
        "version": 1,
        "serial": 1,
        "issued": DAY - 30,
        "certified": [[DESK_KEY, DAY - 30, DAY + 300]],
        "revoked": [],
        "successor": wire.sha256(wire.label("successor"), wire.public_of(NEXT_ROOT)),
        "predecessor": None,
    }
    return _with(fields, changed)


def statement(seed: bytes = ROOT, /, **changed: Value) -> bytes:
    """A statement's envelope."""
    return envelope(4, "statement", seed, wire.pack(statement_fields(**changed)))


def relay_entry(**changed: Value) -> list[Value]:
    """One relay of a card."""
    fields: dict[str, Value] = {
        "addresses": ["https://relay.example", "http://192.0.2.7:8080"],
        "signing_key": RELAY_KEY,
        "sealing_key": key("relay").public,
        "country": "DE",
        "pin": None,
    }
    return _with(fields, changed)


def card_fields(**changed: Value) -> list[Value]:
    """The fields of a desk card, section 9, with sealing keys for two weeks."""
    fields: dict[str, Value] = {
        "version": 1,
        "statement": statement(),
        "serial": 1,
        "previous": bytes(32),
        "issued": DAY,
        "name": "Қанат",
        "languages": ["kk", "ru", "de"],
        "note": "Write what you saw yourself.",
        "grace": GRACE_DAYS,
        "first_epoch": EPOCH,
        "sealing_keys": [key("desk").public, key("desk, next week").public],
        "relays": [relay_entry()],
        "sources": ["https://app.example"],
    }
    return _with(fields, changed)


def card(seed: bytes = DESK_SEED, /, **changed: Value) -> bytes:
    """A card's envelope."""
    return envelope(5, "desk-card", seed, wire.pack(card_fields(**changed)))


def card_hash(**changed: Value) -> bytes:
    """The hash of the card with these fields."""
    return wire.sha256(wire.label("card"), wire.pack(card_fields(**changed)))


def reply_fields(**changed: Value) -> list[Value]:
    """The fields of a reply, section 10."""
    fields: dict[str, Value] = {
        "version": 1,
        "statement": statement(),
        "signing_key": DESK_KEY,
        "nonce": wire.draw("reply nonce", 16),
        "issued": DAY,
        "number": 0,
        "answers": wire.draw("report id"),
        "language": "kk",
        "text": "Рақмет. Суреттің түпнұсқасы керек.",
        "wanted": [wire.draw("part 0: parcel id")],
    }
    return _with(fields, changed)


def public_fields(**changed: Value) -> list[Value]:
    """The fields of a bulletin, section 11."""
    fields: dict[str, Value] = {
        "version": 1,
        "statement": statement(),
        "class": 1,
        "serial": 1,
        "previous": bytes(32),
        "issued": DAY,
        "language": "ru",
        "title": "Связь",
        "text": "Связь появляется с 10 до 13 часов.",
        "pictures": [],
        "card": None,
    }
    return _with(fields, changed)


def relay_card_fields(**changed: Value) -> list[Value]:
    """The fields of a relay card, section 15."""
    fields: dict[str, Value] = {
        "version": 1,
        "serial": DAY * 86400,
        "issued": DAY,
        "name": "relay one",
        "addresses": ["https://relay.example"],
        "sealing_key": key("relay").public,
        "country": "DE",
        "largest_body": 1 << 30,
        "others": [],
    }
    return _with(fields, changed)


def stored(data: bytes) -> bytes:
    """Raw DEFLATE of one stored block: longer than the data."""
    worker = zlib.compressobj(0, zlib.DEFLATED, -15)
    return worker.compress(data) + worker.flush()


def _with(fields: dict[str, Value], changed: dict[str, Value]) -> list[Value]:
    unknown = set(changed) - set(fields) - {"more"}
    assert not unknown, unknown
    more = changed.pop("more", ())
    assert isinstance(more, Sequence)
    return [*(fields | changed).values(), *more]
