"""Waiting for a link that may stand still or break at any moment."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from qanat_client.carriers.patience import Patience
from qanat_client.errors import Stalled


async def _breaks_when_told(told: asyncio.Event) -> None:
    try:
        await told.wait()
    except asyncio.CancelledError:
        # As a socket that is being written to when its connection goes.
        raise ConnectionResetError from None
    raise ConnectionResetError


async def test_a_link_that_stands_still_is_given_up() -> None:
    with pytest.raises(Stalled):
        await Patience("http://relay.example", 0.01).wait(asyncio.Future())


@pytest.mark.parametrize("breaks_first", [True, False])
async def test_an_error_that_nobody_waits_for_any_more_is_not_reported_as_lost(
    breaks_first: bool,
) -> None:
    lost: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
    told = asyncio.Event()
    sending = asyncio.create_task(_breaks_when_told(told))
    waiting = asyncio.create_task(Patience("http://relay.example", 60).wait(sending))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    if breaks_first:
        told.set()
        await asyncio.wait({sending})
    waiting.cancel()
    await asyncio.wait({waiting, sending})
    del waiting, sending
    gc.collect()
    await asyncio.sleep(0)
    assert lost == []
