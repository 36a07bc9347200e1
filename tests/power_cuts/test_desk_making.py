"""A desk that is made when the power goes: it is there with its root key, or it is not there."""

from pathlib import Path

from tests.power_cuts.cutting import Case
from tests.power_cuts.desk_maker import noon
from tests.power_cuts.desk_writer import KEY

from qanat_client.desk.card_book import ROOT_KEY_NAME
from qanat_client.desk.desk import CARD_NAME, open_desk
from qanat_client.desk.vault import VAULT_NAME


def test_a_desk_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    home = tmp_path / "folder"
    home.mkdir()
    case = Case.record(tmp_path, ["-m", "tests.power_cuts.desk_maker", home])
    root_key, card = (home / name for name in (ROOT_KEY_NAME, CARD_NAME))
    outcomes = set()

    def check(folder: Path, said: list[str]) -> None:
        is_made = (folder / VAULT_NAME).exists()
        outcomes.add(is_made)
        if is_made:
            assert (folder / ROOT_KEY_NAME).read_bytes() == root_key.read_bytes()
            desk = open_desk(folder, KEY, noon)
            assert desk.card.envelope == card.read_bytes()
            desk.vault.close()
        if said:
            assert is_made
            assert (folder / CARD_NAME).read_bytes() == card.read_bytes()

    for seed in range(3):
        case.check(check, range(case.cuts + 1), seed)
    assert outcomes == {False, True}
