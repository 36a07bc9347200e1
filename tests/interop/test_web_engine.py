"""What the web app's engine seals and sends, a real relay takes and a real desk reads; what they
say comes back to it."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from tests.end_to_end.abroad import Abroad, make_abroad
from tests.interop.web_engine import Refused, WebEngine, made_file

FILM = {"name": "film.mp4", "size": 3_000_000, "seed": 1}


async def test_a_report_with_files_reaches_the_desk_with_equal_bytes(
    abroad: Abroad, engine: WebEngine
) -> None:
    desk = await engine.knows(abroad.card_file)
    files = [
        FILM,
        {"name": "ничего.txt", "size": 0, "seed": 0},
        {"name": "a/b.bin", "size": 16_384, "seed": 2},
    ]
    code = await engine.call("newCode")
    sealed = await engine.call(
        "seal", desk=desk, text="Они пришли ночью.", where="Алматы", code=code, files=files
    )
    assert (await engine.the_report())["state"] == "queued"
    done = await engine.call("sync")
    assert done["reached"] == 1
    assert done["failed"] == []
    item = await engine.the_report()
    assert item["state"] == "signed"
    assert (item["relays"], item["countries"]) == (1, ["DE"])
    assert {part["state"] for part in item["parts"]} == {"signed"}
    assert all(part["held"] == part["size"] for part in item["parts"])

    report = (await abroad.arrived())[sealed["reportId"]]
    assert (report["text"], report["where"]) == ("Они пришли ночью.", "Алматы")
    assert (await abroad.exported())[sealed["reportId"]] == {
        name: hashlib.sha256(made_file(size, seed)).hexdigest()
        for name, size, seed in [
            ("film.mp4", 3_000_000, 1),
            ("ничего.txt", 0, 0),
            ("a_b.bin", 16_384, 2),
        ]
    }
    # The desk's word comes back with the next sync, and the sealed copy goes.
    await engine.call("sync")
    item = await engine.the_report()
    assert item["state"] == "opened"
    assert {part["state"] for part in item["parts"]} == {"opened"}
    assert not item["isHere"]
    assert (await engine.call("sync"))["sent"] == 0


async def test_what_was_cut_goes_on_where_it_was(abroad: Abroad, engine: WebEngine) -> None:
    desk = await engine.knows(abroad.card_file)
    sealed = await engine.call(
        "seal", desk=desk, text="A film.", files=[{**FILM, "size": 20_000_000}]
    )
    size = (await engine.the_report())["size"]
    await engine.call("beginSync")
    await engine.until_sent(4_000_000)
    await abroad.relay.kill()
    told = await engine.call("waitForSync")
    assert told["failed"] != []
    item = await engine.the_report()
    assert item["state"] in ("held", "part_sent")
    held = item["parts"][-1]["held"]
    assert held > 0
    await abroad.serve()
    done = await engine.call("sync")
    assert done["failed"] == []
    # All of it has gone. Again went what the relay had not told to be on its disk, and no more.
    assert told["sent"] + done["sent"] >= size
    assert done["sent"] <= size - held
    assert (await engine.the_report())["state"] == "signed"
    assert sealed["reportId"] in await abroad.arrived()


async def test_an_end_by_the_person_keeps_what_the_relay_has(
    abroad: Abroad, engine: WebEngine
) -> None:
    desk = await engine.knows(abroad.card_file)
    await engine.call("seal", desk=desk, text="A film.", files=[{**FILM, "size": 20_000_000}])
    await engine.call("beginSync")
    await engine.until_sent(4_000_000)
    await engine.call("endSync")
    with pytest.raises(Refused) as refused:
        await engine.call("waitForSync")
    assert refused.value.code == "cancelled"
    held = (await engine.the_report())["parts"][-1]["held"]
    assert held > 0
    done = await engine.call("sync")
    assert done["failed"] == []
    assert done["sent"] <= 21_000_000 - held


async def test_an_answer_and_a_bulletin_come_back(abroad: Abroad, engine: WebEngine) -> None:
    desk = await engine.knows(abroad.card_file)
    code = await engine.call("newCode")
    sealed = await engine.call("seal", desk=desk, text="What now?", code=code)
    await engine.call("sync")
    await abroad.arrived()
    await abroad.desk.reply(sealed["reportId"], "Stay inside.")
    await abroad.desk.bulletin("News", "The roads are open.")
    await abroad.desk.pull()
    await engine.call("sync", code=code)
    (reply,) = await engine.call("replies", code=code)
    assert (reply["text"], reply["deskName"]) == ("Stay inside.", "Desk of the tests")
    assert await engine.call("replies", code=await engine.call("newCode")) == []
    (bulletin,) = await engine.call("bulletins")
    assert (bulletin["title"], bulletin["text"]) == ("News", "The roads are open.")
    assert (bulletin["serial"], bulletin["missing"]) == (1, 0)


async def test_a_bundle_by_hand_brings_a_report_to_a_relay(
    abroad: Abroad, engine: WebEngine, tmp_path: Path
) -> None:
    desk = await engine.knows(abroad.card_file)
    with pytest.raises(Refused) as refused:
        await engine.call("handOver")
    assert refused.value.code == "empty"
    await engine.call("seal", desk=desk, text="By hand.", files=[FILM])
    bundle = bytes.fromhex(await engine.call("handOver"))
    assert bundle.startswith(b"QNTB")
    told = await engine.call("takeIn", bundle=bundle.hex())
    assert told["failed"] == []
    with pytest.raises(Refused) as cut:
        await engine.call("takeIn", bundle=bundle[:-1].hex())
    assert cut.value.code == "malformed"
    # Nothing counts as sent because it was handed on.
    assert (await engine.the_report())["state"] == "queued"


async def test_a_paused_report_stays_and_a_dropped_one_is_gone(
    abroad: Abroad, engine: WebEngine
) -> None:
    desk = await engine.knows(abroad.card_file)
    one = await engine.call("seal", desk=desk, text="One.")
    two = await engine.call("seal", desk=desk, text="Two.")
    await engine.call("setPaused", number=one["number"], isPaused=True)
    await engine.call("drop", number=two["number"])
    done = await engine.call("sync")
    assert (done["reached"], done["sent"]) == (1, 0)
    assert (await engine.the_report())["isPaused"]
    await engine.call("setPaused", number=one["number"], isPaused=False)
    await engine.call("sync")
    assert set(await abroad.arrived()) == {one["reportId"]}


async def test_a_dead_relay_and_a_strange_one_are_told_apart(
    abroad: Abroad, engine: WebEngine, tmp_path: Path
) -> None:
    desk = await engine.knows(abroad.card_file)
    await engine.call("seal", desk=desk, text="Anybody?")
    await abroad.relay.stop()
    done = await engine.call("sync")
    assert done["reached"] == 0
    assert [one["refusal"] for one in done["failed"]] == ["no_network"]
    other = await asyncio.to_thread(make_abroad, tmp_path / "other")
    await other.relay.start(abroad.port)
    try:
        done = await engine.call("sync")
    finally:
        await other.relay.stop()
    assert [one["refusal"] for one in done["failed"]] == ["wrong_relay"]
    assert (await engine.the_report())["state"] == "queued"


async def test_a_wipe_leaves_nothing(abroad: Abroad, engine: WebEngine) -> None:
    desk = await engine.knows(abroad.card_file)
    await engine.call("seal", desk=desk, text="Gone.", files=[FILM])
    assert await engine.call("wipe") == {"databases": 0, "caches": 0, "entries": 0, "workers": 0}
    assert await engine.call("outbox") == []
    with pytest.raises(Refused):
        await engine.knows(abroad.card_file)
