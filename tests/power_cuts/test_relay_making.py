"""A relay that is made, from no folder at all, when the power goes: the key that it told is the one
that it has, and the next `init` goes on where nothing was told."""

import re
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.power_cuts.commands import run
from tests.power_cuts.cutting import Case, Check

from qanat_protocol.relay_card import parse_relay_card
from qanat_protocol.statement import fingerprint
from qanat_relay.card import FILE_NAME as CARD_NAME
from qanat_relay.desks import FOLDER
from qanat_relay.keys import load_keys

DATA = Path("new", "relay")


def relay(folder: Path, command: str) -> list[str | Path]:
    return ["qanat-relay", command, "--data", folder / DATA]


def init(folder: Path, card: Path) -> list[str | Path]:
    return [*relay(folder, "init"), "--name", "A relay", "--desk", card]


def recorded(place: Path, card: Path, *how: str) -> Case:
    folder = place / "folder"
    folder.mkdir()
    serve = [*relay(folder, "serve"), "--listen", "127.0.0.1:0"]
    commands = [*init(folder, card), ",", *serve]
    return Case.record(place, ["-m", "tests.power_cuts.commands", *how, *commands])


def checking(card: Path) -> Check:
    def check(folder: Path, said: list[str]) -> None:
        data = folder / DATA
        told = re.search(r"Its key is ([0-9a-z ]+)\.", "\n".join(said))
        is_served = any(line.startswith("listening") for line in said)
        again = run(*init(folder, card))
        # All may be made before it is told.
        assert "is there already" in again.err if again.code else "ended 1" not in said, again.err
        key = fingerprint(load_keys(data).signing.public)
        assert told is None or told[1] == key
        relay_card = parse_relay_card((data / CARD_NAME).read_bytes())
        assert fingerprint(relay_card.signing_key) == key
        assert relay_card.name == "A relay"
        assert [path.read_bytes() for path in (data / FOLDER).glob("*.card")] == [card.read_bytes()]
        if is_served:
            assert run(*relay(folder, "check")).code == 0

    return check


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_card(MadeDesk().card(), tmp_path)


def test_a_relay_whose_making_was_cut_is_made_by_the_next_init(tmp_path: Path, card: Path) -> None:
    case = recorded(tmp_path, card)
    assert case.disk.said(case.cuts)[-1] == "ended 2"
    case.check(checking(card), case.some_cuts(90, seed=4), seed=4)


def test_a_relay_that_does_not_wait_for_the_disk_is_caught(tmp_path: Path, card: Path) -> None:
    case = recorded(tmp_path, card, "careless")
    with pytest.raises((AssertionError, OSError)):
        case.check(checking(card), range(case.cuts, 0, -1), seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_a_relay_whose_making_was_cut_at_any_point_is_made_by_the_next_init(
    tmp_path: Path, card: Path, seed: int
) -> None:
    case = recorded(tmp_path, card)
    case.check(checking(card), range(case.cuts + 1), seed)
