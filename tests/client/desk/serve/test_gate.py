"""Who is let in: a link that is good once, the app's own page by its own name, and nobody else."""

from __future__ import annotations

import hmac
from pathlib import Path
from secrets import token_bytes

import pytest
from tests.client.desk.newsroom import Newsroom
from tests.client.desk.serve.window import serving_of, window_on

from qanat_client.desk.serve.gate import OPEN_PATHS
from qanat_client.desk.serve.login import NOTICED_TRIES
from qanat_client.desk.serve.routes import ROUTES
from qanat_client.web_app.files import read_app


@pytest.fixture
def newsroom(newsroom: Newsroom) -> Newsroom:
    newsroom.settle()
    return newsroom


async def test_a_link_lets_one_window_in_and_another_link_is_offered(newsroom: Newsroom) -> None:
    async with serving_of(newsroom) as window:
        (first,) = window.tokens
        await window.log_in()
        assert (await window.get("/api/desk"))["name"] == "Desk of the tests"
        again = await window.ask("POST", "/api/login", {"token": first})
        assert (again.status, "used already" in again.value["error"]) == (403, True)
        before, second = window.session, window.tokens[-1]
        assert second != first
        await window.log_in()
        window.session = before
        assert (await window.ask("GET", "/api/desk")).status == 200


async def test_wrong_links_are_told_and_keep_nobody_out(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        for number in range(NOTICED_TRIES):
            assert (await window.get("/api/desk"))["warnings"] == []
            wrong = await window.ask("POST", "/api/login", {"token": f"guessed {number}"})
            assert wrong.status == 403
        (warning,) = (await window.get("/api/desk"))["warnings"]
        assert f"{NOTICED_TRIES} wrong links were tried" in warning
        await window.log_in()
        assert (await window.ask("GET", "/api/desk")).status == 200


@pytest.mark.parametrize(
    ("method", "path"), [route[:2] for route in ROUTES if route[1] not in OPEN_PATHS]
)
async def test_without_a_session_nothing_is_answered(
    newsroom: Newsroom, method: str, path: str
) -> None:
    async with serving_of(newsroom) as window:
        for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}):
            said = await window.ask(method, path, headers=header)
            assert (said.status, list(said.value)) == (401, ["error"])


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil:80"])
async def test_a_page_that_came_by_another_name_is_refused(newsroom: Newsroom, host: str) -> None:
    async with window_on(newsroom) as window:
        for path in ("/", "/api/desk", "/api/login"):
            said = await window.ask("GET", path, headers={"Host": host})
            assert said.status == 403
        port = window.serving.media_port
        assert (await window.ask("GET", "/m/x", headers={"Host": host}, port=port)).status == 403


async def test_both_names_of_this_machine_are_answered(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        named = {"Host": f"localhost:{window.port}", "Origin": f"http://localhost:{window.port}"}
        assert (await window.ask("GET", "/api/desk", headers=named)).status == 200


@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_what_another_page_asks_is_refused_even_with_a_session(
    newsroom: Newsroom, header: dict[str, str]
) -> None:
    async with window_on(newsroom) as window:
        said = await window.ask("POST", "/api/inbox", {}, headers=header)
        assert (said.status, said.value) == (403, {"error": "another page may not ask this"})


async def test_the_apps_files_are_given_with_what_the_page_may_do(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    built = tmp_path / "built"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html>")
    (built / "assets" / "app-12345678.js").write_text("1")
    async with serving_of(newsroom, app=read_app(built)) as window:
        page = await window.ask("GET", "/")
        assert (page.status, page.body) == (200, b"<!doctype html>")
        policy = page.headers["Content-Security-Policy"]
        origin = f"http://127.0.0.1:{window.serving.media_port}"
        assert policy == (
            "default-src 'none'; script-src 'self'; style-src 'self';"
            f" img-src 'self' {origin}; media-src {origin}; connect-src 'self';"
            f" frame-src {origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        assert (await window.ask("GET", "/assets/app-12345678.js")).status == 200
        for path in ("/assets/../../desk.vault", "/desk.vault", "/api/nothing"):
            assert (await window.ask("GET", path)).status in (401, 404)


async def test_without_the_app_the_front_says_how_it_is_built(newsroom: Newsroom) -> None:
    async with serving_of(newsroom) as window:
        front = await window.ask("GET", "/")
        assert (front.status, b"make app" in front.body) == (404, True)


async def test_no_answer_is_kept_by_a_browser_or_names_the_program(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        for path in ("/api/desk", "/api/nothing", "/nothing"):
            said = await window.ask("GET", path)
            assert said.headers["Cache-Control"] == "no-store"
            assert said.headers["X-Content-Type-Options"] == "nosniff"
            assert "Server" not in said.headers
            assert "Set-Cookie" not in said.headers


async def test_the_program_proves_itself_to_whoever_it_let_in(newsroom: Newsroom) -> None:
    async with serving_of(newsroom) as window:
        given = await window.post("/api/login", {"token": window.tokens[-1]})
        nonce = token_bytes(32)
        answer = await window.post("/api/proof", {"nonce": nonce.hex()})
        key = given["proof_key"].encode()
        assert answer == {"proof": hmac.digest(key, nonce, "sha256").hex()}
        said = await window.ask("POST", "/api/proof", {"nonce": nonce.hex()[:-2]})
        assert said.status == 400
    async with serving_of(newsroom) as other:
        assert await other.post("/api/proof", {"nonce": nonce.hex()}) != answer
