"""A card says how to write to a desk, and which card follows which."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.samples import (
    BAD_SEALING_KEYS,
    DAY,
    EPOCH,
    NEXT_ROOT,
    RELAY,
    ROOT,
    SEALING_KEYS,
    SIGNER,
    STRANGER,
    card,
    card_envelope,
    check_cuts,
    check_types,
    parses_or_refuses,
    relay_entry,
    statement,
    with_field,
    with_last_bit_flipped,
    without_last_field,
)

from qanat_protocol.card import (
    NO_CARD_BEFORE,
    DeskCard,
    Replacement,
    ReplacementKind,
    check_replaces,
    parse_card,
    sign_card,
)
from qanat_protocol.days import epoch_of, first_day, last_day
from qanat_protocol.envelope import DocumentType, open_envelope, sign_envelope
from qanat_protocol.errors import (
    BadChain,
    BadKey,
    BadSignature,
    LocalBadKey,
    LocalError,
    LocalMalformed,
    LocalNotCertified,
    LocalTooLarge,
    Malformed,
    NotCertified,
    OlderSerial,
    RemoteError,
    TooLarge,
    UnknownKind,
    UnknownVersion,
    WrongRecipient,
)
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import Certified, desk_id_of, parse_statement

ENVELOPE = card_envelope()
CONTENT = open_envelope(ENVELOPE, DocumentType.DESK_CARD, max_bytes=131_072).content
ints = st.integers(0, 2**53 - 1)


def parsed(content: bytes, key: SigningKey = SIGNER) -> DeskCard:
    return parse_card(sign_envelope(DocumentType.DESK_CARD, key, content))


def lines(most: int, least: int = 0) -> st.SearchStrategy[str]:
    letters = st.characters(exclude_categories=["Cc", "Cs"])
    return st.text(letters, min_size=least, max_size=most // 4)


@given(
    serial=st.integers(2, 2**53 - 1),
    previous=st.binary(min_size=32, max_size=32),
    issued_day=st.integers(DAY - 30, DAY + 300),
    name=lines(128, 1),
    languages=st.lists(lines(35), max_size=16),
    note=lines(2048),
    grace_days=st.integers(1, 180),
    first_epoch=st.integers(0, 600_000_000),
    sealing_keys=st.lists(st.sampled_from(SEALING_KEYS), min_size=1, max_size=3),
    relays=st.lists(st.sampled_from([relay_entry(), relay_entry(pin=None)]), max_size=3),
    sources=st.lists(lines(256), max_size=16),
)
def test_what_was_signed_is_read(**fields: Any) -> None:
    envelope = card_envelope(**fields)
    content = open_envelope(envelope, DocumentType.DESK_CARD, max_bytes=131_072).content
    sequences = ("languages", "sealing_keys", "relays", "sources")
    assert parse_card(envelope) == DeskCard(
        statement=parse_statement(statement()),
        statement_bytes=statement(),
        signer=SIGNER.public,
        card_hash=hashlib.sha256(b"qanat/1/card\0" + content).digest(),
        envelope=envelope,
        **(fields | {name: tuple(fields[name]) for name in sequences}),
    )


def test_the_desk_is_that_of_the_statements_root_key() -> None:
    assert card().desk_id == desk_id_of(ROOT.public)


VERSION, STATEMENT, SERIAL, PREVIOUS, ISSUED, NAME, LANGUAGES, NOTE, GRACE = range(9)
FIRST_EPOCH, KEYS, RELAYS, SOURCES = range(9, 13)
RELAY_ROW = [["http://relay.example"], RELAY.public, SEALING_KEYS[0], "", None]

REFUSED: list[tuple[list[int], Any, type[RemoteError]]] = [
    ([VERSION], 0, UnknownVersion),
    ([VERSION], 2, UnknownVersion),
    ([STATEMENT], bytes(8193), Malformed),
    ([STATEMENT], b"", Malformed),
    ([STATEMENT], statement()[:-1], Malformed),
    ([STATEMENT], with_last_bit_flipped(statement()), BadSignature),
    ([STATEMENT], ENVELOPE, UnknownKind),
    ([STATEMENT], statement(revoked=[SIGNER.public]), NotCertified),
    ([STATEMENT], statement(certified=[Certified(STRANGER.public, 0, 366)]), NotCertified),
    ([SERIAL], 0, Malformed),
    ([PREVIOUS], bytes(31), Malformed),
    ([PREVIOUS], bytes(33), Malformed),
    ([PREVIOUS], bytes(31) + b"\x01", Malformed),
    ([ISSUED], DAY - 31, NotCertified),
    ([ISSUED], DAY + 301, NotCertified),
    ([NAME], "", Malformed),
    ([NAME], "x" * 129, Malformed),
    ([NAME], "two\nlines", Malformed),
    ([LANGUAGES], ["kk"] * 17, Malformed),
    ([LANGUAGES, 0], "x" * 36, Malformed),
    ([LANGUAGES, 0], "k\tk", Malformed),
    ([NOTE], "x" * 2049, Malformed),
    ([NOTE], "\x1b[2J", Malformed),
    ([GRACE], 0, Malformed),
    ([GRACE], 181, Malformed),
    ([FIRST_EPOCH], 2**53 - 1, Malformed),
    ([FIRST_EPOCH], 2**32 // 7, Malformed),
    ([KEYS], [], Malformed),
    ([KEYS], [SEALING_KEYS[0]] * 54, Malformed),
    ([KEYS, 1], SEALING_KEYS[0][:-1], Malformed),
    ([KEYS, 1], SEALING_KEYS[0] + b"\x00", Malformed),
    *(([KEYS, 1], key, BadKey) for key in BAD_SEALING_KEYS.values()),
    ([RELAYS], [RELAY_ROW] * 17, Malformed),
    ([RELAYS, 0, 0], [], Malformed),
    ([RELAYS, 0, 1], bytes(32), BadKey),
    ([RELAYS, 0, 2], BAD_SEALING_KEYS["not reduced"], BadKey),
    ([RELAYS, 0, 3], "kz", Malformed),
    ([RELAYS, 0, 4], b"", Malformed),
    ([SOURCES], ["x"] * 17, Malformed),
    ([SOURCES, 0], "x" * 257, Malformed),
    ([SOURCES, 0], "\x00", Malformed),
]


@pytest.mark.parametrize(("path", "value", "error"), REFUSED)
def test_what_breaks_a_rule_of_the_table_is_refused(
    path: list[int], value: Any, error: type[RemoteError]
) -> None:
    with pytest.raises(error):
        parsed(with_field(CONTENT, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ([ISSUED], DAY - 30),
        ([ISSUED], DAY + 300),
        ([NAME], "x" * 128),
        ([LANGUAGES], ["x" * 35] * 16),
        ([LANGUAGES], []),
        ([NOTE], ""),
        ([NOTE], "\tx\n" + "x" * 2045),
        ([GRACE], 1),
        ([GRACE], 180),
        ([FIRST_EPOCH], 0),
        ([FIRST_EPOCH], (2**32 - 1 - 3 - 90) // 7 - 1),
        ([KEYS], [SEALING_KEYS[0]] * 53),
        ([RELAYS], [RELAY_ROW] * 16),
        ([RELAYS], []),
        ([SOURCES], ["x" * 256] * 16),
        ([SOURCES], []),
    ],
)
def test_the_limits_themselves_are_allowed(path: list[int], value: Any) -> None:
    found = parsed(with_field(CONTENT, path, value))
    assert found.expiry_day(found.last_epoch) < 2**32


def test_the_last_parcel_of_a_card_expires_on_a_day_of_32_bits_at_most() -> None:
    epoch, over = divmod(2**32 - 1 - last_day(0), 7)
    latest: dict[str, Any] = {"sealing_keys": SEALING_KEYS[:1], "grace_days": over + 7}
    found = card(first_epoch=epoch - 1, **latest)
    assert found.expiry_day(epoch - 1) == 2**32 - 1
    with pytest.raises(LocalMalformed):
        card_envelope(first_epoch=epoch - 1, **latest | {"grace_days": over + 8})


def test_what_a_card_need_not_have_is_empty() -> None:
    found = parse_card(
        sign_card(
            SIGNER,
            statement=statement(),
            serial=1,
            issued_day=DAY,
            name="Desk",
            grace_days=90,
            first_epoch=EPOCH,
            sealing_keys=SEALING_KEYS[:1],
        )
    )
    assert found.previous == NO_CARD_BEFORE
    assert (found.languages, found.note, found.relays, found.sources) == ((), "", (), ())


def test_every_field_has_its_type() -> None:
    types: dict[tuple[int, ...], str] = {(VERSION,): "int", (STATEMENT,): "bin", (SERIAL,): "int"}
    types |= {(PREVIOUS,): "bin", (ISSUED,): "int", (NAME,): "str", (LANGUAGES,): "array"}
    types.update({(LANGUAGES, 0): "str", (NOTE,): "str", (GRACE,): "int", (FIRST_EPOCH,): "int"})
    types.update({(KEYS,): "array", (KEYS, 0): "bin", (RELAYS,): "array", (RELAYS, 0): "array"})
    types.update({(SOURCES,): "array", (SOURCES, 0): "str"})
    check_types(CONTENT, types, parsed)


def test_a_field_that_is_missing_is_malformed_and_one_that_is_new_is_ignored() -> None:
    for path in ([], [RELAYS, 0]):
        with pytest.raises(Malformed):
            parsed(without_last_field(CONTENT, path))
    later = parsed(with_field(with_field(CONTENT, [13], "later"), [RELAYS, 0, 5], "later"))
    assert later.relays == card().relays
    assert later.card_hash != card().card_hash


def test_a_card_is_signed_by_a_key_that_its_own_statement_certifies() -> None:
    for key in (STRANGER, ROOT):
        with pytest.raises(NotCertified):
            parsed(CONTENT, key)
    with pytest.raises(UnknownKind):
        parse_card(sign_envelope(DocumentType.RELAY_CARD, SIGNER, CONTENT))


def test_a_card_has_at_most_131072_bytes() -> None:
    def grown(spare: int) -> bytes:
        content = with_field(CONTENT, [13], bytes(spare))
        return sign_envelope(DocumentType.DESK_CARD, SIGNER, content)

    spare = 100_000 + 131_072 - len(grown(100_000))
    assert len(grown(spare)) == 131_072
    assert parse_card(grown(spare)).name == "Редакция"
    with pytest.raises(TooLarge):
        parse_card(grown(spare + 1))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": ""}, LocalMalformed),
        ({"serial": 0}, LocalMalformed),
        ({"previous": b"\x01" * 32}, LocalMalformed),
        ({"sealing_keys": []}, LocalMalformed),
        ({"sealing_keys": [BAD_SEALING_KEYS["of small order"]]}, LocalBadKey),
        ({"relays": [relay_entry(addresses=("relay.example",))]}, LocalMalformed),
        ({"issued_day": DAY + 301}, LocalNotCertified),
        ({"key": STRANGER}, LocalNotCertified),
        ({"first_epoch": 2**52}, LocalMalformed),
        (
            {
                "statement": statement(),
                "sealing_keys": [SEALING_KEYS[0]] * 53,
                "relays": [relay_entry(addresses=("http://" + "a" * 63,) * 8)] * 200,
            },
            LocalTooLarge,
        ),
    ],
)
def test_no_card_is_signed_that_nobody_would_take(
    changes: dict[str, Any], error: type[LocalError]
) -> None:
    with pytest.raises(error):
        card_envelope(**changes)


def test_a_device_seals_to_the_week_of_its_day_within_the_cards_weeks() -> None:
    found = card(sealing_keys=SEALING_KEYS, issued_day=first_day(EPOCH) + 2)
    weeks = {day: found.epoch_for(day) for day in range(first_day(EPOCH + 6))}
    assert {day: week for day, week in weeks.items() if day < first_day(EPOCH)} == dict.fromkeys(
        range(first_day(EPOCH)), EPOCH
    )
    for day in range(first_day(EPOCH), last_day(EPOCH + 2) + 1):
        assert weeks[day] == epoch_of(day)
    assert weeks[last_day(EPOCH + 2) + 1] == EPOCH + 2, "the late key"
    assert weeks[first_day(EPOCH + 6) - 1] == EPOCH + 2
    assert (found.last_epoch, found.last_day) == (EPOCH + 2, last_day(EPOCH + 2))


def test_a_clock_behind_the_cards_issue_counts_as_its_day() -> None:
    found = card(sealing_keys=SEALING_KEYS, issued_day=first_day(EPOCH + 1))
    assert found.epoch_for(first_day(EPOCH) - 1000) == EPOCH + 1
    early = card(issued_day=first_day(EPOCH) - 7)
    assert early.epoch_for(first_day(EPOCH) - 7) == EPOCH, "no week before the first"


def test_each_week_has_its_key_and_expiry() -> None:
    found = card(sealing_keys=SEALING_KEYS, grace_days=90)
    for number, key in enumerate(SEALING_KEYS):
        assert found.sealing_key(EPOCH + number) == key
        assert found.expiry_day(EPOCH + number) == last_day(EPOCH + number) + 90
    for epoch in (EPOCH - 1, EPOCH + 3):
        with pytest.raises(LocalMalformed):
            found.sealing_key(epoch)


FIRST = card()
NEXT = card(serial=2, previous=FIRST.card_hash)


def test_the_next_card_follows_by_serial_and_hash() -> None:
    assert check_replaces(FIRST, NEXT) == Replacement(ReplacementKind.NEXT)
    assert check_replaces(FIRST, FIRST) == Replacement(ReplacementKind.SAME)
    assert check_replaces(FIRST, card()) == Replacement(ReplacementKind.SAME)
    with pytest.raises(BadChain):
        check_replaces(FIRST, card(serial=2, previous=b"\x01" * 32))
    with pytest.raises(BadChain):
        check_replaces(FIRST, card(serial=2))


@pytest.mark.parametrize("previous", [NO_CARD_BEFORE, b"\x01" * 32])
def test_a_jump_is_taken_and_the_gap_is_told(previous: bytes) -> None:
    for serial in (3, 4, 100):
        later = card(serial=serial, previous=previous)
        assert check_replaces(FIRST, later) == Replacement(ReplacementKind.JUMP, serial - 2)


def test_an_older_serial_never_replaces() -> None:
    with pytest.raises(OlderSerial):
        check_replaces(NEXT, FIRST)


def test_two_cards_with_one_serial_are_a_bad_chain() -> None:
    with pytest.raises(BadChain):
        check_replaces(FIRST, card(name="Another"))


def test_another_desks_card_replaces_nothing() -> None:
    theirs = card(statement=statement(root=NEXT_ROOT), serial=2, previous=FIRST.card_hash)
    with pytest.raises(WrongRecipient):
        check_replaces(FIRST, theirs)


def test_an_old_statement_does_not_bring_a_revoked_key_back() -> None:
    revoking = statement(
        serial=4,
        certified=[Certified(STRANGER.public, DAY - 30, DAY + 300)],
        revoked=[SIGNER.public],
    )
    held = card(key=STRANGER, statement=revoking, serial=2, previous=FIRST.card_hash)
    assert check_replaces(FIRST, held) == Replacement(ReplacementKind.NEXT)
    thiefs = card(serial=3, previous=held.card_hash)
    with pytest.raises(NotCertified):
        check_replaces(held, thiefs)
    with pytest.raises(NotCertified):
        check_replaces(held, card(serial=9, previous=held.card_hash))


REVOKING: dict[str, Any] = {
    "serial": 4,
    "certified": [Certified(STRANGER.public, DAY - 30, DAY + 300)],
    "revoked": [SIGNER.public],
}


@pytest.mark.parametrize("serial", [2, 7, 8, 2**53 - 1])
def test_a_stolen_key_cannot_lock_a_desk_out_by_its_last_serial(serial: int) -> None:
    thiefs = card(serial=serial, previous=FIRST.card_hash if serial == 2 else b"\x09" * 32)
    desks = card(key=STRANGER, statement=statement(**REVOKING), serial=7, previous=b"\x01" * 32)
    assert check_replaces(thiefs, desks) == Replacement(ReplacementKind.ANEW)
    with pytest.raises(NotCertified):
        check_replaces(desks, card(serial=2**53 - 1, previous=desks.card_hash))


def test_a_chain_goes_on_behind_a_key_that_was_revoked() -> None:
    following = card(
        key=STRANGER, statement=statement(**REVOKING), serial=2, previous=FIRST.card_hash
    )
    assert check_replaces(FIRST, following) == Replacement(ReplacementKind.NEXT)


def test_only_a_newer_statement_takes_a_card_back() -> None:
    certified = [
        Certified(STRANGER.public, DAY - 30, DAY + 300),
        Certified(SIGNER.public, DAY - 30, DAY + 300),
    ]
    held = card(statement=statement(serial=4, certified=certified), serial=9)
    still_certifying: dict[str, Any] = {"serial": 5, "certified": certified}
    for changes in (REVOKING, still_certifying):
        older = card(key=STRANGER, statement=statement(**changes), serial=8)
        with pytest.raises(OlderSerial):
            check_replaces(held, older)


def test_of_two_statements_with_one_serial_neither_judges_the_others_card() -> None:
    theirs = statement(certified=[Certified(STRANGER.public, DAY - 30, DAY + 300)])
    following = card(key=STRANGER, statement=theirs, serial=2, previous=FIRST.card_hash)
    assert following.statement.serial == FIRST.statement.serial
    assert check_replaces(FIRST, following) == Replacement(ReplacementKind.NEXT)


def test_an_old_statement_that_still_holds_is_taken() -> None:
    held = card(statement=statement(serial=4))
    later = card(serial=2, previous=held.card_hash)
    assert check_replaces(held, later) == Replacement(ReplacementKind.NEXT)


def test_a_cut_card_is_refused_at_every_byte() -> None:
    check_cuts(ENVELOPE, parse_card)
    check_cuts(CONTENT, parsed)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_card_or_refused(data: bytes) -> None:
    parses_or_refuses(parse_card, data)
    parses_or_refuses(parsed, data)


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_one_changed_byte_gives_a_card_or_is_refused(place: int, flip: int) -> None:
    spoilt = bytearray(CONTENT)
    spoilt[place] ^= flip
    parses_or_refuses(parsed, bytes(spoilt))


values = st.recursive(
    st.none() | st.booleans() | ints | st.text(max_size=9) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=8,
)


@given(st.integers(0, 12), values)
def test_any_value_in_a_field_gives_a_card_that_works_or_is_refused(at: int, value: Any) -> None:
    try:
        content = with_field(CONTENT, [at], value)
    except LocalMalformed:  # nested too deep for a record
        return
    found = parses_or_refuses(parsed, content)
    if found is not None:
        assert 0 < found.expiry_day(found.epoch_for(DAY)) < 2**32
