"""The outbox in memory says what the real one says, whatever relays and desks have said to both."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from qanat_client.reporter.database import connect
from qanat_client.reporter.home import Home
from qanat_client.reporter.outbox import Outbox, Said, Word
from qanat_client.reporter.sealing_room import SealedItem, SealingRoom
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.bundle import Bundled, BundleWriter, write_bundle
from qanat_protocol.kinds import Rank
from qanat_protocol.limits import PAGE_LEAVES
from qanat_protocol.merkle import block_count, leaf_hash, root_of
from qanat_protocol.tombstone import check_opened, opened_value
from qanat_simulation.engine.bodies import (
    Parcel,
    block_of,
    leaves_of,
    make_parcel,
    page_roots_of,
)
from qanat_simulation.engine.outboxes import MemoryOutbox
from qanat_simulation.plan import Item

DESK_ID, TAG, DAY = bytes(32), bytes(16), 20_600
RELAYS = (b"one".ljust(32), b"two".ljust(32))
FILM_BYTES = 90 * 16_384
"""More than one page of leaves."""


def made_parcels() -> list[Parcel]:
    """Three reports of a letter, the second one with a film."""
    ranks = [(0, Rank.LETTER, 4096), (1, Rank.LETTER, 8192), (1, Rank.ORIGINAL, FILM_BYTES)]
    ranks.append((2, Rank.URGENT, 16_384))
    return [
        make_parcel(
            Item(number, report, "a", 0.0, rank, size), seed=1, tag=TAG, expiry_day=DAY + 90
        )
        for number, (report, rank, size) in enumerate(ranks)
    ]


def queue(room: SealingRoom, letter: Parcel, films: list[Parcel]) -> None:
    for position, film in enumerate(films, 1):
        key = room.begin_part("a batch", position)
        size = film.header.body_size
        leaves = leaves_of(size, 0, block_count(size))
        rows = [(at, leaf, block_of(size, at)) for at, leaf in enumerate(leaves)]
        room.add_blocks(key, rows)
        room.finish_part(key, film.header)
    item = SealedItem(DESK_ID, 1, DAY + 90, DAY * 24, len(films))
    body = bytes(letter.header.body_size)
    room.queue("a batch", item, letter.header, body)


@pytest.mark.parametrize("seed", range(5))
def test_both_outboxes_say_the_same_of_what_relays_said(tmp_path: Path, seed: int) -> None:
    chance, parcels = Random(seed), made_parcels()
    home = Home(tmp_path / "home")
    home.make()
    memory = MemoryOutbox(DESK_ID)
    with closing(connect(home)) as connection:
        real, room = Outbox(home, connection), SealingRoom(home, connection)
        for report in range(3):
            letter, *films = [each for each in parcels if each.item.report == report]
            queue(room, letter, films)
            for parcel in (letter, *films):
                assert memory.add(parcel, DAY)
        keys = {each.id: each.key for each in real.waiting()}
        ours = {each.id: each.key for each in memory.waiting()}
        for _ in range(30):
            parcel, relay = chance.choice(parcels), chance.choice(RELAYS)
            word, day = chance.choice(list(Word)), DAY + chance.randrange(3)
            held = Bitmap.from_indices([0, chance.randrange(1, 9)]).to_bytes()
            sent = Bitmap.from_indices([chance.randrange(9, 12)]).to_bytes()
            bitmaps = (held, sent) if word is Word.HALF else (None, None)
            real.note(relay, day, [Said(keys[parcel.parcel_id], word, *bitmaps)])
            memory.note(relay, day, [Said(ours[parcel.parcel_id], word, *bitmaps)])
        opened = chance.choice(parcels).parcel_id
        assert real.mark_opened(opened, DAY)
        assert memory.mark_opened(opened, DAY)
        assert not real.mark_opened(opened, DAY)
        assert not memory.mark_opened(opened, DAY)
        assert told(memory) == told(real)
        assert memory.unopened() == real.unopened()
        assert memory.header_of(opened) == real.header_of(opened)


def told(outbox: Outbox) -> list[object]:
    return [
        (
            *(each.item, each.id, each.header, each.rank, each.sealed_day),
            *(each.words, each.held, each.sent),
        )
        for each in outbox.waiting()
    ]


def test_both_give_the_same_pieces(tmp_path: Path) -> None:
    _, letter, film, _ = made_parcels()
    home = Home(tmp_path / "home")
    home.make()
    memory = MemoryOutbox(DESK_ID)
    with closing(connect(home)) as connection:
        queue(SealingRoom(home, connection), letter, [film])
        for parcel in (letter, film):
            memory.add(parcel, DAY)
        real = Outbox(home, connection)
        pairs = list(zip(real.waiting(), memory.waiting(), strict=True))
        (theirs, ours) = next(pair for pair in pairs if pair[0].id == film.parcel_id)
        for index, page in ((0, 0), (PAGE_LEAVES, 1), (89, None)):
            for with_roots in (True, False):
                piece = real.piece(theirs, index, page=page, with_roots=with_roots)
                assert memory.piece(ours, index, page=page, with_roots=with_roots) == piece
        wanted = [(theirs.key, 3), (theirs.key, 89)]
        assert list(memory.blocks([(ours.key, 3), (ours.key, 89)]).values()) == list(
            real.blocks(wanted).values()
        )


def test_a_parcel_has_the_root_and_the_lock_of_what_it_stands_for() -> None:
    for parcel in made_parcels():
        header = parcel.header
        blocks = [block_of(header.body_size, at) for at in range(block_count(header.body_size))]
        assert sum(map(len, blocks)) == header.body_size
        assert root_of([leaf_hash(block) for block in blocks]) == header.root
        check_opened(header.lock, opened_value(parcel.content_key))


def test_a_stick_has_as_many_bytes_as_the_bundle_that_it_stands_for() -> None:
    parcels = made_parcels()
    bundled = [
        Bundled(
            parcel.header,
            page_roots_of(size) if block_count(size) > PAGE_LEAVES else (),
            leaves_of(size, 0, block_count(size)),
            [block_of(size, at) for at in range(block_count(size))],
        )
        for parcel in parcels
        if (size := parcel.header.body_size)
    ]
    writer = BundleWriter([parcel.header for parcel in parcels])
    assert writer.planned_bytes == sum(map(len, write_bundle(bundled)))
