"""What the programs do with input that can't be used: exit code 2, a sentence, nothing changed.

Most of them run in this process: dozens of others would be started for a sentence each.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.client.reporter_runs import run_here
from tests.end_to_end.abroad import Abroad
from tests.end_to_end.commands import qanat

from qanat_client.demo.programs import Answer, run
from qanat_client.reporter.cli import main as reporter_main
from qanat_relay.cli import main as relay_main

CODE = "1234 5678 9012 3456 7890 1272"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def refused(answer: Answer, *words: str) -> bool:
    """Whether it ended with 2 and a sentence in which these words are."""
    assert answer.code == 2, (answer.code, answer.said)
    assert "Traceback" not in answer.said
    assert answer.said.strip()
    return all(word in answer.said for word in words)


def reporter(home: Path, *arguments: str | Path, text: str = "") -> Answer:
    """Run the reporter's program in this process."""
    ran = run_here(reporter_main, ["--json", "--home", home, *arguments], text)
    return Answer(ran.code, ran.json if ran.out.strip() else None, ran.err.strip())


def operator(*arguments: str | Path) -> Answer:
    """Run the relay's program in this process."""
    ran = run_here(relay_main, arguments)
    return Answer(ran.code, None, ran.err.strip())


@pytest.fixture(scope="session")
def made_home(made_abroad: Abroad) -> Path:
    return asyncio.run(made_abroad.home("made-home"))


@pytest.fixture
def home(made_home: Path, tmp_path: Path) -> Path:
    """A home that knows the desk; no relay runs."""
    return shutil.copytree(made_home, tmp_path / "home")


def outbox_numbers(home: Path) -> list[int]:
    return [line["number"] for line in reporter(home, "outbox").result]


async def test_a_text_of_300_kb_is_refused_with_the_way_to_send_it(
    home: Path, tmp_path: Path
) -> None:
    text = "Атыс естілді. " * 12_500
    assert len(text.encode()) > 300_000
    file = tmp_path / "text"
    file.write_text(text)
    said = "the text has", "65,536", "--attach"
    assert refused(await qanat(home, "send", "--no-code", text=text), *said)
    assert refused(await qanat(home, "send", "--no-code", "--text-file", file), *said)
    assert outbox_numbers(home) == []
    sent = await qanat(home, "send", "--no-code", "the whole is attached", "--attach", file)
    assert sent.code == 0, sent.said


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        ((), "", ("nothing to send",)),
        (("--text-file", "no-such-file"), "", ("no-such-file", "no such file")),
        (("--text-file", "."), "", ("directory",)),
        (("--attach", "no-such-file"), "x", ("there is no file", "no-such-file")),
        (("--attach", "."), "x", ("directory",)),
        (("--attach", "/dev/null"), "x", ("not an ordinary file",)),
        (("--what", "two\nlines"), "x", ("--what", "one line")),
        (("--where", "\x1b[31mred"), "x", ("--where", "one line")),
        (("--when", "x" * 200), "x", ("--when", "128")),
        ((), "a bell \x07 in the text", ("control character", "U+0007")),
        (("--figure", "injured"), "x", ("injured",)),
        (("--figure", "injured=20..16"), "x", ("injured",)),
        (("--figure", "injured=many"), "x", ("injured",)),
        (("--corrects", "abc"), "x", ("not a report id",)),
        (("--date", "yesterday"), "x", ("not a date",)),
        (("--desk", "nobody's"), "x", ("nobody's",)),
    ],
)
def test_a_report_that_cannot_be_sealed_is_refused_with_the_reason(
    home: Path, arguments: tuple[str, ...], text: str, words: tuple[str, ...]
) -> None:
    assert refused(reporter(home, "send", "--no-code", *arguments, text=text), *words)
    assert outbox_numbers(home) == []


async def test_an_empty_file_and_names_that_deceive_arrive_in_a_form_that_does_not(
    abroad: Abroad, tmp_path: Path
) -> None:
    home = await abroad.home()
    names = {
        "empty.txt": "empty.txt",
        "back\\slash.txt": "back_slash.txt",
        "line\nbreak \x1b[31m.txt": "line_break _[31m.txt",
        "cod.exe\u202etxt.jpg": "cod.exe_txt.jpg",
        "x" * 251 + ".txt": "x" * 251 + ".txt",
    }
    media = tmp_path / "media"
    media.mkdir()
    for name in names:
        (media / name).write_bytes(b"" if name == "empty.txt" else name.encode())
    files = [word for name in names for word in ("--attach", str(media / name))]
    sent = await qanat(home, "send", "--no-code", *files)
    assert sent.code == 0, sent.said
    assert "\x1b" not in sent.said
    assert "will be called" in sent.said
    assert "empty.txt is empty" in sent.said
    assert (await qanat(home, "sync")).code == 0
    found = (await abroad.arrived())[sent.result["report_id"]]
    assert [file["name"] for file in found["files"]] == list(names.values())
    exported = (await abroad.exported())[sent.result["report_id"]]
    assert set(exported) == set(names.values())
    assert exported["empty.txt"] == EMPTY_SHA256


def _flipped(card: bytes) -> bytes:
    return card[:-1] + bytes([card[-1] ^ 1])


@pytest.mark.parametrize(
    "spoil",
    [
        _flipped,
        lambda card: card[:1000],
        lambda card: card + b"\0",
        lambda card: b"",
        lambda card: random.Random(1).randbytes(1000),
        lambda card: card * 20,
        lambda card: card.replace(b"Desk of the tests", b"Desk of the pests"),
    ],
    ids=["signature", "cut", "trailing", "empty", "noise", "large", "another-name"],
)
def test_a_card_that_is_not_as_it_was_signed_is_refused_by_reporter_and_relay(
    made_abroad: Abroad, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    card = tmp_path / "spoilt.card"
    card.write_bytes(spoil(made_abroad.card_file.read_bytes()))
    assert refused(reporter(tmp_path / "home", "desk", "add", card, "--yes"))
    assert reporter(tmp_path / "home", "desk", "list").result == []
    data = tmp_path / "relay"
    assert operator("init", "--data", data).code == 0
    assert refused(operator("desk", "add", card, "--data", data))


async def test_an_older_card_never_replaces_a_newer_one(
    made_abroad: Abroad, tmp_path: Path
) -> None:
    abroad = made_abroad.copy(tmp_path / "abroad")
    newer = tmp_path / "newer.card"
    made = await abroad.ask_desk("card", "--renew", "-o", newer)
    assert made.code == 0, made.said
    home = tmp_path / "home"
    assert (await qanat(home, "desk", "add", newer, "--yes")).result["serial"] == 2
    assert refused(await qanat(home, "desk", "add", abroad.card_file, "--yes"), "older")
    (known,) = (await qanat(home, "desk", "list")).result
    assert known["serial"] == 2
    assert (await run("qanat-relay", "desk", "add", newer, "--data", abroad.relay.data)).code == 0
    old = await run("qanat-relay", "desk", "add", abroad.card_file, "--data", abroad.relay.data)
    assert refused(old, "older")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (CODE[:-1] + str((int(CODE[-1]) + 1) % 10), ("check digits",)),
        (CODE[1:], ("23",)),
        (CODE + "0", ("25",)),
        (CODE.replace("1", "l"), ("24 digits",)),
        ("", ("24 digits",)),
    ],
)
def test_a_code_with_a_typing_error_is_refused_and_not_repeated(
    home: Path, tmp_path: Path, code: str, words: tuple[str, ...]
) -> None:
    file = tmp_path / "code"
    file.write_text(code + "\n")
    checked = reporter(home, "code", "check", "--code-file", file)
    assert refused(checked, *words)
    for command in (["send", "x"], ["sync"], ["inbox"]):
        answer = reporter(home, *command, "--code-file", file)
        assert refused(answer, "code")
        for group in code.split():
            assert group not in answer.said
    assert outbox_numbers(home) == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("send", "--no-such-option"),
        ("send", "one", "two"),
        ("sync", "--relay", "ftp://relay.example"),
        ("sync", "--relay", "https://relay.example/path"),
        ("sync", "--proxy", "socks9://127.0.0.1:1"),
        ("sync", "--every", "5"),
        ("sync", "--connect-timeout", "-1"),
        ("outbox", "drop", "7", "--yes"),
        ("outbox", "drop", "one"),
        ("desk", "add", "no-such.card"),
        ("desk", "add", "no-such.card", "--yes"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(home: Path, arguments: tuple[str, ...]) -> None:
    assert refused(reporter(home, *arguments))


async def test_without_a_desk_nothing_can_be_sent_and_the_way_to_one_is_told(
    tmp_path: Path,
) -> None:
    assert refused(await qanat(tmp_path / "home", "send", "--no-code", "x"), "desk add")
    assert refused(await qanat(tmp_path / "home", "sync"), "card")


async def test_the_editors_program_refuses_what_it_cannot_use(
    made_abroad: Abroad, tmp_path: Path
) -> None:
    abroad = made_abroad.copy(tmp_path / "abroad")
    for command in (
        ["show", "00000000"],
        ["show", "not an id"],
        ["reply", "00000000", "x"],
        ["want", "00000000"],
        ["bulletin", ""],
        ["bulletin", "x", "--picture", "no-such.jpg"],
        ["bulletin"],
        ["init", "--name", "again", "--relay", "http://127.0.0.1:1"],
        ["init", "--name", "x", "--relay", "not an address"],
        ["export", "-o", "/dev/null/x"],
        ["card", "-o", "/dev/null/x"],
        ["set", "no-such-setting", "1"],
        ["fly"],
    ):
        assert refused(await abroad.ask_desk(*command)), command
    abroad.desk.passphrase_file.write_text("another one\n")
    assert refused(await abroad.ask_desk("list"), "passphrase")


def test_a_relay_refuses_settings_and_folders_that_it_cannot_use(tmp_path: Path) -> None:
    data = tmp_path / "relay"
    settings = data / "relay.toml"
    assert operator("init", "--data", data).code == 0
    assert refused(operator("init", "--data", data), "there already")
    assert refused(operator("serve", "--data", data, "--listen", "nowhere"))
    assert refused(operator("init", "--data", tmp_path / "x", "--country", "Land"))
    assert refused(operator("desk", "add", "no-such.card", "--data", data))
    assert refused(operator("status", "--data", tmp_path / "nothing"))
    for spoilt in ("listen = [", "no_such_setting = 1\n", 'capacity_bytes = "much"\n'):
        settings.write_text(spoilt)
        assert refused(operator("serve", "--data", data)), spoilt
