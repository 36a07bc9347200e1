"""What the programs tell people of what did not go as they wished, and of what did."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

from tests.end_to_end.abroad import Abroad
from tests.end_to_end.commands import qanat, queue_in

from qanat_client.demo.programs import command, environment


async def test_an_editor_is_told_that_a_relay_refuses_the_bulletin_and_why(
    made_abroad: Abroad, tmp_path: Path
) -> None:
    abroad = made_abroad.copy(tmp_path / "abroad")
    shutil.rmtree(abroad.relay.data / "desks")
    await abroad.serve()
    try:
        told = await abroad.ask_desk("bulletin", "The bridge is open again.", "--now")
    finally:
        await abroad.relay.stop()
    assert told.code == 0
    assert "refused the bulletin" in told.said
    assert "qanat-relay desk add" in told.said
    (refused,) = told.result["refused"]
    assert refused["verdict"] == "refused_desk"


async def test_the_outbox_stops_speaking_of_a_last_day_once_the_desk_has_opened_it(
    abroad: Abroad,
) -> None:
    home = await abroad.home()
    await queue_in(home, "short")
    assert "must arrive by" in await _outbox_page(home)
    assert (await qanat(home, "sync")).code == 0
    assert "held by 1 relay (it says:" in await _outbox_page(home)
    await abroad.desk.pull()
    assert (await qanat(home, "sync")).code == 0
    page = await _outbox_page(home)
    assert "opened by the desk (the desk signed it" in page
    assert "must arrive by" not in page


async def _outbox_page(home: Path) -> str:
    """The outbox as a person sees it."""
    done = await asyncio.to_thread(
        subprocess.run,
        command("qanat", ["--home", str(home), "outbox"]),
        capture_output=True,
        check=True,
        env=environment({}),
    )
    return done.stdout.decode()
