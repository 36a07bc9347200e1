"""Clocks that are years off, on a reporter's device and on a relay: the report arrives."""

from __future__ import annotations

import pytest
from tests.end_to_end.abroad import Abroad
from tests.end_to_end.commands import in_year, qanat, queue_in

TEXT = "Written on a device that does not know what day it is."


@pytest.mark.parametrize(("year", "told"), [(2015, "clock is behind"), (2040, "Get a newer card")])
async def test_a_report_from_a_device_with_a_wrong_clock_arrives(
    abroad: Abroad, year: int, told: str
) -> None:
    home = await abroad.home()
    wrong = in_year(year)
    sent = await qanat(home, "send", "--no-code", text=TEXT, variables=wrong)
    assert sent.code == 0, sent.said
    assert told in sent.said
    synced = await qanat(home, "sync", variables=wrong)
    assert synced.code == 0, synced.said
    arrived = await abroad.arrived()
    assert arrived[sent.result["report_id"]]["text"] == TEXT
    assert (await qanat(home, "sync", variables=wrong)).code == 0
    (line,) = (await qanat(home, "outbox", variables=wrong)).result
    assert line["state"] == "opened"


@pytest.mark.parametrize("year", [2015, 2040])
async def test_a_relay_whose_clock_is_wrong_for_a_while_loses_nothing(
    abroad: Abroad, year: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = await abroad.home()
    before = await queue_in(home, "handed over while the relay's clock was right")
    assert (await qanat(home, "sync")).code == 0
    await abroad.relay.stop()
    for name, value in in_year(year).items():
        monkeypatch.setenv(name, value)
    await abroad.serve()
    monkeypatch.undo()
    meanwhile = await queue_in(home, "offered while it was wrong")
    # It may take the parcel or refuse it, but has to say which; both are for later to mend.
    synced = await qanat(home, "sync")
    (told,) = synced.result["relays"]
    assert told["reached"]
    assert synced.code == (0 if told["taken"] else 4), synced.said
    # Its sweep has gone by at the start; a clock that jumped is not believed at once.
    assert await abroad.relay.stop() == 0
    await abroad.serve()
    assert (await qanat(home, "sync")).code == 0
    assert set(await abroad.arrived()) == {before, meanwhile}
