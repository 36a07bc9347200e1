"""What the tests in a browser share: the browsers themselves, and the web app as it was built."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
from tests.end_to_end.abroad import abroad, made_abroad
from tests.web.browsers import Browser, Browsing, browsing
from tests.web.firefox import browsing_firefox
from tests.web.served import DESK, Served, made_card, serving

from qanat_client.web_app.files import AppFile, read_app

__all__ = ["abroad", "made_abroad"]

_BROWSING: dict[str, Browsing] = {"chromium": browsing, "firefox": browsing_firefox}


@pytest.fixture(scope="session", autouse=True)
def _driver_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each test starts Playwright's driver anew; what Node compiles for it stays for the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NODE_COMPILE_CACHE", str(tmp_path_factory.mktemp("compiled")))
        yield


@pytest.fixture
def browse(request: pytest.FixtureRequest) -> Browsing:
    """What starts the browser that `in_both` asks for; Chromium where nothing does."""
    return _BROWSING[getattr(request, "param", "chromium")]


@pytest.fixture
async def browser(browse: Browsing, tmp_path: Path) -> AsyncIterator[Browser]:
    async with browse(tmp_path / "profile") as running:
        yield running


@pytest.fixture
async def served(built_app: Mapping[str, AppFile]) -> AsyncIterator[Served]:
    """The app without a relay behind it."""
    async with serving(built_app) as running:
        yield running


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """The card of a desk that nobody keeps."""
    path = tmp_path / "desk.card"
    path.write_bytes(made_card(DESK))
    return path


@pytest.fixture(scope="session")
def built_app() -> Mapping[str, AppFile]:
    """The files of the real app."""
    app = read_app()
    if not app:
        pytest.skip("the web app is not built: make app")
    return app
