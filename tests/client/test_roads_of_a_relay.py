"""Which of a relay's addresses is tried first, and that no relay is asked for anything twice."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from tests.client.made_desk import MadeDesk, today, write_card
from tests.client.relay_process import RelayProcess
from tests.client.reporter_runs import CODE, attaching, qanat
from tests.client.tap import Tap, asks_for
from tests.cuts.line import Line
from tests.relay.running_relay import running_relay

from qanat_client.carriers.conversation import Roads
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.reporter.database import connect
from qanat_client.reporter.home import Home
from qanat_client.reporter.known_relays import KnownRelays
from qanat_client.reporter.rounds import sync_round
from qanat_client.reporter.stamper import Stamper
from qanat_client.reporter.sync import mailboxes_of
from qanat_client.terminal import Terminal
from qanat_protocol.card import RelayEntry
from qanat_protocol.frames import (
    CardInterest,
    HeaderFrame,
    Offers,
    OpenedInterest,
    PublicInterest,
    RepliesInterest,
)


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    process = RelayProcess(tmp_path / "relay")
    yield process
    process.stop()


class Unkind:
    """An address at which somebody hangs up on everybody, and counts them."""

    def __init__(self) -> None:
        self.callers = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._hang_up, daemon=True).start()

    def _hang_up(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:
                return
            self.callers += 1
            caller.close()

    def close(self) -> None:
        # Closing alone does not wake a thread that waits for a caller.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def unkind() -> Iterator[Unkind]:
    made = Unkind()
    yield made
    made.close()


def test_the_address_that_worked_last_is_tried_first(
    tmp_path: Path, desk: MadeDesk, relay: RelayProcess, unkind: Unkind
) -> None:
    home = tmp_path / "home"
    card = desk.card(relays=[relay.entry_at(unkind.url, relay.url)])
    assert qanat(home, "desk", "add", write_card(card, tmp_path), "--yes").code == 0
    assert qanat(home, "sync", "--dry-run", "--json").json["to"] == [unkind.url]
    assert qanat(home, "sync").code == 0
    before = unkind.callers
    assert before > 0
    assert qanat(home, "sync", "--dry-run", "--json").json["to"] == [relay.url]
    assert qanat(home, "sync").code == 0
    assert unkind.callers == before
    # Where it works no more, the others are tried as ever.
    relay.stop()
    assert qanat(home, "sync").code == 3
    assert unkind.callers > before


def test_an_address_that_a_newer_card_leaves_out_is_not_tried(
    tmp_path: Path, desk: MadeDesk, relay: RelayProcess, unkind: Unkind
) -> None:
    home = tmp_path / "home"
    card = desk.card(relays=[relay.entry_at(unkind.url)])
    assert qanat(home, "desk", "add", write_card(card, tmp_path), "--yes").code == 0
    assert qanat(home, "sync").code == 3
    before = unkind.callers
    newer = desk.card(2, previous=card.card_hash, relays=[relay.entry])
    assert qanat(home, "desk", "add", write_card(newer, tmp_path), "--yes").code == 0
    assert qanat(home, "sync").code == 0
    assert unkind.callers == before


def test_nothing_of_when_a_relay_was_reached_is_kept_while_nothing_is_queued(
    tmp_path: Path, desk: MadeDesk, relay: RelayProcess
) -> None:
    home = tmp_path / "home"
    card = desk.card(relays=[relay.entry])
    assert qanat(home, "desk", "add", write_card(card, tmp_path), "--yes").code == 0

    def kept() -> list[Any]:
        with closing(connect(Home(home))) as connection:
            assert KnownRelays(Home(home), connection).reached() == [relay.card.signing_key]
            return [
                connection.execute("SELECT * FROM relay").fetchall(),
                connection.execute("SELECT * FROM relay_card").fetchall(),
                connection.execute("SELECT * FROM told").fetchall(),
            ]

    assert qanat(home, "sync").code == 0
    first = kept()
    with patch("time.time", return_value=(today() + 20) * 86_400.0):
        assert qanat(home, "sync").code == 0
    assert kept() == first


async def test_no_relay_is_asked_for_the_same_twice_in_a_session(
    tmp_path: Path, desk: MadeDesk
) -> None:
    files = [tmp_path / f"file-{number}" for number in range(3)]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]) * 200_000)
    (tmp_path / "code").write_text(CODE)
    home, another = tmp_path / "home", MadeDesk("Another desk")
    async with running_relay(tmp_path / "relay", clock=lambda: today() * 86_400.0) as relay:
        keys = relay.keys
        # Each desk knows it by another address.
        for one, url in ((desk, relay.url), (another, "http://127.0.0.1:9")):
            entry = RelayEntry((url,), keys.signing.public, keys.sealing.public)
            path = write_card(one.card(relays=[entry]), tmp_path)
            assert qanat(home, "desk", "add", path, "--yes").code == 0
            sent = qanat(home, "send", "x", "--desk", one.name, "--code-file", tmp_path / "code",
                         *attaching(*files))  # fmt: skip
            assert sent.code == 0, sent.err
        line = Line(relay.node)
        tap = Tap(line, keys.sealing)
        taken = []
        for _ in range(2):
            (report,) = await sync_round(
                Home(home),
                relays=[],
                carrier=CarrierSettings(),
                mailboxes=mailboxes_of(Home(home), CODE),
                roads=Roads(open_link=tap.open_link),
                terminal=Terminal(),
                stamper=Stamper(Home(home), 0),
            )
            taken.append(report.taken)
    assert taken == [8, 0]
    # One session a round, by whichever address.
    asked = [
        Counter((type(frame), what) for frame in said for what in asks_for(frame))
        for said in tap.said
    ]
    first, second = (Counter(kind for kind, _ in each) for each in asked)
    assert first == {
        Offers: 6,
        HeaderFrame: 8,
        PublicInterest: 2,
        OpenedInterest: 1,
        RepliesInterest: 1,
        CardInterest: 1,
    }
    assert second[OpenedInterest] == 1
    for each in asked:
        assert set(each.values()) == {1}
