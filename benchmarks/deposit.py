"""Letters through a real relay: a process of its own, one streamed POST on loopback, each letter
acknowledged as stored. Against the same bytes into a table with nothing around it."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes

from benchmarks.bare_table import BareTable
from benchmarks.chain import run_relay
from benchmarks.comparison import Comparison
from benchmarks.metered import compiled
from benchmarks.parcels import make_letter
from qanat_client.carriers.conversation import open_link
from qanat_client.carriers.link import Link
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.carriers.transport import Transport
from qanat_protocol.card import RelayEntry
from qanat_protocol.frames import Ack, AckStatus, End, Frame
from qanat_protocol.relay_card import parse_relay_card
from qanat_protocol.runs import runs_of
from qanat_protocol.session import HELLO, ClientSession

__all__ = ["Deposit", "deposit_comparisons", "entry_of"]

_GROUP = 512
_AIM = 0.7
_LIMITS = {
    4096: "one table, 512 rows a commit; known of others on such machines: NNCP 432/s, LXMF 20/s,"
    " strfry 9,000/s on one connection",
    16_384: "one table, 512 rows a commit",
}
_FRAMES_TOGETHER_BYTES = 262_144
"""What is handed to the connection at once: about four packets of the channel."""


def entry_of(url: str) -> RelayEntry:
    """What a card says of the relay that listens there."""
    with urllib.request.urlopen(f"{url}/v1/relay", timeout=20) as answer:  # noqa: S310 - ours
        card = parse_relay_card(answer.read())
    return RelayEntry((url,), card.signing_key, card.sealing_key, "")


class Deposit:
    """So many letters a turn, one session a turn. The packets are sealed before the clock starts:
    that is a reporter's machine's work, and here it would take the relay's processor."""

    def __init__(self, entry: RelayEntry, count: int, size_bytes: int) -> None:
        self._entry = entry
        self._count = count
        self._size_bytes = size_bytes
        self._tag = token_bytes(16)

    def run(self) -> float:
        """The seconds from the first letter's first byte to the last acknowledgement; opening the
        session comes before."""
        return asyncio.run(self._session())

    async def _session(self) -> float:
        session = ClientSession(self._entry.sealing_key)
        async with open_link(
            self._entry.addresses[0], transport=Transport.EXCHANGE, settings=CarrierSettings()
        ) as link:
            await link.send(session.start() + session.send(HELLO))
            while session.welcome is None:
                await _hear(session, link)
            packets = list(self._packets(session))
            begun = time.perf_counter()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_send(link, packets))
                stored = 0
                while stored < self._count:
                    stored += sum(map(_stored, await _hear(session, link)))
            taken_s = time.perf_counter() - begun
            await link.send(session.send(End()))
            await link.finish_sending()
            while not session.ended:
                await _hear(session, link)
        return taken_s

    def _packets(self, session: ClientSession) -> Iterator[bytes]:
        letters = [make_letter(self._size_bytes, self._tag) for _ in range(self._count)]
        together = max(1, _FRAMES_TOGETHER_BYTES // self._size_bytes)
        for first in range(0, len(letters), together):
            yield session.send(*runs_of(letters[first : first + together], first))


async def _send(link: Link, packets: Iterable[bytes]) -> None:
    for packet in packets:
        await link.send(packet)


async def _hear(session: ClientSession, link: Link) -> Sequence[Frame]:
    data = await link.receive()
    if not data:
        # Raises Cut where the relay had more to say.
        session.finish()
    return session.receive(data)


def _stored(frame: Frame) -> int:
    if not isinstance(frame, Ack):
        return 0
    assert all(entry.status is AckStatus.STORED for entry in frame.entries)
    return len(frame.entries)


@contextmanager
def deposit_comparisons(
    folder: Path, cache: Path, counts: dict[int, int]
) -> Iterator[list[Comparison]]:
    """counts: letters in a turn by the bytes of their bodies."""
    with (
        run_relay(folder / "relay", compiled(cache), "127.0.0.1:0") as relay,
        BareTable.at(folder / "bare-deposit.db") as table,
    ):
        found, entry = [], entry_of(relay.url)
        for size_bytes, count in counts.items():

            def insert(size_bytes: int = size_bytes, count: int = count) -> float:
                made = (make_letter(size_bytes, bytes(16)) for _ in range(count))
                return table.insert([(header.encode(), body) for header, body in made], _GROUP)

            found.append(
                Comparison(
                    f"deposit {size_bytes // 1024} KiB letters by POST",
                    _LIMITS[size_bytes],
                    "letters",
                    count,
                    Deposit(entry, count, size_bytes).run,
                    insert,
                    aim=_AIM,
                )
            )
        yield found
