"""A desk in an empty folder, made by the program itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.desk.newsroom import Newsroom


@pytest.fixture
def newsroom(tmp_path: Path) -> Newsroom:
    """A home without a desk yet."""
    return Newsroom(tmp_path / "desk")
