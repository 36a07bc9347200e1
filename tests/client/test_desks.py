"""`qanat desk`: which cards are taken, which are refused, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.client.relay_process import RelayProcess
from tests.client.reporter_runs import parcels, qanat

from qanat_protocol.card import DeskCard
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home"


def add(folder: Path, tmp_path: Path, card: DeskCard, *more: str) -> tuple[int, str]:
    ran = qanat(folder, "desk", "add", write_card(card, tmp_path), "--yes", *more)
    return ran.code, ran.out + ran.err


def listed(folder: Path) -> list[tuple[str, int]]:
    found = qanat(folder, "desk", "list", "--json").json
    return [(one["name"], one["serial"]) for one in found]


def test_a_card_is_shown_with_its_fingerprint_and_kept_as_it_is(
    folder: Path, tmp_path: Path, desk: MadeDesk
) -> None:
    card = desk.card()
    code, said = add(folder, tmp_path, card)
    assert code == 0
    assert fingerprint(card.desk_id) in said
    assert "kk, ru" in said
    assert "by voice" in said
    (kept,) = (folder / "desks").iterdir()
    assert kept.read_bytes() == card.envelope


def test_without_a_terminal_and_without_yes_no_card_is_taken(
    folder: Path, tmp_path: Path, desk: MadeDesk
) -> None:
    refused = qanat(folder, "desk", "add", write_card(desk.card(), tmp_path))
    assert refused.code == 2
    assert "--yes" in refused.err
    assert listed(folder) == []


def test_a_newer_card_replaces_and_an_older_one_never_does(
    folder: Path, tmp_path: Path, desk: MadeDesk
) -> None:
    first = desk.card()
    second = desk.card(2, previous=first.card_hash, name="Second")
    fifth = desk.card(5, previous=bytes([7]) * 32, name="Fifth")
    assert add(folder, tmp_path, first)[0] == 0
    assert "here already" in add(folder, tmp_path, first)[1]
    assert add(folder, tmp_path, second)[0] == 0
    code, said = add(folder, tmp_path, first)
    assert code == 2
    assert "card 1 came in" in said
    code, said = add(folder, tmp_path, fifth)
    assert code == 0
    assert "2 cards between" in said
    assert listed(folder) == [("Fifth", 5)]


def test_a_card_that_breaks_the_chain_or_was_altered_is_refused(
    folder: Path, tmp_path: Path, desk: MadeDesk
) -> None:
    assert add(folder, tmp_path, desk.card())[0] == 0
    forged = desk.card(2, previous=bytes([9]) * 32)
    assert add(folder, tmp_path, forged)[0] == 2
    twin = desk.card(name="Twin")
    assert add(folder, tmp_path, twin)[0] == 2
    altered = bytearray(desk.card(2).envelope)
    altered[-100] ^= 1
    path = tmp_path / "altered"
    path.write_bytes(altered)
    assert qanat(folder, "desk", "add", path, "--yes").code == 2
    path.write_bytes(b"not a card at all")
    assert qanat(folder, "desk", "add", path, "--yes").code == 2
    path.write_bytes(bytes(200_000))
    assert qanat(folder, "desk", "add", path, "--yes").code == 2
    assert listed(folder) == [(desk.name, 1)]


def test_a_revoked_key_brings_no_card_back(folder: Path, tmp_path: Path, desk: MadeDesk) -> None:
    stolen = SigningKey.generate()
    first = desk.card()
    second = desk.card(
        2, previous=first.card_hash, statement=desk.statement(2, revoked=[stolen.public])
    )
    late = desk.card(
        3,
        previous=second.card_hash,
        statement=desk.statement(1, keys=[stolen]),
        key=stolen,
        name="Thief",
    )
    assert add(folder, tmp_path, first)[0] == 0
    assert add(folder, tmp_path, second)[0] == 0
    assert add(folder, tmp_path, late)[0] == 2
    assert listed(folder) == [(desk.name, 2)]


def test_a_successor_is_told_and_written_to(folder: Path, tmp_path: Path, desk: MadeDesk) -> None:
    heir = MadeDesk(name="Heir", root=desk.next_root, weeks=1)
    card = heir.card(statement=heir.statement(predecessor=desk.desk_id))
    assert add(folder, tmp_path, desk.card())[0] == 0
    code, said = add(folder, tmp_path, card)
    assert code == 0
    assert f"successor of {desk.name}" in said
    assert "succeeded by Heir" in qanat(folder, "desk", "list").out
    assert qanat(folder, "send", "--json", "x", "--no-code").json["desk"] == "Heir"


def test_with_several_desks_the_one_that_is_meant_must_be_named(
    folder: Path, tmp_path: Path, desk: MadeDesk
) -> None:
    other = MadeDesk(name="Other", weeks=1)
    add(folder, tmp_path, desk.card())
    add(folder, tmp_path, other.card())
    assert qanat(folder, "send", "x", "--no-code").code == 2
    for named in ("other", fingerprint(other.desk_id), other.desk_id.hex()[:12]):
        assert qanat(folder, "send", "x", "--no-code", "--desk", named).code == 0
    assert len([other.open(*parcel) for parcel in parcels(folder)]) == 3


def test_a_desk_that_looks_like_a_known_one_is_told_with_both_fingerprints(
    folder: Path, tmp_path: Path, desk: MadeDesk
) -> None:
    other = MadeDesk(name=f" {desk.name.upper()}\u200b", weeks=1)
    assert "CAUTION" not in add(folder, tmp_path, desk.card())[1]
    code, said = add(folder, tmp_path, other.card(name=desk.name.upper()))
    assert code == 0
    assert "CAUTION" in said
    assert fingerprint(desk.desk_id) in said
    assert fingerprint(other.desk_id) in said
    several = qanat(folder, "send", "x", "--no-code", "--desk", desk.name)
    assert several.code == 2
    assert fingerprint(desk.desk_id) in several.err
    assert fingerprint(other.desk_id) in several.err
    sent = qanat(folder, "send", "x", "--no-code", "--desk", fingerprint(other.desk_id)[:11])
    assert sent.code == 0, sent.err
    assert f"({fingerprint(other.desk_id)})" in sent.out


def test_a_removed_desk_is_gone_and_what_is_queued_for_it_is_told(
    folder: Path, tmp_path: Path, desk: MadeDesk
) -> None:
    add(folder, tmp_path, desk.card())
    assert qanat(folder, "send", "x", "--no-code").code == 0
    unasked = qanat(folder, "desk", "remove", desk.name)
    assert unasked.code == 2
    assert "1 report is still queued for it" in unasked.err
    assert listed(folder) == [(desk.name, 1)]
    first = fingerprint(desk.desk_id)[:5]
    removed = qanat(folder, "desk", "remove", first, "--yes")
    assert removed.code == 0, removed.err
    assert "1 report is still queued for it" in removed.err
    assert fingerprint(desk.desk_id) in removed.out
    assert listed(folder) == []
    assert list((folder / "desks").iterdir()) == []
    assert len(parcels(folder)) == 1


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0 a photo", b"", b"\x80", bytes(1000)])
def test_what_is_no_card_is_called_so(folder: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "photo.jpg").write_bytes(content)
    ran = qanat(folder, "desk", "add", tmp_path / "photo.jpg", "--yes")
    assert ran.code == 2
    assert "photo.jpg is not a desk's card" in ran.err


def test_a_card_may_come_from_an_address(folder: Path, tmp_path: Path, desk: MadeDesk) -> None:
    nowhere = qanat(folder, "desk", "add", "http://127.0.0.1:9/card", "--yes")
    assert nowhere.code == 3
    relay = RelayProcess(tmp_path / "relay")
    try:
        wrong = qanat(folder, "desk", "add", f"{relay.url}/v1/relay", "--yes")
        assert wrong.code == 2
        assert "is a relay's card; you need the newsroom's" in wrong.err
        assert qanat(folder, "desk", "add", f"{relay.url}/none", "--yes").code == 4
    finally:
        relay.stop()


def test_control_signs_in_a_name_do_not_reach_the_terminal(
    folder: Path, tmp_path: Path, desk: MadeDesk
) -> None:
    code, said = add(folder, tmp_path, desk.card(name="a\u202eb"))
    assert code == 0
    assert "\u202e" not in said
