"""Background work that a defect ends: begun anew, told to the editor, no report in the log."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from tests.client.desk.newsroom import Newsroom, Writer, open_directly
from tests.client.desk.serve.test_faults import warned
from tests.client.desk.serve.window import listening_to, until, window_on

from qanat_client.desk.media.room import MediaRoom
from qanat_client.desk.serve import background, looking
from qanat_client.desk.serve.background import Background
from qanat_client.desk.serve.logs import PlacesFormatter
from qanat_client.desk.serve.serving import Serving

SECRET = "the fountain of Republic Square"


async def test_the_look_at_reports_is_begun_anew_after_a_defect_and_the_editor_is_told(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    newsroom.settle()
    monkeypatch.setattr(background, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(background, "WELL_S", 1.0)
    failures = 0

    def fail(*given: object, **named: object) -> int:
        nonlocal failures
        failures += 1
        raise ValueError(f"a defect at {SECRET}")

    async with window_on(newsroom) as window, listening_to(window) as heard:
        with monkeypatch.context() as defect:
            defect.setattr(looking, "catalogue_some", fail)
            writer = Writer(window.desk.card, window.desk.today)
            await open_directly(window.desk, writer.write(SECRET)[1])
            words = await warned(window, "made ready for lists")
            assert "begun anew" in words
            await until(lambda: failures >= 3)
            # The windows are answered meanwhile.
            assert (await window.post("/api/inbox", {}))["rows"] == []
        defect_is_over = await heard.until("changed", lambda said: not said["counts"]["waiting"])
        assert defect_is_over["counts"]["reports"] == 1

        async def is_well() -> bool:
            return not (await window.get("/api/desk"))["warnings"]

        await until(is_well)
    written = "\n".join(map(PlacesFormatter().format, caplog.records))
    assert "ValueError" in written
    assert "fountain" not in written


async def test_the_pauses_grow_and_begin_anew_after_a_while_that_went_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(background, "MOST_PAUSE_S", 0.08)
    monkeypatch.setattr(background, "WELL_S", 0.3)
    troubles: dict[str, str] = {}
    begun_s: list[float] = []
    parts = Background(troubles)

    async def work() -> None:
        begun_s.append(asyncio.get_running_loop().time())
        if len(begun_s) == 6:
            await asyncio.sleep(0.4)
            assert not troubles
        elif len(begun_s) == 8:
            return
        raise KeyError

    parts.begin("it is done", work)
    await until(lambda: len(begun_s) == 8)
    pauses = [after - before for before, after in pairwise(begun_s)]
    for pause_s, least_s in zip(pauses, [0.02, 0.04, 0.08, 0.08, 0.08, 0.42, 0.04], strict=True):
        assert least_s <= pause_s + 0.001
    assert pauses[4] < 0.3
    await parts.end()


async def test_what_looks_for_likenesses_is_begun_anew_too(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom.settle()
    monkeypatch.setattr(background, "FIRST_PAUSE_S", 0.1)
    calls = 0

    async def fail(serving: Serving, room: MediaRoom) -> None:
        nonlocal calls
        calls += 1
        raise RuntimeError(SECRET)

    monkeypatch.setattr("qanat_client.desk.media.showing.look_for_likenesses", fail)
    async with window_on(newsroom) as window:
        assert SECRET not in await warned(window, "look alike")
        await until(lambda: calls >= 2)
