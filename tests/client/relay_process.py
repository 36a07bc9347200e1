"""A relay as a process of its own on loopback, and a desk that talks to it by hand."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.client.made_desk import MadeDesk, today

from qanat_client.carriers.conversation import Conversation, Roads, converse
from qanat_client.carriers.http import fetch as fetch_url
from qanat_client.carriers.settings import CarrierSettings
from qanat_protocol.card import RelayEntry
from qanat_protocol.days import epoch_of
from qanat_protocol.frames import (
    Answer,
    Answers,
    Block,
    Frame,
    HeaderFrame,
    Idle,
    Leaves,
    Offers,
    Opened,
    PublicInterest,
    PublicWant,
    Welcome,
)
from qanat_protocol.limits import PAGE_LEAVES
from qanat_protocol.merkle import leaf_hash, page_roots
from qanat_protocol.parcel import Header
from qanat_protocol.relay_card import parse_relay_card
from qanat_protocol.session import sign_desk_interest
from qanat_protocol.tombstone import opened_value, sign_opened
from qanat_protocol.transfer import Intake, Outgoing


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RelayProcess:
    """`qanat-relay serve`; may be killed and started again on the same port and data."""

    def __init__(
        self, data: Path, *, country: str = "", cards: Sequence[Path] = (), port: int = 0
    ) -> None:
        self.data = data
        self.country = country
        self._cards = list(cards)
        self._listen, self._listen_udp = f"127.0.0.1:{port}", "127.0.0.1:0"
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def start(self, cards: Iterable[Path] = ()) -> None:
        self._cards += cards
        desks = [part for card in self._cards for part in ("--desk", str(card))]
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; from qanat_relay.cli import main; sys.exit(main())",
                *("serve", "--data", str(self.data), *desks),
                *("--listen", self._listen, "--listen-udp", self._listen_udp),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        lines = [self._process.stdout.readline() for _ in range(2)]
        assert all(line.startswith("listening ") for line in lines), lines
        self.url, self.udp = (line.split()[1] for line in lines)
        self._listen = self.url.removeprefix("http://")
        self._listen_udp = self.udp.removeprefix("udp://")
        card = fetch_url(f"{self.url}/v1/relay", max_bytes=131_072, settings=CarrierSettings())
        # In a thread, as some tests start relays from within an event loop.
        with ThreadPoolExecutor(1) as thread:
            self.card = parse_relay_card(thread.submit(asyncio.run, card).result())

    @property
    def entry(self) -> RelayEntry:
        return RelayEntry((self.url,), self.card.signing_key, self.card.sealing_key, self.country)

    def entry_at(self, *urls: str, pin: bytes | None = None) -> RelayEntry:
        """The same relay by other addresses."""
        return RelayEntry(urls, self.card.signing_key, self.card.sealing_key, self.country, pin)

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def stop(self) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.communicate(timeout=30)


async def greet(conversation: Conversation) -> list[Frame]:
    """Hello, ask for nothing that exists, take what comes, end."""
    await conversation.open(PublicInterest(0, (PublicWant(bytes(16), 0, 0),)))
    heard: list[Frame] = []
    async for frame in conversation.frames():
        heard.append(frame)
        if isinstance(frame, Idle):
            await conversation.end()
    return heard


async def talk_to(entry: RelayEntry, roads: Roads | None = None, **settings: object) -> list[Frame]:
    return await converse(
        entry,
        greet,
        settings=CarrierSettings(**settings),  # type: ignore[arg-type]
        roads=roads or Roads(),
    )


async def _drop_in(
    entry: RelayEntry, made: Sequence[tuple[Header, bytes]], extra: list[Frame]
) -> None:
    async def talk(conversation: Conversation) -> None:
        await conversation.open(*extra)
        for handle, (header, body) in enumerate(made):
            blocks = [body[at : at + 16_384] for at in range(0, len(body), 16_384)]
            outgoing = Outgoing(handle, header)
            leaves = [leaf_hash(block) for block in blocks]
            roots = page_roots(leaves) if len(leaves) > PAGE_LEAVES else []
            await conversation.send(*outgoing.start(roots))
            for index in outgoing.missing():
                page = outgoing.page_needed(index)
                if page is not None:
                    some = leaves[page * PAGE_LEAVES : (page + 1) * PAGE_LEAVES]
                    await conversation.send(outgoing.page(page, some))
                await conversation.send(outgoing.block(index, blocks[index]))
        await conversation.end()
        async for _ in conversation.frames():
            pass

    await converse(entry, talk, settings=CarrierSettings(), roads=Roads())


def drop_in(
    entry: RelayEntry, made: Sequence[tuple[Header, bytes]], extra: Sequence[Frame] = ()
) -> None:
    """Hand parcels and frames to a relay, as anybody can."""
    asyncio.run(_drop_in(entry, made, list(extra)))


async def _fetch(entry: RelayEntry, desk: MadeDesk) -> dict[bytes, tuple[Header, bytes]]:
    intake = Intake()
    bodies: dict[int, dict[int, bytes]] = {}
    found: dict[bytes, tuple[Header, bytes]] = {}

    async def talk(conversation: Conversation) -> None:
        await conversation.open()
        epoch = epoch_of(today())
        async for frame in conversation.frames():
            match frame:
                case Welcome():
                    await conversation.send(
                        sign_desk_interest(
                            desk.signing,
                            await conversation.session_hash(),
                            number=0,
                            statement=desk.statement(),
                            first_epoch=epoch - 5,
                            last_epoch=epoch + 60,
                        )
                    )
                case Offers(first, offers):
                    await conversation.send(Answers(first, (Answer.WANT,) * len(offers)))
                case HeaderFrame():
                    intake.open(frame)
                    bodies[frame.handle] = {}
                case Leaves():
                    intake.leaves(frame)
                case Block():
                    block = intake.block(frame)
                    assert block is not None
                    bodies[frame.handle][frame.index] = block.data
                    if block.complete:
                        parts = bodies.pop(frame.handle)
                        body = b"".join(parts[index] for index in sorted(parts))
                        found[block.header.parcel_id] = (block.header, body)
                case Idle():
                    await conversation.end()

    await converse(entry, talk, settings=CarrierSettings(), roads=Roads())
    return found


def fetch(entry: RelayEntry, desk: MadeDesk) -> dict[bytes, tuple[Header, bytes]]:
    """All that a relay holds for a desk, by parcel id."""
    return asyncio.run(_fetch(entry, desk))


def opened_frame(desk: MadeDesk, parcel_id: bytes, content_key: bytes) -> Opened:
    return sign_opened(desk.signing, parcel_id, opened_value(content_key))
