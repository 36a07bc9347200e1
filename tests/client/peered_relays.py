"""Relays as processes that know where they are, and are peers by their own commands."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.client.relay_process import RelayProcess, free_port

from qanat_relay.cli import main
from qanat_relay.config import FILE_NAME, Config, write_config


def relay_command(*arguments: str | Path) -> str:
    """Run `qanat-relay` here; what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    assert code == 0, err.getvalue()
    return out.getvalue()


def known_relay(
    folder: Path, name: str, country: str = "", cards: Sequence[Path] = ()
) -> RelayProcess:
    """One whose card has its address, its country and its name."""
    data, port = folder / name, free_port()
    url = f"http://127.0.0.1:{port}"
    config = Config(name=name, country=country, addresses=(url,), peer_s=1, peer_retry_s=1)
    data.mkdir(parents=True)
    (data / FILE_NAME).write_text(write_config(config))
    return RelayProcess(data, country=country, cards=cards, port=port)


def befriend(one: RelayProcess, other: RelayProcess) -> None:
    """Each takes the other's card from the other's address."""
    for relay, peer in ((one, other), (other, one)):
        relay_command("peer", "add", peer.url, "--data", relay.data)


def name_in_card(relay: RelayProcess, peer: RelayProcess) -> None:
    """As the relay's operator does it."""
    relay_command("peer", "name", peer.data.name, "--data", relay.data)


def wait_until(holds: Callable[[], bool], seconds: float = 40.0) -> None:
    """Look again and again; fails where it does not come true in time."""
    until_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until_s, "it did not come true in time"
        time.sleep(0.2)
