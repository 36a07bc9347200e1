"""What every store of a relay must do. A new backend is added to BACKENDS and passes all of it."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.relay.made_parcels import (
    EDITOR,
    EXPIRY,
    LONG_LETTER_BYTES,
    ORIGINAL_BYTES,
    PAGED_BLOCKS,
    PAGED_BYTES,
    PREVIEW_BYTES,
    TAG,
    THUMBNAIL_BYTES,
    TODAY,
    Made,
    make,
    part,
)

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frame_codec import PAGE_ROOTS
from qanat_protocol.frames import AckStatus, Opened, Purge
from qanat_protocol.limits import PAGE_LEAVES
from qanat_protocol.merkle import page_roots
from qanat_protocol.parcel import Front, Header, Kind, Rank
from qanat_protocol.signing import SigningKey
from qanat_protocol.verdicts import Verdict
from qanat_relay.store.errors import NotHeld, StoreClosed
from qanat_relay.store.interface import (
    OPENED_PER_PARCEL,
    Entry,
    Half,
    Known,
    MarkOpened,
    Outcome,
    PutBlocks,
    PutRun,
    State,
    Store,
    StoredList,
    Swept,
    Write,
)
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore
from qanat_simulation.engine.store.memory import MemoryStore

OpenStore = Callable[..., Awaitable[Store]]

_in_memory: dict[Path, MemoryStore] = {}


async def open_in_memory(folder: Path, limits: StoreLimits) -> Store:
    """What a simulation keeps; opened again as long as this process runs."""
    if folder not in _in_memory:
        _in_memory[folder] = MemoryStore(limits)
    return _in_memory[folder].again(limits)


BACKENDS: dict[str, Callable[[Path, StoreLimits], Awaitable[Store]]] = {
    "sqlite": SqliteStore.open,
    # Every parcel goes into the index of ids at once, not with thousands of others.
    "sqlite, indexed": partial(SqliteStore.open, recent_max=1),
    "memory": open_in_memory,
}

STORED = Outcome(AckStatus.STORED)
HAVE = Outcome(AckStatus.HAVE)
TOMBSTONED = Outcome(AckStatus.TOMBSTONED)
LIST_BYTES = 11 * 32
"""Of an original."""

IGNORED = Outcome(AckStatus.REFUSED, Verdict.BUSY, ignored=True)
BAD_LOCK = Outcome(AckStatus.REFUSED, Verdict.BAD_LOCK, ignored=True)


def so_far(blocks: int) -> Outcome:
    return Outcome(AckStatus.PARTIAL, blocks)


def refused(verdict: Verdict) -> Outcome:
    return Outcome(AckStatus.REFUSED, verdict)


@pytest.fixture(params=BACKENDS)
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenStore]:
    """Opens the test's one store, again after it was closed, with other limits if wanted."""
    opened: list[Store] = []

    async def open_one(limits: StoreLimits | None = None) -> Store:
        for store in opened:
            await store.close()
        store = await BACKENDS[request.param](tmp_path / "store", limits or StoreLimits())
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    """A new store with room for everything; whatever a test did, nothing in it is wrong after."""
    store = await open_store()
    yield store
    assert [problem async for problem in store.check()] == []


async def put(store: Store, *made: Made, today: int = TODAY) -> list[Outcome]:
    return await store.write([one.put() for one in made], today=today)


async def state_of(store: Store, made: Made) -> State | None:
    (holding,) = await store.look_up([made.header.offer])
    return None if holding is None else holding.state


async def held_of(store: Store, made: Made) -> list[int]:
    (holding,) = await store.look_up([made.header.offer])
    assert holding is not None
    assert holding.state is State.PARTIAL
    assert holding.held is not None
    return list(holding.held)


async def body_of(store: Store, made: Made) -> bytes:
    indices = range(len(made.blocks))
    return b"".join(await store.blocks(made.parcel_id, indices))


def headers(entries: list[Entry]) -> list[Header]:
    return [entry.header for entry in entries]


# Taking and giving


async def test_a_parcel_comes_back_as_it_was_stored(store: Store) -> None:
    letter = make(1)
    assert await put(store, letter) == [STORED]
    (holding,) = await store.look_up([letter.header.offer])
    assert holding is not None
    assert (holding.parcel_id, holding.header) == (letter.parcel_id, letter.header)
    assert (holding.state, holding.held) == (State.HELD, None)
    assert await store.blocks(letter.parcel_id, [0]) == [letter.body]
    assert await store.leaves(letter.parcel_id, 0, 1) == letter.leaves
    assert await store.page_roots(letter.parcel_id) == [letter.header.root]


async def test_a_body_of_many_blocks_comes_back_block_by_block(store: Store) -> None:
    original = part(1)
    assert await put(store, original) == [STORED]
    assert await body_of(store, original) == original.body
    data = [block.data for block in original.blocks]
    assert await store.blocks(original.parcel_id, [10, 0, 3]) == [data[10], data[0], data[3]]
    assert await store.leaves(original.parcel_id, 2, 5) == original.leaves[2:7]
    assert await store.page_roots(original.parcel_id) == [original.header.root]


async def test_a_body_of_two_pages_has_two_page_roots(store: Store) -> None:
    large = part(1, PAGED_BYTES)
    half = [block.index for block in large.blocks if block.index % 2]
    rest = [block.index for block in large.blocks if not block.index % 2]
    assert await store.write([large.put(*half)], today=TODAY) == [so_far(len(half))]
    assert await store.write([large.put(*rest)], today=TODAY) == [STORED]
    assert await store.page_roots(large.parcel_id) == page_roots(large.leaves)
    second = await store.leaves(large.parcel_id, PAGE_LEAVES, PAGE_LEAVES)
    assert second == large.leaves[PAGE_LEAVES:]
    assert await store.blocks(large.parcel_id, [PAGE_LEAVES - 1, PAGED_BLOCKS - 1]) == [
        large.blocks[PAGE_LEAVES - 1].data,
        large.blocks[-1].data,
    ]


async def test_half_a_parcel_is_resumed_in_another_process(open_store: OpenStore) -> None:
    store = await open_store()
    original = part(1)
    assert await store.write([original.put(0, 4, 10)], today=TODAY) == [so_far(3)]
    store = await open_store()
    assert await held_of(store, original) == [0, 4, 10]
    rest = [index for index in range(11) if index not in (0, 4, 10)]
    assert await store.write([original.put(*rest)], today=TODAY) == [STORED]
    assert await body_of(store, original) == original.body
    assert (await store.stats()).partial == (await store.stats()).partial_bytes == 0


async def test_a_block_that_is_there_is_not_counted_twice(store: Store) -> None:
    original = part(1)
    assert await store.write([original.put(0, 1)], today=TODAY) == [so_far(2)]
    assert await store.write([original.put(1, 2)], today=TODAY) == [so_far(3)]
    assert await store.write([original.put(0, 1, 2)], today=TODAY) == [so_far(3)]
    assert (await store.stats()).partial_bytes == 3 * 16_384 + LIST_BYTES


async def test_what_is_complete_is_had_and_kept_once(store: Store) -> None:
    letter = make(1)
    assert await store.write([letter.put(), letter.put()], today=TODAY) == [STORED, HAVE]
    assert await put(store, letter) == [HAVE]
    assert (await store.stats()).letters == 1


async def test_two_writers_of_one_parcel_do_no_harm(store: Store) -> None:
    original = part(1)
    calls = [
        store.write([original.put(index, (index + 1) % 11)], today=TODAY)
        for index in [*range(11), *range(11)]
    ]
    outcomes = [outcome for (outcome,) in await asyncio.gather(*calls)]
    assert outcomes.count(STORED) == 1
    after = outcomes[outcomes.index(STORED) + 1 :]
    assert after == [HAVE] * len(after)
    assert await body_of(store, original) == original.body


async def test_a_question_is_answered_and_stores_nothing(store: Store) -> None:
    letter, original, gone, unknown = make(1), part(2), make(3), make(4)
    await store.write([letter.put(), original.put(0, 1), gone.put()], today=TODAY)
    await store.write([gone.purged()], today=TODAY)
    before = await store.stats()
    asked = [one.ask() for one in (letter, original, gone, unknown)]
    assert await store.write(asked, today=TODAY) == [HAVE, so_far(2), TOMBSTONED, so_far(0)]
    assert replace(await store.stats(), file_bytes=0) == replace(before, file_bytes=0)
    assert await state_of(store, unknown) is None


async def test_blocks_that_no_body_has_are_the_callers_mistake(store: Store) -> None:
    letter = make(1)
    (block,) = letter.blocks
    for wrong in (
        replace(block, index=1),
        replace(block, data=block.data[1:]),
        replace(block, leaf=block.leaf[1:]),
    ):
        with pytest.raises(ValueError, match="block"):
            await store.write([PutBlocks(letter.header, (wrong,))], today=TODAY)
    assert await state_of(store, letter) is None


async def test_a_body_that_is_not_there_is_not_held(store: Store) -> None:
    # What came without the lists of its leaves can't be proven to anybody.
    half, whole = part(1, PAGED_BYTES), part(2)
    await store.write([half.put_bare(1), whole.put()], today=TODAY)
    for made in (half, make(3)):
        with pytest.raises(NotHeld):
            await store.blocks(made.parcel_id, [0])
        with pytest.raises(NotHeld):
            await store.leaves(made.parcel_id, 0, 1)
        with pytest.raises(NotHeld):
            await store.page_roots(made.parcel_id)
    with pytest.raises(NotHeld):
        await store.blocks(whole.parcel_id, [0, 11])


async def test_an_offer_is_found_by_half_an_id_and_a_body_by_the_whole(store: Store) -> None:
    letter = make(1)
    await put(store, letter)
    twin = letter.parcel_id[:16] + bytes(16)
    with pytest.raises(NotHeld):
        await store.blocks(twin, [0])
    frame = replace(letter.opened_frame(), parcel_id=twin)
    assert await store.write([MarkOpened(frame)], today=TODAY) == [IGNORED]
    assert await store.look_up([bytes(16), letter.header.offer]) != [None, None]


async def test_nothing_is_written_by_a_call_without_writes(store: Store) -> None:
    assert await store.write([], today=TODAY) == []


# Arrival


async def test_arrivals_of_one_commit_are_in_order_of_id(store: Store) -> None:
    letters = [make(number) for number in range(40)]
    assert await put(store, *letters) == [STORED] * 40
    entries = await store.list_tags([TAG], Rank.LETTER, 0, 100)
    assert [entry.arrival for entry in entries] == list(range(1, 41))
    ids = [entry.header.parcel_id for entry in entries]
    assert ids == sorted(letter.parcel_id for letter in letters)


async def test_an_arrival_number_is_given_at_completion_and_never_again(
    open_store: OpenStore,
) -> None:
    store = await open_store()
    early, late = part(1), part(2)
    await store.write([early.put(0)], today=TODAY)
    await put(store, late)
    await store.write([early.put(*range(1, 11))], today=TODAY)
    entries = await store.list_tags([TAG], Rank.ORIGINAL, 0, 9)
    assert headers(entries) == [late.header, early.header]
    last = entries[-1].arrival
    await store.sweep(EXPIRY + 1)
    assert await store.list_tags([TAG], Rank.ORIGINAL, 0, 9) == []
    store = await open_store()
    await put(store, make(3, expiry_day=EXPIRY + 90), today=EXPIRY + 1)
    (entry,) = await store.list_tags([TAG], Rank.LETTER, 0, 9)
    assert entry.arrival == last + 1


def run_of(*letters: Made) -> PutRun:
    """Letters of one size, as they come in one piece."""
    header = letters[0].header
    return PutRun(
        Front(header.kind, header.urgent, header.expiry_day, header.body_size),
        [letter.parcel_id for letter in letters],
        [letter.header.encode() for letter in letters],
        [letter.body for letter in letters],
    )


async def test_a_run_is_stored_as_its_parcels_alone_would_be(store: Store) -> None:
    letters = [make(number) for number in range(70)]
    urgent = make(70, urgent=True)
    film = part(71)
    outcomes = await store.write(
        [run_of(*letters), film.put(), run_of(urgent), letters[3].opened()], today=TODAY
    )
    assert outcomes == [STORED] * 73
    assert [await body_of(store, letter) for letter in letters] == [one.body for one in letters]
    entries = await store.list_tags([TAG], Rank.LETTER, 0, 100)
    in_order = sorted(letters, key=lambda letter: letter.parcel_id)
    assert [entry.header for entry in entries] == [letter.header for letter in in_order]
    assert [entry.header for entry in entries if entry.opened] == [letters[3].header]
    numbers = {entry.header: entry.arrival for entry in entries}
    (first,) = await store.list_tags([TAG], Rank.URGENT, 0, 9)
    (last,) = await store.list_tags([TAG], Rank.ORIGINAL, 0, 9)
    assert sorted([*numbers.values(), first.arrival, last.arrival]) == sorted(
        set(range(1, 74)) - await opened_numbers(store)
    )
    stats = await store.stats()
    assert (stats.letters, stats.parts, stats.opened) == (71, 1, 1)


async def opened_numbers(store: Store) -> set[int]:
    return {arrival for arrival, _ in await store.list_tombstones([TAG], 0, 99)}


async def test_of_a_run_only_what_is_new_is_stored(store: Store) -> None:
    held, purged, twice, new = (make(number) for number in range(4))
    await put(store, held, purged)
    await store.write([purged.purged()], today=TODAY)
    outcomes = await store.write([run_of(held, purged, twice, new, twice)], today=TODAY)
    assert outcomes == [HAVE, TOMBSTONED, STORED, STORED, HAVE]
    assert await store.write([run_of(new), run_of(twice)], today=TODAY) == [HAVE, HAVE]
    assert (await store.stats()).letters == 3


async def test_a_run_that_may_not_be_stored_is_refused_by_name(open_store: OpenStore) -> None:
    limits = StoreLimits(max_body_bytes=8192, max_partial_bytes=8192, max_store_bytes=2**20)
    store = await open_store(limits)
    late = run_of(make(1, expiry_day=TODAY - 1), make(2, expiry_day=TODAY - 1))
    assert await store.write([late], today=TODAY) == [refused(Verdict.EXPIRED)] * 2
    large = run_of(make(3, size_bytes=16_384))
    assert await store.write([large], today=TODAY) == [refused(Verdict.REFUSED_SIZE)]
    letters = [make(number) for number in range(10, 400)]
    outcomes = await store.write([run_of(*letters)], today=TODAY)
    assert set(outcomes) == {STORED, refused(Verdict.REFUSED_FULL)}
    held = [letter for letter in letters if await state_of(store, letter) is State.HELD]
    assert len(held) == outcomes.count(STORED) > 100
    assert [problem async for problem in store.check()] == []


async def test_a_run_takes_the_place_of_parts(open_store: OpenStore) -> None:
    store = await open_store(
        StoreLimits(max_body_bytes=2**19, max_partial_bytes=2**19, max_store_bytes=2**20)
    )
    film = part(1)
    await put(store, film)
    letters = [make(number) for number in range(10, 200)]
    assert await store.write([run_of(*letters)], today=TODAY) == [STORED] * len(letters)
    assert await state_of(store, film) is State.EVICTED
    assert [problem async for problem in store.check()] == []


async def test_a_run_with_a_body_that_its_front_does_not_name_is_a_mistake(store: Store) -> None:
    run = run_of(make(1), make(2))
    for wrong in (
        replace(run, bodies=[b"short", run.bodies[1]]),
        replace(run, bodies=run.bodies[:1]),
        replace(run, front=replace(run.front, body_size=32_768)),
    ):
        with pytest.raises(ValueError, match="run"):
            await store.write([wrong], today=TODAY)


async def test_bodies_of_one_block_are_read_together(store: Store) -> None:
    letter, purged, gone, film, unknown = make(1), make(2), make(3), part(4), make(5)
    await put(store, letter, purged, gone, film)
    await store.write([purged.purged(), gone.purged()], today=TODAY)
    await store.sweep(TODAY)
    ids = [one.parcel_id for one in (letter, film, unknown, purged)]
    assert await store.bodies(ids) == [letter.body, None, None, purged.body]
    await store.sweep(TODAY + 3)
    await store.sweep(TODAY + 6)
    await store.sweep(TODAY + 8)
    assert await store.bodies([gone.parcel_id]) == [None]


async def test_a_list_goes_on_behind_the_last_arrival(store: Store) -> None:
    tags = [bytes([number]) * 16 for number in range(3)]
    letters = [make(number, tag=tags[number % 3]) for number in range(30)]
    for letter in letters:
        await put(store, letter)
    seen: list[Header] = []
    after = 0
    while page := await store.list_tags(tags[:2], Rank.LETTER, after, 7):
        assert len(page) <= 7
        seen += headers(page)
        after = page[-1].arrival
    assert seen == [letter.header for letter in letters if letter.header.tag != tags[2]]
    everything = await store.list_tags(tags, Rank.LETTER, 0, 100)
    assert headers(everything) == [letter.header for letter in letters]


async def test_each_rank_has_a_list_of_its_own(store: Store) -> None:
    made = {
        Rank.URGENT: make(1, urgent=True),
        Rank.LETTER: make(2),
        Rank.THUMBNAIL: part(3, THUMBNAIL_BYTES),
        Rank.PREVIEW: part(4, PREVIEW_BYTES),
        Rank.ORIGINAL: part(5),
    }
    await put(store, *made.values())
    for rank, one in made.items():
        (entry,) = await store.list_tags([TAG], rank, 0, 9)
        assert entry.header == one.header
        assert (entry.taken_day, entry.opened, entry.stamp) == (TODAY, False, None)
    assert await store.list_tags([bytes(16)], Rank.LETTER, 0, 9) == []


async def test_what_lies_under_all_tags_is_listed_the_newest_first(store: Store) -> None:
    tags = [bytes([number]) * 16 for number in range(3)]
    letters = [make(number, tag=tags[number % 3]) for number in range(20)]
    parts = [part(100 + number, THUMBNAIL_BYTES, tag=tags[number]) for number in range(3)]  # type: ignore[arg-type]
    for parcel in [*letters, *parts]:
        await put(store, parcel)
    await store.write([letters[3].purged()], today=TODAY)
    below, seen = 2**63 - 1, []
    while page := await store.list_all(Rank.LETTER, 0, below, 7):
        assert len(page) <= 7
        seen += headers(page)
        below = page[-1].arrival
    letters.pop(3)
    assert seen == [letter.header for letter in reversed(letters)]
    found = await store.list_all(Rank.THUMBNAIL, 0, 2**63 - 1, 9)
    assert headers(found) == [each.header for each in reversed(parts)]
    assert (
        await store.list_all(Rank.THUMBNAIL, found[-1].arrival, found[0].arrival, 9) == found[1:2]
    )
    assert await store.list_all(Rank.ORIGINAL, 0, 2**63 - 1, 9) == []


async def test_a_store_keeps_its_incarnation_and_another_has_another(
    open_store: OpenStore, tmp_path: Path
) -> None:
    store = await open_store()
    incarnation = store.incarnation
    assert len(incarnation) == 16
    assert (await open_store()).incarnation == incarnation
    other = await BACKENDS["sqlite"](tmp_path / "other", StoreLimits())
    await other.close()
    assert other.incarnation != incarnation


# What is refused


@pytest.mark.parametrize(
    ("expiry_day", "outcome"),
    [
        (TODAY - 1, refused(Verdict.EXPIRED)),
        (TODAY, STORED),
        (TODAY + 560, STORED),
        (TODAY + 561, refused(Verdict.EXPIRY_TOO_FAR)),
    ],
)
async def test_a_parcel_is_taken_by_its_expiry(
    store: Store, expiry_day: int, outcome: Outcome
) -> None:
    letter = make(1, expiry_day=expiry_day)
    assert await put(store, letter) == [outcome]
    assert await store.write([letter.ask()], today=TODAY) == [
        HAVE if outcome == STORED else outcome
    ]


async def test_a_body_over_the_limit_is_refused_by_size(open_store: OpenStore) -> None:
    store = await open_store(StoreLimits(max_body_bytes=PREVIEW_BYTES))
    preview, original = part(1, PREVIEW_BYTES), part(2)
    outcomes = await store.write([preview.put(), original.put(0), original.ask()], today=TODAY)
    too_large = refused(Verdict.REFUSED_SIZE)
    assert outcomes == [STORED, too_large, too_large]


async def test_limits_that_change_count_from_the_next_commit_on(open_store: OpenStore) -> None:
    store = await open_store(StoreLimits(max_body_bytes=PREVIEW_BYTES))
    original = part(1)
    assert await store.write([original.put(0)], today=TODAY) == [refused(Verdict.REFUSED_SIZE)]
    store.limit(StoreLimits())
    (outcome,) = await store.write([original.put(0)], today=TODAY)
    assert outcome.status is AckStatus.PARTIAL
    store.limit(StoreLimits(max_body_bytes=PREVIEW_BYTES))
    assert await store.write([part(2).put(0)], today=TODAY) == [refused(Verdict.REFUSED_SIZE)]


@pytest.mark.parametrize(
    "limits",
    [
        {"max_body_bytes": 4095},
        {"max_body_bytes": 2**20, "max_partial_bytes": 2**20 - 1},
        {"max_partial_bytes": 2**20, "max_store_bytes": 2**20 - 1, "max_body_bytes": 2**20},
        {"partial_ttl_days": 0},
    ],
)
def test_limits_that_contradict_each_other_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"max_|ttl"):
        StoreLimits(**limits)


async def test_partial_bodies_have_a_quota_of_their_own(open_store: OpenStore) -> None:
    quota = ORIGINAL_BYTES + LIST_BYTES
    store = await open_store(StoreLimits(max_body_bytes=quota, max_partial_bytes=quota))
    first, second, third = part(1), part(2), part(3)
    assert await store.write([first.put(*range(10))], today=TODAY) == [so_far(10)]
    assert await store.write([second.put(0, 1)], today=TODAY) == [refused(Verdict.REFUSED_QUOTA)]
    assert await store.write([second.put(0)], today=TODAY) == [so_far(1)]
    over = refused(Verdict.REFUSED_QUOTA)
    assert await store.write([third.ask(), third.put(0)], today=TODAY) == [over, over]
    # What completes a body is always within the quota, and so is what is complete at once.
    assert await store.write([first.put(10), third.put()], today=TODAY) == [STORED, STORED]
    assert (await store.stats()).partial_bytes == 16_384 + LIST_BYTES


async def test_a_letter_displaces_partial_parts_from_the_quota(open_store: OpenStore) -> None:
    quota = ORIGINAL_BYTES + LIST_BYTES
    store = await open_store(StoreLimits(max_body_bytes=quota, max_partial_bytes=quota))
    old, stamped, letter = part(1), part(2), make(3, size_bytes=LONG_LETTER_BYTES)
    await store.write([old.put(*range(5))], today=TODAY)
    await store.write([stamped.put(*range(6)), stamped.stamped(10)], today=TODAY)
    assert await store.write([letter.ask(), letter.put(0)], today=TODAY) == [so_far(0), so_far(1)]
    assert await state_of(store, old) is None
    assert await held_of(store, stamped) == list(range(6))
    for number in range(10, 20):
        await store.write([make(number, size_bytes=LONG_LETTER_BYTES).put(0)], today=TODAY)
    assert await state_of(store, letter) is State.PARTIAL
    last = make(20, size_bytes=LONG_LETTER_BYTES)
    over = refused(Verdict.REFUSED_QUOTA)
    assert await store.write([last.ask(), last.put(0)], today=TODAY) == [over, over]


# Room


async def small_store(open_store: OpenStore, room_bytes: int, *made: Made) -> Store:
    """A store that holds these parcels and has room for so much more."""
    store = await open_store()
    for one in made:
        await put(store, one)
    used = (await store.stats()).used_bytes
    limit = used + room_bytes
    return await open_store(
        StoreLimits(
            max_body_bytes=min(limit, 2**20),
            max_partial_bytes=min(limit, 2**20),
            max_store_bytes=limit,
        )
    )


async def test_a_full_store_keeps_every_letter_and_refuses_more(open_store: OpenStore) -> None:
    kept = [
        make(1),
        make(2, urgent=True),
        make(3, Kind.REPLY),
        make(4, Kind.PUBLIC),
        make(5, size_bytes=LONG_LETTER_BYTES),
        *(make(number) for number in range(100, 140)),
    ]
    store = await small_store(open_store, 0, *kept)
    full = refused(Verdict.REFUSED_FULL)
    for newcomer in (make(6), make(7, urgent=True), part(8, THUMBNAIL_BYTES), part(9)):
        assert await store.write([newcomer.ask(), newcomer.put()], today=TODAY) == [full, full]
    for one in kept:
        assert await state_of(store, one) is State.HELD
        assert await body_of(store, one) == one.body


async def test_room_is_made_in_order(open_store: OpenStore) -> None:
    letter = make(0)
    thumbnail, preview = part(1, THUMBNAIL_BYTES), part(2, PREVIEW_BYTES)
    older, newer, stamped, opened, purged = (part(number) for number in range(3, 8))
    going = [purged, opened, older, newer, preview, thumbnail, stamped]
    store = await small_store(
        open_store, 0, letter, thumbnail, preview, older, newer, stamped, opened, purged
    )
    await store.write([purged.purged(), opened.opened(), stamped.stamped(100)], today=TODAY)
    gone: list[Made] = []
    outcome = STORED
    for number in range(1000, 1400):
        (outcome,) = await put(store, make(number))
        states = {one: await state_of(store, one) for one in going}
        for one in going:
            present = True
            try:
                await store.blocks(one.parcel_id, [0])
            except NotHeld:
                present = False
            if not present and one not in gone:
                gone.append(one)
                assert states[one] is (State.PURGED if one is purged else State.EVICTED)
        if outcome != STORED:
            break
    assert outcome == refused(Verdict.REFUSED_FULL)
    assert gone == going
    assert await body_of(store, letter) == letter.body


async def test_a_flood_of_parts_does_not_displace_those_before_it(open_store: OpenStore) -> None:
    first, stamped, thumbnail = part(1), part(2), part(3, THUMBNAIL_BYTES)
    store = await small_store(open_store, 0, first, stamped, thumbnail)
    await store.write([stamped.stamped(5)], today=TODAY)
    for number in range(10, 20):
        assert await put(store, part(number)) == [refused(Verdict.REFUSED_FULL)]
    # A thumbnail is worth more than an original without a stamp.
    assert await put(store, part(20, THUMBNAIL_BYTES)) == [STORED]
    assert await state_of(store, first) is State.EVICTED
    assert await state_of(store, stamped) is State.HELD
    assert await state_of(store, thumbnail) is State.HELD


async def test_what_was_evicted_is_remembered_and_comes_back_only_into_room(
    open_store: OpenStore,
) -> None:
    original = part(1)
    store = await small_store(open_store, 0, original)
    await put(store, make(2))
    assert await state_of(store, original) is State.EVICTED
    assert original.parcel_id in [row.parcel_id for row in await every_known(store)]
    with pytest.raises(NotHeld):
        await store.blocks(original.parcel_id, [0])
    assert await store.list_tags([TAG], Rank.ORIGINAL, 0, 9) == []
    thumbnails = [part(number, THUMBNAIL_BYTES) for number in range(10, 20)]
    await put(store, *thumbnails)
    full = refused(Verdict.REFUSED_FULL)
    assert await store.write([original.ask(), original.put()], today=TODAY) == [full, full]
    store = await open_store()
    assert await state_of(store, original) is State.EVICTED
    assert await store.write([original.opened(), original.stamped(7)], today=TODAY) == [
        STORED,
        STORED,
    ]
    assert await store.write([original.put(0), original.put()], today=TODAY) == [so_far(1), STORED]
    (entry,) = await store.list_tags([TAG], Rank.ORIGINAL, 0, 9)
    assert entry.opened
    assert entry.stamp == original.stamped(7).frame
    assert sum(row.parcel_id == original.parcel_id for row in await every_known(store)) == 1
    assert (await store.stats()).evicted == 0
    assert [problem async for problem in store.check()] == []


# Opened, purged, stamped


async def test_opened_is_told_and_hides_nothing(store: Store) -> None:
    letter = make(1)
    await put(store, letter)
    assert await store.write([letter.opened(), letter.opened()], today=TODAY) == [STORED, HAVE]
    assert await store.list_tombstones([TAG], 0, 9) == [(2, letter.opened_frame())]
    assert await store.count_opened() == 1
    (entry,) = await store.list_tags([TAG], Rank.LETTER, 0, 9)
    assert entry.opened
    assert await body_of(store, letter) == letter.body


async def test_a_forged_opened_does_not_keep_the_true_one_out(store: Store) -> None:
    letter = make(1)
    await put(store, letter)
    keys = [SigningKey(bytes([number]) * 32) for number in range(9)]
    forged = [letter.opened(key) for key in keys[: OPENED_PER_PARCEL - 1]]
    await store.write(forged, today=TODAY)
    assert await store.write([letter.opened(EDITOR)], today=TODAY) == [STORED]
    assert letter.opened_frame(EDITOR) in await store.list_opened([bytes(4)], 0, 99)
    assert await store.write([letter.opened(keys[8])], today=TODAY) == [HAVE]
    assert await store.count_opened() == OPENED_PER_PARCEL


async def test_the_desks_own_opened_is_kept_when_others_filled_every_place(store: Store) -> None:
    letter = make(1)
    await put(store, letter)
    keys = [SigningKey(bytes([number]) * 32) for number in range(OPENED_PER_PARCEL + 1)]
    await store.write([letter.opened(key) for key in keys], today=TODAY)
    frame = letter.opened_frame(EDITOR)
    elsewhere = MarkOpened(frame, frozenset([bytes(16)]))
    own = MarkOpened(frame, frozenset([bytes(16), TAG]))
    assert await store.write([elsewhere], today=TODAY) == [HAVE]
    assert frame not in await store.list_opened([bytes(4)], 0, 99)
    assert await store.write([own, own], today=TODAY) == [STORED, HAVE]
    assert frame in await store.list_opened([bytes(4)], 0, 99)
    assert await store.write([letter.opened(keys[0])], today=TODAY) == [HAVE]
    assert await store.count_opened() == OPENED_PER_PARCEL
    assert (await store.stats()).tombstones == OPENED_PER_PARCEL
    assert frame in [kept for _, kept in await store.list_tombstones([TAG], 0, 99)]


async def test_an_opened_that_nobody_verified_counts_for_its_senders_own_parcels_alone(
    store: Store,
) -> None:
    letter, other = make(1), make(2)
    await put(store, letter, other)
    forged = replace(letter.opened_frame(), signature=bytes([1]) + bytes(64))
    elsewhere = MarkOpened(forged, frozenset([bytes(16)]), is_verified=False)
    own = MarkOpened(forged, frozenset([TAG]), is_verified=False)
    true = MarkOpened(other.opened_frame(), frozenset(), is_verified=False)
    (refused,) = await store.write([elsewhere], today=TODAY)
    assert refused == replace(IGNORED, value=Verdict.BAD_SIGNATURE)
    assert await store.write([own, true], today=TODAY) == [STORED, STORED]


async def test_a_purge_hides_a_body_that_is_still_given_by_id(store: Store) -> None:
    letter, original = make(1), part(2)
    await put(store, letter, original)
    writes: list[Write] = [letter.purged(), original.purged(), letter.purged()]
    assert await store.write(writes, today=TODAY) == [STORED, STORED, HAVE]
    for one in (letter, original):
        assert await state_of(store, one) is State.PURGED
        assert await body_of(store, one) == one.body
        assert await store.write([one.put(), one.ask()], today=TODAY) == [TOMBSTONED, TOMBSTONED]
    for rank in Rank:
        assert await store.list_tags([TAG], rank, 0, 9) == []
    frames = {frame for _, frame in await store.list_tombstones([TAG], 0, 9)}
    assert frames == {letter.purge_frame(), original.purge_frame()}
    stats = await store.stats()
    assert (stats.letters, stats.parts, stats.purged) == (0, 0, 2)


async def test_purging_half_a_parcel_drops_it_at_once(store: Store) -> None:
    original = part(1)
    await store.write([original.put(0, 1), original.opened()], today=TODAY)
    writes: list[Write] = [original.purged(), original.put(2)]
    assert await store.write(writes, today=TODAY) == [STORED, TOMBSTONED]
    assert await state_of(store, original) is State.PURGED
    with pytest.raises(NotHeld):
        await store.blocks(original.parcel_id, [0])
    assert await store.write([original.put(2)], today=TODAY) == [TOMBSTONED]
    stats = await store.stats()
    assert (stats.partial, stats.partial_bytes, stats.purged) == (0, 0, 1)


async def test_what_was_opened_in_half_is_opened_when_whole(store: Store) -> None:
    original = part(1)
    await store.write([original.put(0), original.opened(), original.stamped(3)], today=TODAY)
    await put(store, original)
    (entry,) = await store.list_tags([TAG], Rank.ORIGINAL, 0, 9)
    assert entry.opened
    assert entry.stamp == original.stamped(3).frame


async def test_a_tombstone_for_what_is_not_held_is_ignored(store: Store) -> None:
    letter = make(1)
    writes: list[Write] = [letter.opened(), letter.purged(), letter.stamped(9)]
    assert await store.write(writes, today=TODAY) == [IGNORED] * 3
    assert await store.list_tombstones(None, 0, 9) == []
    assert await put(store, letter) == [STORED]


async def test_a_tombstone_that_does_not_fit_the_lock_is_ignored(store: Store) -> None:
    letter, other = make(1), make(2)
    await put(store, letter)
    opened = replace(letter.opened_frame(), opened=other.opened_frame().opened)
    purge = replace(letter.purge_frame(), purge_key=other.purge_frame().purge_key)
    writes: list[Write] = [
        replace(letter.opened(), frame=opened),
        replace(letter.purged(), frame=purge),
    ]
    assert await store.write(writes, today=TODAY) == [BAD_LOCK, BAD_LOCK]
    assert await state_of(store, letter) is State.HELD
    assert await store.count_opened() == 0


async def test_tombstones_are_listed_by_tag_and_arrival(store: Store) -> None:
    tags = [bytes([number]) * 16 for number in range(3)]
    letters = [make(number, tag=tags[number % 3]) for number in range(9)]
    await put(store, *letters)
    frames: list[Opened | Purge] = []
    for letter in letters:
        await store.write([letter.opened()], today=TODAY)
        await store.write([letter.purged()], today=TODAY)
        frames += [letter.opened_frame(), letter.purge_frame()]
    assert await store.list_tombstones(None, 0, 99) == list(enumerate(frames, start=10))
    expected = [(at, frame) for at, frame in enumerate(frames, start=10) if (at - 10) // 2 % 3 < 2]
    seen: list[tuple[int, Opened | Purge]] = []
    while page := await store.list_tombstones(tags[:2], seen[-1][0] if seen else 0, 5):
        assert len(page) <= 5
        seen += page
    assert seen == expected


async def test_the_greatest_stamp_counts(store: Store) -> None:
    letter = make(1)
    await put(store, letter)
    for effort, outcome in ((10, STORED), (5, HAVE), (10, HAVE), (2**40, STORED)):
        assert await store.write([letter.stamped(effort)], today=TODAY) == [outcome]
    (entry,) = await store.list_tags([TAG], Rank.LETTER, 0, 9)
    assert entry.stamp == letter.stamped(2**40).frame


async def test_writes_to_one_parcel_keep_their_order(store: Store) -> None:
    letter = make(1)
    writes: list[Write] = [
        letter.opened(),
        letter.put(),
        letter.opened(),
        letter.purged(),
        letter.put(),
    ]
    outcomes = await store.write(writes, today=TODAY)
    assert outcomes == [IGNORED, STORED, STORED, STORED, TOMBSTONED]


# Prefixes and public documents


@pytest.mark.parametrize("bits", [0, 1, 7, 8, 9, 32])
async def test_replies_are_found_by_the_bits_of_a_prefix(store: Store, bits: int) -> None:
    tags = [bytes([number]) + bytes(3) + bytes([number]) * 12 for number in range(0, 256, 5)]
    replies = [make(at, Kind.REPLY, tag=tag, urgent=at % 2 == 0) for at, tag in enumerate(tags)]
    for reply in replies:
        await put(store, reply)
    await put(store, make(99, tag=tags[9]))
    await store.write([replies[3].purged()], today=TODAY)
    assert await store.count_replies() == len(replies) - 1
    prefix = tags[10][:4]
    low = int.from_bytes(prefix, "big") >> (32 - bits)
    expected = [
        reply.header
        for at, reply in enumerate(replies)
        if at != 3 and int.from_bytes(reply.header.tag[:4], "big") >> (32 - bits) == low
    ][::-1]
    assert headers(await store.list_replies(prefix, bits, 999)) == expected
    assert headers(await store.list_replies(prefix, bits, 2)) == expected[:2]


@pytest.mark.parametrize("bits", [0, 2, 8, 32])
async def test_opened_is_found_by_the_bits_of_prefixes(store: Store, bits: int) -> None:
    letters = [make(number) for number in range(30)]
    await put(store, *letters)
    for letter in letters:
        await store.write([letter.opened()], today=TODAY)
    await store.write([letters[0].purged()], today=TODAY)
    prefixes = [letter.parcel_id[:4] for letter in letters[:3]]
    wanted = {int.from_bytes(prefix, "big") >> (32 - bits) for prefix in prefixes}
    expected = [
        letter.opened_frame()
        for letter in letters
        if int.from_bytes(letter.parcel_id[:4], "big") >> (32 - bits) in wanted
    ][::-1]
    assert await store.list_opened(prefixes, bits, 999) == expected
    assert await store.list_opened(prefixes, bits, 2) == expected[:2]


async def test_opened_is_listed_since_the_day_on_which_it_came(store: Store) -> None:
    letters = [make(number) for number in range(4)]
    await put(store, *letters)
    for letter, day in zip(letters, (TODAY, TODAY + 1, TODAY + 3, TODAY + 3), strict=True):
        await store.write([letter.opened()], today=day)
    frames = [letter.opened_frame() for letter in letters][::-1]
    everything = ([bytes(4)], 0, 99)
    assert await store.list_opened(*everything, since=TODAY) == frames
    assert await store.list_opened(*everything, since=TODAY + 1) == frames[:3]
    assert await store.list_opened(*everything, since=TODAY + 3) == frames[:2]
    assert await store.list_opened(*everything, since=TODAY + 4) == []
    assert await store.list_opened([bytes(4)], 0, 1, since=TODAY + 1) == frames[:1]


async def test_what_comes_while_the_clock_is_behind_came_on_the_day_that_was_believed(
    store: Store,
) -> None:
    letter = make(0)
    await put(store, letter)
    await store.sweep(TODAY)
    await store.write([letter.opened()], today=TODAY - 20)
    assert await store.list_opened([bytes(4)], 0, 9, since=TODAY) == [letter.opened_frame()]
    assert await store.list_opened([bytes(4)], 0, 9, since=TODAY + 1) == []


async def test_public_documents_are_listed_by_serial(store: Store) -> None:
    other_tag = bytes(16)
    documents = {serial: make(serial, Kind.PUBLIC, LONG_LETTER_BYTES) for serial in (7, 2, 300, 1)}
    for serial, made in documents.items():
        await store.write([made.put(0)], today=TODAY)
        await store.write([made.put(1, 2, document=(1, serial))], today=TODAY)
    card = make(50, Kind.PUBLIC)
    elsewhere = make(51, Kind.PUBLIC, tag=other_tag)
    await store.write([card.put(document=(2, 9)), elsewhere.put(document=(1, 9))], today=TODAY)
    bulletins = [documents[serial].header for serial in (2, 7, 300)]
    assert headers(await store.list_public(TAG, 1, 1)) == bulletins
    assert headers(await store.list_public(TAG, 2, 0)) == [card.header]
    assert headers(await store.list_public(other_tag, 1, 8)) == [elsewhere.header]
    assert await store.list_public(TAG, 1, 300) == []


# Time


async def sweep_until(store: Store, first: int, last: int) -> Swept:
    """The sweeps of a relay that is on every third day; the last one's word."""
    for day in range(first, last, 3):
        await store.sweep(day)
    return await store.sweep(last)


async def test_a_sweep_drops_what_has_expired(store: Store) -> None:
    letter, original, later = make(1), part(2), make(3, expiry_day=EXPIRY + 1)
    half = part(4)
    await put(store, letter, original, later)
    await store.write([half.put(0)], today=EXPIRY)
    swept = await sweep_until(store, EXPIRY - 20, EXPIRY)
    assert (swept.expired, swept.partials) == (0, 0)
    swept = await store.sweep(EXPIRY + 1)
    assert (swept.day, swept.clock_doubted) == (EXPIRY + 1, False)
    assert (swept.expired, swept.partials) == (2, 1)
    for gone in (letter, original, half):
        assert await state_of(store, gone) is None
    assert await state_of(store, later) is State.HELD
    assert await put(store, letter, today=EXPIRY + 1) == [refused(Verdict.EXPIRED)]


async def test_a_sweep_drops_many_parcels_in_many_small_steps(store: Store) -> None:
    letters = [make(number) for number in range(700)]
    await put(store, *letters)
    await store.write([letter.opened() for letter in letters[:300]], today=TODAY)
    assert (await store.sweep(EXPIRY + 1)).expired == 700
    assert (await store.stats()).evicted == 300
    assert (await sweep_until(store, EXPIRY + 1, EXPIRY + 8)).tombstones == 300
    stats = await store.stats()
    assert (stats.letters, stats.evicted, stats.opened, stats.tombstones) == (0, 0, 0, 0)


async def test_a_purged_body_is_kept_seven_days_and_its_tombstone_past_expiry(
    store: Store,
) -> None:
    letter = make(1)
    await put(store, letter)
    await store.write([letter.opened(), letter.purged()], today=TODAY)
    assert (await store.sweep(TODAY + 6)).purged_bodies == 0
    assert await body_of(store, letter) == letter.body
    assert (await store.sweep(TODAY + 7)).purged_bodies == 1
    with pytest.raises(NotHeld):
        await store.blocks(letter.parcel_id, [0])
    for day in range(TODAY + 9, EXPIRY + 7, 3):
        await store.sweep(day)
        assert await put(store, letter, today=day) == [TOMBSTONED]
    assert (await store.sweep(EXPIRY + 7)).tombstones == 0
    assert len(await store.list_tombstones([TAG], 0, 9)) == 2
    assert await put(store, letter, today=EXPIRY + 7) == [TOMBSTONED]
    assert (await store.sweep(EXPIRY + 8)).tombstones == 2
    assert await store.list_tombstones([TAG], 0, 9) == []
    assert await state_of(store, letter) is None
    assert await put(store, letter, today=EXPIRY + 8) == [refused(Verdict.EXPIRED)]


async def test_partial_bodies_without_progress_are_dropped(open_store: OpenStore) -> None:
    store = await open_store(StoreLimits(partial_ttl_days=10))
    idle, moving = part(1), part(2)
    await store.write([idle.put(0), moving.put(0)], today=TODAY)
    await store.write([moving.put(1)], today=TODAY + 5)
    assert (await store.sweep(TODAY + 10)).partials == 0
    assert (await store.sweep(TODAY + 11)).partials == 1
    assert await state_of(store, idle) is None
    assert await held_of(store, moving) == [0, 1]


async def test_a_clock_of_2040_for_weeks_loses_nothing(store: Store) -> None:
    letter, gone, half = make(1), make(2), part(3)
    await put(store, letter, gone)
    await store.write([half.put(0), gone.purged()], today=TODAY)
    await store.sweep(TODAY)
    in_2040 = 25_600
    for day in range(28):
        swept = await store.sweep(in_2040 + day)
        assert (swept.day, swept.clock_doubted) == (TODAY, True)
    # What comes in meanwhile is taken as on the day before.
    during = make(4)
    assert await put(store, during, today=in_2040 + 27) == [STORED]
    swept = await store.sweep(TODAY + 28)
    assert (swept.day, swept.clock_doubted) == (TODAY, True)
    for kept in (letter, gone, during):
        assert await body_of(store, kept) == kept.body
    assert await held_of(store, half) == [0]
    assert await put(store, gone, make(5), today=TODAY + 28) == [TOMBSTONED, STORED]


async def test_a_clock_that_is_weeks_ahead_takes_no_letter_away_before_its_time(
    store: Store,
) -> None:
    soon = make(1, expiry_day=TODAY + 10)
    await put(store, soon)
    await store.sweep(TODAY)
    assert (await store.sweep(TODAY + 20)).expired == 0
    assert (await store.sweep(TODAY + 1)).expired == 0
    assert await body_of(store, soon) == soon.body


async def test_a_relay_that_was_off_for_long_believes_its_clock_after_four_weeks(
    open_store: OpenStore,
) -> None:
    store = await open_store()
    letter = make(1)
    await put(store, letter)
    await store.sweep(TODAY)
    back = EXPIRY + 100
    assert (await store.sweep(back)).clock_doubted
    store = await open_store()
    assert (await sweep_until(store, back, back + 27)).clock_doubted
    assert await state_of(store, letter) is State.HELD
    swept = await store.sweep(back + 28)
    assert (swept.day, swept.clock_doubted, swept.expired) == (back + 28, False, 1)


async def test_a_doubted_clock_that_jumps_again_is_doubted_for_weeks_more(store: Store) -> None:
    letter = make(1)
    await put(store, letter)
    await store.sweep(TODAY)
    first, second = EXPIRY + 36, EXPIRY + 60
    assert (await sweep_until(store, first, first + 3)).clock_doubted
    # Seven days for the jump and three before it: eighteen are lacking, whatever the clock says.
    assert (await sweep_until(store, second, second + 17)).clock_doubted
    assert await state_of(store, letter) is State.HELD
    assert (await store.sweep(second + 18)).expired == 1


async def test_a_relay_that_is_on_once_a_week_drops_what_has_expired(store: Store) -> None:
    await put(store, make(1))
    expired = 0
    for day in range(TODAY, EXPIRY + 50, 7):
        expired += (await store.sweep(day)).expired
    assert expired == 1


async def test_a_relay_that_believed_2040_takes_letters_as_soon_as_its_clock_is_right(
    store: Store,
) -> None:
    in_2040 = 25_600
    await store.sweep(in_2040)
    letter = make(1)
    assert await put(store, letter) == [STORED]
    (entry,) = await store.list_tags([TAG], Rank.LETTER, 0, 9)
    assert entry.taken_day == TODAY
    swept = await sweep_until(store, TODAY, EXPIRY)
    assert (swept.day, swept.clock_doubted, swept.expired) == (EXPIRY, False, 0)
    # From then on another jump is doubted anew.
    assert (await store.sweep(in_2040)).clock_doubted
    assert await body_of(store, letter) == letter.body


async def test_a_store_that_believed_2040_makes_no_room_of_letters(open_store: OpenStore) -> None:
    store = await open_store(
        StoreLimits(max_body_bytes=16_384, max_partial_bytes=16_384, max_store_bytes=300_000)
    )
    await store.sweep(25_600)
    letters = [make(number) for number in range(200)]
    outcomes = [(await put(store, letter))[0] for letter in letters]
    assert refused(Verdict.REFUSED_FULL) in outcomes
    for letter, outcome in zip(letters, outcomes, strict=True):
        if outcome == STORED:
            assert await body_of(store, letter) == letter.body


async def test_two_wild_clocks_do_not_agree_with_each_other(store: Store) -> None:
    letter = make(1)
    await put(store, letter)
    await store.sweep(TODAY)
    for wild in (25_600, 30_000, 25_601, 40_000, 25_629, 26_000):
        assert (await store.sweep(wild)).clock_doubted
    # A day in between on which the clock was right takes the doubt away.
    await store.sweep(25_600)
    await store.sweep(TODAY)
    assert (await store.sweep(25_628)).clock_doubted
    assert await state_of(store, letter) is State.HELD


async def test_a_clock_of_2015_brings_nothing_back_and_keeps_nothing_out(store: Store) -> None:
    gone, expired = make(1), make(2, expiry_day=TODAY + 3)
    await put(store, gone, expired)
    await store.write([gone.purged()], today=TODAY)
    await store.sweep(TODAY + 1)
    await store.sweep(TODAY + 4)
    in_2015 = 16_500
    for day in range(in_2015, in_2015 + 60):
        swept = await store.sweep(day)
        assert (swept.day, swept.clock_doubted) == (day, True)
    assert await put(store, gone, expired, today=in_2015) == [
        TOMBSTONED,
        refused(Verdict.EXPIRED),
    ]
    fresh = make(3)
    assert await put(store, fresh, today=in_2015) == [STORED]
    (entry,) = await store.list_tags([TAG], Rank.LETTER, 0, 9)
    assert (entry.header, entry.taken_day) == (fresh.header, TODAY + 4)


# The whole


async def test_counts_are_those_of_what_is_stored(open_store: OpenStore) -> None:
    store = await open_store()
    await put(store, make(1), make(2, urgent=True), make(3, Kind.REPLY), make(4, Kind.PUBLIC))
    await put(store, part(5), part(6, PREVIEW_BYTES), make(7))
    await store.write([part(8).put(3), make(7).purged(), make(1).opened()], today=TODAY)
    for _ in range(2):
        stats = await store.stats()
        assert (stats.letters, stats.replies, stats.parts, stats.public) == (2, 1, 2, 1)
        assert (stats.partial, stats.partial_bytes, stats.purged) == (1, 16_384 + LIST_BYTES, 1)
        assert (stats.opened, stats.tombstones, stats.evicted) == (1, 2, 0)
        assert stats.used_bytes >= 4 * 4096 + ORIGINAL_BYTES + PREVIEW_BYTES
        assert stats.swept_day is None
        store = await open_store()
    await store.sweep(TODAY)
    assert (await store.stats()).swept_day == TODAY


async def test_sessions_at_once_lose_and_double_nothing(store: Store) -> None:
    letters = [make(number) for number in range(120)]

    async def session(own: list[Made]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for at in range(0, len(own), 5):
            outcomes += await put(store, *own[at : at + 5])
        return outcomes

    results = await asyncio.gather(*(session(letters[at : at + 60]) for at in (0, 20, 40, 60)))
    flat = [outcome for result in results for outcome in result]
    assert flat.count(STORED) == 120
    assert flat.count(HAVE) == 120
    entries = await store.list_tags([TAG], Rank.LETTER, 0, 999)
    assert sorted(entry.header.parcel_id for entry in entries) == sorted(
        letter.parcel_id for letter in letters
    )
    arrivals = [entry.arrival for entry in entries]
    assert arrivals == sorted(set(arrivals))


async def test_a_check_beside_writers_finds_nothing(store: Store) -> None:
    async def send(first: int) -> None:
        for number in range(first, first + 12):
            for indices in ((0, 5), (1, 2, 3), (4, 6, 7, 8), (9, 10)):
                await store.write([part(number).put(*indices)], today=TODAY)
            await store.write([part(number).purged()], today=TODAY)
            await store.sweep(TODAY + 7)

    sending = asyncio.gather(send(0), send(100))
    checks = 0
    while not sending.done():
        assert [problem async for problem in store.check()] == []
        checks += 1
    await sending
    assert checks > 1


async def test_a_cancelled_caller_loses_the_answer_and_not_the_write(store: Store) -> None:
    letter = make(1)
    call = asyncio.ensure_future(put(store, letter))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await put(store, letter) == [HAVE]


async def test_what_was_handed_over_is_finished_before_closing(open_store: OpenStore) -> None:
    store = await open_store()
    calls = [asyncio.ensure_future(put(store, make(number))) for number in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*calls) == [[STORED]] * 20
    await store.close()
    for call in (put(store, make(1)), store.look_up([bytes(16)]), store.sweep(TODAY)):
        with pytest.raises(StoreClosed):
            await call
    assert await state_of(await open_store(), make(19)) is State.HELD


async def test_nothing_that_a_store_says_to_the_log_names_a_parcel(
    open_store: OpenStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    store = await open_store(StoreLimits(max_body_bytes=PREVIEW_BYTES))
    letter = make(1)
    await store.write(
        [letter.put(), part(2).put(0), letter.opened(), letter.purged(), make(3).purged()],
        today=TODAY,
    )
    await store.sweep(TODAY)
    assert not re.search(r"[0-9a-f]{8}|\\x", caplog.text)


# Bodies in part


async def halves_of(store: Store, *, rank: Rank = Rank.ORIGINAL, limit: int = 100) -> list[Half]:
    return await store.list_halves([TAG], rank, limit)


async def test_a_body_in_part_is_listed_with_what_can_be_given_of_it(store: Store) -> None:
    original, preview, bare = part(1), part(2, PREVIEW_BYTES), part(3)
    letter = make(4, size_bytes=LONG_LETTER_BYTES)
    whole, other = part(5), make(6, Kind.PART, ORIGINAL_BYTES, tag=bytes(16))
    await store.write(
        [
            original.put(0, 4, 10), preview.put(7), bare.put_bare(1), letter.put(2), whole.put(),
            other.put(1),
        ],
        today=TODAY,
    )  # fmt: skip
    assert await halves_of(store) == [Half(original.header, Bitmap.from_indices([0, 4, 10]))]
    assert await halves_of(store, rank=Rank.PREVIEW) == [
        Half(preview.header, Bitmap.from_indices([7]))
    ]
    assert [half.header for half in await halves_of(store, rank=Rank.LETTER)] == [letter.header]
    assert await halves_of(store, rank=Rank.THUMBNAIL) == []
    found = await store.list_halves([TAG, TAG, bytes(16)], Rank.ORIGINAL, 100)
    assert {half.header for half in found} == {original.header, other.header}


async def test_a_body_in_part_gives_its_blocks_and_what_proves_them(open_store: OpenStore) -> None:
    store = await open_store()
    film = part(1, PAGED_BYTES)
    # The second page alone, block by block; the first one comes later.
    second, last = PAGE_LEAVES + 8, PAGED_BLOCKS - 1
    for index in (second, last):
        await store.write([film.put(index)], today=TODAY)
    store = await open_store()
    assert await store.page_roots(film.parcel_id) == page_roots(film.leaves)
    assert await store.leaves(film.parcel_id, PAGE_LEAVES, 16) == film.leaves[PAGE_LEAVES:]
    assert await store.blocks(film.parcel_id, [last, second]) == [
        film.blocks[last].data,
        film.blocks[second].data,
    ]
    for first, count in ((0, PAGE_LEAVES), (PAGE_LEAVES, 17), (2 * PAGE_LEAVES, 1)):
        with pytest.raises(NotHeld):
            await store.leaves(film.parcel_id, first, count)
    with pytest.raises(NotHeld):
        await store.blocks(film.parcel_id, [second, second + 1])
    await store.write([film.put(*range(0, PAGE_LEAVES, 3))], today=TODAY)
    assert await store.leaves(film.parcel_id, 0, PAGE_LEAVES) == film.leaves[:PAGE_LEAVES]
    (half,) = await halves_of(store)
    assert list(half.held) == [*range(0, PAGE_LEAVES, 3), second, last]
    assert [problem async for problem in store.check()] == []


async def test_the_lists_of_a_body_go_when_it_is_whole_purged_or_dropped(
    open_store: OpenStore,
) -> None:
    store = await open_store(StoreLimits(partial_ttl_days=1))
    completed, purged, dropped = part(1), part(2), part(3)
    await store.write([one.put(0) for one in (completed, purged, dropped)], today=TODAY)
    assert (await store.stats()).partial_bytes == 3 * (16_384 + LIST_BYTES)
    await store.write([completed.put(*range(1, 11)), purged.purged()], today=TODAY)
    assert (await store.stats()).partial_bytes == 16_384 + LIST_BYTES
    await store.sweep(TODAY + 2)
    assert (await store.stats()).partial_bytes == 0
    assert await halves_of(store) == []
    assert await store.leaves(completed.parcel_id, 0, 11) == completed.leaves
    assert [problem async for problem in store.check()] == []


async def test_what_came_without_lists_is_given_once_they_come(store: Store) -> None:
    film, second = part(1, PAGED_BYTES), PAGE_LEAVES + 5
    await store.write([film.put_bare(1, 2, second)], today=TODAY)
    assert await halves_of(store) == []
    assert await held_of(store, film) == [1, 2, second]
    # Without the page roots a page proves nothing.
    page, _, roots = film.lists
    await store.write([replace(film.put(3), lists=(page,))], today=TODAY)
    assert await halves_of(store) == []
    await store.write([replace(film.put(4), lists=(roots, page))], today=TODAY)
    (half,) = await halves_of(store)
    assert list(half.held) == [1, 2, 3, 4]
    await store.write([film.put(second + 1)], today=TODAY)
    (half,) = await halves_of(store)
    assert list(half.held) == [1, 2, 3, 4, second, second + 1]
    assert await held_of(store, film) == [1, 2, 3, 4, second, second + 1]


async def test_lists_count_for_the_quota_once(store: Store) -> None:
    film = part(1, PAGED_BYTES)
    for index in (0, 1, 0, 2):
        await store.write([film.put(index)], today=TODAY)
    assert (await store.stats()).partial_bytes == 3 * 16_384 + PAGE_LEAVES * 32 + 2 * 32
    await store.write([film.put(PAGED_BLOCKS - 4)], today=TODAY)
    assert (await store.stats()).partial_bytes == 4 * 16_384 + PAGED_BLOCKS * 32 + 2 * 32


async def test_a_body_that_fills_the_quota_is_completed(open_store: OpenStore) -> None:
    limits = StoreLimits(max_body_bytes=PAGED_BYTES, max_partial_bytes=PAGED_BYTES)
    store = await open_store(limits)
    film, last = part(1, PAGED_BYTES), PAGED_BLOCKS - 1
    assert await store.write([film.put(*range(last))], today=TODAY) == [so_far(last)]
    assert await store.write([film.put(last)], today=TODAY) == [STORED]


@pytest.mark.parametrize("page", [1, PAGE_ROOTS, 1100])
async def test_a_list_that_the_body_cannot_have_is_a_mistake_of_the_caller(
    store: Store, page: int
) -> None:
    film = part(1, PAGED_BYTES)
    wrong = replace(film.put(0), lists=(StoredList(page, bytes(31)),))
    with pytest.raises(ValueError, match=f"list {page} of a body"):
        await store.write([wrong], today=TODAY)


async def test_a_flood_of_halves_hides_none_for_ever(store: Store) -> None:
    flood = [part(number) for number in range(30)]
    rare, opened = part(100), part(101)
    await store.write([one.put(0, 1, 2) for one in flood], today=TODAY)
    await store.write([rare.put(0), opened.put(*range(9)), opened.opened()], today=TODAY)
    fuller = part(102)
    await store.write([fuller.put(*range(5))], today=TODAY)
    seen: set[bytes] = set()
    for _ in range(200):
        found = await halves_of(store, limit=8)
        ids = [half.header.parcel_id for half in found]
        assert len(ids) == len(set(ids)) == 8
        # Those of which most is here are always told, what was opened is none of them.
        assert ids[0] == fuller.parcel_id
        seen.update(ids)
    assert {rare.parcel_id, opened.parcel_id} <= seen
    assert [half.header for half in await halves_of(store, limit=100)][-1] == opened.header


async def every_known(store: Store) -> list[Known]:
    return await store.list_known(TAG, 0, 1000)


async def known(store: Store, *made: Made) -> bool:
    found = await every_known(store)
    arrivals = [row.arrival for row in found]
    assert arrivals == sorted(set(arrivals))
    assert all(row.expiry_day == EXPIRY for row in found)
    return sorted(row.parcel_id for row in found) == sorted(one.parcel_id for one in made)


async def test_what_is_known_under_a_tag_is_listed_whatever_became_of_it(store: Store) -> None:
    held, purged, half, reply = make(1), part(2), part(3), make(4, Kind.REPLY)
    await put(store, held, purged, reply, make(5, tag=b"another desk's .."[:16]))
    await store.write([half.put(0)], today=TODAY)
    assert await known(store, held, purged)
    await store.write([purged.purged()], today=TODAY)
    assert await known(store, held, purged)
    await store.write([half.purged()], today=TODAY)
    assert await known(store, held, purged, half)
    await store.sweep(TODAY)
    await store.sweep(TODAY + 7)
    assert await known(store, held, purged, half)


async def test_what_is_known_is_listed_page_by_page(store: Store) -> None:
    made = [make(number) for number in range(20)]
    await put(store, *made)
    await store.write([one.purged() for one in made[::3]], today=TODAY)
    found: list[Known] = []
    while page := await store.list_known(TAG, found[-1].arrival if found else 0, 3):
        found += page
    assert [row.parcel_id for row in found] == sorted(one.parcel_id for one in made)
    assert await store.list_known(bytes(16), 0, 10) == []
