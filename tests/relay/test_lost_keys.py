"""A relay never becomes another one by itself, whatever of it is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.relay.made_parcels import TODAY, make
from tests.relay.relay_process import serving

from qanat_protocol.relay_card import parse_relay_card
from qanat_relay.cli import main
from qanat_relay.config import Config, store_limits
from qanat_relay.keys import load_keys
from qanat_relay.store.sqlite import SqliteStore

Told = pytest.CaptureFixture[str]
KEYS = ("signing.seed", "sealing.seed")


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A relay that holds a letter."""
    data = tmp_path / "relay"
    assert main(["init", "--data", str(data), "--name", "Relay of the tests"]) == 0
    store = await SqliteStore.open(data / "store", store_limits(Config()))
    await store.write([make(1).put()], today=TODAY)
    await store.close()
    return data


def lose_keys(data: Path) -> list[bytes]:
    found = [(data / name).read_bytes() for name in KEYS]
    for name in KEYS:
        (data / name).unlink()
    return found


@pytest.mark.parametrize("gone", [(), ("relay.card",), ("store/store.db",), ("relay.toml",)])
def test_without_its_keys_nothing_that_was_a_relay_starts(
    gone: tuple[str, ...], data: Path, capsys: Told
) -> None:
    keys = lose_keys(data)
    for name in gone:
        (data / name).unlink()
    capsys.readouterr()
    command = ["serve", "--data", str(data), "--listen", "127.0.0.1:0"]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "signing.seed and sealing.seed are missing" in said
    for choice in ("the copy that you keep apart", "qanat-relay restore", "qanat-relay new-keys"):
        assert choice in said
    assert main([*command, "--dry-run"]) == 2
    assert "wrong: signing.seed and sealing.seed are missing" in capsys.readouterr().out
    if "relay.toml" in gone:
        assert main(["init", "--data", str(data)]) == 2
        assert "signing.seed and sealing.seed are missing" in capsys.readouterr().err
    for other in ("status", "check"):
        assert main([other, "--data", str(data)]) == 2
        assert "signing.seed and sealing.seed are missing" in capsys.readouterr().err
    assert not any((data / name).exists() for name in KEYS)
    for name, seed in zip(KEYS, keys, strict=True):
        (data / name).write_bytes(seed)
    with serving(*command[1:]) as (_, line):
        assert line.startswith("listening")


async def test_new_keys_are_made_when_the_operator_says_so_and_what_is_stored_stays(
    data: Path, capsys: Told
) -> None:
    before = load_keys(data)
    store = await SqliteStore.open(data / "store", store_limits(Config()))
    incarnation = store.incarnation
    await store.close()
    assert main(["new-keys", "--data", str(data)]) == 2
    assert "never changes them" in capsys.readouterr().err
    assert load_keys(data) == before
    lose_keys(data)
    assert main(["new-keys", "--data", str(data)]) == 0
    assert "as they would a stranger's" in capsys.readouterr().out
    after = load_keys(data)
    assert after.signing.public != before.signing.public
    assert main(["status", "--data", str(data)]) == 0
    with serving("--data", str(data), "--listen", "127.0.0.1:0"):
        card = parse_relay_card((data / "relay.card").read_bytes())
    assert card.signing_key == after.signing.public
    assert card.name == "Relay of the tests"
    store = await SqliteStore.open(data / "store", store_limits(Config()))
    assert store.incarnation != incarnation
    assert (await store.stats()).letters == 1
    await store.close()


def test_one_key_that_is_left_is_not_given_up_for_two_new_ones(data: Path, capsys: Told) -> None:
    (data / "sealing.seed").unlink()
    assert main(["new-keys", "--data", str(data)]) == 2
    assert (data / "signing.seed").exists()
    assert not (data / "sealing.seed").exists()


def test_a_folder_of_settings_and_cards_alone_is_no_relay_yet(tmp_path: Path) -> None:
    data = tmp_path / "relay"
    data.mkdir()
    (data / "relay.toml").write_text('listen = ["127.0.0.1:0"]\n')
    with serving("--data", str(data)) as (_, line):
        assert line.startswith("listening")
    assert {path.name for path in data.iterdir()} >= set(KEYS)
