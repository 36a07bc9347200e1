"""A desk and a home that knows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.client.reporter_runs import CODE, qanat


@pytest.fixture(scope="session")
def desk() -> MadeDesk:
    return MadeDesk()


@pytest.fixture
def home(tmp_path: Path, desk: MadeDesk) -> Path:
    """A home that knows the desk, whose card names no relay."""
    path = tmp_path / "home"
    added = qanat(path, "desk", "add", write_card(desk.card(), tmp_path), "--yes")
    assert added.code == 0, added.err
    return path


@pytest.fixture
def code_file(tmp_path: Path) -> Path:
    path = tmp_path / "code"
    path.write_text(CODE + "\n")
    return path
