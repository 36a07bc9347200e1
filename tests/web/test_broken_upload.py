"""A page that is closed in the middle of an upload: the next one goes on from there."""

from __future__ import annotations

import asyncio
import random
from hashlib import sha256
from pathlib import Path

import pytest
from tests.client.relay_process import free_port
from tests.end_to_end.abroad import make_abroad
from tests.web.browsers import Browser
from tests.web.phone import Phone
from tests.web.slow_line import slow_line

FILE_BYTES = 3_000_000
SENT_BYTES = 1_300_000

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("built_app")]


async def test_an_upload_that_a_reload_broke_off_goes_on_where_it_was(
    browser: Browser, tmp_path: Path
) -> None:
    port = free_port()
    # The card names the line, which is where the phone goes.
    abroad = await asyncio.to_thread(
        make_abroad, tmp_path / "abroad", relay_address=f"http://127.0.0.1:{port}"
    )
    await abroad.serve()
    sound = tmp_path / "sound.bin"
    sound.write_bytes(random.Random(5).randbytes(FILE_BYTES))
    try:
        async with slow_line(port, abroad.port, up_bytes_s=250_000) as line:
            phone = await Phone.take(browser)
            await phone.visit(line.url)
            await phone.add_desk(abroad.card_file)
            await phone.write("A recording.", files=[sound])
            await phone.seal()
            before = line.up_bytes
            line.enough_bytes = before + SENT_BYTES
            await phone.begin_to_send()
            await asyncio.wait_for(line.enough.wait(), 120)
            await phone.reload()
            broken_off = line.up_bytes - before
            assert SENT_BYTES <= broken_off < FILE_BYTES
            line.up_bytes_s = 5_000_000
            await phone.send()
            # All of it once, and little twice: what was under way, frames, handshakes.
            assert line.up_bytes - before < FILE_BYTES + SENT_BYTES / 2
            # The desk, too, knows the relay by the line alone.
            ((report_id, _),) = (await abroad.arrived()).items()
        digest = sha256(sound.read_bytes()).hexdigest()
        assert await abroad.exported() == {report_id: {sound.name: digest}}
    finally:
        await abroad.relay.stop()
