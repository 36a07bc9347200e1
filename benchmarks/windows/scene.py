"""A reporter, a desk and relays that know each other, each a folder, made before any window opens;
and copies of all of it, so that every run begins with the same."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.chain import queue_reports
from benchmarks.metered import Failed, run
from benchmarks.network import Network, address_of
from benchmarks.windows.certificate import Certificate, make_certificate
from benchmarks.windows.programs import Program, started
from qanat_client.demo.programs import command
from qanat_client.desk.card_book import DEFAULT_WEEKS, NewDesk, create_desk
from qanat_protocol.card import RelayEntry
from qanat_protocol.datagram import Mask
from qanat_protocol.frames import FrameType
from qanat_protocol.kinds import Kind
from qanat_protocol.parcel import parse_header
from qanat_protocol.relay_card import parse_relay_card

__all__ = [
    "DESK",
    "REPORTER",
    "Scene",
    "Stored",
    "letters_in",
    "opened_in",
    "relay_host",
    "relay_serving",
]

REPORTER, DESK = "reporter", "desk"
"""The names of their hosts. The reporter is the first in every network, then come the relays."""

_PASSPHRASE = "only for a measurement"
_PORT = 8443
_LISTEN_S = 30.0
_GRACE_DAYS = 90


def relay_host(number: int) -> str:
    """The name of the host of the first, second, ... relay."""
    return f"relay{number}"


@dataclass(frozen=True, slots=True)
class Stored:
    """What lies durably in a relay's store. letters: complete ones; body_bytes: of all bodies, of
    those that are half there too, in whole blocks; blocks: sizes by leaf, of bodies of several.
    largest_bytes: of bodies that are there or half there, what the largest has when it is whole.
    """

    letters: int
    body_bytes: int
    blocks: dict[bytes, int]
    largest_bytes: int


@dataclass(frozen=True, slots=True)
class Scene:
    """The folders. is_tls: whether the relays are reached by https, pinned in the card;
    takes_datagrams: whether by datagrams as well."""

    folder: Path
    variables: Mapping[str, str]
    is_tls: bool
    relays: int = 1
    takes_datagrams: bool = True

    @property
    def reporter(self) -> Path:
        """The reporter's home."""
        return self.folder / "reporter"

    @property
    def desk(self) -> Path:
        """The desk's home."""
        return self.folder / "desk"

    def relay(self, number: int) -> Path:
        """A relay's data folder."""
        return self.folder / relay_host(number)

    @property
    def _numbers(self) -> range:
        return range(1, self.relays + 1)

    def make(self, texts: Sequence[str], attachments: Sequence[Path] = ()) -> None:
        """Make all homes, and queue a letter for each text and each attachment."""
        self.folder.mkdir(parents=True)
        (self.folder / "passphrase").write_text(f"{_PASSPHRASE}\n")
        addresses = [address_of(number + 1) for number in self._numbers]
        certificate = make_certificate(self.folder, addresses)
        entries = [
            self._make_relay(number, address, certificate)
            for number, address in zip(self._numbers, addresses, strict=True)
        ]
        card = self._make_desk(entries)
        for number in self._numbers:
            self._run("qanat-relay", "desk", "add", card, "--data", self.relay(number))
        self._run("qanat", "--home", self.reporter, "desk", "add", card, "--yes")
        self.queue(texts, attachments)

    def queue(self, texts: Sequence[str], attachments: Sequence[Path] = ()) -> None:
        """Seal and queue letters, and one more for each attachment."""
        queue_reports(self.reporter, texts)
        for file in attachments:
            words = ("send", "--no-code", "--attach", file, f"What {file.name} shows.")
            self._run("qanat", "--home", self.reporter, *words)

    def _make_relay(self, number: int, host: str, certificate: Certificate) -> RelayEntry:
        data = self.relay(number)
        address = f"{'https' if self.is_tls else 'http'}://{host}:{_PORT}"
        datagrams = (f"udp://{host}:{_PORT}",) if self.takes_datagrams else ()
        words = ["--name", "A relay", "--country", "DE", "--address", address]
        words += [word for each in datagrams for word in ("--address", each)]
        words += ["--listen-udp", f"{host}:{_PORT}"] if datagrams else []
        self._run("qanat-relay", "init", "--data", data, *words)
        card = parse_relay_card((data / "relay.card").read_bytes())
        pin = certificate.pin if self.is_tls else None
        return RelayEntry(
            (address, *datagrams), card.signing_key, card.sealing_key, card.country, pin
        )

    def _make_desk(self, entries: Sequence[RelayEntry]) -> Path:
        wish = NewDesk("A desk", tuple(entries), ("en",), "", _GRACE_DAYS, DEFAULT_WEEKS, ())
        create_desk(self.desk, _PASSPHRASE, wish, time.time).vault.close()
        return self.desk / "desk.card"

    def _run(self, program: str, *arguments: str | Path) -> None:
        run(command(program, [str(word) for word in arguments]), self.variables)

    @contextmanager
    def copy(self) -> Iterator[Scene]:
        """The same in another folder, which is removed behind the block."""
        number = 1
        while (folder := self.folder.with_name(f"{self.folder.name}.{number}")).exists():
            number += 1
        try:
            shutil.copytree(self.folder, folder)
            yield replace(self, folder=folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def serving(self, net: Network, number: int = 1) -> Iterator[Program]:
        """A relay that listens on its host until it is killed at the end of the block."""
        host = relay_host(number)
        options = ["--listen", f"{'tls://' * self.is_tls}{net.address(host)}:{_PORT}"]
        if self.takes_datagrams:
            options += ["--listen-udp", f"{net.address(host)}:{_PORT}"]
            card = parse_relay_card((self.relay(number) / "relay.card").read_bytes())
            net.streams.masks.append(Mask(card.sealing_key, to_relay=True))
        if self.is_tls:
            options += ["--tls-cert", str(self.folder / "relay.pem")]
            options += ["--tls-key", str(self.folder / "relay.key")]
        with relay_serving(net, host, self.relay(number), options, self.variables) as program:
            yield program

    def sync(self, net: Network, *options: str) -> list[str | Path]:
        """The argument list of `qanat sync` on the reporter's host."""
        words = ["--json", "--home", str(self.reporter), "sync", *options]
        return net.command(REPORTER, command("qanat", words))

    def pull(self, net: Network, *options: str) -> list[str | Path]:
        """The argument list of `qanat-desk pull` on the desk's host."""
        words = ["--json", "--home", str(self.desk)]
        words += ["--passphrase-file", str(self.folder / "passphrase"), "pull", *options]
        return net.command(DESK, command("qanat-desk", words))

    def letters(self, number: int = 1) -> int:
        """The complete letters in a relay's store, also while it runs."""
        return letters_in(self.relay(number))

    def stored(self, number: int = 1) -> Stored:
        """What a relay's store holds, also while it runs."""
        with closing(_store(self.relay(number))) as store:
            single = store.execute(
                "SELECT length(body) FROM parcel WHERE body IS NOT NULL"
            ).fetchall()
            blocks = store.execute("SELECT leaf, length(data) FROM block").fetchall()
            sizes = [size for (size,) in single] + [size for _, size in blocks]
            headers = store.execute(
                "SELECT header FROM parcel UNION ALL SELECT header FROM partial"
            )
            wholes = [parse_header(header).body_size for (header,) in headers]
            return Stored(_letters(store), sum(sizes), dict(blocks), max(wholes, default=0))


@contextmanager
def relay_serving(
    net: Network, host: str, data: Path, options: Sequence[str], variables: Mapping[str, str]
) -> Iterator[Program]:
    """A relay that listens on a host until it is killed at the end of the block. Raises Failed."""
    words = ["serve", "--data", str(data), *options]
    with started(net.command(host, command("qanat-relay", words)), variables) as program:
        if not program.line(_LISTEN_S).startswith("listening"):
            raise Failed(f"a relay does not listen: {program.said()}")
        yield program


def letters_in(relay: Path) -> int:
    """The complete letters in the store of a relay's data folder, also while it runs."""
    with closing(_store(relay)) as store:
        return _letters(store)


def opened_in(relay: Path) -> int:
    """How many OPENED are in it."""
    with closing(_store(relay)) as store:
        query = "SELECT count(*) FROM tombstone WHERE frame = ?"
        (found,) = store.execute(query, (FrameType.OPENED,)).fetchone()
        return int(found)


def _store(relay: Path) -> sqlite3.Connection:
    return sqlite3.connect(relay / "store" / "store.db", isolation_level=None, timeout=10)


def _letters(store: sqlite3.Connection) -> int:
    query = "SELECT count(*) FROM parcel WHERE kind = ? AND present = 1"
    (found,) = store.execute(query, (Kind.LETTER,)).fetchone()
    return int(found)
