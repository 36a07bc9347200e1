"""A relay in a card has an address that leads somewhere and keys that can be used."""

from typing import Any

import pytest
from tests.protocol.samples import (
    BAD_KEYS,
    BAD_SEALING_KEYS,
    RELAY,
    check_types,
    relay_entry,
    with_field,
    without_last_field,
)

from qanat_protocol.errors import BadKey, Malformed, RemoteError
from qanat_protocol.record import Value, pack, unpack
from qanat_protocol.relay_entry import RelayEntry, packed_relay, relay_field


def packed(relay: RelayEntry) -> bytes:
    return pack(packed_relay(relay))


def read(data: bytes) -> RelayEntry:
    fields: list[Value] = unpack(data, max_bytes=8192)
    return relay_field(fields)


ENTRY = packed(relay_entry())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"country": ""},
        {"pin": None},
        {"addresses": ("http://relay.example",) * 8},
        {"addresses": ("http://relay.example", "udp://relay.example:4433")},
    ],
)
def test_a_relay_is_read_as_it_was_written(changes: dict[str, Any]) -> None:
    assert read(packed(relay_entry(**changes))) == relay_entry(**changes)


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ([0], [], Malformed),
        ([0], ["http://relay.example"] * 9, Malformed),
        ([0, 0], "", Malformed),
        ([0, 0], "https://relay.example/path", Malformed),
        ([0, 0], "udp://relay.example:4433", Malformed),
        ([0, 0], "https://" + "a." * 124 + "b", Malformed),
        ([1], RELAY.public[:31], Malformed),
        *(([1], key, BadKey) for key in BAD_KEYS.values()),
        ([2], bytes(1215), Malformed),
        *(([2], key, BadKey) for key in BAD_SEALING_KEYS.values()),
        ([3], "D", Malformed),
        ([3], "de", Malformed),
        ([3], "DEU", Malformed),
        ([3], "Ж", Malformed),
        ([3], "D1", Malformed),
        ([4], bytes(31), Malformed),
        ([4], bytes(33), Malformed),
    ],
)
def test_what_breaks_a_rule_of_the_table_is_refused(
    path: list[int], value: Any, error: type[RemoteError]
) -> None:
    with pytest.raises(error):
        read(with_field(ENTRY, path, value))


def test_every_field_has_its_type() -> None:
    types = {(0,): "array", (0, 0): "str", (1,): "bin", (2,): "bin", (3,): "str", (4,): "nil bin"}
    check_types(ENTRY, types, read)


def test_a_field_that_is_missing_is_malformed_and_one_that_is_new_is_ignored() -> None:
    with pytest.raises(Malformed):
        read(without_last_field(ENTRY))
    assert read(with_field(ENTRY, [5], "later")) == relay_entry()
