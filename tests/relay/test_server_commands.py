"""The relay's command line, in this process and as a process of its own."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import sqlite3
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.relay.made_parcels import make
from tests.relay.relay_process import read, serving
from tests.relay.running_relay import CARRIERS, Desk, Place, Talk, talking, transfer

from qanat_protocol.days import day_of
from qanat_protocol.frames import Ack, AckStatus, Answer, Answers, End, Offers
from qanat_protocol.relay_card import parse_relay_card
from qanat_protocol.statement import fingerprint
from qanat_relay.cli import main
from qanat_relay.config import Config, check_config
from qanat_relay.settings import Sources
from qanat_relay.store import files


def test_serve_makes_what_is_missing_says_where_it_listens_and_stops_cleanly(
    tmp_path: Path,
) -> None:
    data = tmp_path / "relay"
    with serving("--data", str(data), "--listen", "127.0.0.1:0") as (process, line):
        word, url = line.split()
        assert word == "listening"
        assert read(f"{url}/healthz") == b"ok\n"
        card = parse_relay_card(read(f"{url}/v1/relay"))
        assert (data / "relay.card").read_bytes() == card.envelope
        assert main(["status", "--data", str(data), "--health"]) == 0
        assert main(["check", "--data", str(data)]) == 0
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "127.0.0.1" not in log
    assert "Traceback" not in log
    for name in ("signing.seed", "sealing.seed", "relay.card"):
        assert (data / name).stat().st_mode & 0o777 == 0o600


def test_asking_for_health_opens_the_store_no_more_often_than_the_numbers_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(tmp_path / "relay")]
    with serving(*data, "--listen", "127.0.0.1:0"):
        pass
    opened: list[Path] = []

    def connect(path: Path, **settings: Any) -> sqlite3.Connection:
        opened.append(path)
        return files.connect(path, **settings)

    monkeypatch.setattr("qanat_relay.viewing.connect", connect)
    assert main(["status", *data]) == 0
    often = len(opened)
    opened.clear()
    capsys.readouterr()
    assert main(["status", *data, "--health"]) == 0
    assert capsys.readouterr().out == "ok\n"
    assert len(opened) == often


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, carrier: str) -> None:
    day = day_of(time.time())
    letters = [make(number, expiry_day=day + 30) for number in range(600)]
    acknowledged: list[int] = []
    at = ("--listen", "127.0.0.1:0", "--listen-udp", "127.0.0.1:0", "--json")
    listen = ("--data", str(tmp_path), *at)
    async with AsyncExitStack() as talks, asyncio.TaskGroup() as ends:
        for first in (0, 200, 400):
            with serving(*listen) as (process, line):
                talk = await talks.enter_async_context(talking(place(line), carrier))
                for handle, letter in enumerate(letters[first : first + 199]):
                    await talk.say(*transfer(letter, handle))
                    if handle % 50 == 0:
                        await talk.statuses(1)
                # Datagrams tell of a death only where something is left unacknowledged, and the
                # last words wait for room where there is much of that.
                process.send_signal(signal.SIGSTOP)
                ends.create_task(talk.say(*transfer(letters[first + 199], 199)))
                await asyncio.sleep(0)
                process.kill()
            # That nobody answers is noticed while the next one serves.
            ends.create_task(hear_out(talk, first, acknowledged))
    assert acknowledged
    with serving(*listen) as (_, line):
        async with talking(place(line), carrier) as talk:
            await talk.say(Offers(0, tuple(letters[each].header.offer for each in acknowledged)))
            (answers,) = await talk.until(Answers)
            assert set(answers.codes) == {Answer.HAVE}
            assert isinstance((await talk.end())[-1], End)
        assert main(["check", "--data", str(tmp_path)]) == 0


async def hear_out(talk: Talk, first: int, acknowledged: list[int]) -> None:
    """Hear all that a relay said before it died, and note which letters it has stored; `first`:
    the one with handle 0."""
    await talk.rest()
    acknowledged += [
        first + entry.handle
        for ack in talk.all(Ack)
        for entry in ack.entries
        if entry.status is AckStatus.STORED
    ]


def place(line: str) -> Place:
    """The relay that printed this line of JSON."""
    url, udp = json.loads(line)["listening"]
    return Place(url, parse_relay_card(read(f"{url}/v1/relay")).sealing_key, udp=udp)


def test_a_relay_keeps_its_identity_over_a_restart(tmp_path: Path) -> None:
    cards = []
    for number in (signal.SIGTERM, signal.SIGINT):
        with serving("--data", str(tmp_path), "--listen", "127.0.0.1:0", "--json") as (
            process,
            line,
        ):
            (url,) = json.loads(line)["listening"]
            cards.append(read(f"{url}/v1/relay"))
            process.send_signal(number)
            assert process.wait(60) == 0
    assert cards[0] == cards[1]


def test_one_relay_listens_on_several_addresses(tmp_path: Path) -> None:
    listen = ("--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0")
    with serving("--data", str(tmp_path), "--json", *listen) as (_, line):
        urls = json.loads(line)["listening"]
        assert len(set(urls)) == 2
        assert [read(f"{url}/healthz") for url in urls] == [b"ok\n"] * 2


def test_two_relays_never_share_one_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving("--data", str(tmp_path), "--listen", "127.0.0.1:0"):
        assert main(["serve", "--data", str(tmp_path), "--listen", "127.0.0.1:0"]) == 1
    assert "Stop it first" in capsys.readouterr().err


def test_an_address_that_is_taken_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving("--data", str(tmp_path / "a"), "--listen", "127.0.0.1:0") as (_, line):
        taken = line.rpartition("/")[2]
        assert main(["serve", "--data", str(tmp_path / "b"), "--listen", taken]) == 2
    assert taken in capsys.readouterr().err


def test_init_writes_a_card_and_settings_that_explain_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "relay"
    desk = tmp_path / "desk.card"
    desk.write_bytes(Desk.made().card())
    arguments = ["init", "--data", str(data), "--name", "Relay of the tests", "--country", "DE"]
    arguments += ["--address", "https://relay.example.org", "--desk", str(desk), "--json"]
    assert main(arguments) == 0
    shown = json.loads(capsys.readouterr().out)
    card = parse_relay_card(Path(shown["card"]).read_bytes())
    assert (card.name, card.country) == ("Relay of the tests", "DE")
    assert card.addresses == ("https://relay.example.org",)
    config = Sources(Path(shown["config"]), environment={}).read().config
    assert config.name == "Relay of the tests"
    written = Path(shown["config"]).read_text()
    assert written.count("\n# ") >= len(Config.__dataclass_fields__)
    assert main(["init", "--data", str(data)]) == 2
    assert "there already" in capsys.readouterr().err
    assert main(["desk", "list", "--data", str(data)]) == 0
    assert "Desk of the tests" in capsys.readouterr().out


def test_a_desk_is_added_and_a_card_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk.made()
    newer, older, wrong = tmp_path / "newer", tmp_path / "older", tmp_path / "wrong"
    newer.write_bytes(desk.card(serial=2, previous=bytes(32)))
    older.write_bytes(desk.card(serial=1))
    wrong.write_bytes(b"no card")
    data = ["--data", str(tmp_path)]
    assert main(["desk", "add", str(newer), *data]) == 0
    assert main(["desk", "add", str(newer), *data]) == 0
    assert main(["desk", "add", str(older), *data]) == 2
    assert main(["desk", "add", str(wrong), *data]) == 2
    assert main(["desk", "add", str(tmp_path / "nothing"), *data]) == 2
    wrong.write_bytes(bytes(200_000))
    assert main(["desk", "add", str(wrong), *data]) == 2
    assert "not a desk's card" in capsys.readouterr().err


def test_serve_starts_with_an_older_card_than_it_knows_and_keeps_the_newer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk.made()
    newer, older = tmp_path / "newer", tmp_path / "older"
    newer.write_bytes(desk.card(serial=2, previous=bytes(32)))
    older.write_bytes(desk.card(serial=1))
    assert main(["desk", "add", str(newer), "--data", str(tmp_path)]) == 0
    arguments = ("--data", str(tmp_path), "--listen", "127.0.0.1:0", "--desk", str(older))
    with serving(*arguments) as (_, line):
        assert line.startswith("listening ")
    capsys.readouterr()
    assert main(["desk", "list", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.rstrip().endswith("card 2")
    older.write_bytes(b"no card")
    assert main(["serve", *arguments]) == 2
    assert str(older) in capsys.readouterr().err


def test_status_tells_numbers_in_words_and_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving("--data", str(tmp_path), "--listen", "127.0.0.1:0"):
        assert main(["status", "--data", str(tmp_path)]) == 0
        words = capsys.readouterr().out
        assert main(["status", "--data", str(tmp_path), "--json"]) == 0
        numbers = json.loads(capsys.readouterr().out)
    assert "letters:" in words
    assert "room for:" in words
    assert numbers["letters"] == numbers["parts"] == 0
    assert numbers["free_bytes"] > 0


def test_status_and_check_without_a_store_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--data", str(tmp_path)]) == 2
    assert "store.db" in capsys.readouterr().err
    assert main(["check", "--data", str(tmp_path)]) == 2


def test_check_names_what_is_damaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving("--data", str(tmp_path), "--listen", "127.0.0.1:0") as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    database = tmp_path / "store" / "store.db"
    content = bytearray(database.read_bytes())
    content[4096 * 2 : 4096 * 4] = b"\xff" * 8192
    database.write_bytes(content)
    assert main(["check", "--data", str(tmp_path), "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["problems"] == len(lines) - 1 > 0


def test_a_lost_seed_is_named_and_never_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--data", str(tmp_path)]) == 0
    (tmp_path / "sealing.seed").unlink()
    assert main(["serve", "--data", str(tmp_path), "--listen", "127.0.0.1:0"]) == 2
    assert "sealing.seed is missing" in capsys.readouterr().err
    (tmp_path / "sealing.seed").write_bytes(b"short")
    assert main(["serve", "--data", str(tmp_path), "--listen", "127.0.0.1:0"]) == 2
    assert "5 bytes" in capsys.readouterr().err


def test_a_name_that_is_not_utf_8_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--data", str(tmp_path / "relay"), "--name", "\udcff"]) == 2
    assert "name is not UTF-8" in capsys.readouterr().err
    assert not (tmp_path / "relay").exists()


def test_a_data_folder_that_cannot_be_made_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert main(["serve", "--data", str(tmp_path / "file"), "--listen", "127.0.0.1:0"]) != 0
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_a_desks_card_comes_by_standard_input_where_the_file_is_not_for_the_relays_user(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = str(tmp_path / "relay")
    assert main(["init", "--data", data]) == 0
    desk = Desk.made()
    for content, code in ((b"no card", 2), (desk.card(), 0)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert main(["desk", "add", "--data", data, "-"]) == code
    capsys.readouterr()
    assert main(["desk", "list", "--data", data]) == 0
    assert fingerprint(desk.desk_id) in capsys.readouterr().out


def test_wrong_usage_exits_with_two() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--no-such-option"])
    assert ended.value.code == 2


def test_the_key_that_desks_compare_is_shown_by_init_status_and_a_first_serve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(tmp_path / "relay")
    assert main(["init", "--data", data, "--json"]) == 0
    key = json.loads(capsys.readouterr().out)["key"]
    card = parse_relay_card((tmp_path / "relay" / "relay.card").read_bytes())
    assert key == fingerprint(card.signing_key)
    with serving("--data", data, "--listen", "127.0.0.1:0") as (process, _):
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    assert "made a new relay" not in log
    assert log.splitlines()[-1].endswith("Z INFO [stopped] stopped")
    assert main(["status", "--data", data, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["key"] == key
    assert main(["status", "--data", data]) == 0
    assert key in capsys.readouterr().out
    assert main(["init", "--data", str(tmp_path / "second")]) == 0
    shown = capsys.readouterr().out
    second = parse_relay_card((tmp_path / "second" / "relay.card").read_bytes())
    assert f"Its key is {fingerprint(second.signing_key)}." in shown


def test_serve_says_that_it_made_a_new_relay(tmp_path: Path) -> None:
    data = tmp_path / "mistyped"
    with serving("--data", str(data), "--listen", "127.0.0.1:0") as (process, _):
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    key = fingerprint(parse_relay_card((data / "relay.card").read_bytes()).signing_key)
    assert log.startswith(f"made a new relay in {data}, key {key}\n")


@pytest.mark.parametrize("command", [["status"], ["check"], ["desk", "list"]])
def test_a_data_folder_that_is_missing_is_named(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "nowhere"
    assert main([*command, "--data", str(data)]) == 2
    assert f"{data}: no such folder" in capsys.readouterr().err


def test_a_card_that_is_no_desks_is_named_as_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "relay"
    main(["init", "--data", str(data)])
    capsys.readouterr()
    assert main(["desk", "list", "--data", str(data)]) == 0
    assert "no desks yet" in capsys.readouterr().out
    add = ["desk", "add", "--data", str(data)]
    assert main([*add, str(data / "relay.card")]) == 2
    told = capsys.readouterr().err
    assert "relay.card is a relay's card; a desk's card belongs here" in told
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff\xe0" + bytes(99))
    assert main([*add, str(photo)]) == 2
    photo_told = capsys.readouterr().err
    assert "photo.jpg is not a desk's card" in photo_told
    assert "pdate" not in told + photo_told


def test_a_usage_error_shows_the_usage_of_its_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["status", "--helth"])
    told = capsys.readouterr().err
    assert told.startswith("usage: qanat-relay status")
    assert "unrecognized arguments: --helth" in told


def test_minutes_of_film_in_full_hd_fit_a_relay_by_default() -> None:
    assert check_config(Config()).largest_body_bytes == 2**30
