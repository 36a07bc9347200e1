"""A desk, a relay and a reporter to test documents with, and ways to spoil what they make."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from qanat_protocol.card import DeskCard, parse_card, sign_card
from qanat_protocol.days import epoch_of
from qanat_protocol.errors import Malformed, RemoteError
from qanat_protocol.record import pack, unpack
from qanat_protocol.relay_entry import RelayEntry
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import Certified, sign_statement, successor_commitment

DAY = 18_997  # 2022-01-05
EPOCH = epoch_of(DAY)
ROOT = SigningKey(b"\x01" * 32)
NEXT_ROOT = SigningKey(b"\x02" * 32)
SIGNER = SigningKey(b"\x03" * 32)
STRANGER = SigningKey(b"\x04" * 32)
RELAY = SigningKey(b"\x05" * 32)
SECRETS = [SealingSecret(bytes([0x40 + number]) * 32) for number in range(3)]
SEALING_KEYS = [secret.public for secret in SECRETS]

BAD_KEYS = {
    "of order 1": b"\x01" + bytes(31),
    "of order 4": bytes(32),
    "not canonical": b"\xff" * 32,
}
BAD_SEALING_KEYS = {
    "not reduced": b"\xff" * 1184 + SEALING_KEYS[0][1184:],
    "of small order": SEALING_KEYS[0][:1184] + bytes(32),
    "with a bit too many": SEALING_KEYS[0][:-1] + bytes([SEALING_KEYS[0][-1] | 0x80]),
    "above the prime": SEALING_KEYS[0][:1184] + (2**255 - 19 + 9).to_bytes(32, "little"),
}

# What is not of a type of SPEC section 1, for each of them.
NOT_OF_TYPE: dict[str, list[Any]] = {
    "int": [None, True, "1", b"1", []],
    "bin": [None, True, 1, "1", []],
    "str": [None, True, 1, b"1", []],
    "array": [None, True, 1, "1", b"1"],
}


def statement(root: SigningKey = ROOT, **changes: Any) -> bytes:
    """The envelope of the desk's statement."""
    fields: dict[str, Any] = {
        "serial": 3,
        "issued_day": DAY - 30,
        "certified": [Certified(SIGNER.public, DAY - 30, DAY + 300)],
        "successor": successor_commitment(NEXT_ROOT.public),
    }
    return sign_statement(root, **(fields | changes))


def relay_entry(**changes: Any) -> RelayEntry:
    """The relay as cards name it."""
    fields: dict[str, Any] = {
        "addresses": ("https://relay.example", "http://[2001:db8::1]:8080"),
        "signing_key": RELAY.public,
        "sealing_key": SEALING_KEYS[2],
        "country": "DE",
        "pin": b"\x09" * 32,
    }
    return RelayEntry(**(fields | changes))


def card_envelope(key: SigningKey = SIGNER, **changes: Any) -> bytes:
    """The envelope of the desk's card."""
    fields: dict[str, Any] = {
        "statement": statement(),
        "serial": 1,
        "issued_day": DAY,
        "name": "Редакция",
        "languages": ["kk", "ru"],
        "note": "Write what you saw.\nNothing else.",
        "grace_days": 90,
        "first_epoch": EPOCH,
        "sealing_keys": SEALING_KEYS[:2],
        "relays": [relay_entry()],
        "sources": ["https://app.example/qanat.html"],
    }
    return sign_card(key, **(fields | changes))


def card(**changes: Any) -> DeskCard:
    """The desk's card."""
    return parse_card(card_envelope(**changes))


def with_field(content: bytes, path: Sequence[int], value: Any) -> bytes:
    """A record with another value at a path of indices; one behind the end appends."""
    fields: Any = unpack(content, max_bytes=1 << 21)
    inner = fields
    for index in path[:-1]:
        inner = inner[index]
    inner[path[-1] : path[-1] + 1] = [value]
    return pack(fields)


def without_last_field(content: bytes, path: Sequence[int] = ()) -> bytes:
    """A record whose array at a path is one shorter."""
    fields: Any = unpack(content, max_bytes=1 << 21)
    inner = fields
    for index in path:
        inner = inner[index]
    inner.pop()
    return pack(fields)


def with_last_bit_flipped(data: bytes) -> bytes:
    """What ends in a signature, with a signature that does not hold."""
    return data[:-1] + bytes([data[-1] ^ 1])


def check_types(
    content: bytes, types: dict[tuple[int, ...], str], parse: Callable[[bytes], Any]
) -> None:
    """Every field of a wrong type is malformed; `nil` before a type allows nil."""
    for path, name in types.items():
        kind = name.removeprefix("nil ")
        for value in NOT_OF_TYPE[kind]:
            if value is None and kind != name:
                continue
            with pytest.raises(Malformed):
                parse(with_field(content, path, value))


def check_cuts(data: bytes, parse: Callable[[bytes], Any]) -> None:
    """Every truncation of a document and every byte behind its end is refused."""
    for length in range(len(data)):
        with pytest.raises(RemoteError):
            parse(data[:length])
    for behind in (b"\x00", b"\xc0", data):
        with pytest.raises(RemoteError):
            parse(data + behind)


def parses_or_refuses(parse: Callable[[bytes], Any], data: bytes) -> Any:
    """The law of every parser: a value, or a RemoteError; never anything else."""
    try:
        return parse(data)
    except RemoteError:
        return None
