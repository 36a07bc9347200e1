"""Decisions: signed, kept once, never changed, and folded to the same standing in every order."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.desk.newsroom import Clock, Newsroom

from qanat_client.desk.decision_log import DecisionLog, decision_log
from qanat_client.desk.decisions import (
    Change,
    Confidence,
    Decision,
    Element,
    ReportState,
    What,
    assess,
    decision_id,
    decode_decision,
    delete_incident,
    encode_decision,
    gather,
    mark_read,
    mute,
    name_incident,
    set_state,
    sign_decision,
    star,
    tag,
    tag_of,
    verify_decision,
)
from qanat_client.desk.faults import ForeignDecision
from qanat_client.desk.standing import Standing, fold
from qanat_client.desk.vault import Vault
from qanat_client.errors import BadInput, HomeUnusable
from qanat_protocol.errors import (
    BadKey,
    BadSignature,
    LocalError,
    Malformed,
    RemoteError,
    TooLarge,
    UnknownSuite,
    UnknownVersion,
)
from qanat_protocol.record import pack, unpack
from qanat_protocol.signing import SigningKey

DESK_ID = b"d" * 32
EDITORS = [SigningKey(bytes([number]) * 32) for number in (1, 2, 3)]
REPORTS = [bytes([number]) * 32 for number in (11, 12, 13)]
INCIDENTS = [bytes([number]) * 16 for number in (21, 22)]

reports = st.sampled_from(REPORTS)
incidents = st.sampled_from(INCIDENTS)
changes = st.one_of(
    st.builds(set_state, reports, st.sampled_from(ReportState)),
    st.builds(
        assess,
        reports,
        st.sampled_from(Element),
        st.sampled_from(Confidence),
        st.sampled_from(["", "a witness of ours saw it\nand filmed", "қайта сұрау керек"]),
    ),
    st.builds(star, reports, st.booleans()),
    st.builds(mark_read, reports, st.booleans()),
    st.builds(tag, reports, st.sampled_from(["hospital", "больница", "video"]), st.booleans()),
    st.builds(mute, st.sampled_from([key.public for key in EDITORS]), st.booleans()),
    st.builds(name_incident, incidents, st.sampled_from(["The square", "Алаң"])),
    st.builds(gather, incidents, reports, st.booleans()),
    st.builds(delete_incident, incidents, st.booleans()),
)
decisions = st.builds(
    Decision,
    author=st.sampled_from([key.public for key in EDITORS]),
    # Few values, so that clocks often meet and the id decides.
    clock=st.integers(1, 6),
    at_s=st.integers(0, 3),
    change=changes,
)


def signed(decision: Decision) -> tuple[bytes, bytes]:
    key = next(key for key in EDITORS if key.public == decision.author)
    content = encode_decision(decision)
    return content, sign_decision(key, DESK_ID, content)


def folded(said: list[Decision]) -> Standing:
    return fold((decision_id(encode_decision(each)), each) for each in said)


def log_of(vault: Vault) -> DecisionLog:
    """A desk at which all EDITORS decide."""
    with vault.transaction():
        for key in EDITORS:
            vault.run("INSERT INTO editors (public) VALUES (?)", key.public)
    return DecisionLog(vault, DESK_ID, Clock())


@given(decisions)
def test_what_was_decided_is_read_as_it_was_written(decision: Decision) -> None:
    assert decode_decision(encode_decision(decision)) == decision


@given(st.lists(decisions, max_size=40), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_fold_to_the_same(
    said: list[Decision], chance: random.Random
) -> None:
    again = said + chance.choices(said, k=5) if said else []
    chance.shuffle(again)
    assert folded(again) == folded(said)


@given(st.lists(decisions, max_size=25), st.randoms(use_true_random=False))
def test_a_vault_that_takes_them_one_by_one_stands_where_the_fold_does(
    said: list[Decision], chance: random.Random
) -> None:
    vault = Vault.in_memory()
    log = log_of(vault)
    pieces = [*said, *said[:3]]
    chance.shuffle(pieces)
    for decision in pieces:
        log.take([signed(decision)])
    assert log.standing() == folded(said)
    for incident, found in log.incidents().items():
        assert log.is_deleted(incident) == found.is_deleted
    for report_id in REPORTS:
        assert log.standing_of([report_id]).of(report_id) == folded(said).of(report_id)
    assert {content for content, _ in log.all()} == {encode_decision(each) for each in said}
    vault.close()


@given(st.lists(changes, max_size=20))
def test_what_one_editor_records_one_after_the_other_is_what_was_recorded_last(
    said: list[Change],
) -> None:
    vault = Vault.in_memory()
    log = DecisionLog(vault, DESK_ID, Clock())
    for change in said:
        log.record([change])
    written = [decode_decision(content) for content, _ in log.all()]
    last = {change.register: change for change in said}
    for change in last.values():
        assert log.record([change]) == 0
    assert [each.clock for each in written] == list(range(1, len(written) + 1))
    assert log.standing() == folded(written)
    vault.close()


def test_later_decisions_replace_earlier_ones_and_sets_lose_only_what_was_removed() -> None:
    report, incident = REPORTS[0], INCIDENTS[0]
    said = [
        set_state(report, ReportState.CHECKING),
        tag(report, "hospital"),
        tag(report, "video"),
        assess(report, Element.PLACE, Confidence.LOW, "no landmark"),
        name_incident(incident, "Square"),
        gather(incident, report),
        set_state(report, ReportState.CORROBORATED),
        tag(report, "video", is_added=False),
        assess(report, Element.PLACE, Confidence.HIGH, "the fountain is in the picture"),
        name_incident(incident, "The square"),
    ]
    author = EDITORS[0].public
    standing = folded([Decision(author, at + 1, 0, change) for at, change in enumerate(said)])
    found = standing.of(report)
    assert found.state is ReportState.CORROBORATED
    assert found.tags == {"hospital"}
    assert found.elements[Element.PLACE].note == "the fountain is in the picture"
    assert found.incidents == {incident}
    assert standing.incidents[incident].name == "The square"
    assert standing.incidents[incident].reports == {report}
    assert standing.of(REPORTS[1]).state is ReportState.NEW


def test_a_deleted_incident_is_there_as_long_as_somebody_gathered_a_report_into_it() -> None:
    report, incident = REPORTS[0], INCIDENTS[0]
    one, other = EDITORS[0].public, EDITORS[1].public
    said = [
        Decision(one, 1, 0, name_incident(incident, "The square")),
        Decision(one, 2, 0, delete_incident(incident)),
    ]
    assert folded(said).incidents[incident].is_deleted
    # Another editor who knows nothing of it: whether by the clock before it or behind it.
    for clock in (2, 3):
        crossed = [*said, Decision(other, clock, 0, gather(incident, report))]
        assert not folded(crossed).incidents[incident].is_deleted
        assert folded(crossed).of(report).incidents == {incident}
        emptied = [*crossed, Decision(other, 4, 0, gather(incident, report, is_added=False))]
        assert folded(emptied).incidents[incident].is_deleted
        back = [*crossed, Decision(one, 4, 0, delete_incident(incident, is_deleted=False))]
        assert not folded(back).incidents[incident].is_deleted
        renamed = [*said, Decision(other, clock, 0, name_incident(incident, "The fountain"))]
        assert folded(renamed).incidents[incident].is_deleted


def test_gathering_a_report_into_a_deleted_incident_brings_it_back_for_good() -> None:
    vault = Vault.in_memory()
    log = DecisionLog(vault, DESK_ID, Clock())
    report, incident = REPORTS[0], INCIDENTS[0]
    log.record([name_incident(incident, "The square"), gather(incident, report)])
    with pytest.raises(BadInput, match="1 report: take them out first"):
        log.deletion(incident)
    log.record([gather(incident, report, is_added=False)])
    log.record([log.deletion(incident)])
    assert log.incidents()[incident].is_deleted
    with pytest.raises(BadInput, match="no incident"):
        log.incident_named("The square")
    assert log.incident_named(incident.hex()[:8]) == incident
    assert log.record(log.with_returns([gather(incident, report)])) == 2
    assert log.with_returns([gather(incident, report)]) == [gather(incident, report)]
    log.record([gather(incident, report, is_added=False)])
    assert not log.incidents()[incident].is_deleted
    assert log.incident_named("the square") == incident
    vault.close()


def test_a_decision_without_a_signature_of_its_own_author_is_refused_by_name() -> None:
    content, signature = signed(
        Decision(EDITORS[0].public, 1, 0, set_state(REPORTS[0], ReportState.PUBLISHED))
    )
    known = {key.public for key in EDITORS}
    verify_decision(content, signature, desk_id=DESK_ID, editors=known)
    with pytest.raises(Malformed):
        verify_decision(content, b"", desk_id=DESK_ID, editors=known)
    with pytest.raises(UnknownSuite):
        verify_decision(content, b"\0" + signature[1:], desk_id=DESK_ID, editors=known)
    by_another = sign_decision(EDITORS[1], DESK_ID, content)
    with pytest.raises(BadSignature):
        verify_decision(content, by_another, desk_id=DESK_ID, editors=known)
    with pytest.raises(BadSignature, match="does not hold"):
        verify_decision(content, signature, desk_id=b"e" * 32, editors=known)
    with pytest.raises(ForeignDecision, match="no editor of this desk"):
        verify_decision(content, signature, desk_id=DESK_ID, editors={EDITORS[1].public})


def test_a_foreign_decision_among_good_ones_leaves_nothing_behind() -> None:
    vault = Vault.in_memory()
    log = log_of(vault)
    good = signed(Decision(EDITORS[0].public, 1, 0, star(REPORTS[0])))
    stranger = SigningKey.generate()
    content = encode_decision(Decision(stranger.public, 2, 0, star(REPORTS[1])))
    with pytest.raises(ForeignDecision):
        log.take([good, (content, sign_decision(stranger, DESK_ID, content))])
    assert log.all() == []
    assert log.take([good, good]) == 1
    assert log.take([good]) == 0
    vault.close()


def record_of(decision: Decision) -> list[object]:
    return list(unpack(encode_decision(decision), max_bytes=10_000))


@pytest.mark.parametrize(
    ("place", "value", "error"),
    [
        (0, 2, UnknownVersion),
        (1, b"k" * 31, Malformed),
        (1, bytes(32), BadKey),
        (2, 0, Malformed),
        (2, "1", Malformed),
        (3, True, Malformed),
        (4, 0, Malformed),
        (4, 9, Malformed),
        (5, b"r" * 31, Malformed),
        (6, b"\x04", Malformed),
        (6, b"", Malformed),
        (7, 4, Malformed),
        (8, "n" * 4097, Malformed),
        (8, "n" * 9000, TooLarge),
        (8, "a\x07", Malformed),
    ],
)
def test_a_record_that_breaks_its_table_is_refused(
    place: int, value: object, error: type[RemoteError]
) -> None:
    fields = record_of(
        Decision(EDITORS[0].public, 1, 0, assess(REPORTS[0], Element.DATE, Confidence.LOW, "n"))
    )
    fields[place] = value
    with pytest.raises(error):
        decode_decision(pack(fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        Change(What.STATE, REPORTS[0], number=6),
        Change(What.STATE, REPORTS[0], part=b"x"),
        Change(What.STARRED, REPORTS[0], number=2),
        Change(What.READ, REPORTS[0], words="a word"),
        Change(What.TAG, REPORTS[0], b"\xff", 1),
        Change(What.TAG, REPORTS[0], b"", 1),
        Change(What.TAG, REPORTS[0], b"two\nlines", 1),
        Change(What.TAG, REPORTS[0], b"Upper", 1),
        Change(What.TAG, REPORTS[0], b"t" * 65, 1),
        Change(What.MUTED, bytes(32), number=1),
        Change(What.INCIDENT, INCIDENTS[0], words=""),
        Change(What.INCIDENT, INCIDENTS[0], words="n" * 257),
        Change(What.GATHERED, INCIDENTS[0], REPORTS[0][:31], 1),
        Change(What.GATHERED, REPORTS[0], REPORTS[0], 1),
    ],
)
def test_nobody_can_sign_what_nobody_would_take(change: Change) -> None:
    with pytest.raises(LocalError):
        encode_decision(Decision(EDITORS[0].public, 1, 0, change))
    vault = Vault.in_memory()
    with pytest.raises(BadInput, match="can't be decided"):
        DecisionLog(vault, DESK_ID, Clock()).record([star(REPORTS[1]), change])
    assert DecisionLog(vault, DESK_ID, Clock()).all() == []
    vault.close()


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_record_is_read_whole_or_not_at_all(cut: int) -> None:
    content = encode_decision(Decision(EDITORS[0].public, 1, 0, star(REPORTS[0])))
    with pytest.raises(Malformed):
        decode_decision(content[:cut])
    with pytest.raises(Malformed):
        decode_decision(content + b"\0")


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused_by_the_one_error(data: bytes) -> None:
    try:
        decision = decode_decision(data)
    except RemoteError:
        return
    assert decode_decision(encode_decision(decision)) == decision


def test_a_tag_is_the_same_whatever_the_keyboard() -> None:
    assert tag_of("  Й\u00a0 Больница ") == tag_of("И\u0306 БОЛЬНИЦА") == "й больница"


def test_a_decision_in_the_vault_is_neither_changed_nor_removed(newsroom: Newsroom) -> None:
    newsroom.settle()
    desk = newsroom.open()
    log = decision_log(desk)
    log.record([star(REPORTS[0])])
    for statement in ("DELETE FROM decisions", "UPDATE decisions SET clock = 9"):
        with pytest.raises(HomeUnusable, match="a decision is never"):
            desk.vault.run(statement)
    desk.vault.close()
    again = newsroom.open()
    assert decision_log(again).standing().of(REPORTS[0]).is_starred
    (content, signature), *others = decision_log(again).all()
    assert not others
    decision = verify_decision(
        content,
        signature,
        desk_id=again.card.desk_id,
        editors=decision_log(again).editors(),
    )
    assert decision.at_s == int(newsroom.clock())
    assert decision.author != again.signing.public
    again.vault.close()


def test_a_decision_that_was_changed_by_one_bit_is_refused() -> None:
    decision = Decision(EDITORS[0].public, 3, 1_641_470_400, star(REPORTS[0]))
    content, signature = signed(decision)
    for bit in range(0, len(content) * 8, 5):
        spoilt = bytearray(content)
        spoilt[bit // 8] ^= 1 << bit % 8
        with pytest.raises((RemoteError, ForeignDecision)):
            verify_decision(bytes(spoilt), signature, desk_id=DESK_ID, editors=[EDITORS[0].public])
    assert replace(decision, clock=4) != decision
