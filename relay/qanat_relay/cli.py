"""The command line of a relay: `qanat-relay`. Reads arguments, calls, prints; decides nothing.

Imports come where they are used: a command loads nothing of what only others need.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from qanat_protocol.card import DeskCard, parse_card
from qanat_protocol.days import day_of
from qanat_protocol.errors import Malformed, ProtocolError, QanatError
from qanat_protocol.limits import MAX_CARD_BYTES
from qanat_protocol.relay_card import parse_relay_card
from qanat_protocol.statement import fingerprint
from qanat_relay.arguments import Run, build_parser
from qanat_relay.belongings import check_identity, check_restored, check_rights, check_there
from qanat_relay.card import FILE_NAME as CARD_NAME
from qanat_relay.card import ensure_card
from qanat_relay.config import FILE_NAME as CONFIG_NAME
from qanat_relay.config import Config, check_config, store_limits, write_config
from qanat_relay.desks import FOLDER, Desks
from qanat_relay.errors import ConfigError, DataError
from qanat_relay.folders import make_folder
from qanat_relay.keys import ensure_keys, has_keys, load_keys, write_whole
from qanat_relay.peering.adding import card_at, peer_named
from qanat_relay.peering.peers import FOLDER as PEERS_FOLDER
from qanat_relay.peering.peers import Peers
from qanat_relay.peering.words import peer_name, peer_words, peers_json
from qanat_relay.rights import words_of
from qanat_relay.settings import Settings, Sources
from qanat_relay.store.errors import StoreError
from qanat_relay.store.files import STORE_FOLDER

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from qanat_relay.status import Status
    from qanat_relay.viewing import StoreView
    from qanat_relay.watching.live import Reading

DONE, FAILED, WRONG = 0, 1, 2
STDIN = Path("-")
"""In a file's place: who starts a command by sudo opens what the relay's user may not read."""
T = TypeVar("T")


def main(argv: list[str] | None = None) -> int:
    """Run `qanat-relay`; returns the exit code."""
    arguments = build_parser(_RUNS).parse_args(argv)
    os.umask(0o077)
    try:
        code: int = arguments.run(arguments)
    except StoreError as error:
        print(f"qanat-relay: {_words(error)}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # Nobody reads any more. Left open it would be written to once more at the end, and fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (QanatError, OSError) as error:
        print(f"qanat-relay: {_words(error)}", file=sys.stderr)
        return WRONG
    return code


def _words(error: Exception) -> str:
    """What went wrong, and where the error's kind knows it, what to do."""
    if isinstance(error, OSError):
        return words_of(error)
    kind = " ".join((type(error).__doc__ or "").split())
    if isinstance(error, (ConfigError, DataError)):
        return str(error)
    return f"{error}: {kind}" if str(error) else kind


def _init(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    config = check_config(
        Config(
            name=arguments.name or "",
            addresses=tuple(arguments.address),
            country=arguments.country or "",
            **_listen_options(arguments),
        )
    )
    cards = [_read_card(path) for path in arguments.desk]
    make_folder(data)
    check_rights(data)
    check_restored(data)
    check_identity(data)
    path = data / CONFIG_NAME
    if path.exists():
        raise ConfigError(f"{path} is there already: change it, or choose another --data")
    desks = Desks(data / FOLDER)
    for each in cards:
        desks.take(each)
    keys = ensure_keys(data)
    card = ensure_card(data, config, keys, time.time())
    write_whole(path, write_config(config).encode())
    key = fingerprint(keys.signing.public)
    shown = {"data": str(data), "config": str(path), "card": str(data / CARD_NAME), "key": key}
    if arguments.json:
        print(json.dumps({**shown, "addresses": list(card.addresses)}))
        return DONE
    print(f"A relay is set up in {data}. Its settings, each explained, are in {path}.")
    print(f"Its card is {data / CARD_NAME}. Hand that file to a desk by a way on which nobody can")
    print("exchange it, or tell the desk an address: it reads the card from ADDRESS/v1/relay.")
    print(f"Its key is {key}. Desks compare that with you.")
    if not config.addresses:
        print(f"The card has no address yet: set `addresses` in {path}.")
    print(f"Start it with: qanat-relay serve --data {data}")
    return DONE


def _serve(arguments: argparse.Namespace) -> int:
    from qanat_relay.logs import start_logging

    data, found = _data_and_sources(arguments)
    sources = found.fixed()
    settings = sources.read()
    config = settings.config
    cards = [_read_card(path) for path in arguments.desk]
    if arguments.dry_run:
        return _rehearse(data, settings, as_json=arguments.json)
    from qanat_relay.serving import allow_connections, serve

    make_folder(data)
    check_rights(data)
    check_restored(data)
    check_identity(data)
    is_new = not has_keys(data)
    key = fingerprint(ensure_keys(data).signing.public)
    if is_new:
        print(f"made a new relay in {data}, key {key}", file=sys.stderr, flush=True)
    start_logging(config.log_level, as_json=config.log_format == "json")
    allow_connections()

    def tell(urls: list[str]) -> None:
        lines = (
            [json.dumps({"listening": urls})]
            if arguments.json
            else [f"listening {url}" for url in urls]
        )
        print("\n".join(lines), flush=True)

    _run(serve(data, config, cards, tell, lambda: sources.read().config))
    return DONE


def _rehearse(data: Path, settings: Settings, *, as_json: bool) -> int:
    from qanat_relay.rehearsal import rehearse

    found = rehearse(data, settings)
    print(json.dumps(found.to_json()) if as_json else found.to_words())
    if any(not isinstance(each, StoreError) for each in found.problems):
        return WRONG
    return FAILED if found.problems else DONE


def _config(arguments: argparse.Namespace) -> int:
    _, sources = _data_and_sources(arguments)
    settings = sources.read()
    print(json.dumps(settings.to_json()) if arguments.json else settings.to_toml())
    return DONE


def _status(arguments: argparse.Namespace) -> int:
    data, sources = _data_and_sources(arguments)
    config = sources.read().config
    check_there(data)
    if arguments.watch is not None:
        from qanat_relay.watching.live import watch

        watch(lambda: _look(data, config), arguments.watch, as_json=arguments.json)
        return DONE
    if arguments.health:
        from qanat_relay.watching.health import check_writable, lack_of_room

        with _viewing(data) as view:
            status = _status_in(view, data, config)
            check_writable(data)
            if not view.takes_letters(store_limits(config), today=day_of(time.time())):
                raise lack_of_room(status.stats, config.capacity_bytes)
        print("ok")
        return DONE
    status = _read_status(data, config)
    peers = Peers(data / PEERS_FOLDER).list_peers()
    if arguments.json:
        print(json.dumps(status.to_json() | {"peers": peers_json(peers)}))
    else:
        print(status.to_words())
        for peer in peers:
            print(f"peer {peer_words(peer, int(time.time()))}")
    return DONE


@contextmanager
def _viewing(data: Path) -> Iterator[StoreView]:
    from qanat_relay.viewing import view_store

    check_identity(data)
    with view_store(data / STORE_FOLDER) as view:
        yield view


def _read_status(data: Path, config: Config) -> Status:
    with _viewing(data) as view:
        return _status_in(view, data, config)


def _status_in(view: StoreView, data: Path, config: Config) -> Status:
    from qanat_relay.status import read_status

    desks = len(Desks(data / FOLDER).list_cards())
    return read_status(view, config, desks, load_keys(data).signing.public)


def _look(data: Path, config: Config) -> Reading:
    from qanat_relay.watching.live import Reading
    from qanat_relay.watching.running import is_served, read_numbers

    return Reading(
        at_s=time.monotonic(),
        now_s=int(time.time()),
        status=_read_status(data, config),
        peers=Peers(data / PEERS_FOLDER).list_peers(),
        numbers=read_numbers(config),
        is_served=is_served(data / STORE_FOLDER),
    )


def _peer_add(arguments: argparse.Namespace) -> int:
    import asyncio

    data: Path = arguments.data
    check_there(data, writes=True)
    card = asyncio.run(card_at(arguments.card))
    if card.signing_key == load_keys(data).signing.public:
        raise DataError(f"{arguments.card} is this relay's own card")
    Peers(data / PEERS_FOLDER).take(card)
    print(f"{card.name or 'a relay without a name'}: {fingerprint(card.signing_key)}")
    if not card.addresses:
        print("Its card has no address: it has to call this relay.", file=sys.stderr)
    print(
        "Compare this key with its operator, and let them add this relay's card:", file=sys.stderr
    )
    print(f"{data / CARD_NAME}, or an address that it is reached at.", file=sys.stderr)
    return DONE


def _peer_list(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    check_there(data)
    peers = Peers(data / PEERS_FOLDER).list_peers()
    if arguments.json:
        print(json.dumps(peers_json(peers)))
        return DONE
    for peer in peers:
        print(f"{peer_words(peer, int(time.time()))}; key {fingerprint(peer.key)}")
    if not peers:
        print(f"no peers yet; add one with: qanat-relay peer add --data {data} CARD|URL")
    return DONE


def _peer_remove(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    check_there(data, writes=True)
    peers = Peers(data / PEERS_FOLDER)
    peer = peer_named(peers, arguments.key)
    peers.remove(peer.key)
    print(f"{peer_name(peer)} is fed no more. Its operator should remove this relay too.")
    return DONE


def _peer_name(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    check_there(data, writes=True)
    peers = Peers(data / PEERS_FOLDER)
    peer = peer_named(peers, arguments.key)
    peers.name(peer, named=not arguments.unname)
    if arguments.unname:
        print(f"{peer_name(peer)} is not named in this relay's card.")
        return DONE
    print(f"{peer_name(peer)} is named in this relay's card. Reporters who ask this relay for its")
    print("card may go there while they reach none of their desk's own relays.")
    return DONE


def _desk_add(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    check_there(data, writes=True)
    card = _read_card(arguments.card)
    try:
        Desks(data / FOLDER).take(card)
    except ProtocolError as error:
        raise DataError(f"{arguments.card}: {_words(error)}") from None
    print(f"{card.name}: {fingerprint(card.desk_id)}")
    print("Compare this fingerprint with the desk before you rely on it.", file=sys.stderr)
    return DONE


def _desk_list(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    check_there(data)
    cards = Desks(data / FOLDER).list_cards()
    for card in cards:
        print(f"{card.name}: {fingerprint(card.desk_id)}, card {card.serial}")
    if not cards:
        print(f"no desks yet; add one with: qanat-relay desk add --data {data} CARD")
    return DONE


def _data_and_sources(arguments: argparse.Namespace) -> tuple[Path, Sources]:
    data: Path = arguments.data
    chosen: Path | None = arguments.config
    options = _listen_options(arguments)
    if chosen is not None:
        return (data if arguments.data_given else chosen.parent), Sources(chosen, options)
    return data, Sources(data / CONFIG_NAME, options, must_exist=False)


def _listen_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings that the command line gives; some commands have none of these options."""
    given = vars(arguments)
    names = ("listen", "listen_udp", "listen_metrics")
    options: dict[str, Any] = {name: tuple(given[name]) for name in names if given.get(name)}
    if given.get("tls_cert") or given.get("tls_key"):
        options |= {"tls_cert": given["tls_cert"] or "", "tls_key": given["tls_key"] or ""}
    return options


def _read_card(path: Path) -> DeskCard:
    if path == STDIN:
        content = sys.stdin.buffer.read(MAX_CARD_BYTES + 1)
    else:
        with path.open("rb") as file:
            content = file.read(MAX_CARD_BYTES + 1)
    if len(content) > MAX_CARD_BYTES:
        raise DataError(f"{path} is larger than {MAX_CARD_BYTES:,} bytes: not a desk's card")
    try:
        return parse_card(content)
    except ProtocolError as error:
        if _is_relay_card(content):
            raise DataError(f"{path} is a relay's card; a desk's card belongs here") from None
        # Only what is well-formed can be of a version that a newer program would read.
        why = f": {error}" if isinstance(error, Malformed) else f": {_words(error)}"
        raise DataError(f"{path} is not a desk's card{why}") from None


def _is_relay_card(content: bytes) -> bool:
    try:
        parse_relay_card(content)
    except ProtocolError:
        return False
    return True


def _run(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def _loop_factory() -> Callable[[], AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # it is not made for every system
        import asyncio

        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _caring(name: str) -> Run:
    """A command that cares for the store as a whole."""

    def run(arguments: argparse.Namespace) -> int:
        from qanat_relay.caring import RUNS

        return RUNS[name](arguments)

    return run


_RUNS: dict[str, Run] = {
    "init": _init,
    "serve": _serve,
    "config": _config,
    "status": _status,
    "peer add": _peer_add,
    "peer list": _peer_list,
    "peer remove": _peer_remove,
    "peer name": _peer_name,
    "desk add": _desk_add,
    "desk list": _desk_list,
    **{name: _caring(name) for name in ("check", "backup", "restore", "compact", "new-keys")},
}
