"""Commands of an editor: what list and search choose, what mark, incident and log keep."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.client.desk.newsroom import Newsroom, Writer, open_directly

from qanat_client.desk.cli import main
from qanat_client.desk.filters import since
from qanat_client.errors import BadInput, DiskFull
from qanat_protocol.report import Basis

HOUR_S = 3600


async def reports(newsroom: Newsroom) -> list[str]:
    """A desk with three reports, two of one pseudonym, and their ids in the order of arrival."""
    newsroom.settle()
    desk = newsroom.open()
    one, two = Writer(desk.card, desk.today), Writer(desk.card, desk.today)
    ids = []
    for writer, text, fields in (
        (one, "На площади горит ёлка.", {"language": "ru", "where": "Алматы, алаң"}),
        (two, "Алматыда атыс болды.", {"language": "kk", "basis": Basis.SEEN}),
        (one, "Sixteen were injured.", {"language": "en", "where": "Almaty"}),
    ):
        newsroom.clock.now_s += HOUR_S
        identity, parcels = writer.write(text, urgent=writer is two, **fields)
        await open_directly(desk, parcels)
        ids.append(identity.hex())
    desk.vault.close()
    return ids


def ids_of(result: Any) -> list[str]:
    return [report["id"] for report in result["reports"]]


def decided(newsroom: Newsroom, identity: str) -> dict[str, Any]:
    found: dict[str, Any] = newsroom.do("show", "--keep-unread", identity)["decided"]
    return found


def said(newsroom: Newsroom, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints for people."""
    secret = newsroom.home.parent / f"{newsroom.home.name}.passphrase"
    given = ["--home", str(newsroom.home), "--passphrase-file", str(secret), *arguments]
    assert main(given, clock=newsroom.clock) == 0
    return capsys.readouterr().out


async def test_a_new_report_is_new_and_unread_until_it_is_shown(newsroom: Newsroom) -> None:
    first, second, third = await reports(newsroom)
    assert ids_of(newsroom.do("list", "--unread", "--state", "new")) == [first, second, third]
    assert newsroom.do("show", "--keep-unread", second[:8])["decided"]["read"] is False
    assert newsroom.do("show", second[:8])["decided"]["read"] is True
    assert ids_of(newsroom.do("list", "--unread")) == [first, third]
    newsroom.do("mark", second, "--unread")
    assert ids_of(newsroom.do("list", "--unread")) == [first, second, third]
    assert ids_of(newsroom.do("list")) == [first, second, third]


async def test_filters_of_list_combine(newsroom: Newsroom) -> None:
    first, second, third = await reports(newsroom)
    newsroom.do("mark", first, third, "--tag", "Hospital ", "--star", "--state", "checking")
    newsroom.do("mark", third, "--untag", "hospital", "--unstar")
    for arguments, wanted in (
        (["--tag", "HOSPITAL"], [first]),
        (["--state", "checking"], [first, third]),
        (["--state", "checking", "--starred"], [first]),
        (["--state", "checking", "--state", "new"], [first, second, third]),
        (["--urgent"], [second]),
        (["--first-hand", "--language", "kk"], [second]),
        (["--place", "алматы"], [first]),
        (["--place", "almaty", "--language", "ru"], []),
        (["--since", "2022-01-06T14:00"], [second, third]),
        (["--since", "1h"], [third, second][::-1]),
        (["--since", "2022-01-06T14:00+02:00"], [first, second, third]),
        (["--limit", "2"], [second, third]),
    ):
        assert ids_of(newsroom.do("list", *arguments)) == wanted, arguments


async def test_an_option_that_is_repeated_leaves_all_of_them_or_any_as_it_says(
    newsroom: Newsroom,
) -> None:
    first, second, third = await reports(newsroom)
    newsroom.do("mark", first, second, "--tag", "fire")
    newsroom.do("mark", second, "--tag", "video")
    for arguments, wanted in (
        (["--tag", "fire", "--tag", "video"], [second]),
        (["--place", "алматы", "--place", "алаң"], [first]),
        (["--place", "алматы", "--place", "almaty"], []),
        (["--language", "kk", "--language", "ru"], [first, second]),
        (["--state", "new", "--state", "checking", "--unread"], [first, second, third]),
    ):
        assert ids_of(newsroom.do("list", *arguments)) == wanted, arguments


async def test_search_takes_the_same_filters_and_says_when_there_is_more(
    newsroom: Newsroom,
) -> None:
    first, second, third = await reports(newsroom)
    assert ids_of(newsroom.do("search", "алматы")) == [second, first]
    assert ids_of(newsroom.do("search", "алматы", "--urgent")) == [second]
    assert ids_of(newsroom.do("search", "елка", "горит")) == [first]
    assert ids_of(newsroom.do("search", "INJUR")) == [third]
    found = newsroom.do("search", "алматы", "--limit", "1")
    assert ids_of(found) == [second]
    assert found["has_more"] is True
    assert newsroom.do("search", "алматы", "--limit", "2")["has_more"] is False
    assert newsroom.do("search", "nothing")["reports"] == []


async def test_confidence_and_notes_are_kept_element_by_element(newsroom: Newsroom) -> None:
    first, *_ = await reports(newsroom)
    newsroom.do("mark", first, "--place", "low", "--source", "medium", "--note", "no landmark")
    newsroom.do("mark", first, "--place", "high")
    newsroom.do("mark", first, "--source", "high", "--note", "met\nhim")
    assert decided(newsroom, first)["elements"] == {
        "source": {"confidence": "high", "note": "met\nhim"},
        "place": {"confidence": "high", "note": "no landmark"},
    }


async def test_the_log_tells_every_change_of_a_report_in_its_order(
    newsroom: Newsroom, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = await reports(newsroom)
    newsroom.do("mark", first, "--state", "checking")
    # A clock that runs backwards orders nothing.
    newsroom.clock.now_s -= 50 * HOUR_S
    newsroom.do("mark", first, "--state", "doubtful", "--tag", "video")
    newsroom.do("incident", "create", "The square", first)
    newsroom.do("mark", second, "--star")
    newsroom.do("mark", third, "--mute")
    lines = [entry["words"] for entry in newsroom.do("log", first)["log"]]
    assert lines[:3] == ["state: checking", "state: doubtful", "tagged video"]
    assert re.fullmatch(r"added to incident The square \([0-9a-f]{8}\)", lines[3])
    assert lines[4:] == ["its pseudonym muted"]
    assert newsroom.do("log", first)["log"][0]["ours"] is True
    printed = said(newsroom, capsys, "log", first).splitlines()
    assert printed[0] == "2022-01-06 15:00 UTC  this desk  state: checking"
    assert printed[1] == "2022-01-04 13:00 UTC  this desk  state: doubtful"
    assert said(newsroom, capsys, "log", third).count("\n") == 1


async def test_what_stands_already_is_not_decided_again(newsroom: Newsroom) -> None:
    first, *_ = await reports(newsroom)
    assert newsroom.do("mark", first, first[:10], "--state", "checking", "--star")["decisions"] == 2
    assert newsroom.do("mark", first, "--state", "checking", "--star")["decisions"] == 0
    assert newsroom.do("mark", first, "--untag", "never", "--unmute")["decisions"] == 0
    assert len(newsroom.do("log", first)["log"]) == 2


async def test_all_marks_of_one_command_are_kept_or_none(newsroom: Newsroom) -> None:
    first, second, _ = await reports(newsroom)
    done = newsroom.run("mark", first, "--star", "--tag", "t" * 65)
    assert done.code == 2
    assert "can't be decided" in done.err
    assert newsroom.run("mark", first, "ffffffff", "--star").code == 2
    assert newsroom.do("log", first)["log"] == []
    for wrong in (
        ["mark", second],
        ["mark", second, "--note", "why"],
        ["mark", second, "--state", "sure"],
        ["mark", second, "--star", "--unstar"],
        ["mark", second, "--place", "certain"],
    ):
        assert newsroom.run(*wrong).code == 2, wrong


async def test_a_muted_pseudonym_is_left_out_of_lists_counted_and_never_lost(
    newsroom: Newsroom, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = await reports(newsroom)
    alias = newsroom.do("show", first)["alias"]
    newsroom.do("mark", first, "--mute")
    listed = newsroom.do("list")
    assert ids_of(listed) == [second]
    assert listed["muted"] == 2
    assert newsroom.do("search", "injured")["muted"] == 1
    assert ids_of(newsroom.do("search", "injured", "--muted")) == [third]
    assert ids_of(newsroom.do("list", "--muted")) == [first, third]
    assert ids_of(newsroom.do("list", "--alias", alias)) == [first, third]
    assert newsroom.do("show", third)["muted"] is True
    assert "2 more reports of muted pseudonyms" in said(newsroom, capsys, "list")
    newsroom.do("mark", second, "--mute")
    assert said(newsroom, capsys, "list").startswith("3 more reports of muted pseudonyms")
    newsroom.do("mark", second, third, "--unmute")
    assert ids_of(newsroom.do("list")) == [first, second, third]


async def test_show_names_alias_state_and_the_other_reports_of_the_pseudonym(
    newsroom: Newsroom, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = await reports(newsroom)
    newsroom.do("mark", first, "--state", "published", "--star", "--tag", "fire")
    newsroom.do("incident", "create", "Tree", first)
    value = newsroom.do("show", first)
    assert value["same_pseudonym"] == [third]
    assert newsroom.do("show", third)["alias"] == value["alias"]
    assert newsroom.do("show", second)["alias"] != value["alias"]
    page = said(newsroom, capsys, "show", first)
    for line in (
        f"alias      {value['alias']}",
        "checked    published, starred",
        "tags       fire",
        f"others     {third[:8]}",
    ):
        assert f"\n{line}\n" in page, line
    assert re.search(r"\nincident   Tree \([0-9a-f]{8}\)\n", page)
    assert page.endswith("\n\nНа площади горит ёлка.\n")
    assert "no other report of this pseudonym" in said(newsroom, capsys, "show", second)
    line = said(newsroom, capsys, "list", "--starred")
    assert f"  {value['alias']}  published, starred #fire\n" in line


async def test_incidents_gather_reports_and_let_them_go(newsroom: Newsroom) -> None:
    first, second, third = await reports(newsroom)
    made = newsroom.do("incident", "create", "  The   square ", first, second[:12])
    assert made["name"] == "The square"
    other = newsroom.do("incident", "create", "Hospital")
    assert newsroom.do("incident", "add", "the square", third)["reports"] == sorted(
        [first, second, third]
    )
    assert len(newsroom.do("incident", "remove", made["id"][:8], second)["reports"]) == 2
    assert ids_of(newsroom.do("incident", "show", "The square")) == [first, third]
    assert ids_of(newsroom.do("list", "--incident", "The square", "--language", "en")) == [third]
    assert newsroom.do("incident", "rename", "The square", "Republic Square")["id"] == made["id"]
    assert newsroom.run("incident", "show", "The square").code == 2
    listed = newsroom.do("incident", "list")["incidents"]
    assert [(each["name"], len(each["reports"])) for each in listed] == [
        ("Hospital", 0),
        ("Republic Square", 2),
    ]
    assert decided(newsroom, first)["incidents"] == [{"id": made["id"], "name": "Republic Square"}]
    done = newsroom.run("incident", "add", "OSPIT", first)
    assert done.code == 2
    assert "there is 'Hospital'" in done.err
    done = newsroom.run("incident", "create", "hospital")
    assert f"there is an incident Hospital ({other['id'][:8]}) already" in done.err
    done = newsroom.run("incident", "add", "Hospital", first)
    assert done.code == 2
    assert other["id"] in done.err
    assert newsroom.do("incident", "add", other["id"], first)["reports"] == [first]
    for wrong in (["create", " "], ["add", "Nowhere", first], ["create"], ["add", "Hospital"], []):
        assert newsroom.run("incident", *wrong).code == 2, wrong


async def test_an_incident_without_reports_is_deleted_and_a_report_brings_it_back(
    newsroom: Newsroom, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _, _ = await reports(newsroom)
    made = newsroom.do("incident", "create", "The square", first)
    done = newsroom.run("incident", "delete", "The square")
    assert done.code == 2
    assert "take them out first" in done.err
    newsroom.do("incident", "remove", "The square", first)
    assert newsroom.do("incident", "delete", "the square")["deleted"] is True
    assert newsroom.do("incident", "list")["incidents"] == []
    assert newsroom.run("incident", "add", "The square", first).code == 2
    (listed,) = newsroom.do("incident", "list", "--deleted")["incidents"]
    assert (listed["id"], listed["deleted"]) == (made["id"], True)
    assert "The square" in said(newsroom, capsys, "incident", "list", "--deleted")
    assert newsroom.do("incident", "add", made["id"][:8], first)["deleted"] is False
    log = newsroom.do("incident", "show", "The square")["log"]
    assert [entry["words"] for entry in log if entry["what"] == "deleted"] == [
        "incident deleted",
        "incident brought back",
    ]
    assert "none was deleted" in said(newsroom, capsys, "incident", "list", "--deleted")


async def test_a_full_disk_hides_no_report_from_the_list(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = await reports(newsroom)

    def full(*_: object) -> int:
        raise DiskFull("the disk is full; what was stored before is safe")

    monkeypatch.setattr("qanat_client.desk.reading.catch_up", full)
    monkeypatch.setattr("qanat_client.desk.decision_log.DecisionLog.record", full)
    done = newsroom.run("list")
    assert done.code == 0
    assert ids_of(done.value) == [first, second, third]
    assert "3 reports can't be looked through yet: the disk is full" in done.err
    done = newsroom.run("show", first)
    assert done.code == 0
    assert done.value["decided"]["read"] is False
    assert "it stays unread here: the disk is full" in done.err


async def test_names_that_nothing_has_are_told(newsroom: Newsroom) -> None:
    await reports(newsroom)
    for arguments, words in (
        (["list", "--alias", "grey-nobody"], "nobody here is called"),
        (["list", "--incident", "Nowhere"], "there is no incident"),
        (["list", "--since", "yesterday"], "--since takes a day"),
        (["list", "--set-aside", "--unread"], "takes no filters"),
        (["list", "--limit", "0"], "is not 1 or more"),
        (["search", "?!"], "there is no word"),
    ):
        done = newsroom.run(*arguments)
        assert done.code == 2, arguments
        assert words in done.err, arguments


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("2022-01-06", 1_641_427_200),
        ("2022-01-06T12:00", 1_641_470_400),
        ("2022-01-06T12:00+06:00", 1_641_448_800),
        ("90m", 1_641_470_400 - 5400),
        ("36h", 1_641_470_400 - 129_600),
        ("3d", 1_641_470_400 - 259_200),
    ],
)
def test_since_is_a_day_a_time_or_an_age(given: str, wanted: int) -> None:
    assert since(given, 1_641_470_400.5) == wanted


@pytest.mark.parametrize(
    "given", ["", "3", "3w", "-3d", "1" * 30 + "d", "2022-13-01", "2022-01-06T25:00"]
)
def test_any_other_time_is_refused(given: str) -> None:
    with pytest.raises(BadInput, match="--since"):
        since(given, 1_641_470_400)


@pytest.mark.parametrize(
    "command", ["list", "search", "show", "mark", "log", "incident", "incident create"]
)
def test_every_command_teaches_what_it_does(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(tmp_path), *command.split(), "--help"]) == 0
    assert "usage: qanat-desk" in capsys.readouterr().out
