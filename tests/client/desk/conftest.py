"""A desk in an empty folder, made by the program itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.desk.newsroom import Newsroom
from tests.client.desk.room import Room


@pytest.fixture
def newsroom(tmp_path: Path) -> Newsroom:
    """A home without a desk yet."""
    return Newsroom(tmp_path / "desk")


@pytest.fixture
def room(newsroom: Newsroom) -> Iterator[Room]:
    """A desk that is open."""
    newsroom.settle()
    room = Room(newsroom, newsroom.open())
    yield room
    room.desk.vault.close()
