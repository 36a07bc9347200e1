"""The command line of a relay: `qanat-relay`. Reads arguments, calls, prints; decides nothing."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from qanat_protocol.card import DeskCard, parse_card
from qanat_protocol.errors import Malformed, ProtocolError, QanatError
from qanat_protocol.limits import MAX_CARD_BYTES
from qanat_protocol.relay_card import parse_relay_card
from qanat_protocol.statement import fingerprint
from qanat_relay.arguments import build_parser
from qanat_relay.card import FILE_NAME as CARD_NAME
from qanat_relay.card import ensure_card
from qanat_relay.config import FILE_NAME as CONFIG_NAME
from qanat_relay.config import (
    Config,
    check_config,
    read_config,
    with_changes,
    write_config,
)
from qanat_relay.desks import FOLDER, Desks
from qanat_relay.errors import ConfigError, DataError
from qanat_relay.folders import make_folder
from qanat_relay.keys import ensure_keys, has_keys, load_keys, write_whole
from qanat_relay.logs import start_logging
from qanat_relay.peering.adding import card_at, peer_named
from qanat_relay.peering.peers import FOLDER as PEERS_FOLDER
from qanat_relay.peering.peers import Peers
from qanat_relay.peering.words import peer_name, peer_words, peers_json
from qanat_relay.server import check_writable
from qanat_relay.serving import STORE_FOLDER, allow_connections, serve
from qanat_relay.status import read_status
from qanat_relay.store.interface import Problem, StoreError
from qanat_relay.viewing import view_store

DONE, FAILED, WRONG = 0, 1, 2
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
        return DONE
    except (QanatError, OSError) as error:
        print(f"qanat-relay: {_words(error)}", file=sys.stderr)
        return WRONG
    return code


def _words(error: Exception) -> str:
    """What went wrong, and where the error's kind knows it, what to do."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
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
        )
    )
    cards = [_read_card(path) for path in arguments.desk]
    make_folder(data)
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
    data, config = _data_and_config(arguments)
    changes: dict[str, Any] = {}
    if arguments.listen:
        changes["listen"] = tuple(arguments.listen)
    if arguments.tls_cert or arguments.tls_key:
        changes |= {"tls_cert": arguments.tls_cert or "", "tls_key": arguments.tls_key or ""}
    config = with_changes(config, changes)
    cards = [_read_card(path) for path in arguments.desk]
    make_folder(data)
    is_new = not has_keys(data)
    key = fingerprint(ensure_keys(data).signing.public)
    if is_new:
        print(f"made a new relay in {data}, key {key}", file=sys.stderr, flush=True)
    start_logging(config.log_level)
    allow_connections()

    def tell(urls: list[str]) -> None:
        lines = (
            [json.dumps({"listening": urls})]
            if arguments.json
            else [f"listening {url}" for url in urls]
        )
        print("\n".join(lines), flush=True)

    _run(serve(data, config, cards, tell))
    return DONE


def _status(arguments: argparse.Namespace) -> int:
    data, config = _data_and_config(arguments)
    _check_there(data)
    desks = len(Desks(data / FOLDER).list_cards())
    with view_store(data / STORE_FOLDER) as view:
        status = read_status(view, data, config, desks, load_keys(data).signing.public)
    if arguments.health:
        check_writable(data)
        print("ok")
        return DONE
    peers = Peers(data / PEERS_FOLDER).list_peers()
    if arguments.json:
        print(json.dumps(status.to_json() | {"peers": peers_json(peers)}))
    else:
        print(status.to_words())
        for peer in peers:
            print(f"peer {peer_words(peer, int(time.time()))}")
    return DONE


def _check(arguments: argparse.Namespace) -> int:
    data, _ = _data_and_config(arguments)
    _check_there(data)
    load_keys(data)
    desks = len(Desks(data / FOLDER).list_cards())
    Peers(data / PEERS_FOLDER).list_peers()
    problems = 0
    with view_store(data / STORE_FOLDER) as view, _Progress(view.file_bytes) as progress:
        for found in view.read_problems():
            progress.step()
            for problem in found:
                problems += 1
                _print_problem(problem, as_json=arguments.json)
    if arguments.json:
        print(json.dumps({"problems": problems}))
    else:
        words = "nothing is wrong" if not problems else f"{problems:,} wrong"
        cards = "1 desk card" if desks == 1 else f"{desks:,} desk cards"
        print(f"the keys, {cards} and the store are read: {words}")
    return FAILED if problems else DONE


def _print_problem(problem: Problem, *, as_json: bool) -> None:
    parcel = problem.parcel_id.hex() if problem.parcel_id else None
    if as_json:
        print(json.dumps({"problem": problem.what, "parcel": parcel}), flush=True)
    else:
        print(f"parcel {parcel}: {problem.what}" if parcel else problem.what, flush=True)


class _Progress:
    """A line on a terminal that tells how far a long reading is; silent elsewhere."""

    def __init__(self, size_bytes: int) -> None:
        # A step is some 64 rows, most of which are blocks of 16 KiB.
        self._expected = max(1, size_bytes // (64 * 16_384))
        self._steps = 0
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def step(self) -> None:
        self._steps += 1
        if self._shown and self._steps % 16 == 0:
            percent = min(99, 100 * self._steps // self._expected)
            print(f"\rreading the store: about {percent} %", end="", file=sys.stderr, flush=True)


def _peer_add(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    _check_there(data)
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
    _check_there(data)
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
    _check_there(data)
    peers = Peers(data / PEERS_FOLDER)
    peer = peer_named(peers, arguments.key)
    peers.remove(peer.key)
    print(f"{peer_name(peer)} is fed no more. Its operator should remove this relay too.")
    return DONE


def _desk_add(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    _check_there(data)
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
    _check_there(data)
    cards = Desks(data / FOLDER).list_cards()
    for card in cards:
        print(f"{card.name}: {fingerprint(card.desk_id)}, card {card.serial}")
    if not cards:
        print(f"no desks yet; add one with: qanat-relay desk add --data {data} CARD")
    return DONE


def _check_there(data: Path) -> None:
    if not data.is_dir():
        raise DataError(f"{data}: no such folder; run `qanat-relay init --data {data}` first")


def _data_and_config(arguments: argparse.Namespace) -> tuple[Path, Config]:
    data: Path = arguments.data
    chosen: Path | None = arguments.config
    if chosen is not None:
        return (data if arguments.data_given else chosen.parent), read_config(chosen)
    path = data / CONFIG_NAME
    return data, read_config(path) if path.exists() else check_config(Config())


def _read_card(path: Path) -> DeskCard:
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
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # it is not made for every system
        return asyncio.new_event_loop
    return uvloop.new_event_loop


_RUNS = {
    "init": _init,
    "serve": _serve,
    "status": _status,
    "check": _check,
    "peer add": _peer_add,
    "peer list": _peer_list,
    "peer remove": _peer_remove,
    "desk add": _desk_add,
    "desk list": _desk_list,
}
