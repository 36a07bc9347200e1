"""One worker for the tests of a module: starting it loads every decoder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qanat_client.desk.media.darkroom import Darkroom


@pytest.fixture(scope="module")
def darkroom() -> Iterator[Darkroom]:
    """The real worker."""
    room = Darkroom()
    yield room
    room.close()
