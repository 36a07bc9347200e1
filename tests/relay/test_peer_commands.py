"""Peers at the relay's command line."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from tests.relay.relay_process import serving

from qanat_protocol.relay_card import parse_relay_card, sign_relay_card
from qanat_relay.cli import main
from qanat_relay.keys import load_keys


def test_peers_are_added_by_card_or_address_listed_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert main(["init", "--data", str(one), "--name", "one"]) == 0
    assert main(["init", "--data", str(other), "--name", "other"]) == 0
    capsys.readouterr()
    assert main(["peer", "list", "--data", str(one)]) == 0
    assert "no peers yet" in capsys.readouterr().out
    assert main(["peer", "add", str(other / "relay.card"), "--data", str(one)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("other: ")
    assert "has no address: it has to call this relay" in told.err
    with serving("--data", str(other), "--listen", "127.0.0.1:0") as (_, line):
        assert main(["peer", "add", line.split()[1], "--data", str(one)]) == 0
        assert main(["peer", "add", f"{line.split()[1]}/v1/relay", "--data", str(one)]) == 0
    capsys.readouterr()
    assert main(["peer", "list", "--data", str(one)]) == 0
    assert capsys.readouterr().out.startswith("other: not heard of yet; key ")
    assert main(["peer", "list", "--json", "--data", str(one)]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["name"], listed["last_contact"], listed["failure"]) == ("other", None, None)
    assert main(["peer", "remove", "nobody", "--data", str(one)]) == 2
    assert "known: other" in capsys.readouterr().err
    assert main(["peer", "remove", listed["key"][:9], "--data", str(one)]) == 0
    assert main(["peer", "list", "--data", str(one)]) == 0
    assert "no peers yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("no-such-file", "No such file"),
        ("http://127.0.0.1:9", "hand over its card as a file"),
        ("http://127.0.0.1:9/elsewhere", "127.0.0.1:9/elsewhere"),
        ("OWN", "own card"),
        ("SEED", "not a relay's card"),
    ],
)
def test_what_is_no_card_of_another_relay_is_no_peer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str, said: str
) -> None:
    assert main(["init", "--data", str(tmp_path)]) == 0
    files = {"OWN": tmp_path / "relay.card", "SEED": tmp_path / "signing.seed"}
    assert main(["peer", "add", str(files.get(where, where)), "--data", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_a_spoilt_card_of_a_peer_is_named_by_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--data", str(tmp_path)]) == 0
    (tmp_path / "peers").mkdir()
    (tmp_path / "peers" / "0.card").write_bytes(b"no card")
    with serving("--data", str(tmp_path), "--listen", "127.0.0.1:0") as (_, line):
        assert line.startswith("listening")
        assert main(["check", "--data", str(tmp_path)]) == 2
    assert "0.card is not a relay's card" in capsys.readouterr().err


def test_two_relays_feed_each_other_and_status_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        assert main(["init", "--data", str(folder), "--name", folder.name]) == 0
    with (
        serving("--data", str(folders[0]), "--listen", "127.0.0.1:0") as (_, first),
        serving("--data", str(folders[1]), "--listen", "127.0.0.1:0"),
    ):
        # The second calls the first, which has never heard where the second is.
        assert main(["peer", "add", str(folders[1] / "relay.card"), "--data", str(folders[0])]) == 0
        card = parse_relay_card((folders[0] / "relay.card").read_bytes())
        keys = load_keys(folders[0])
        (tmp_path / "reachable").write_bytes(
            sign_relay_card(
                keys.signing,
                serial=card.serial + 1,
                issued_day=card.issued_day,
                name="one",
                addresses=(first.split()[1],),
                sealing_key=card.sealing_key,
                largest_body=card.largest_body,
            )
        )
        assert main(["peer", "add", str(tmp_path / "reachable"), "--data", str(folders[1])]) == 0
        told = ""
        until_s = time.monotonic() + 30
        while "all exchanged" not in told and time.monotonic() < until_s:
            time.sleep(0.2)
            capsys.readouterr()
            assert main(["status", "--data", str(folders[0])]) == 0
            told = capsys.readouterr().out
    assert "peer two: last contact less than a minute ago; all exchanged" in told
