"""A relay and a desk for each test, as processes; nothing leaves loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.end_to_end.abroad import Abroad, make_abroad


@pytest.fixture(scope="session")
def made_abroad(tmp_path_factory: pytest.TempPathFactory) -> Abroad:
    return make_abroad(tmp_path_factory.mktemp("abroad") / "made")


@pytest.fixture
async def abroad(made_abroad: Abroad, tmp_path: Path) -> AsyncIterator[Abroad]:
    """A relay that serves and a desk, with empty stores."""
    copied = made_abroad.copy(tmp_path / "abroad")
    await copied.serve()
    yield copied
    await copied.relay.stop()
