"""A courier who means ill: what they carry is sealed, and what they changed is not taken for it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from random import Random

import pytest
from tests.attackers.scene import Scene, claims_to_have_all
from tests.client.desk.newsroom import Made

from qanat_protocol.bundle import Bundled, iter_bundle, write_bundle
from qanat_protocol.errors import RemoteError
from qanat_protocol.frames import Block, HeaderFrame, Leaves
from qanat_protocol.merkle import leaf_hash
from qanat_protocol.parcel import Header
from qanat_protocol.transfer import Intake

CARRIED = (
    "Nothing of what is carried can be read, and what is altered, cut, repeated, mixed or put under"
    " another header is refused by the next relay or set aside by the desk; the rest goes on."
)
FORM = b"QNTB\x01\0\0\0"


async def parcels_of(scene: Scene, size: int = 60_000) -> list[Made]:
    """A report with a file, as it lies sealed in a reporter's home."""
    film = scene.home.parent / "film.bin"
    film.write_bytes(os.urandom(size))
    await scene.queue("They came at night.", "--attach", film)
    return [Made(header, body) for header, body in scene.queued()]


def bundled(parcels: Sequence[Made]) -> bytes:
    return b"".join(
        write_bundle(
            [
                Bundled(made.header, (), [leaf_hash(block) for block in made.blocks], made.blocks)
                for made in parcels
            ]
        )
    )


def taken_from(data: bytes) -> dict[bytes, tuple[Header, bytes]]:
    """The whole parcels that an honest reader finds in a bundle, in whatever state it is."""
    intake, bodies = Intake(), dict[int, dict[int, bytes]]()
    whole: dict[bytes, tuple[Header, bytes]] = {}
    try:
        for item in iter_bundle([data]):
            try:
                match item:
                    case HeaderFrame():
                        intake.open(item)
                        bodies[item.handle] = {}
                    case Leaves():
                        intake.leaves(item)
                    case Block() if (block := intake.block(item)) is not None:
                        bodies[item.handle][block.index] = block.data
                        if block.complete:
                            parts = bodies.pop(item.handle)
                            body = b"".join(parts[index] for index in sorted(parts))
                            whole[block.header.parcel_id] = (block.header, body)
                    case _:
                        pass
            except RemoteError:
                continue
    except RemoteError:
        pass
    return whole


def frames_in(data: bytes) -> list[bytes]:
    """The frames of a bundle, each with its length."""
    count = int.from_bytes(data[8:12], "big")
    at, found = 12 + 56 * count, []
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        found.append(data[at:end])
        at = end
    return found


def without_index(frames: Sequence[bytes]) -> bytes:
    return FORM + bytes(4) + b"".join(frames)


@pytest.mark.promise(CARRIED)
async def test_a_bundle_that_was_tampered_with_gives_only_what_was_sealed(scene: Scene) -> None:
    parcels = await parcels_of(scene)
    sealed = {made.parcel_id: (made.header, made.body) for made in parcels}
    good = bundled(parcels)
    assert taken_from(good) == sealed
    chance = Random(7)
    frames = frames_in(good)
    damaged = 0
    for _ in range(300):
        match chance.randrange(4):
            case 0:
                at = chance.randrange(len(good))
                spoiled = good[:at] + bytes([good[at] ^ 1 << chance.randrange(8)]) + good[at + 1 :]
            case 1:
                spoiled = good[: chance.randrange(len(good))]
            case 2:
                mixed = list(frames)
                chance.shuffle(mixed)
                spoiled = without_index(mixed)
            case _:
                spoiled = without_index([*frames[:-1] * 2, frames[-1]])
        found = taken_from(spoiled)
        damaged += found != sealed
        # A bit of the header makes another parcel; whatever has a true id has its true body.
        assert all(sealed[one] == parcel for one, parcel in found.items() if one in sealed)
    assert damaged > 100


def other_header(made: Made) -> Made:
    return replace(made, header=replace(made.header, lock=os.urandom(32)))


def later(made: Made) -> Made:
    return replace(made, header=replace(made.header, expiry_day=made.header.expiry_day + 7))


def hurried(made: Made) -> Made:
    return replace(made, header=replace(made.header, urgent=True))


@pytest.mark.promise(CARRIED)
@pytest.mark.parametrize("reheaded", [other_header, later, hurried])
async def test_a_letter_that_a_courier_put_under_another_header_opens_for_nobody(
    scene: Scene, reheaded: Callable[[Made], Made]
) -> None:
    await scene.queue()
    ((header, body),) = scene.queued()
    true, false = Made(header, body), reheaded(Made(header, body))
    await scene.hand_over(false, true)
    arrived = await scene.arrived()
    # A relay can't tell: to it both are sealed. The desk can.
    assert set(arrived) == {true.parcel_id, false.parcel_id}
    scene.desk.open(*arrived[true.parcel_id])
    with pytest.raises(RemoteError):
        scene.desk.open(*arrived[false.parcel_id])


@pytest.mark.promise(CARRIED)
async def test_a_copied_home_delivers_what_is_in_it_and_nothing_that_was_changed(
    scene: Scene,
) -> None:
    parcels = await parcels_of(scene)
    await scene.queue("A second report.")
    stolen = scene.home.parent / "courier"
    shutil.copytree(scene.home, stolen)
    with closing(sqlite3.connect(stolen / "qanat.db")) as database, database:
        film, block = database.execute(
            "SELECT parcel, data FROM block WHERE number = 1 LIMIT 1"
        ).fetchone()
        spoiled = bytes([block[0] ^ 1]) + block[1:]
        database.execute(
            "UPDATE block SET data = ? WHERE parcel = ? AND number = 1", (spoiled, film)
        )
    courier = replace(scene, home=stolen)
    scene.liar.script = claims_to_have_all
    _, honest = await courier.sync()
    assert (honest["taken"], honest["signed"], sum(honest["refused"].values())) == (2, 2, 1)
    letters = [one for one, _ in scene.queued() if one.kind.name == "LETTER"]
    assert set(await scene.arrived()) == {header.parcel_id for header in letters}
    # The reporter's own copy is whole, and brings what the courier spoiled.
    scene.liar.script = claims_to_have_all
    await scene.sync()
    arrived = await scene.arrived()
    assert arrived.keys() >= {made.parcel_id for made in parcels}


@pytest.mark.promise(CARRIED)
async def test_parcels_moved_into_anothers_home_are_the_first_ones_reports(scene: Scene) -> None:
    await scene.queue("Mine.")
    other = replace(scene, home=scene.home.parent / "other")
    await other.prepare()
    await other.queue("Another's.")
    with closing(sqlite3.connect(other.home / "qanat.db")) as theirs, theirs:
        theirs.execute("ATTACH ? AS mine", (str(scene.home / "qanat.db"),))
        theirs.execute("DELETE FROM main.block")
        theirs.execute("UPDATE main.parcel SET (id, header) = (SELECT id, header FROM mine.parcel)")
        theirs.execute("INSERT INTO main.block SELECT * FROM mine.block")
    await other.sync()
    ((header, body),) = (await scene.arrived()).values()
    assert scene.desk.open(header, body)[1].text == "Mine."
    _, honest = await scene.sync()
    assert (honest["taken"], len(await scene.arrived())) == (1, 1)
