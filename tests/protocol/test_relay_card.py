"""A relay's card says where it is and how to speak to it, by its own key."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.samples import (
    BAD_SEALING_KEYS,
    DAY,
    RELAY,
    SEALING_KEYS,
    check_cuts,
    check_types,
    parses_or_refuses,
    relay_entry,
    with_field,
    without_last_field,
)

from qanat_protocol.envelope import DocumentType, open_envelope, sign_envelope
from qanat_protocol.errors import (
    BadKey,
    LocalBadKey,
    LocalMalformed,
    Malformed,
    RemoteError,
    TooLarge,
    UnknownKind,
    UnknownVersion,
)
from qanat_protocol.relay_card import RelayCard, parse_relay_card, sign_relay_card


def signed(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "serial": 1_641_400_000,
        "issued_day": DAY,
        "name": "Relay in Berlin",
        "addresses": ["https://relay.example"],
        "sealing_key": SEALING_KEYS[2],
        "country": "DE",
        "largest_body": 2**32,
        "others": [relay_entry(country="")],
    }
    return sign_relay_card(RELAY, **(fields | changes))


ENVELOPE = signed()
CONTENT = open_envelope(ENVELOPE, DocumentType.RELAY_CARD, max_bytes=131_072).content


def parsed(content: bytes) -> RelayCard:
    return parse_relay_card(sign_envelope(DocumentType.RELAY_CARD, RELAY, content))


def test_a_relay_need_not_say_where_it_stands_nor_name_others() -> None:
    card = parse_relay_card(
        sign_relay_card(
            RELAY,
            serial=1,
            issued_day=DAY,
            name="",
            addresses=[],
            sealing_key=SEALING_KEYS[2],
            largest_body=2**32,
        )
    )
    assert (card.country, card.others) == ("", ())


@given(
    serial=st.integers(0, 2**53 - 1),
    issued_day=st.integers(0, 2**53 - 1),
    name=st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=32),
    largest_body=st.integers(0, 2**53 - 1),
    addresses=st.lists(st.sampled_from(["http://a", "https://b.example:1"]), max_size=8),
    country=st.sampled_from(["", "KZ"]),
)
def test_what_was_signed_is_read(**fields: Any) -> None:
    envelope = signed(**fields)
    card = parse_relay_card(envelope)
    assert card == RelayCard(
        signing_key=RELAY.public,
        sealing_key=SEALING_KEYS[2],
        others=(relay_entry(country=""),),
        envelope=envelope,
        **(fields | {"addresses": tuple(fields["addresses"])}),
    )


def test_a_relays_card_gives_its_row_for_a_desks_card() -> None:
    pin = b"\x09" * 32
    card = parse_relay_card(signed(addresses=relay_entry().addresses))
    assert card.entry(pin) == relay_entry()
    assert card.entry() == relay_entry(pin=None)


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ([0], 0, UnknownVersion),
        ([0], 2, UnknownVersion),
        ([3], "x" * 129, Malformed),
        ([3], "two\nlines", Malformed),
        ([4], ["http://relay.example"] * 9, Malformed),
        ([4, 0], "relay.example", Malformed),
        ([4, 0], "https://relay.example/" + "x" * 256, Malformed),
        ([5], SEALING_KEYS[0][:-1], Malformed),
        *(([5], key, BadKey) for key in BAD_SEALING_KEYS.values()),
        ([6], "de", Malformed),
        ([8], [[["http://a"], RELAY.public, SEALING_KEYS[0], "", None]] * 17, Malformed),
        ([8, 0, 0], [], Malformed),
        ([8, 0, 1], bytes(32), BadKey),
    ],
)
def test_what_breaks_a_rule_of_the_table_is_refused(
    path: list[int], value: Any, error: type[RemoteError]
) -> None:
    with pytest.raises(error):
        parsed(with_field(CONTENT, path, value))


def test_the_limits_themselves_are_allowed() -> None:
    others = [relay_entry()] * 16
    card = parse_relay_card(signed(name="x" * 128, addresses=[], country="", others=others))
    assert len(card.others) == 16


def test_every_field_has_its_type() -> None:
    types = {(0,): "int", (1,): "int", (2,): "int", (3,): "str", (4,): "array", (4, 0): "str"}
    types |= {(5,): "bin", (6,): "str", (7,): "int", (8,): "array", (8, 0): "array"}
    check_types(CONTENT, types, parsed)


def test_a_field_that_is_missing_is_malformed_and_one_that_is_new_is_ignored() -> None:
    with pytest.raises(Malformed):
        parsed(without_last_field(CONTENT))
    assert parsed(with_field(CONTENT, [9], "later")).name == "Relay in Berlin"


def test_another_document_is_no_relay_card() -> None:
    with pytest.raises(UnknownKind):
        parse_relay_card(sign_envelope(DocumentType.DESK_CARD, RELAY, CONTENT))
    with pytest.raises(TooLarge):
        parse_relay_card(bytes(131_073))


def test_no_card_is_signed_that_nobody_would_take() -> None:
    with pytest.raises(LocalMalformed):
        signed(addresses=["relay.example"])
    with pytest.raises(LocalMalformed):
        signed(addresses=["udp://relay.example:4433"])
    with pytest.raises(LocalBadKey):
        signed(sealing_key=BAD_SEALING_KEYS["of small order"])


def test_a_cut_card_is_refused_at_every_byte() -> None:
    check_cuts(ENVELOPE, parse_relay_card)
    check_cuts(CONTENT, parsed)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_card_or_refused(data: bytes) -> None:
    parses_or_refuses(parse_relay_card, data)
    parses_or_refuses(parsed, data)


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_one_changed_byte_gives_a_card_or_is_refused(place: int, flip: int) -> None:
    spoilt = bytearray(CONTENT)
    spoilt[place] ^= flip
    parses_or_refuses(parsed, bytes(spoilt))
