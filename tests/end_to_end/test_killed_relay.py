"""Programs that are killed while a report is on its way: what was acknowledged is on a disk."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.abroad import Abroad
from tests.end_to_end.commands import begin, qanat, queue_in, until

from qanat_client.demo.gate import Gate
from qanat_client.demo.programs import run
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.merkle import TreeBuilder, block_count, leaf_hash
from qanat_relay.config import Config, store_limits
from qanat_relay.store.interface import State
from qanat_relay.store.sqlite import SqliteStore

FILM_BYTES = 3_000_000
RATE_BYTES_S = 2_000_000
HELD = ("holds", "signed")


async def outbox_of(home: Path) -> list[dict[str, Any]]:
    shown = await qanat(home, "outbox")
    assert shown.code == 0, shown.said
    lines: list[dict[str, Any]] = shown.result
    return lines


def acknowledged(lines: list[dict[str, Any]]) -> set[bytes]:
    """The ids of what the outbox says a relay holds."""
    return {
        bytes.fromhex(parcel["id"])
        for line in lines
        for parcel in line["parcels"]
        if any(relay["word"] in HELD for relay in parcel["relays"])
    }


async def whole_in_store(abroad: Abroad, parcel_ids: set[bytes]) -> set[bytes]:
    """Those of the parcels whose body stands complete in the relay's store, checked by its root."""
    store = await SqliteStore.open(abroad.relay.data / "store", store_limits(Config()))
    try:
        whole = set()
        for parcel_id in parcel_ids:
            (holding,) = await store.look_up([parcel_id[:16]])
            if holding is None or holding.state is not State.HELD:
                continue
            tree = TreeBuilder()
            for index in range(block_count(holding.header.body_size)):
                (block,) = await store.blocks(parcel_id, [index])
                assert len(block) <= BLOCK_BYTES
                tree.add_leaf(leaf_hash(block))
            if tree.root() == holding.header.root:
                whole.add(parcel_id)
        return whole
    finally:
        await store.close()


@pytest.mark.timeout(300)  # dozens of processes are started, on whatever machine this is
@pytest.mark.parametrize("kills", [5, pytest.param(12, marks=pytest.mark.soak)])
async def test_a_relay_that_is_killed_again_and_again_loses_nothing_it_acknowledged(
    abroad: Abroad, tmp_path: Path, kills: int
) -> None:
    dice = random.Random(2022)
    home = await abroad.home()
    media = tmp_path / "media"
    media.mkdir()
    sent: dict[str, dict[str, str]] = {}

    async def write(number: int, size_bytes: int) -> None:
        path = media / f"film-{number}.y4m"
        path.write_bytes(dice.randbytes(size_bytes))
        report_id = await queue_in(home, f"Report {number}", "--attach", path)
        sent[report_id] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}

    await write(0, FILM_BYTES)
    gate = Gate(rate_bytes_s=RATE_BYTES_S)
    await gate.build()
    gate.open()
    in_the_middle = 0
    seen: list[int] = []
    for kill in range(1, kills + 1):
        if kill % 4 == 0:
            await write(kill, dice.randrange(1, 200_000))
        before = gate.carried_bytes
        stop_at = before + dice.randrange(1_000, 280_000)
        syncing = await begin(home, "sync", "--proxy", gate.proxy)
        await until(
            lambda stop_at=stop_at, syncing=syncing: (  # type: ignore[misc]
                gate.carried_bytes >= stop_at or syncing.returncode is not None
            )
        )
        in_the_middle += syncing.returncode is None
        await abroad.relay.kill()
        await syncing.communicate()
        promised = acknowledged(await outbox_of(home))
        assert await whole_in_store(abroad, promised) == promised
        seen.append(len(promised))
        await abroad.serve()
    assert in_the_middle >= kills - 2, "the kills came while something was on its way"
    assert seen == sorted(seen), "what was acknowledged once stays so"
    assert len(set(seen)) > kills // 4, "acknowledgements came between the kills"
    gate.rate_bytes_s = 100_000_000
    last = await qanat(home, "sync", "--proxy", gate.proxy)
    gate.remove()
    assert last.code == 0, last.said
    everything = {bytes.fromhex(p["id"]) for line in await outbox_of(home) for p in line["parcels"]}
    assert len(everything) == 2 * len(sent)
    assert acknowledged(await outbox_of(home)) == everything

    arrived = await abroad.arrived()
    assert set(arrived) == set(sent)
    assert await abroad.exported() == sent
    assert await abroad.relay.stop() == 0
    checked = await run("qanat-relay", "check", "--data", abroad.relay.data)
    assert checked.code == 0, checked.said


async def test_what_a_killed_relay_got_is_not_sent_again(abroad: Abroad, tmp_path: Path) -> None:
    home = await abroad.home()
    film = tmp_path / "film.y4m"
    film.write_bytes(random.Random(1).randbytes(FILM_BYTES))
    await queue_in(home, "with a film", "--attach", film)
    gate = Gate(rate_bytes_s=RATE_BYTES_S)
    await gate.build()
    gate.open()
    syncing = await begin(home, "sync", "--proxy", gate.proxy)
    await until(lambda: gate.carried_bytes > 2 * FILM_BYTES // 3 or syncing.returncode is not None)
    await abroad.relay.kill()
    await syncing.communicate()
    first = gate.carried_bytes
    await abroad.serve()
    assert (await qanat(home, "sync", "--proxy", gate.proxy)).code == 0
    gate.remove()
    # A quarter of the film is far more than what was under way when it was killed.
    assert gate.carried_bytes - first < FILM_BYTES - first + FILM_BYTES // 4
    (line,) = await outbox_of(home)
    assert {p["relays"][0]["word"] for p in line["parcels"]} == {"signed"}


async def test_a_sync_and_a_pull_that_are_killed_lose_nothing(
    abroad: Abroad, tmp_path: Path
) -> None:
    home = await abroad.home()
    sent: dict[str, dict[str, str]] = {}
    for number in range(3):
        path = tmp_path / f"film-{number}.y4m"
        path.write_bytes(random.Random(number).randbytes(FILM_BYTES))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        sent[await queue_in(home, f"Report {number}", "--attach", path)] = {path.name: digest}
    gate = Gate(rate_bytes_s=4_000_000)
    await gate.build()
    gate.open()
    for _ in range(4):
        stop_at = gate.carried_bytes + FILM_BYTES // 2
        syncing = await begin(home, "sync", "--proxy", gate.proxy)
        await _killed_when(syncing, lambda stop_at=stop_at: gate.carried_bytes >= stop_at)  # type: ignore[misc]
    gate.remove()
    assert (await qanat(home, "sync")).code == 0
    everything = {bytes.fromhex(p["id"]) for line in await outbox_of(home) for p in line["parcels"]}
    assert acknowledged(await outbox_of(home)) == everything

    for share in (1, 2, 3):
        pulling = await begin(
            abroad.desk.home, "--passphrase-file", abroad.desk.passphrase_file, "pull",
            program="qanat-desk",
        )  # fmt: skip
        enough = _size_of(abroad.desk.home) + share * FILM_BYTES // 4
        await _killed_when(pulling, lambda enough=enough: _size_of(abroad.desk.home) >= enough)  # type: ignore[misc]
    assert set(await abroad.arrived()) == set(sent)
    assert await abroad.exported() == sent


async def _killed_when(process: asyncio.subprocess.Process, condition: Callable[[], bool]) -> None:
    """Kill it as soon as the condition holds, which has to be before it ends by itself."""
    await until(lambda: condition() or process.returncode is not None)
    assert process.returncode is None, "it was too quick to be killed"
    process.kill()
    await process.communicate()


def _size_of(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        # A program that runs meanwhile makes files and removes them.
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size
    return size
