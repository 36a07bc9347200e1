"""Another page in the editor's browser, and another user of the machine on which a desk is served:
neither has a link, and both can reach its ports."""

from __future__ import annotations

import errno
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.desk.media.samples import photo
from tests.client.desk.newsroom import Attached, Clock, Newsroom, Writer, open_directly
from tests.client.desk.serve.test_command import program
from tests.client.desk.serve.window import until, window_on
from tests.secret_search import runs_of, search

from qanat_client.desk.serve.routes import ROUTES
from qanat_client.desk.serve.server import listening

BESIDE = (
    "Nothing is answered to whoever has no link of this run, and nobody can find, guess, use up or"
    " lock the editor's."
)
KILLED = (
    "Whoever takes the machine finds on its disk nothing of what the screen showed or was told,"
    " even where it was killed."
)
PAGES = ("http://evil.example", "null", "file://", "http://127.0.0.1:1", "http://localhost:1")
SIMPLE_TYPES = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain; application/json",
)


@pytest.fixture
def newsroom(newsroom: Newsroom) -> Newsroom:
    newsroom.settle()
    return newsroom


@pytest.mark.promise(BESIDE)
async def test_a_page_that_stole_a_session_is_refused_by_where_it_comes_from(
    newsroom: Newsroom,
) -> None:
    async with window_on(newsroom) as window:
        for method, path, _ in ROUTES:
            for page in PAGES:
                said = await window.ask(method, path, {}, headers={"Origin": page})
                assert (said.status, list(said.value)) == (403, ["error"]), (path, page)
                assert "Access-Control-Allow-Origin" not in said.headers


@pytest.mark.promise(BESIDE)
async def test_what_a_page_may_send_without_asking_first_is_no_request(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        token = b'{"token": "%s"}' % window.tokens[-1].encode()
        for kind in SIMPLE_TYPES:
            said = await window.ask(
                "POST", "/api/login", data=token, headers={"Content-Type": kind}
            )
            assert said.status == 400
        for path in ("/", "/api/desk", "/api/login"):
            # What a browser asks before it sends any other kind, or opens a socket.
            asked = await window.ask(
                "OPTIONS", path, headers={"Access-Control-Request-Method": "POST"}
            )
            assert asked.status in (401, 403, 405)
            assert "Access-Control-Allow-Origin" not in asked.headers
            upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
            assert (await window.ask("GET", path, headers=upgrade)).status != 101
        # The link is still good: nothing of that used it up.
        await window.log_in()


@pytest.mark.promise(BESIDE)
async def test_whoever_asks_the_media_origin_without_an_address_learns_nothing(
    newsroom: Newsroom,
) -> None:
    async with window_on(newsroom) as window:
        port = window.serving.media_port
        session = f"Bearer {window.session}"
        answers = {
            (said.status, said.body)
            for path in ("/m/", "/m/x", "/m/..", f"/m/{'A' * 43}", "/", "/api/desk", "/api/login")
            for said in [
                await window.ask("GET", path, port=port, headers={"Authorization": session})
            ]
        }
        assert {status for status, _ in answers} == {404}
        assert len(answers) == 1


@pytest.mark.promise(BESIDE)
async def test_a_thousand_wrong_links_keep_the_editor_from_nothing(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        for number in range(1000):
            wrong = await window.ask("POST", "/api/login", {"token": f"{number:043}"})
            assert wrong.status == 403
        await window.log_in()
        assert (await window.ask("GET", "/api/desk")).status == 200


@pytest.mark.promise(BESIDE)
def test_a_port_that_was_taken_for_the_desk_cannot_be_shared_or_taken_over() -> None:
    with listening(0) as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 # it is refused
            with socket.socket() as thief:
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                with pytest.raises(OSError, match="use") as caught:
                    thief.bind((host, port))
                assert caught.value.errno == errno.EADDRINUSE


def _told_by_the_system() -> Iterator[bytes]:
    """What every user can read of every process, and its owner besides."""
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ", "comm"):
            try:
                yield (process / name).read_bytes()
            except OSError:
                # It has ended, or is somebody else's.
                continue


@pytest.mark.promise(BESIDE)
def test_no_process_shows_the_link_the_session_or_the_passphrase(tmp_path: Path) -> None:
    newsroom = Newsroom(tmp_path / "desk", Clock(time.time()))
    newsroom.init()
    with program(newsroom) as run:
        run.log_in()
        secrets = (run.token, run.session, newsroom.passphrase)
        shown = list(_told_by_the_system())
        assert any(b"serve" in text for text in shown)
        assert [s for s in secrets if any(s.encode() in text for text in shown)] == []
        public = newsroom.home / "desk.card"
        for path in (newsroom.home, *newsroom.home.rglob("*")):
            assert path == public or path.stat().st_mode & 0o077 == 0, path


def _core_limit(pid: int) -> str:
    limits = Path(f"/proc/{pid}/limits").read_text()
    (line,) = (line for line in limits.splitlines() if line.startswith("Max core file size"))
    return line.split()[4]


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    children = [child for each in threads for child in (each / "children").read_text().split()]
    return [pid, *(each for child in children for each in _family(int(child)))]


@pytest.mark.promise(KILLED)
async def test_a_screen_that_is_killed_leaves_nothing_readable_and_no_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom = Newsroom(tmp_path / "desk", Clock(time.time()))
    newsroom.init()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for name in ("TMPDIR", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, str(temporary))
    written, answered, sought = "The gun was seen here", "Who else saw the gun?", "seen gun"
    desk = newsroom.open()
    picture = Attached("p.jpg", photo(), "image/jpeg", thumbnail=photo()[:9000])
    writer = Writer(desk.card, desk.today).with_box()
    identity, parcels = writer.write(written, [picture])
    await open_directly(desk, parcels)
    desk.vault.close()
    report = identity.hex()
    with program(newsroom) as run:
        run.log_in()
        run.ask("/api/inbox", {"words": sought})
        shown = {"report": report, "file": 0, "rendition": "original", "form": "picture"}
        assert run.ask("/api/media", shown)[0] == 200
        assert run.ask(f"/api/reports/{report}/reply", {"text": answered})[0] == 200
        # The program, the one that pulls, and the one that decodes pictures.
        await until(lambda: len(_family(run.process.pid)) > 2)
        family = _family(run.process.pid)
        assert {_core_limit(pid) for pid in family} == {"0"}
        run.stop(signal.SIGKILL)
    secrets = [written, answered, newsroom.passphrase, run.token, run.session, photo()[200:400]]
    assert search([newsroom.home, temporary], runs_of(secrets)) == []
