"""Stores whose bytes were flipped on the disk: check names it, healing takes it out, and a real
peer gives again what it has. Nothing that does not match its root is ever given."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.relay.made_parcels import LETTER_BYTES, PAGED_BYTES, TODAY, Made, make, part
from tests.relay.made_peers import card_of, hold, reach, relays, states
from tests.relay.running_relay import Running, running_relay

from qanat_protocol.frame_codec import PAGE_ROOTS
from qanat_protocol.limits import PAGE_LEAVES
from qanat_protocol.parcel import Rank
from qanat_relay.cli import main
from qanat_relay.store.errors import Damaged, NotHeld, StoreBroken
from qanat_relay.store.files import DATABASE
from qanat_relay.store.interface import State
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore
from qanat_relay.sweep import sweep_once

Told = pytest.CaptureFixture[str]
PAGE = 4096
LETTERS = [make(number) for number in range(120)]
FILMS = [part(1), part(2, PAGED_BYTES)]
PURGED = LETTERS[5]
OPENED = LETTERS[6]
HALF = part(3)
ALL = [*LETTERS, *FILMS]


async def fill_both(folder: Path) -> None:
    async with relays(folder, 2) as (one, other):
        await hold(one, *ALL)
        assert await reach(one, other)
        await one.store.write([PURGED.opened(), PURGED.purged(), OPENED.opened()], today=TODAY)
        one.node.news.tell(None)
        assert await reach(one, other)
        for relay in (one, other):
            # What was freed lies among what is in use.
            dropped = [make(number, expiry_day=TODAY + 1) for number in range(500, 530)]
            await relay.store.write(
                [HALF.put(1, 2), *(each.put() for each in dropped)], today=TODAY
            )
            for day in (TODAY, TODAY + 2):
                await relay.store.sweep(day)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two relays that hold the same, and have told each other so."""
    folder = tmp_path_factory.mktemp("filled")
    asyncio.run(fill_both(folder))
    return folder


def pages_of(path: Path, kind: str) -> list[int]:
    """The pages of a tree by its name, or `free`, or `head`; from 0."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        if kind == "head":
            return [0]
        if kind == "schema":
            return _tree(path.read_bytes(), 0)
        if kind == "free":
            content = path.read_bytes()
            return [int.from_bytes(content[32:36], "big") - 1]
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (kind,)
        ).fetchone()
    return _tree(path.read_bytes(), root - 1)


def _tree(content: bytes, root: int) -> list[int]:
    """The pages of a b-tree without those of long rows, the root first."""
    found, waiting = [], [root]
    while waiting:
        page = waiting.pop()
        found.append(page)
        start = page * PAGE + (100 if page == 0 else 0)
        if content[start] not in (2, 5):
            continue
        cells = int.from_bytes(content[start + 3 : start + 5], "big")
        waiting.append(int.from_bytes(content[start + 8 : start + 12], "big") - 1)
        for number in range(cells):
            at = start + 12 + 2 * number
            cell = page * PAGE + int.from_bytes(content[at : at + 2], "big")
            waiting.append(int.from_bytes(content[cell : cell + 4], "big") - 1)
    return found


def spoil(path: Path, at: int, count: int) -> None:
    """Other bytes from `at` on."""
    with path.open("r+b") as file:
        file.seek(at)
        before = file.read(count)
        file.seek(at)
        file.write(bytes(byte ^ 0xA5 for byte in before))


def spoil_leaf(kind: str, number: int = -1, count: int = PAGE) -> Callable[[Path], None]:
    def spoils(path: Path) -> None:
        pages = pages_of(path, kind)
        spoil(path, pages[number % len(pages)] * PAGE, count)

    return spoils


def spoil_body(made: Made, block: int = 0) -> Callable[[Path], None]:
    """One bit of a body, which SQLite does not see."""

    def spoils(path: Path) -> None:
        content = path.read_bytes()
        at = content.index(made.blocks[block].data[2000:2040])
        spoil(path, at, 1)

    return spoils


def cut_off(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // PAGE * PAGE)


def spoil_many(path: Path) -> None:
    source = random.Random(4)
    for page in source.sample(range(1, path.stat().st_size // PAGE), 25):
        spoil(path, page * PAGE + source.randrange(PAGE - 64), 64)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "a letter's body": spoil_body(LETTERS[40]),
    "a film's block": spoil_body(FILMS[0], 3),
    "a block of a long film": spoil_body(FILMS[1], PAGE_LEAVES + 3),
    "a block of a half": spoil_body(HALF, 1),
    "the last page of parcels": spoil_leaf("parcel"),
    "a page of parcels": spoil_leaf("parcel", 3),
    "the root of parcels": spoil_leaf("parcel", 0),
    "a page of blocks": spoil_leaf("block"),
    "the root of blocks": spoil_leaf("block", 0),
    "a page of tombstones": spoil_leaf("tombstone"),
    "a page of halves": spoil_leaf("partial"),
    "a page of lists": spoil_leaf("leaf_list"),
    "the numbers": spoil_leaf("tally"),
    "the days": spoil_leaf("store"),
    "the ways by id": spoil_leaf("offer"),
    "an index by tag": spoil_leaf("parcel_by_tag"),
    "an index by expiry": spoil_leaf("parcel_expiring"),
    "an index of tombstones": spoil_leaf("tombstone_by_parcel"),
    "the list of free pages": spoil_leaf("free", 0, 64),
    "the header": spoil_leaf("head", 0, 100),
    "the header's first words": spoil_leaf("head", 0, 16),
    "the schema": spoil_leaf("schema"),
    "the first page": spoil_leaf("head"),
    "the second half of the file": cut_off,
    "many pages": spoil_many,
}

KEPT = {"the header", "the header's first words", "the list of free pages", "the days"}
"""After these nothing of the parcels is lost."""


@pytest.mark.parametrize("what", DAMAGE)
async def test_what_is_damaged_is_named_and_comes_again_from_a_peer(
    filled: Path, tmp_path: Path, capsys: Told, what: str
) -> None:
    folder = tmp_path / "relays"
    shutil.copytree(filled, folder)
    data = folder / "0"
    path = data / "store" / DATABASE
    DAMAGE[what](path)
    assert main(["check", "--data", str(data)]) == 1
    told = capsys.readouterr()
    assert told.out.count("\n") > 1
    assert "check --heal" in told.err
    assert main(["check", "--heal", "--json", "--data", str(data)]) == 0
    *_, healed = map(json.loads, capsys.readouterr().out.splitlines())
    assert healed["problems"] > 0
    assert healed["left"] == 0
    assert main(["check", "--data", str(data)]) == 0
    if what in KEPT or what.startswith("an index"):
        assert healed["lost"]["parcels"] == 0
    async with running_relay(data) as one, running_relay(folder / "1") as other:
        if what in KEPT:
            assert set(await states(one, LETTERS)) == {State.HELD, State.PURGED}
        befriend_again(one, other)
        assert await reach(one, other)
        await assert_all(one)
        # What the peer lacks is given to it, too, and nothing is taken from it.
        await assert_all(other)


def befriend_again(one: Running, other: Running) -> None:
    one.node.peers.take(card_of(other, serial=2))
    other.node.peers.take(card_of(one, serial=2))


async def assert_all(relay: Running) -> None:
    store = relay.store
    for made in ALL:
        if made is PURGED:
            continue
        blocks = await store.blocks(made.parcel_id, range(len(made.blocks)))
        assert b"".join(blocks) == made.body
    # Where its row was lost nobody offers it any more.
    (state,) = await states(relay, [PURGED])
    assert state in (State.PURGED, None)
    (holding,) = await store.look_up([OPENED.header.offer])
    assert holding is not None
    assert holding.opened
    assert [problem async for problem in store.check()] == []


async def test_what_only_this_relay_has_is_kept_as_far_as_it_can_be_read(
    filled: Path, tmp_path: Path, capsys: Told
) -> None:
    data = tmp_path / "relay"
    shutil.copytree(filled / "0", data)
    path = data / "store" / DATABASE
    spoil_leaf("parcel", 3)(path)
    shutil.rmtree(data / "peers")
    assert main(["check", "--heal", "--data", str(data)]) == 0
    told = capsys.readouterr().out
    assert "Lost here" in told
    assert "no peers" in told
    async with running_relay(data) as one:
        held = await states(one, LETTERS)
        lost = held.count(None)
        assert 0 < lost < 40
        # The damaged one is kept until somebody says that it is not wanted any more.
        assert path.with_name(f"{DATABASE}.damaged").is_file()
    # A second healing does not write over it.
    spoil_leaf("tally")(path)
    assert main(["check", "--heal", "--data", str(data)]) == 2
    assert "earlier healing" in capsys.readouterr().err
    with pytest.raises(StoreBroken):
        await SqliteStore.open(data / "store", StoreLimits())
    path.with_name(f"{DATABASE}.damaged").unlink()
    assert main(["check", "--heal", "--data", str(data)]) == 0
    assert main(["compact", "--copies", "--data", str(data)]) == 0
    assert not path.with_name(f"{DATABASE}.damaged").exists()


async def test_nothing_is_healed_under_a_relay_that_runs(tmp_path: Path, capsys: Told) -> None:
    async with running_relay(tmp_path / "relay") as relay:
        assert main(["check", "--heal", "--data", str(relay.data)]) == 1
    assert "running" in capsys.readouterr().err


async def test_a_store_that_is_well_is_left_as_it_is(filled: Path, capsys: Told) -> None:
    path = filled / "0" / "store" / DATABASE
    before = path.read_bytes()
    assert main(["check", "--heal", "--data", str(filled / "0")]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
    assert path.read_bytes() == before


# While the relay runs


async def test_what_does_not_match_its_root_is_never_given_and_the_rest_is(
    filled: Path, tmp_path: Path
) -> None:
    data = tmp_path / "relay"
    shutil.copytree(filled / "0", data)
    path = data / "store" / DATABASE
    for spoils in (spoil_body(LETTERS[40]), spoil_body(FILMS[0], 3), spoil_body(HALF, 1)):
        spoils(path)
    store = await SqliteStore.open(data / "store", StoreLimits())
    for made, block in ((LETTERS[40], 0), (FILMS[0], 3), (HALF, 1)):
        with pytest.raises(Damaged):
            await store.blocks(made.parcel_id, [block])
    assert await store.bodies([LETTERS[40].parcel_id, LETTERS[41].parcel_id]) == [
        None,
        LETTERS[41].body,
    ]
    assert await store.blocks(FILMS[0].parcel_id, [2]) == [FILMS[0].blocks[2].data]
    await store.close()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE block SET leaf = zeroblob(32) WHERE number % 262144 = 70",
        "UPDATE parcel SET page_roots = zeroblob(64) WHERE place IS NOT NULL",
        "UPDATE leaf_list SET hashes = zeroblob(length(hashes)) WHERE number % 2048 != 1024",
        "UPDATE leaf_list SET hashes = zeroblob(length(hashes)) WHERE number % 2048 = 1024",
        "DELETE FROM block WHERE number % 262144 = 70",
    ],
)
async def test_a_list_that_does_not_match_the_root_is_not_given_either(
    tmp_path: Path, sql: str
) -> None:
    film, half = part(1, PAGED_BYTES), part(2, PAGED_BYTES)
    store = await SqliteStore.open(tmp_path, StoreLimits())
    await store.write([film.put(), half.put(1, PAGE_LEAVES)], today=TODAY)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute(sql)
    made = half if "leaf_list" in sql else film
    first = 0 if made is half else PAGE_LEAVES
    count = min(PAGE_LEAVES, len(film.blocks) - first)
    asked = [
        store.page_roots(made.parcel_id),
        store.leaves(made.parcel_id, first, count),
        store.blocks(made.parcel_id, [1 if made is half else 70]),
    ]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert any(isinstance(answer, NotHeld) for answer in answers)
    assert not any(isinstance(answer, list) and is_wrong(made, answer) for answer in answers)
    await store.close()


def is_wrong(made: Made, answer: list[bytes]) -> bool:
    right = {block.data for block in made.blocks} | set(made.leaves)
    for each in made.lists:
        if each.page == PAGE_ROOTS:
            right.update(each.hashes[at : at + 32] for at in range(0, len(each.hashes), 32))
    return not set(answer) <= right


async def test_a_running_relay_forgets_what_it_found_damaged_and_asks_its_peers(
    filled: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "relays"
    shutil.copytree(filled, folder)
    path = folder / "0" / "store" / DATABASE
    damaged = [LETTERS[40], OPENED, FILMS[0], HALF]
    for made in damaged:
        spoil_body(made, min(1, len(made.blocks) - 1))(path)
    async with running_relay(folder / "0") as one, running_relay(folder / "1") as other:
        befriend_again(one, other)
        assert await reach(one, other)
        # They count as held until somebody asks for them.
        assert await states(one, damaged) == [State.HELD] * 3 + [State.PARTIAL]
        for made in damaged:
            with pytest.raises(Damaged):
                await one.store.blocks(made.parcel_id, [min(1, len(made.blocks) - 1)])
        assert not await sweep_once(one.node)
        assert await states(one, damaged) == [None] * 4
        assert [problem async for problem in one.store.check()] == []
        assert await reach(one, other)
        await assert_all(one)


async def test_what_is_only_not_there_is_not_forgotten(tmp_path: Path) -> None:
    letter, film, half = make(1), part(1), part(2)
    store = await SqliteStore.open(tmp_path, StoreLimits())
    await store.write([letter.put(), film.put(), half.put(1, 2)], today=TODAY)
    with pytest.raises(NotHeld):
        await store.blocks(half.parcel_id, [1, 3])
    # Somebody is wrong about these.
    store._damaged.update(each.parcel_id for each in (letter, film, half, make(9)))
    assert (await store.sweep(TODAY)).damaged == 0
    found = await store.look_up([each.header.offer for each in (letter, film, half)])
    assert [each and each.state for each in found] == [State.HELD, State.HELD, State.PARTIAL]
    await store.close()


async def test_letters_on_other_pages_are_given_while_one_page_cannot_be_read(
    filled: Path, tmp_path: Path
) -> None:
    data = tmp_path / "relay"
    shutil.copytree(filled / "0", data)
    spoil_leaf("parcel", 3)(data / "store" / DATABASE)
    store = await SqliteStore.open(data / "store", StoreLimits())
    found = await store.list_tags([LETTERS[0].header.tag], Rank.LETTER, 0, 1000)
    ids = [entry.header.parcel_id for entry in found]
    assert 60 < len(ids) < len(LETTERS)
    bodies = await store.bodies(ids)
    by_id = {letter.parcel_id: letter.body for letter in LETTERS}
    assert bodies == [by_id[each] for each in ids]
    assert all(len(body or b"") == LETTER_BYTES for body in bodies)
    await store.close()
