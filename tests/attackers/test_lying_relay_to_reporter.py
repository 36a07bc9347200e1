"""A relay that lies to a reporter: it is believed in nothing that it can't prove."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.attackers.playback import recorded
from tests.attackers.scene import Scene, claims_to_have_all
from tests.client.desk.lying_relay import LyingRelay
from tests.client.desk.newsroom import Made, deposit, frames_of
from tests.client.made_desk import MadeDesk, today, write_card

from qanat_protocol.card import RelayEntry
from qanat_protocol.days import day_of
from qanat_protocol.frames import (
    Ack,
    AckEntry,
    AckStatus,
    HeaderFrame,
    Purge,
)
from qanat_protocol.letter import Sealed
from qanat_protocol.parcel import Header, Kind, parse_header
from qanat_protocol.public import SealedPublic
from qanat_protocol.receipt import sign_receipt
from qanat_protocol.record import pack
from qanat_protocol.signing import SigningKey
from qanat_protocol.tombstone import sign_opened

Lie = Callable[[LyingRelay], Awaitable[None]]

GOES_ON = (
    "Whatever it says or leaves unsaid, the other relays of the card go on, and nothing is"
    " deleted on its word."
)
SIGNED = "Nothing counts that the right one has not signed."


def saying(*records: bytes) -> Lie:
    async def lie(relay: LyingRelay) -> None:
        await relay.say_raw(*records)

    return lie


def record(*fields: Any) -> bytes:
    return pack(list(fields))


def keys_of(entry: RelayEntry) -> tuple[bytes, bytes]:
    return entry.signing_key, entry.sealing_key


async def hangs_up(relay: LyingRelay) -> None:
    await relay.cut()


async def ends_in_a_packet(relay: LyingRelay) -> None:
    await relay.write(b"\xff\xff" + bytes(100))
    await asyncio.sleep(0.05)
    await relay.cut()


async def opens_65_transfers(relay: LyingRelay) -> None:
    header = _public_header(2**20)
    await relay.say(*(HeaderFrame(handle, header.encode()) for handle in range(65)))


def _public_header(size: int, **changes: Any) -> Header:
    fields: dict[str, Any] = {
        "kind": Kind.PUBLIC,
        "urgent": False,
        "expiry_day": today() + 30,
        "body_size": size,
        "tag": os.urandom(16),
        "lock": os.urandom(32),
        "root": os.urandom(32),
    }
    return Header(**(fields | changes))


BREAKS: dict[str, tuple[Lie, str]] = {
    "greets twice": (
        saying(record(2, 1, 19_000, bytes(16), 2**32, 0, 0, 0)),
        "WELCOME",
    ),
    "answers what was not offered": (saying(record(6, 0, bytes(2048))), "answers"),
    "answers from the middle": (saying(record(6, 7, b"\0")), "answers"),
    "acknowledges what was never sent": (
        saying(record(12, 1, [[2**32 - 1, 0, 0]])),
        "never sent",
    ),
    "gives a block of nothing": (saying(record(11, 0, 0, b"x")), "HEADER"),
    "counts its parcels wrongly": (saying(record(9, 7, bytes(96))), "transfer 7"),
    "opens 65 parcels": (opens_65_transfers, "open transfers"),
    "sends what is no record": (saying(b"\xc1"), "breaks the protocol"),
    "claims an array of 2^32-1": (saying(b"\xdd\xff\xff\xff\xff"), "breaks the protocol"),
    "claims a binary of 2^32-1": (saying(b"\x92\x0b\xc6\xff\xff\xff\xff"), "breaks the protocol"),
    "ends and goes on": (saying(record(22), record(20)), "breaks the protocol"),
    "ends before END": (hangs_up, "hung up"),
    "ends inside a packet": (ends_in_a_packet, "hung up"),
    "says what does not authenticate": (
        lambda relay: relay.write(b"\x00\x20" + bytes(32)),
        "breaks the protocol",
    ),
}


@pytest.mark.promise(GOES_ON)
@pytest.mark.parametrize("how", BREAKS)
async def test_a_relay_that_breaks_the_protocol_is_named_and_the_report_arrives_by_another(
    scene: Scene, how: str
) -> None:
    await scene.queue()
    before = scene.queued()
    scene.liar.script, words = BREAKS[how]
    liar, honest = await scene.sync()
    assert words in liar["problem"], liar
    assert (honest["taken"], honest["signed"], honest["problem"]) == (1, 1, "")
    await scene.assert_safe(before)


async def _first_header(relay: LyingRelay) -> Header:
    return parse_header((await relay.hear(HeaderFrame)).header)


async def acknowledges_and_signs(relay: LyingRelay) -> None:
    header = await _first_header(relay)
    await relay.say(Ack(1, (AckEntry(0, AckStatus.STORED, 0),)))
    await relay.say(sign_receipt(relay.key, day_of(relay.now_s), [header.parcel_id]))


async def calls_it_purged(relay: LyingRelay) -> None:
    header = await _first_header(relay)
    await relay.say(Ack(1, (AckEntry(0, AckStatus.TOMBSTONED, 0),)))
    await relay.say(Purge(header.parcel_id, os.urandom(32)))


async def refuses_by_a_number_that_is_none(relay: LyingRelay) -> None:
    await relay.say(Ack(1, (AckEntry(0, AckStatus.REFUSED, 2**53 - 1),)))


@pytest.mark.promise(GOES_ON)
@pytest.mark.parametrize(
    ("lie", "state"),
    [
        (acknowledges_and_signs, "held"),
        (calls_it_purged, "held"),
        (refuses_by_a_number_that_is_none, "held"),
    ],
)
async def test_custody_that_a_relay_claims_keeps_the_report_from_no_other(
    scene: Scene, lie: Lie, state: str
) -> None:
    await scene.queue()
    before = scene.queued()
    scene.liar.script = lie
    _, honest = await scene.sync()
    assert (honest["taken"], honest["signed"]) == (1, 1)
    await scene.assert_safe(before)
    (entry,) = await scene.outbox()
    assert entry["state"] == state
    assert not entry["parcels"][0]["opened"]


@pytest.mark.promise(GOES_ON)
async def test_a_relay_that_has_everything_already_keeps_nothing_from_the_desk(
    scene: Scene, tmp_path: Path
) -> None:
    picture = tmp_path / "a.bin"
    picture.write_bytes(os.urandom(20_000))
    await scene.queue("With a file.", "--attach", picture)
    before = scene.queued()
    scene.liar.script = claims_to_have_all
    liar, honest = await scene.sync()
    assert liar["had"] == 1
    assert honest["taken"] == 2
    await scene.assert_safe(before)


@pytest.mark.promise(GOES_ON)
async def test_an_original_that_relays_only_claim_goes_to_another_after_a_week(
    scene: Scene, tmp_path: Path
) -> None:
    (scene.home / "settings.toml").write_text("original_copies = 1\n")
    film = tmp_path / "film.bin"
    film.write_bytes(os.urandom(200_000))
    await scene.queue("With a film.", "--attach", film)
    await asyncio.to_thread(scene.say_that_all_is_held, 8)
    scene.liar.script = claims_to_have_all
    _, honest = await scene.sync()
    assert honest["taken"] == 2
    await scene.assert_safe(scene.queued())


@pytest.mark.promise(SIGNED)
@pytest.mark.parametrize("who", ["another relay", "the relay itself, for what it never got"])
async def test_a_receipt_counts_under_the_relays_own_key_and_for_what_it_was_given(
    scene: Scene, who: str
) -> None:
    await scene.queue()

    async def lie(relay: LyingRelay) -> None:
        header = await _first_header(relay)
        if who == "another relay":
            key, ids = SigningKey.generate(), [header.parcel_id]
        else:
            key, ids = relay.key, [os.urandom(32) for _ in range(512)]
        await relay.say(sign_receipt(key, day_of(relay.now_s), ids))

    scene.liar.script = lie
    liar, honest = await scene.sync()
    assert liar["signed"] == 0
    assert ("breaks the protocol" in liar["problem"]) == (who == "another relay")
    assert honest["signed"] == 1
    (entry,) = await scene.outbox()
    words = {relay["address"]: relay["word"] for relay in entry["parcels"][0]["relays"]}
    assert words.get(scene.honest.url) == "signed"
    assert words.get(scene.liar.url) != "signed"


@pytest.mark.promise(GOES_ON)
async def test_a_relay_that_lies_about_its_day_and_its_receipts_is_offered_the_report_again(
    scene: Scene,
) -> None:
    await scene.queue()
    before = scene.queued()
    scene.liar.welcome = replace(scene.liar.welcome, day=0)

    async def lie(relay: LyingRelay) -> None:
        header = await _first_header(relay)
        await relay.say(Ack(1, (AckEntry(0, AckStatus.STORED, 0),)))
        await relay.say(sign_receipt(relay.key, 0, [header.parcel_id]))

    scene.liar.script = lie
    _, honest = await scene.sync()
    assert honest["taken"] == 1
    await scene.assert_safe(before)
    scene.liar.script = claims_to_have_all
    liar, _ = await scene.sync()
    assert liar["had"] == 1, "a word of another age is no custody"


@pytest.mark.promise(GOES_ON)
async def test_a_relay_by_whose_day_all_is_over_costs_nothing(scene: Scene) -> None:
    await scene.queue()
    before = scene.queued()
    true = scene.liar.welcome
    scene.liar.welcome = replace(true, day=2**32 - 1)
    # What goes unasked may have gone before its day came; it says nothing of that.
    liar, honest = await scene.sync()
    assert (liar["taken"], liar["signed"], honest["taken"]) == (0, 0, 1)
    await scene.assert_safe(before)
    scene.liar.welcome, scene.liar.script = true, acknowledges_and_signs
    liar, _ = await scene.sync()
    assert (liar["taken"], liar["signed"]) == (1, 1)


@pytest.mark.promise(SIGNED)
async def test_no_relay_makes_a_report_opened(scene: Scene) -> None:
    await scene.queue()
    before = scene.queued()

    async def lie(relay: LyingRelay) -> None:
        header = await _first_header(relay)
        # It has neither the value that fits the lock nor a key that the desk vouches for.
        for key in (SigningKey.generate(), relay.key):
            await relay.say(sign_opened(key, header.parcel_id, os.urandom(32)))
        await relay.say(sign_opened(relay.key, header.parcel_id, header.lock))
        await relay.say(Purge(header.parcel_id, os.urandom(32)))

    scene.liar.script = lie
    liar, _ = await scene.sync()
    assert liar["opened"] == 0
    assert sum("untrue" in text for text in liar["news"]) == 3
    await scene.assert_safe(before)
    assert [entry["state"] for entry in await scene.outbox()] == ["held"]


def gives(*parcels: SealedPublic | Sealed | Made) -> Lie:
    async def lie(relay: LyingRelay) -> None:
        for handle, sealed in enumerate(parcels):
            await relay.say(*frames_of(Made(sealed.header, sealed.body), handle))

    return lie


REHEADED: dict[str, dict[str, Any]] = {
    "under another tag": {"tag": bytes(16)},
    "with a later expiry": {"expiry_day": day_of(4_000_000_000)},
    "with another lock": {"lock": bytes(32)},
}


@pytest.mark.promise(SIGNED)
@pytest.mark.parametrize("how", [*REHEADED, "as a reply", "as a letter"])
async def test_a_bulletin_under_another_header_is_not_shown(scene: Scene, how: str) -> None:
    true = scene.desk.bulletin(1, "The roads are open.")
    kinds = {"as a reply": Kind.REPLY, "as a letter": Kind.LETTER}
    changes = {"kind": kinds[how]} if how in kinds else REHEADED[how]
    scene.liar.script = gives(Made(replace(true.header, **changes), true.body))
    liar, _ = await scene.sync()
    assert liar["reached"]
    assert (await scene.inbox())["bulletins"] == []
    scene.liar.script = gives(true)
    await scene.sync()
    assert [b["text"] for b in (await scene.inbox())["bulletins"]] == ["The roads are open."]


STRANGERS: dict[str, Callable[[MadeDesk, MadeDesk, SigningKey], SealedPublic]] = {
    "another desk's": lambda _, other, __: other.bulletin(1, "Go home."),
    "signed by a key that it certified itself": lambda desk, _, thief: replace(
        desk, root=SigningKey.generate(), signing=thief
    ).bulletin(1, "Go home."),
    "certified by another desk": lambda desk, other, thief: desk.bulletin(
        1, "Go home.", key=thief, statement=other.statement(keys=[thief])
    ),
    "an older card": lambda desk, _, __: desk.card_document(desk.card(1, name="Go home")),
}


@pytest.mark.promise(SIGNED)
@pytest.mark.parametrize("which", STRANGERS)
async def test_documents_that_are_not_the_desks_newest_are_not_taken(
    scene: Scene, which: str
) -> None:
    newer = scene.card(2, previous=scene.card().card_hash)
    path = write_card(newer, scene.home.parent)
    assert (await scene.run("desk", "add", path, "--yes")).code == 0
    other = MadeDesk(name=scene.desk.name)
    scene.liar.script = gives(STRANGERS[which](scene.desk, other, SigningKey.generate()))
    liar, _ = await scene.sync()
    assert any("not taken" in text for text in liar["news"]), liar
    assert (await scene.inbox())["bulletins"] == []
    (desk,) = (await scene.run("desk", "list", "--json")).json
    assert (desk["name"], desk["serial"]) == (scene.desk.name, 2)


@pytest.mark.promise(GOES_ON)
async def test_a_card_and_a_bulletin_that_one_relay_hides_come_by_another(scene: Scene) -> None:
    newer = scene.card(2, previous=scene.card().card_hash, name="The newer card")
    public = [
        Made(sealed.header, sealed.body)
        for sealed in (scene.desk.card_document(newer), scene.desk.bulletin(3, "Wait."))
    ]
    path = write_card(scene.card(), scene.home.parent)
    scene.honest.node.desks.add(path.read_bytes())
    for status in await deposit(scene.honest_entry, public):
        assert status.status is AckStatus.STORED
    await scene.sync()
    assert [desk["serial"] for desk in (await scene.run("desk", "list", "--json")).json] == [2]
    inbox = await scene.inbox()
    assert [shown["text"] for shown in inbox["bulletins"]] == ["Wait."]
    assert inbox["problems"] == ["The newer card: 2 missing before number 3"]


@pytest.mark.promise(SIGNED)
@pytest.mark.parametrize("how", ["as it was sealed", *REHEADED, "signed by a thief"])
async def test_an_answer_is_shown_only_as_the_desk_sealed_it(scene: Scene, how: str) -> None:
    await scene.queue(with_code=True)
    _, report = scene.desk.open(*scene.queued()[0])
    desk = scene.desk
    if how == "signed by a thief":
        desk = replace(desk, signing=SigningKey.generate(), secrets=desk.secrets)
    reply = desk.reply(report, "Stay where you are.")
    changes = REHEADED.get(how, {})
    if "tag" in changes:
        # The same mailbox, another number: a reader finds it and has to judge it.
        changes = {"tag": reply.header.tag[:4] + bytes(12)}
    if how == "signed by a thief":
        reply = replace(scene.desk, signing=SigningKey.generate()).reply(report, "Come out.")
    scene.liar.script = gives(Made(replace(reply.header, **changes), reply.body))
    await scene.sync()
    shown = [told["text"] for told in (await scene.inbox(with_code=True))["replies"]]
    assert shown == (["Stay where you are."] if how == "as it was sealed" else [])


@pytest.mark.promise(SIGNED)
async def test_parcels_that_are_for_desks_are_not_kept_on_a_phone(
    scene: Scene, tmp_path: Path
) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(os.urandom(20_000))
    await scene.queue("With a file.", "--attach", file)
    (header, body), *films = scene.queued()

    async def lie(relay: LyingRelay) -> None:
        await gives(Made(header, body), *(Made(*film) for film in films))(relay)
        await claims_to_have_all(relay)

    scene.liar.script = lie
    await scene.sync()
    with closing(sqlite3.connect(scene.home / "qanat.db")) as database:
        assert database.execute("SELECT count(*) FROM reply").fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM document").fetchone() == (0,)


@pytest.mark.promise("What was said in one session says nothing in another.")
async def test_an_answer_that_is_played_back_is_no_answer(scene: Scene) -> None:
    relay = "127.0.0.1"
    await scene.queue()
    before = scene.queued()
    async with recorded(scene.honest.url) as line:
        entry = RelayEntry((f"http://{relay}:{line.port}",), *keys_of(scene.honest_entry))
        path = write_card(
            scene.desk.card(2, relays=(entry,), previous=scene.card().card_hash), scene.home.parent
        )
        assert (await scene.run("desk", "add", path, "--yes")).code == 0
        first = (await scene.run("sync", "--json")).json["relays"][0]
        assert first["signed"] == 1
        await scene.queue("Another one.")
        line.plays_back = True
        second = await scene.run("sync", "--json")
    (told,) = second.json["relays"]
    assert second.code == 3
    assert not told["reached"]
    assert [entry["state"] for entry in await scene.outbox()] == ["held", "queued"]
    assert scene.queued()[:1] == before
