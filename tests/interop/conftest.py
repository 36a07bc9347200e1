"""What the tests of this folder share: the protocol in TypeScript and the web app's engine, each as
a process, and a relay and a desk for it."""

from collections.abc import AsyncIterator

import pytest
from tests.end_to_end.abroad import abroad, made_abroad
from tests.interop import twin as twins
from tests.interop import web_engine
from tests.interop.web_engine import WebEngine

__all__ = ["abroad", "made_abroad"]

twin = pytest.fixture(scope="module")(twins.running)


@pytest.fixture
async def engine() -> AsyncIterator[WebEngine]:
    async with web_engine.running() as running:
        yield running
