"""What a relay is yet to be told: the same as if everything were looked through each time."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from tests.client.desk.newsroom import Newsroom, Writer, arrive

from qanat_client.desk.desk import Desk
from qanat_client.desk.tombstones import Tombstones

RELAYS = (b"one" * 10, b"two" * 10)


@pytest.fixture
def desk(newsroom: Newsroom) -> Iterator[Desk]:
    newsroom.settle()
    desk = newsroom.open()
    yield desk
    desk.vault.close()


@pytest.mark.parametrize("seed", range(4))
def test_what_is_untold_is_what_a_fresh_look_finds_whatever_happened_before(
    desk: Desk, seed: int
) -> None:
    chance = Random(seed)
    writer = Writer(desk.card, desk.today)
    parcels = [made for number in range(12) for made in writer.write(f"Report {number}.")[1]]
    arrive(desk, parcels)
    kept = Tombstones(desk.vault, desk.signing)
    waiting, day, published, told = list(parcels), desk.today, 0, 0
    for _ in range(120):
        relay = chance.choice(RELAYS)
        match chance.randrange(6):
            case 0 if waiting:
                with desk.vault.transaction():
                    new = kept.keep([kept.sign(waiting.pop().parcel_id, chance.randbytes(32), day)])
                kept.announce(new)
                published += 1
            case 1:
                frames = kept.untold(relay, day)
                some = chance.sample(frames, chance.randint(0, len(frames)))
                kept.mark_told(relay, some)
                told += len(some)
            case 2:
                offers = [made.header.offer for made in chance.sample(parcels, 3)]
                kept.tell_again(relay, offers)
            case 3:
                with desk.vault.transaction():
                    desk.vault.run("DELETE FROM told WHERE relay = ?", relay)
                kept.look_again(relay)
            case 4:
                day += chance.choice((0, 0, 1, 15))
        asked_day = chance.choice((day, day, None))
        fresh = Tombstones(desk.vault, desk.signing).untold(relay, asked_day)
        found = kept.untold(relay, asked_day)
        assert sorted(map(repr, found)) == sorted(map(repr, fresh))
    assert published == len(parcels)
    assert told
