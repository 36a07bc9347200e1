"""A desk, somebody who reports to it, a relay that lies and one that does not."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.attackers.scene import Scene
from tests.client.desk.lying_relay import LyingRelay, lying_relay
from tests.client.desk.newsroom import Newsroom
from tests.client.made_desk import MadeDesk
from tests.client.reporter_runs import CODE
from tests.relay.running_relay import Running, running_relay


@pytest.fixture
async def liar() -> AsyncIterator[LyingRelay]:
    async with lying_relay(time.time()) as relay:
        yield relay


@pytest.fixture
async def honest(tmp_path: Path) -> AsyncIterator[Running]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(running_relay(tmp_path / "honest", clock=time.time))


@pytest.fixture
async def scene(tmp_path: Path, liar: LyingRelay, honest: Running) -> Scene:
    """A reporter whose desk's card names both relays."""
    code_file = tmp_path / "code"
    code_file.write_text(CODE + "\n")
    scene = Scene(tmp_path / "home", code_file, MadeDesk(), liar, honest)
    await scene.prepare()
    return scene


@pytest.fixture
def newsroom(tmp_path: Path) -> Newsroom:
    """A home of a desk that is not made yet; its clock is a day of 2022."""
    return Newsroom(tmp_path / "desk")
