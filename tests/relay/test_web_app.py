"""The web app as a relay gives it out: what is answered, how, and what is not."""

from __future__ import annotations

import asyncio
import gzip
import io
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict
from tests.relay.made_app import FILES, app, relay
from tests.relay.running_relay import Desk, Running, running_relay
from yarl import URL

from qanat_client.web_app.files import read_app
from qanat_protocol.card import parse_card

__all__ = ["app", "relay"]

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src blob:; connect-src 'self' ws: wss: http: https:; "
    "worker-src 'self' blob:; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".png": "image/png",
    ".sig": "application/octet-stream",
}


async def ask(
    relay: Running, path: str, method: str = "GET", **headers: str
) -> tuple[int, bytes, CIMultiDict[str]]:
    """Status, body and headers as they come: nothing is unpacked."""
    named = {"Accept-Encoding": "identity"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    async with (
        aiohttp.ClientSession(auto_decompress=False) as http,
        http.request(
            method, URL(relay.url + path, encoded=True), headers=named, allow_redirects=False
        ) as response,
    ):
        return response.status, await response.read(), CIMultiDict(response.headers)


async def test_every_file_is_given_under_its_name_with_its_type_and_a_strict_policy(
    relay: Running,
) -> None:
    for path in ["/", *(f"/{name}" for name in FILES)]:
        name = path[1:] or "index.html"
        status, body, headers = await ask(relay, path)
        assert (status, body) == (200, FILES[name]), path
        assert headers["Content-Type"] == TYPES[Path(name).suffix]
        assert headers["Content-Security-Policy"] == POLICY
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Permissions-Policy"].startswith("camera=(self), ")
        assert "geolocation=()" in headers["Permissions-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert not [name for name in ("Set-Cookie", "Server", "Last-Modified") if name in headers]
        saved = f'attachment; filename="{name}"' if "qanat.html" in name else None
        assert headers.get("Content-Disposition") == saved


async def test_what_is_named_after_its_content_is_kept_and_all_else_asked_about_again(
    relay: Running,
) -> None:
    for path in ["/", *(f"/{name}" for name in FILES)]:
        kept = (await ask(relay, path))[2]["Cache-Control"]
        forever = path.startswith("/assets/")
        assert kept == ("public, max-age=31536000, immutable" if forever else "no-cache"), path


async def test_whoever_has_a_file_is_told_so_and_given_it_when_it_is_another(
    relay: Running,
) -> None:
    tag = (await ask(relay, "/"))[2]["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        status, body, headers = await ask(relay, "/", If_None_Match=known)
        assert (status, body, headers["ETag"]) == (304, b"", tag)
        assert headers["Content-Security-Policy"] == POLICY
    for known in ('"other"', "", "odd"):
        assert (await ask(relay, "/", If_None_Match=known))[0] == 200
    others = {(await ask(relay, f"/{name}"))[2]["ETag"] for name in FILES}
    assert len(others) == len(FILES)


async def test_a_browser_that_takes_gzip_is_given_it_and_no_other(relay: Running) -> None:
    path = "/assets/app-Abcdefg1.js"
    plain = await ask(relay, path)
    for wanted in ("gzip", "br;q=1, gzip;q=0.5", "GZIP", "deflate, gzip"):
        status, body, headers = await ask(relay, path, Accept_Encoding=wanted)
        assert status == 200
        assert headers["Content-Encoding"] == "gzip"
        assert headers["Vary"] == plain[2]["Vary"] == "Accept-Encoding"
        assert gzip.decompress(body) == plain[1]
        assert len(body) < len(plain[1]) / 5
        tag = headers["ETag"]
        assert tag != plain[2]["ETag"]
        again = await ask(relay, path, Accept_Encoding=wanted, If_None_Match=tag)
        assert again[0] == 304
    for wanted in ("identity", "gzip;q=0", "gzip; q=0.000", "br", "xgzip", "*;q=0"):
        _, body, headers = await ask(relay, path, Accept_Encoding=wanted)
        assert "Content-Encoding" not in headers, wanted
        assert body == plain[1]
    # A picture is packed already.
    assert "Content-Encoding" not in (await ask(relay, "/icon.png", Accept_Encoding="gzip"))[2]


async def test_head_tells_the_same_and_gives_nothing(relay: Running) -> None:
    for path in ["/", *(f"/{name}" for name in FILES)]:
        for wanted in ("identity", "gzip"):
            got = await ask(relay, path, Accept_Encoding=wanted)
            told = await ask(relay, path, "HEAD", Accept_Encoding=wanted)
            assert (told[0], told[1]) == (200, b"")
            for headers in (got[2], told[2]):
                headers.pop("Date")
            assert told[2] == got[2]


@pytest.mark.parametrize(
    "path",
    [
        "/secret",
        "/../secret",
        "/assets/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/assets/..%2f..%2fsecret",
        "/assets/%2e%2e/index.html",
        "/..%5csecret",
        "/assets/",
        "/assets",
        "//index.html",
        "/index.html/",
        "/INDEX.HTML",
        "/index.html%00.js",
        "/.made",
        "/assets/a%20file",
        "/link.js",
        "/files.py",
        "/assets/app-Abcdefg1.js.gz",
    ],
)
async def test_no_path_leads_to_anything_else(relay: Running, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(relay.url).port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert body == b"Nothing is here.\n"
    assert b"Content-Security-Policy: default-src 'none'; base-uri" in head
    assert b"X-Content-Type-Options: nosniff" in head


async def test_only_reading_is_answered(relay: Running) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        status, body, headers = await ask(relay, "/index.html", method)
        assert status == 405
        assert b"Traceback" not in body
        assert headers["X-Content-Type-Options"] == "nosniff"


async def test_the_app_can_be_switched_off_while_the_relay_runs(relay: Running) -> None:
    relay.node.config = replace(relay.node.config, web_app=False)
    for path in ["/", *(f"/{name}" for name in FILES)]:
        assert (await ask(relay, path))[0] == 404
    assert (await ask(relay, "/v1/relay"))[0] == 200
    desk = Desk.made()
    relay.node.desks.take(parse_card(desk.card()))
    # Then the desks are in front.
    assert b"Desk of the tests" in (await ask(relay, "/"))[1]
    relay.node.config = replace(relay.node.config, web_app=True)
    assert (await ask(relay, "/"))[1] == FILES["index.html"]
    assert b"Desk of the tests" in (await ask(relay, "/desks"))[1]


async def test_where_no_app_was_built_the_front_says_so_and_all_else_goes_on(
    tmp_path: Path,
) -> None:
    (tmp_path / "built").mkdir()
    assert read_app(tmp_path / "built") == read_app(tmp_path / "missing") == {}
    async with running_relay(tmp_path / "relay", app={}) as relay:
        status, body, _ = await ask(relay, "/")
        assert status == 404
        assert b"make app" in body
        assert (await ask(relay, "/v1/relay"))[0] == 200
        assert (await ask(relay, "/index.html"))[0] == 404


async def test_a_start_packs_nothing_and_each_file_is_packed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = f"<!doctype html><title>{tmp_path}</title>".encode() * 50
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "index.html").write_bytes(page)
    packed: list[bytes] = []
    compress = gzip.compress

    def count(data: bytes, *level: int, **settings: Any) -> bytes:
        packed.append(data)
        return compress(data, *level, **settings)

    monkeypatch.setattr("qanat_client.web_app.files.gzip.compress", count)
    async with running_relay(tmp_path / "relay", app=read_app(tmp_path / "built")) as relay:
        assert packed == []
        for path in ("/", "/index.html", "/"):
            _, body, _ = await ask(relay, path, Accept_Encoding="gzip")
            assert gzip.decompress(body) == page
    assert packed == [page]


async def test_nothing_is_written_down_of_who_took_it(relay: Running) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        for path in ("/", "/sw.js", "/nothing"):
            await ask(relay, path, User_Agent="a phone that can be told")
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    for told in ("127.0.0.1", "sw.js", "a phone"):
        assert told not in written.getvalue()
