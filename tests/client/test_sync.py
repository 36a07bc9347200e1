"""`qanat sync` against real relays on loopback: what arrives, what is told, what survives."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, today, write_card
from tests.client.relay_process import (
    RelayProcess,
    drop_in,
    fetch,
    opened_frame,
)
from tests.client.reporter_runs import OTHER_CODE, parcels, qanat, start

from qanat_client.reporter.library import Library
from qanat_protocol.card import RelayEntry
from qanat_protocol.days import epoch_of
from qanat_protocol.frames import Opened
from qanat_protocol.letter import seal_dummy
from qanat_protocol.report import Report
from qanat_protocol.tags import mailbox_prefix

Start = Callable[..., RelayProcess]


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Start]:
    running: list[RelayProcess] = []

    def begin(country: str = "") -> RelayProcess:
        running.append(RelayProcess(tmp_path / f"relay-{len(running)}", country=country))
        return running[-1]

    yield begin
    for process in running:
        process.stop()


def closed_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def know(home: Path, tmp_path: Path, desk: MadeDesk, *relays: RelayEntry) -> None:
    card = desk.card(relays=relays)
    added = qanat(home, "desk", "add", write_card(card, tmp_path), "--yes")
    assert added.code == 0, added.err


def states(home: Path) -> list[str]:
    return [entry["state"] for entry in qanat(home, "outbox", "--json").json]


def test_a_report_with_a_file_reaches_the_desk_by_every_relay(
    tmp_path: Path, desk: MadeDesk, relay: Start, code_file: Path
) -> None:
    home, relays = tmp_path / "h", [relay("KZ"), relay("DE")]
    know(home, tmp_path, desk, *(one.entry for one in relays))
    film = tmp_path / "film.mp4"
    film.write_bytes(random.Random(1).randbytes(3_000_000))
    sent = qanat(home, "send", "Текст", "--code-file", code_file, "--attach", film)
    assert sent.code == 0
    assert states(home) == ["queued"]
    synced = qanat(home, "sync", "--json")
    assert synced.code == 0, synced.err
    assert [one["taken"] for one in synced.json["relays"]] == [2, 2], synced
    assert [one["signed"] for one in synced.json["relays"]] == [2, 2]
    assert states(home) == ["held"]
    for one in relays:
        found = fetch(one.entry, desk)
        letter, part = parcels(home)
        assert found.keys() == {letter[0].parcel_id, part[0].parcel_id}
        _, report = desk.open(*found[letter[0].parcel_id])
        assert MadeDesk.open_part(*found[part[0].parcel_id], report.parts[0]) == film.read_bytes()
    (home / "settings.toml").write_text('country = "KZ"\n')
    assert states(home) == ["abroad"]


def test_a_second_sync_sends_nothing_again(tmp_path: Path, desk: MadeDesk, relay: Start) -> None:
    home, one = tmp_path / "h", relay()
    know(home, tmp_path, desk, one.entry)
    assert qanat(home, "send", "x", "--no-code").code == 0
    assert qanat(home, "sync", "--json").json["relays"][0]["taken"] == 1
    again = qanat(home, "sync", "--json").json["relays"][0]
    assert (again["taken"], again["had"], again["sent_bytes"]) == (0, 0, 0)


def test_a_dead_relay_holds_up_nothing_and_with_none_alive_all_stays_queued(
    tmp_path: Path, desk: MadeDesk, relay: Start
) -> None:
    home, alive = tmp_path / "h", relay()
    know(home, tmp_path, desk, alive.entry_at(closed_address(), alive.url))
    assert qanat(home, "send", "x", "--no-code").code == 0
    alive.kill()
    dead = qanat(home, "sync")
    assert dead.code == 3
    assert "safely queued" in dead.err
    assert states(home) == ["queued"]
    alive.start()
    assert qanat(home, "sync").code == 0
    assert states(home) == ["held"]


def test_a_file_that_no_relay_takes_is_named_with_the_limit_and_what_to_do(
    tmp_path: Path, desk: MadeDesk, relay: Start
) -> None:
    (tmp_path / "relay-0").mkdir()
    (tmp_path / "relay-0" / "relay.toml").write_text("largest_body_bytes = 262144\n")
    home, one = tmp_path / "h", relay()
    know(home, tmp_path, desk, one.entry)
    film = tmp_path / "film.mp4"
    film.write_bytes(bytes(300_000))
    sent = qanat(home, "send", "first", "--no-code", "--attach", film)
    assert sent.code == 0
    assert "at most" not in sent.err
    for _ in range(2):
        synced = qanat(home, "sync")
        assert synced.code == 4, synced
        assert "refused 1 parcel (296.0 KiB, it takes at most 256.0 KiB)" in synced.out
        assert "no other relay has it" in synced.out
        assert "`qanat outbox` shows" in synced.err
    listed = qanat(home, "outbox").out
    assert "NO RELAY TAKES ITS FILE" in listed
    assert "cut the file into smaller ones".capitalize() in listed
    again = qanat(home, "send", "second", "--no-code", "--attach", film)
    assert again.code == 0
    assert "film.mp4 has 293.0 KiB; the relays of this desk take at most 256.0 KiB" in again.err


def test_what_one_relay_refuses_and_another_took_is_no_failure(
    tmp_path: Path, desk: MadeDesk, relay: Start
) -> None:
    (tmp_path / "relay-0").mkdir()
    (tmp_path / "relay-0" / "relay.toml").write_text("largest_body_bytes = 262144\n")
    home, small, large = tmp_path / "h", relay(), relay()
    know(home, tmp_path, desk, small.entry, large.entry)
    film = tmp_path / "film.mp4"
    film.write_bytes(bytes(300_000))
    assert qanat(home, "send", "x", "--no-code", "--attach", film).code == 0
    synced = qanat(home, "sync")
    assert synced.code == 0, synced
    assert "refused 1 parcel" in synced.out
    assert "NO RELAY" not in qanat(home, "outbox").out


def open_letters(home: Path, desk: MadeDesk) -> list[tuple[bytes, bytes, Report]]:
    """(parcel id, content key, report) of every letter in a home, as the desk opens them."""
    found = []
    for header, body in parcels(home):
        if header.kind.name == "LETTER":
            letter, report = desk.open(header, body)
            found.append((header.parcel_id, letter.content_key, report))
    return found


def test_what_the_desk_opened_is_told_and_only_that_is_let_go(
    tmp_path: Path, desk: MadeDesk, relay: Start
) -> None:
    home, one = tmp_path / "h", relay()
    know(home, tmp_path, desk, one.entry)
    file = tmp_path / "file.bin"
    file.write_bytes(b"z" * 50_000)
    assert qanat(home, "send", "x", "--no-code", "--attach", file).code == 0
    assert qanat(home, "sync").code == 0
    ((letter_id, key, report),) = open_letters(home, desk)
    drop_in(one.entry, [], [opened_frame(desk, letter_id, key)])
    synced = qanat(home, "sync", "--json").json["relays"][0]
    assert synced["opened"] == 1
    assert states(home) == ["opened"]
    (first, *rest) = parcels(home)
    assert first[1] == b""
    assert all(len(body) == header.body_size for header, body in rest)
    part = report.parts[0]
    drop_in(one.entry, [], [opened_frame(desk, part.parcel_id, part.content_key)])
    assert qanat(home, "sync").code == 0
    assert [body for _, body in parcels(home)] == [b"", b""]
    assert "opened by the desk" in qanat(home, "outbox").out


def test_what_the_desk_opened_of_others_is_not_looked_for_on_the_disk(
    tmp_path: Path, desk: MadeDesk, relay: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, other, one = tmp_path / "h", tmp_path / "other", relay()
    for place, letters in ((home, 1), (other, 5)):
        know(place, tmp_path, desk, one.entry)
        for number in range(letters):
            assert qanat(place, "send", f"x{number}", "--no-code").code == 0
        assert qanat(place, "sync").code == 0
    opened = [
        opened_frame(desk, letter_id, key)
        for place in (home, other)
        for letter_id, key, _ in open_letters(place, desk)
    ]
    drop_in(one.entry, [], opened)
    looked_for: list[bytes] = []
    hear = Library.hear_opened

    def noted(library: Library, frame: Opened, day: int) -> bool:
        looked_for.append(frame.parcel_id)
        return hear(library, frame, day)

    monkeypatch.setattr(Library, "hear_opened", noted)
    assert qanat(home, "sync", "--json").json["relays"][0]["opened"] == 1
    assert looked_for == [header.parcel_id for header, _ in parcels(home)]


def test_an_opening_by_a_key_that_the_desk_does_not_vouch_for_changes_nothing(
    tmp_path: Path, desk: MadeDesk, relay: Start
) -> None:
    home, one = tmp_path / "h", relay()
    know(home, tmp_path, desk, one.entry)
    assert qanat(home, "send", "x", "--no-code").code == 0
    assert qanat(home, "sync").code == 0
    ((letter_id, key, _),) = open_letters(home, desk)
    drop_in(one.entry, [], [opened_frame(MadeDesk(weeks=1), letter_id, key)])
    synced = qanat(home, "sync", "--json").json["relays"][0]
    assert synced["opened"] == 0
    assert any("untrue" in text for text in synced["news"])
    assert states(home) == ["held"]


def test_a_reply_is_opened_with_the_code_and_by_nobody_else(
    tmp_path: Path, desk: MadeDesk, relay: Start, code_file: Path
) -> None:
    home, one = tmp_path / "h", relay()
    know(home, tmp_path, desk, one.entry)
    file = tmp_path / "file.bin"
    file.write_bytes(b"z" * 200_000)
    sent = qanat(
        home, "send", "--json", "x", "--code-file", code_file, "--attach", file
    ).json  # fmt: skip
    ((_, _, report),) = open_letters(home, desk)
    answers = bytes.fromhex(sent["report_id"])
    reply = desk.reply(
        report, "Рақмет. Stay safe.", answers=answers, wanted=(report.parts[0].parcel_id,)
    )
    drop_in(one.entry, [(reply.header, reply.body)])
    assert qanat(home, "sync", "--json").json["relays"][0]["replies"] == 1
    shown = qanat(home, "inbox", "--json", "--code-file", code_file).json
    (got,) = shown["replies"]
    assert got["text"] == "Рақмет. Stay safe."
    assert got["answers"] == sent["report_id"]
    assert got["reports_moved_up"] == [1]
    other = tmp_path / "other"
    other.write_text(OTHER_CODE)
    assert qanat(home, "inbox", "--json", "--code-file", other).json["replies"] == []


def test_a_missing_reply_is_told(
    tmp_path: Path, desk: MadeDesk, relay: Start, code_file: Path
) -> None:
    home, one = tmp_path / "h", relay()
    know(home, tmp_path, desk, one.entry)
    assert qanat(home, "send", "x", "--code-file", code_file).code == 0
    ((_, _, report),) = open_letters(home, desk)
    third = desk.reply(report, "third", number=2)
    drop_in(one.entry, [(third.header, third.body)])
    assert qanat(home, "inbox", "--sync", "--code-file", code_file).code == 0
    shown = qanat(home, "inbox", "--json", "--code-file", code_file).json
    assert any("2 replies" in text for text in shown["problems"])


def test_replies_are_asked_for_by_prefix_when_a_relay_holds_many(
    tmp_path: Path, desk: MadeDesk, relay: Start, code_file: Path
) -> None:
    home, one = tmp_path / "h", relay()
    know(home, tmp_path, desk, one.entry)
    assert qanat(home, "send", "x", "--code-file", code_file).code == 0
    ((_, _, report),) = open_letters(home, desk)
    reply = desk.reply(report, "found among many")
    dummies = [seal_dummy(today=today()) for _ in range(140)]
    made = [(sealed.header, sealed.body) for sealed in (*dummies, reply)]
    for at in range(0, len(made), 50):
        drop_in(one.entry, made[at : at + 50])
    without = qanat(home, "sync", "--json")
    assert "--code-file" in without.err
    assert without.json["relays"][0]["replies"] == 0
    with_code = qanat(home, "sync", "--json", "--code-file", code_file).json["relays"][0]
    # Two bits for this week, for the last and for one of four before: never all four values.
    assert report.reply_box is not None
    secret, week = report.reply_box.mailbox_secret, epoch_of(today())
    tops = [mailbox_prefix(secret, week - back)[0] >> 6 for back in range(6)]
    tags = [header.tag[0] >> 6 for header, _ in made]
    possible = {sum(tag in (*tops[:2], older) for tag in tags) for older in tops[2:]}
    assert with_code["replies"] in possible
    assert with_code["replies"] < len(made)
    shown = qanat(home, "inbox", "--json", "--code-file", code_file).json
    assert [got["text"] for got in shown["replies"]] == ["found among many"]


def test_bulletins_and_newer_cards_come_by_themselves(
    tmp_path: Path, desk: MadeDesk, relay: Start
) -> None:
    home, one = tmp_path / "h", relay()
    know(home, tmp_path, desk, one.entry)
    first = desk.card(relays=[one.entry])
    one.stop()
    one.start([write_card(first, tmp_path)])
    news = desk.bulletin(2, "The line is back in the mornings.")
    newer = desk.card(2, relays=[one.entry], previous=first.card_hash, name="Renamed")
    # The home's own card is another one with the same keys, so a jump is what it sees.
    third = desk.card(3, relays=[one.entry], previous=newer.card_hash, name="Renamed")
    document = desk.card_document(third)
    drop_in(one.entry, [(news.header, news.body), (document.header, document.body)])
    synced = qanat(home, "sync", "--json")
    assert synced.code == 0, synced.err
    assert any("newer card" in text for text in synced.json["relays"][0]["news"])
    assert qanat(home, "desk", "list", "--json").json[0]["name"] == "Renamed"
    shown = qanat(home, "inbox", "--json").json
    assert [one["text"] for one in shown["bulletins"]] == ["The line is back in the mornings."]
    assert any("1 missing before number 2" in text for text in shown["problems"])


def test_two_syncs_in_one_home_do_not_run_at_once(
    tmp_path: Path, desk: MadeDesk, relay: Start
) -> None:
    from qanat_client.reporter.home import Home

    home, one = tmp_path / "h", relay()
    know(home, tmp_path, desk, one.entry)
    with Home(home).sync_lock():
        busy = qanat(home, "sync")
        assert busy.code == 2
        assert "another qanat is syncing in this home" in busy.err
        assert qanat(home, "send", "beside it", "--no-code").code == 0
    assert qanat(home, "sync").code == 0
    assert states(home) == ["held"]


def test_a_sync_that_is_killed_again_and_again_loses_nothing(
    tmp_path: Path, desk: MadeDesk, relay: Start
) -> None:
    home, one = tmp_path / "h", relay()
    know(home, tmp_path, desk, one.entry)
    film = tmp_path / "film.mp4"
    film.write_bytes(random.Random(3).randbytes(30_000_000))
    assert qanat(home, "send", "x", "--no-code", "--attach", film).code == 0
    store = one.data / "store"
    before = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    for more in (1, 2, 3):
        process = start(home, "sync")
        while process.poll() is None:
            size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
            if size > before + more * 4_000_000:
                process.kill()
        process.communicate()
    assert qanat(home, "sync").code == 0
    found = fetch(one.entry, desk)
    (_, _, report), (part, _) = open_letters(home, desk)[0], parcels(home)[1]
    data = MadeDesk.open_part(*found[part.parcel_id], report.parts[0])
    assert data == film.read_bytes()


def test_a_relay_that_is_killed_during_the_upload_gets_the_rest_later(
    tmp_path: Path, desk: MadeDesk, relay: Start
) -> None:
    home, one = tmp_path / "h", relay()
    know(home, tmp_path, desk, one.entry)
    film = tmp_path / "film.mp4"
    film.write_bytes(random.Random(4).randbytes(30_000_000))
    assert qanat(home, "send", "x", "--no-code", "--attach", film).code == 0
    process = start(home, "sync", "--json")
    store = one.data / "store"
    while sum(f.stat().st_size for f in store.rglob("*") if f.is_file()) < 6_000_000:
        assert process.poll() is None
    one.kill()
    process.communicate()
    one.start()
    rest = qanat(home, "sync", "--json")
    assert rest.code == 0
    assert rest.json["relays"][0]["sent_bytes"] < 30_000_000
    assert states(home) == ["held"]


def test_a_relay_named_by_hand_is_used_and_the_doubt_is_told(
    tmp_path: Path, desk: MadeDesk, relay: Start, home: Path
) -> None:
    one = relay()
    assert qanat(home, "send", "x", "--no-code").code == 0
    assert qanat(home, "sync").code == 2
    synced = qanat(home, "sync", "--relay", one.url)
    assert synced.code == 0
    assert "no desk's card names it" in synced.out
    assert states(home) == ["held"]


def test_an_original_goes_to_two_relays_of_three(
    tmp_path: Path, desk: MadeDesk, relay: Start
) -> None:
    home, relays = tmp_path / "h", [relay(), relay(), relay()]
    know(home, tmp_path, desk, *(one.entry for one in relays))
    film = tmp_path / "film.mp4"
    film.write_bytes(random.Random(5).randbytes(1_000_000))
    assert qanat(home, "send", "x", "--no-code", "--attach", film).code == 0
    synced = qanat(home, "sync", "--json").json["relays"]
    assert sorted(one["taken"] for one in synced) == [1, 2, 2]


def test_a_file_no_larger_than_a_preview_goes_to_every_relay(
    tmp_path: Path, desk: MadeDesk, relay: Start
) -> None:
    home, relays = tmp_path / "h", [relay(), relay(), relay()]
    know(home, tmp_path, desk, *(one.entry for one in relays))
    note = tmp_path / "note.pdf"
    note.write_bytes(random.Random(6).randbytes(100_000))
    assert qanat(home, "send", "x", "--no-code", "--attach", note).code == 0
    synced = qanat(home, "sync", "--json").json["relays"]
    assert [one["taken"] for one in synced] == [2, 2, 2]


@pytest.mark.parametrize("year_s", [1_420_100_000.0, 2_209_000_000.0])
def test_reports_of_devices_with_wrong_clocks_arrive(
    tmp_path: Path,
    desk: MadeDesk,
    relay: Start,
    monkeypatch: pytest.MonkeyPatch,
    year_s: float,
) -> None:
    home, one = tmp_path / "h", relay()
    know(home, tmp_path, desk, one.entry)
    with monkeypatch.context() as patch:
        patch.setattr("time.time", lambda: year_s)
        assert qanat(home, "send", "it arrives", "--no-code").code == 0
        assert qanat(home, "sync").code == 0
    assert [desk.open(*parcel)[1].text for parcel in fetch(one.entry, desk).values()] == [
        "it arrives"
    ]
