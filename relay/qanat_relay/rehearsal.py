"""What `serve` would do, tried without doing it: nothing is made, and what is opened is let go."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from qanat_protocol.errors import QanatError
from qanat_protocol.statement import fingerprint
from qanat_relay.belongings import check_identity, check_rights
from qanat_relay.certificate import load_certificate
from qanat_relay.config import Config, Listener, parse_listen, parse_listener
from qanat_relay.desks import FOLDER, Desks
from qanat_relay.errors import ConfigError
from qanat_relay.keys import has_keys, load_keys
from qanat_relay.listeners import why
from qanat_relay.peering.peers import FOLDER as PEERS_FOLDER
from qanat_relay.peering.peers import Peers
from qanat_relay.settings import Settings
from qanat_relay.store.errors import StoreInUse, StoreTooNew
from qanat_relay.store.files import (
    DATABASE,
    LOCK,
    STORE_FOLDER,
    ProcessLock,
    shipped_migrations,
)
from qanat_relay.viewing import read_version
from qanat_relay.watching.health import check_writable


@dataclass(slots=True)
class Rehearsal:
    """What was found: of each part a line on what would be done, and what stands against it."""

    lines: dict[str, str] = field(default_factory=dict)
    problems: list[QanatError] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """Both as JSON takes them."""
        problems = [str(each) for each in self.problems]
        return {"would_start": not problems, **self.lines, "problems": problems}

    def to_words(self) -> str:
        """The same for a person."""
        lines = [f"{name + ':':<14}{line}" for name, line in self.lines.items()]
        lines += [f"wrong: {each}" for each in self.problems]
        lines.append("would not start" if self.problems else "would start; nothing was changed")
        return "\n".join(lines)


def rehearse(data: Path, settings: Settings) -> Rehearsal:
    """Try everything that a relay needs to start with these settings on this data folder."""
    config = settings.config
    found = Rehearsal({"data": str(data)})
    origins = sorted(set(settings.origins.values()))
    found.lines["settings"] = ", ".join(origins) or "defaults alone"
    serves = _is_serving(data / STORE_FOLDER)
    if serves:
        found.lines["now"] = "a relay runs on this folder; SIGHUP lets it read its settings again"
    parts: list[tuple[str, Callable[[], str]]] = [
        ("rights", lambda: _rights(data)),
        ("keys", lambda: _keys(data)),
        ("cards", lambda: _cards(data)),
        ("store", lambda: _store(data)),
        ("certificate", lambda: _certificate(config)),
    ]
    for name, look in parts:
        try:
            found.lines[name] = look()
        except QanatError as error:
            found.problems.append(error)
    for text in config.listen:
        found.problems += _try_place(text, parse_listener(text), socket.SOCK_STREAM, serves=serves)
    for text in config.listen_udp:
        listener = Listener(*parse_listen(text), is_tls=False)
        found.problems += _try_place(text, listener, socket.SOCK_DGRAM, serves=serves)
    datagrams = [f"udp://{text}" for text in config.listen_udp]
    found.lines["listens at"] = ", ".join([*config.listen, *datagrams])
    return found


def _is_serving(folder: Path) -> bool:
    if not (folder / LOCK).exists():
        return False
    try:
        ProcessLock(folder).release()
    except StoreInUse:
        return True
    return False


def _rights(data: Path) -> str:
    if data.exists():
        check_rights(data)
    return "this user may use all of it"


def _keys(data: Path) -> str:
    check_identity(data)
    if not has_keys(data):
        return "none yet: a new relay would be made"
    return fingerprint(load_keys(data).signing.public)


def _cards(data: Path) -> str:
    desks = len(Desks(data / FOLDER).list_cards())
    peers = len(Peers(data / PEERS_FOLDER).list_peers())
    return f"of desks {desks:,}, of peers {peers:,}"


def _store(data: Path) -> str:
    if data.exists():
        check_writable(data)
    database = data / STORE_FOLDER / DATABASE
    if not database.is_file():
        return "none yet: it would be made"
    version = read_version(data / STORE_FOLDER)
    newest = len(shipped_migrations())
    if version > newest:
        raise StoreTooNew(f"the store is of version {version}; this program knows up to {newest}")
    if version == newest:
        return f"of version {version}, as it should be"
    return (
        f"of version {version}: it would be brought to {newest}, and a copy of up to"
        f" {database.stat().st_size:,} bytes kept beside it"
    )


def _certificate(config: Config) -> str:
    if not config.tls_cert:
        return "none: plain http alone"
    loaded = load_certificate(config.tls_cert, config.tls_key)
    if loaded.is_over(datetime.now(UTC)):
        return f"{loaded.chain} ended on {loaded.last_day}: renew it"
    return f"{loaded.chain}, which ends on {loaded.last_day}"


def _try_place(
    text: str, listener: Listener, kind: socket.SocketKind, *, serves: bool
) -> Iterator[ConfigError]:
    """Take a place and let go of it. What a relay that runs here has taken may be this very one."""
    try:
        found = socket.getaddrinfo(listener.host, listener.port, type=kind, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in found:
            with closing(socket.socket(family, kind)) as taken:
                if kind is socket.SOCK_STREAM:
                    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family is socket.AF_INET6:
                    taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                taken.bind(address)
    except OSError as error:
        if not (serves and error.errno == errno.EADDRINUSE):
            yield ConfigError(f"cannot listen on {text}: {why(error, listener)}")
