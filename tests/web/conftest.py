"""What the tests in a browser share: the browser itself, and the web app as it was built."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from tests.end_to_end.abroad import abroad, made_abroad
from tests.web.browsers import Browser, browsing

from qanat_client.web_app.files import AppFile, read_app

__all__ = ["abroad", "made_abroad"]


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with browsing(tmp_path / "profile") as running:
        yield running


@pytest.fixture(scope="session")
def built_app() -> Mapping[str, AppFile]:
    """The files of the real app."""
    app = read_app()
    if not app:
        pytest.skip("the web app is not built: make app")
    return app
