"""`qanat send`: what is sealed, what is refused, and that nothing readable stays behind."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.client.made_desk import GRACE_DAYS, MadeDesk, today
from tests.client.reporter_runs import (
    CODE,
    START,
    attaching,
    parcels,
    qanat,
    qanat_process,
    start,
)
from tests.end_to_end.at_terminal import at_terminal

from qanat_client.reporter.attachments import safe_name
from qanat_protocol.days import day_of, epoch_of, last_day
from qanat_protocol.report import Basis, Figure, check_name, report_id

TEXT = "Площадь окружена. Тәулік бойы атыс естіледі. Shots since the morning."


def test_a_report_opens_at_the_desk_as_it_was_written(
    home: Path, desk: MadeDesk, code_file: Path
) -> None:
    sent = qanat(
        home, "send", "--json", TEXT, "--what", "Shots", "--where", "Алматы", "--when", "7 am",
        "--seen", "--figure", "injured=16..20", "--figure", "cars=3", "--language", "ru",
        "--urgent", "--code-file", code_file,
    )  # fmt: skip
    assert sent.code == 0, sent.err
    ((header, body),) = parcels(home)
    letter, report = desk.open(header, body)
    assert report.text == TEXT
    assert (report.what, report.where, report.when) == ("Shots", "Алматы", "7 am")
    assert report.basis is Basis.SEEN
    assert report.figures == (Figure("injured", 16, 20), Figure("cars", 3, 3))
    assert report.language == "ru"
    assert header.urgent
    assert report.reply_box is not None
    assert report.checkpoint == (desk.issued_day, desk.card().card_hash) or report.checkpoint
    assert sent.json["report_id"] == report_id(letter.content).hex()
    assert header.expiry_day == last_day(epoch_of(today())) + GRACE_DAYS


def test_one_code_is_one_author_and_no_code_is_a_new_one_each_time(
    home: Path, desk: MadeDesk, code_file: Path
) -> None:
    for extra in (["--code-file", code_file], ["--code-file", code_file], ["--no-code"]) * 2:
        assert qanat(home, "send", "x", *extra).code == 0
    reports = [desk.open(header, body)[1] for header, body in parcels(home)]
    with_code = [report for report in reports if report.reply_box]
    without = [report for report in reports if not report.reply_box]
    assert len({report.author for report in with_code}) == 1
    assert len({report.author for report in without}) == 2
    assert len({report.nonce for report in reports}) == 6


def test_without_a_terminal_a_report_needs_a_code_file_or_the_word_that_there_is_none(
    home: Path,
) -> None:
    refused = qanat(home, "send", "x")
    assert refused.code == 2
    assert "--no-code" in refused.err
    assert parcels(home) == []


@pytest.mark.parametrize("word", ["--corrects", "--withdraws"])
def test_a_correction_without_the_code_is_refused(home: Path, word: str) -> None:
    refused = qanat(home, "send", "x", "--no-code", word, "ab" * 32)
    assert refused.code == 2
    assert "only the code of a report can correct or withdraw it" in refused.err
    assert parcels(home) == []


def test_a_correction_at_a_terminal_asks_until_there_is_a_code(home: Path) -> None:
    seen = at_terminal(
        shlex.join([*START, "--home", str(home), "send", "x", "--corrects", "ab" * 32]),
        ("The code with which you sent that report", "\n"),
        ("The code with which you sent that report", f"{CODE}\n"),
        folder=home,
        variables=dict(os.environ),
    )
    assert seen.code == 0, seen.screen
    assert "only the code of a report can correct" in seen.screen
    assert len(parcels(home)) == 1


def test_what_is_said_of_the_report_id_fits_how_it_was_sent(home: Path, code_file: Path) -> None:
    named = qanat(home, "send", "x", "--code-file", code_file).out
    assert "note it if you may want to correct" in named
    nobody = qanat(home, "send", "x", "--no-code").out
    assert "note it" not in nobody
    assert "it can't be corrected or withdrawn, and no answer can come" in nobody


def test_the_text_comes_from_a_file_or_the_input(
    home: Path, desk: MadeDesk, tmp_path: Path
) -> None:
    file = tmp_path / "text"
    file.write_bytes("\ufeffone\r\ntwo\n".encode())
    assert qanat(home, "send", "--no-code", "--text-file", file).code == 0
    assert qanat_process(home, "send", "--no-code", stdin="стдин\n".encode()).code == 0
    texts = [desk.open(header, body)[1].text for header, body in parcels(home)]
    assert texts == ["one\ntwo", "стдин"]


def test_send_loads_nothing_of_the_network(home: Path) -> None:
    program = (
        "import sys; from qanat_client.reporter.cli import main; code = main(sys.argv[1:]);"
        "heavy = {'asyncio', 'aiohttp', 'rich', 'PIL', 'ssl'} & sys.modules.keys();"
        "print(sorted(heavy)); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--home", home, "send", "x", "--no-code"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_attachment_arrives_as_it_was(home: Path, desk: MadeDesk, tmp_path: Path) -> None:
    draw = random.Random(7)
    sizes = [0, 1, 16_312, 16_313, 16_384, 1_000_000, 9_000_001]
    files = []
    for size in sizes:
        path = tmp_path / f"file-{size}.bin"
        path.write_bytes(draw.randbytes(size))
        files.append(path)
    sent = qanat(home, "send", "", "--no-code", *attaching(*files))
    assert sent.code == 0, sent.err
    assert "is empty" in sent.err
    (letter, *parts) = parcels(home)
    _, report = desk.open(*letter)
    assert [file.size for file in report.files] == sizes
    for path, file, ref, (header, body) in zip(
        files, report.files, report.parts, parts, strict=True
    ):
        assert header.parcel_id == ref.parcel_id
        data = MadeDesk.open_part(header, body, ref)
        assert data == path.read_bytes()
        assert file.sha256 == hashlib.sha256(data).digest()
        assert file.name == path.name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([""], "nothing to send"),
        (["x" * 65_537], "--attach"),
        (["a\x07b"], "U+0007"),
        (["x", "--attach", "no-such-file"], "no file"),
        (["x", "--attach", "."], "directory"),
        (["x", "--attach", "/dev/null"], "not an ordinary file"),
        (["x", "--figure", "injured"], "not a figure"),
        (["x", "--figure", "injured=5..3"], "smaller"),
        (["x", "--figure", "a=-1"], "not a figure"),
        (["x", "--figure", f"a={'9' * 5000}"], "not a figure"),
        (["x", "--corrects", "abc"], "not a report id"),
        (["x", "--where", "w" * 513], "at most 512"),
        (["x", "--what", "a\nb"], "one line"),
        (["x", "--date", "2026-13-01"], "not a date"),
        (["x", "--desk", "nobody"], "no desk is known as"),
        (["--text-file", "no-such-file"], "no such file"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_reason_and_queues_nothing(
    home: Path, arguments: list[str], said: str
) -> None:
    refused = qanat(home, "send", "--no-code", *arguments)
    assert refused.code == 2
    assert said in refused.err
    assert parcels(home) == []


def test_a_film_that_is_too_large_is_refused_and_told_to_go_in_pieces(
    home: Path, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    with film.open("wb") as file:
        file.truncate(2**30)
    refused = qanat(home, "send", "--no-code", "x", "--attach", str(film))
    assert refused.code == 2
    assert "1,073,741,824 bytes, at most 1,072,694,200 (just under 1 GiB)" in refused.err
    assert "send it in pieces" in refused.err
    assert parcels(home) == []


def test_a_text_of_65536_bytes_still_goes(home: Path, desk: MadeDesk) -> None:
    text = "ж" * 32_768
    assert qanat(home, "send", text, "--no-code").code == 0
    ((header, body),) = parcels(home)
    assert desk.open(header, body)[1].text == text


def test_a_named_pipe_is_refused_at_once(home: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert qanat(home, "send", "x", "--no-code", "--attach", tmp_path / "pipe").code == 2


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("photo.jpg", "photo.jpg"),
        ("a/b\\c", "a_b_c"),
        ("line\nfeed\x07", "line_feed_"),
        ("evil\u202egpj.exe", "evil_gpj.exe"),
        ("..", "file"),
        ("", "file"),
        ("a\ud800b", "a?b"),
        ("نیم\u200cفاصله.jpg", "نیم\u200cفاصله.jpg"),
        ("x" * 300 + ".jpeg", "x" * 250 + ".jpeg"),
        ("ж" * 200 + ".mp4", "ж" * 125 + ".mp4"),
        ("." + "y" * 300, "." + "y" * 254),
    ],
)
def test_a_name_is_made_safe_and_keeps_its_ending(given: str, kept: str) -> None:
    assert safe_name(given) == kept
    check_name(safe_name(given))
    assert len(kept.encode()) <= 255


def test_the_text_may_stand_behind_a_file(home: Path, desk: MadeDesk, tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"z" * 500)
    sent = qanat(home, "send", "--no-code", "--attach", file, "Behind the file")
    assert sent.code == 0, sent.err
    _, report = desk.open(*parcels(home)[0])
    assert (report.text, [file.name for file in report.files]) == ("Behind the file", ["a.bin"])


def test_a_file_that_would_go_as_its_bare_name_is_refused(home: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.bin", tmp_path / "b.bin"
    for file in (first, second):
        file.write_bytes(b"z" * 500)
    sent = qanat(home, "send", "--no-code", "--attach", first, second)
    assert sent.code == 2
    assert f"--attach {second}" in sent.err
    assert parcels(home) == []


def test_a_changed_name_is_told_and_two_files_of_one_name_stay_apart(
    home: Path, desk: MadeDesk, tmp_path: Path
) -> None:
    odd = tmp_path / "we\nird.txt"
    twins = [tmp_path / "a" / "same.txt", tmp_path / "b" / "same.txt"]
    for path in (odd, *twins):
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(path))
    sent = qanat(home, "send", "", "--no-code", *attaching(odd, *twins))
    assert sent.code == 0
    assert "will be called we_ird.txt" in sent.err
    _, report = desk.open(*parcels(home)[0])
    assert [file.name for file in report.files] == ["we_ird.txt", "same.txt", "same-2.txt"]


def test_a_correction_and_a_withdrawal_name_the_report(
    home: Path, desk: MadeDesk, code_file: Path
) -> None:
    first = qanat(home, "send", "--json", "x", "--code-file", code_file).json["report_id"]
    assert qanat(home, "send", "y", "--corrects", first, "--code-file", code_file).code == 0
    assert qanat(home, "send", "", "--withdraws", first, "--code-file", code_file).code == 0
    _, corrects, withdraws = (desk.open(*parcel)[1] for parcel in parcels(home))
    assert corrects.corrects == bytes.fromhex(first)
    assert withdraws.withdraws == bytes.fromhex(first)
    assert corrects.author == withdraws.author


def set_clock(monkeypatch: pytest.MonkeyPatch, unix_s: float) -> None:
    monkeypatch.setattr("time.time", lambda: unix_s)


IN_2015 = 1_420_100_000.0
IN_2040 = 2_209_000_000.0


def test_with_a_clock_of_2015_the_newest_signed_day_counts_and_is_told(
    home: Path, desk: MadeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, IN_2015)
    sent = qanat(home, "send", "x", "--no-code")
    assert sent.code == 0
    assert "clock is behind" in sent.err
    ((header, body),) = parcels(home)
    assert desk.open(header, body)[1].written_s == 0
    assert header.expiry_day == last_day(epoch_of(desk.issued_day)) + GRACE_DAYS


def test_with_a_clock_of_2015_the_persons_date_counts(
    home: Path, desk: MadeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qanat_protocol.days import iso

    next_week = desk.issued_day + 8
    set_clock(monkeypatch, IN_2015)
    assert qanat(home, "send", "x", "--no-code", "--date", iso(next_week)).code == 0
    ((header, body),) = parcels(home)
    assert desk.open(header, body)[1].written_s == next_week * 86_400
    assert header.expiry_day == last_day(epoch_of(next_week)) + GRACE_DAYS


def test_with_a_clock_of_2040_a_report_is_sealed_to_the_late_key(
    home: Path, desk: MadeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, IN_2040)
    sent = qanat(home, "send", "x", "--no-code")
    assert sent.code == 0
    assert "Get a newer card" in sent.err
    ((header, body),) = parcels(home)
    _, report = desk.open(header, body)
    assert day_of(report.written_s) == day_of(IN_2040)
    assert header.expiry_day == desk.card().expiry_day(desk.card().last_epoch)


def grows(home: Path, process: subprocess.Popen[bytes], size: int) -> bool:
    """Wait until the database's log and file are so large; False if the process ended before."""
    while process.poll() is None:
        files = [home / "qanat.db", home / "qanat.db-wal"]
        if sum(file.stat().st_size for file in files if file.exists()) > size:
            return True
    return False


def sealing_a_film(home: Path, folder: Path) -> subprocess.Popen[bytes]:
    """A `send` that has sealed a part of its film, and not all."""
    film = folder / "film.mp4"
    with film.open("wb") as file:
        file.truncate(300 << 20)
    process = start(home, "send", "with a film", "--no-code", "--attach", film)
    assert grows(home, process, 20 << 20)
    return process


def test_a_stopped_send_says_that_the_report_is_not_queued_and_gives_the_room_back(
    home: Path, tmp_path: Path
) -> None:
    assert qanat(home, "send", "before", "--no-code").code == 0
    process = sealing_a_film(home, tmp_path)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert "This report was NOT queued" in said.decode()
    assert "1 older report is safely queued" in said.decode()
    assert len(parcels(home)) == 1
    assert (home / "qanat.db").stat().st_size < 1 << 20


def test_the_outbox_clears_what_a_killed_send_left_and_gives_the_room_back(
    home: Path, tmp_path: Path
) -> None:
    process = sealing_a_film(home, tmp_path)
    process.kill()
    process.communicate()
    assert qanat(home, "outbox").code == 0
    assert (home / "qanat.db").stat().st_size < 1 << 20


def test_a_send_that_is_killed_leaves_nothing_in_the_queue_and_its_rest_is_cleared(
    home: Path, tmp_path: Path
) -> None:
    assert qanat(home, "send", "before", "--no-code").code == 0
    process = sealing_a_film(home, tmp_path)
    process.kill()
    process.communicate()
    assert len(parcels(home)) == 1
    assert list(home.glob("sealing-*"))
    assert qanat(home, "send", "after", "--no-code").code == 0
    assert not list(home.glob("sealing-*"))
    assert [entry["number"] for entry in qanat(home, "outbox", "--json").json] == [1, 2]
    import sqlite3

    with sqlite3.connect(home / "qanat.db") as database:
        assert database.execute("SELECT count(*) FROM parcel").fetchone() == (2,)
        assert database.execute("SELECT count(*) FROM block").fetchone() == (2,)


def test_two_sends_at_once_both_queue(home: Path, desk: MadeDesk, tmp_path: Path) -> None:
    files = [tmp_path / f"film-{n}.mp4" for n in range(3)]
    for number, path in enumerate(files):
        path.write_bytes(random.Random(number).randbytes(6_000_000))
    running = [start(home, "send", path.name, "--no-code", "--attach", path) for path in files]
    assert [(process.communicate()[1], process.returncode)[1] for process in running] == [0, 0, 0]
    letters = parcels(home)[::2]
    assert {desk.open(*letter)[1].text for letter in letters} == {path.name for path in files}


def test_a_file_that_changes_while_it_is_read_queues_nothing(home: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with film.open("wb") as file:
        file.truncate(200 << 20)
    process = start(home, "send", "x", "--no-code", "--attach", film)
    assert grows(home, process, 8 << 20)
    with film.open("ab") as file:
        file.write(b"more")
    _, err = process.communicate()
    assert process.returncode == 2
    assert b"was changed" in err
    assert parcels(home) == []


def test_sealing_takes_constant_memory(home: Path, tmp_path: Path) -> None:
    peaks = []
    for size in (1 << 20, 256 << 20):
        film = tmp_path / f"film-{size}.mp4"
        with film.open("wb") as file:
            file.truncate(size)
        program = (
            "import resource, sys; from qanat_client.reporter.cli import main; code = main();"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"
        )
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                program,
                "--home",
                home,
                "send",
                "x",
                "--no-code",
                "--attach",
                film,
            ],
            capture_output=True,
            check=True,
            text=True,
        )
        peaks.append(int(done.stdout.splitlines()[-1]))
    assert peaks[1] - peaks[0] < 40_000, json.dumps(peaks)
