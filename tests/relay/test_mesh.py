"""A mesh of relays that meet by chance, in random runs: whatever was handed in anywhere is in the
end everywhere, with the word that it was opened, and nothing that was purged comes back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from tests.relay.made_parcels import THUMBNAIL_BYTES, TODAY, Made, make, part
from tests.relay.made_peers import reach, relays, states
from tests.relay.running_relay import Running

from qanat_protocol.parcel import Kind
from qanat_relay.store.interface import State

RELAYS = 4
STEPS = 60


@dataclass
class Mesh:
    """The relays, and what the world knows of each parcel."""

    relays: list[Running]
    chance: Random
    parcels: list[Made] = field(default_factory=list)
    opened: set[bytes] = field(default_factory=set)
    purged: set[bytes] = field(default_factory=set)

    async def step(self) -> None:
        """Something happens somewhere."""
        await self.chance.choice(
            [self._hand_in, self._hand_in, self._open, self._purge, self._meet, self._meet]
        )()

    async def _hand_in(self) -> None:
        number = len(self.parcels)
        made = self.chance.choice(
            [
                make(number, urgent=number % 3 == 0),
                make(number, Kind.REPLY),
                part(number, THUMBNAIL_BYTES),
                part(number),
            ]
        )
        self.parcels.append(made)
        for relay in self.chance.sample(self.relays, self.chance.randint(1, 2)):
            await relay.store.write([made.put()], today=TODAY)

    async def _held(self, relay: Running) -> list[Made]:
        found = await states(relay, self.parcels)
        return [
            made
            for made, state in zip(self.parcels, found, strict=True)
            if state is State.HELD and made.header.kind is not Kind.REPLY
        ]

    async def _open(self) -> None:
        relay = self.chance.choice(self.relays)
        if held := await self._held(relay):
            made = self.chance.choice(held)
            self.opened.add(made.parcel_id)
            await relay.store.write([made.opened()], today=TODAY)

    async def _purge(self) -> None:
        relay = self.chance.choice(self.relays)
        if held := await self._held(relay):
            gone = self.chance.choice(held)
            self.purged.add(gone.parcel_id)
            await relay.store.write([gone.opened(), gone.purged()], today=TODAY)

    async def _meet(self) -> None:
        one, other, third = self.chance.sample(self.relays, 3)
        await asyncio.gather(reach(one, other), reach(third, other))

    async def meet_all(self) -> None:
        """All of them, often enough for word to go round."""
        for _ in range(RELAYS):
            for one in self.relays:
                for other in self.relays:
                    if one is not other:
                        assert await reach(one, other)


@pytest.mark.parametrize("seed", range(4))
async def test_all_is_everywhere_in_the_end_and_nothing_purged_comes_back(
    tmp_path: Path, seed: int
) -> None:
    async with relays(tmp_path, RELAYS) as made:
        mesh = Mesh(made, Random(seed))
        for _ in range(STEPS):
            await mesh.step()
        await mesh.meet_all()
        for relay in mesh.relays:
            found = await states(relay, mesh.parcels)
            for parcel, state in zip(mesh.parcels, found, strict=True):
                if parcel.parcel_id in mesh.purged:
                    assert state in (State.PURGED, None), parcel.header.kind
                else:
                    assert state is State.HELD, parcel.header.kind
                    told = await relay.store.list_opened([parcel.parcel_id[:4]], 32, 1)
                    assert bool(told) == (parcel.parcel_id in mesh.opened), parcel.header.kind
