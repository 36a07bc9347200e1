"""The editors' app as it was built, and a desk for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.client.desk.newsroom import Newsroom

from qanat_client.desk.serve.built_app import BUILT
from qanat_client.web_app.files import AppFile, read_app


@pytest.fixture(scope="session")
def desk_app() -> Mapping[str, AppFile]:
    """The files of the real app."""
    app = read_app(BUILT)
    if not app:
        pytest.skip("the editors' app is not built: make app")
    return app


@pytest.fixture
def newsroom(tmp_path: Path) -> Newsroom:
    """A desk."""
    newsroom = Newsroom(tmp_path / "desk")
    newsroom.settle()
    return newsroom
