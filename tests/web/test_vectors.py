"""The shared vectors in Chromium: verdict and output as in Python and in Node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from tests.web.browsers import PLAIN_NAME, Browser
from tests.web_source import WEB, build

VECTORS = Path(__file__).parents[2] / "protocol" / "vectors"
SCRIPT = WEB / "dist" / "vectors" / "vectors.js"
PAGE = (
    '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">'
    '<script type="module" src="/vectors.js"></script>'
)


@pytest.fixture(scope="module")
def script() -> Path:
    """The script, built unless it is newer than all that it is made of."""
    build("vectors", SCRIPT)
    return SCRIPT


@pytest.fixture
async def port(script: Path) -> AsyncIterator[int]:
    """Where the script and the vectors are served."""

    async def front(_: web.Request) -> web.StreamResponse:
        return web.Response(text=PAGE, content_type="text/html")

    async def give(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(script)

    application = web.Application()
    application.add_routes(
        [web.get("/", front), web.get("/vectors.js", give), web.static("/vectors", VECTORS)]
    )
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("host", "is_secure", "share"),
    [
        ("127.0.0.1", True, 4),
        (PLAIN_NAME, False, 1),
        pytest.param("127.0.0.1", True, 1, marks=pytest.mark.soak),
    ],
)
async def test_every_shared_vector_comes_out_in_a_browser_as_elsewhere(
    host: str, is_secure: bool, share: int, browser: Browser, port: int
) -> None:
    """share: 4 for every fourth vector of each operation."""
    page = await browser.page()
    await page.goto(f"http://{host}:{port}/")
    # Over plain http from elsewhere there is no crypto.subtle: then the libraries do it all.
    assert await page.evaluate("isSecureContext && crypto.subtle !== undefined") is is_secure
    operations = await page.evaluate("qanatVectors.operations")
    assert len(operations) >= 40
    faults: dict[str, list[str]] = {}
    ran = 0
    for operation in operations:
        files = sorted(path.name for path in (VECTORS / operation).glob("*.json"))[::share]
        found = await page.evaluate(
            "([operation, files]) => qanatVectors.run(operation, files)", [operation, files]
        )
        assert found["ran"] == len(files) > 0
        ran += len(files)
        if found["faults"]:
            faults[operation] = found["faults"]
    assert faults == {}
    assert ran > 1000 / share
    assert browser.strangers(f"http://{host}:{port}") == []
    assert browser.complaints == []
