"""Three NNCP nodes on this machine, the middle one with the daemon: the same files over the same
way by another store-and-forward program. Where it is not installed nothing is compared."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.metered import Failed, Usage, run, running
from benchmarks.sockets import free_port

__all__ = ["INSTALL", "Nncp", "is_installed", "nncp_nodes"]

INSTALL = "NNCP is not installed (sudo apt install nncp)"
_PROGRAMS = ("nncp-cfgnew", "nncp-file", "nncp-call", "nncp-daemon", "nncp-toss")
_NODES = ("reporter", "relay", "desk")
_KEY = re.compile(r"^\s+(id|exchpub|exchprv|signpub|signprv|noisepub|noiseprv): (\w+)$", re.M)
_PUBLIC = ("id", "exchpub", "signpub", "noisepub")
_IDLE_S = 1
"""How long a call goes on when nothing moves: the least there is. It is not counted."""
_START_S = 10.0


def is_installed() -> bool:
    """Whether all programs are here."""
    return all(map(shutil.which, _PROGRAMS))


class Nncp:
    """The three nodes, while the middle one's daemon runs."""

    def __init__(self, folder: Path, address: str, idle_s: int = _IDLE_S) -> None:
        self._folder = folder
        self._address = address
        self._idle_s = idle_s
        self.received = folder / "received"

    def make(self) -> None:
        """Make keys and configurations; the two ends know each other by way of the middle."""
        keys = {node: _new_keys() for node in _NODES}
        for node in _NODES:
            neighbours = {
                other: {word: keys[other][word] for word in _PUBLIC} for other in _NODES
            } | {"self": {word: keys[node][word] for word in _PUBLIC}}
            configuration = {
                "spool": str(self._spool(node)),
                "log": str(self._folder / f"{node}.log"),
                "self": keys[node],
                "neigh": {
                    name: {**public, **self._way(node, name)}
                    for name, public in neighbours.items()
                    if name != node
                },
            }
            self._spool(node).mkdir(parents=True)
            self._config(node).write_text(json.dumps(configuration))
        self.received.mkdir()
        (self._folder / "seen").mkdir()

    def _way(self, node: str, neighbour: str) -> dict[str, object]:
        way: dict[str, object] = {"onlinedeadline": self._idle_s}
        if neighbour == "relay":
            way["addrs"] = {"here": self._address}
        elif node != "relay" and neighbour != "self":
            way["via"] = ["relay"]
        if node == "desk" and neighbour == "reporter":
            way["incoming"] = str(self.received)
        return way

    def arrived_bytes(self) -> int:
        """What the middle one has of packets from the reporter, halves too."""
        files = self._spool("relay").glob("*/rx/*")
        return sum(file.stat().st_size for file in files if file.suffix in ("", ".part"))

    def _spool(self, node: str) -> Path:
        return self._folder / f"{node}.spool"

    def _config(self, node: str) -> Path:
        return self._folder / f"{node}.hjson"

    def command(self, program: str, node: str, *arguments: str) -> list[str]:
        """The argument list of one of NNCP's programs."""
        found = shutil.which(program)
        assert found is not None
        return [found, "-cfg", str(self._config(node)), "-quiet", *arguments]

    def queue(self, file: Path) -> Usage:
        """`nncp-file`: encrypt a file for the desk and queue it."""
        return run(self._file(file), os.environ)

    def queue_all(self, files: Sequence[Path]) -> float:
        """The same for many files, a process each; the seconds."""
        begun = time.perf_counter()
        for file in files:
            subprocess.run(self._file(file), check=True, stdin=subprocess.DEVNULL)
        return time.perf_counter() - begun

    def _file(self, file: Path) -> list[str]:
        return self.command("nncp-file", "reporter", str(file), "desk:")

    def send(self, packets: int) -> Usage:
        """`nncp-call` from the reporter to the relay, until the last packet lies there."""
        return self._call("reporter", "relay", packets)

    def forward(self) -> Usage:
        """`nncp-toss` at the relay: what is for the desk is queued for it."""
        return run(self.command("nncp-toss", "relay"), os.environ)

    def fetch(self, packets: int) -> Usage:
        """`nncp-call` from the desk to the relay, until the last packet lies there."""
        return self._call("desk", "desk", packets)

    def open(self) -> Usage:
        """`nncp-toss` at the desk: the files, readable."""
        return run(self.command("nncp-toss", "desk"), os.environ)

    def _call(self, caller: str, taker: str, packets: int) -> Usage:
        """A call, without the time that it waits at its end for more."""
        begun_s = time.time()
        usage = run(self.command("nncp-call", caller, "relay"), os.environ)
        inbound = [
            file
            for file in self._spool(taker).glob("*/rx/*")
            if file.is_file() and "." not in file.name
        ]
        if len(inbound) != packets:
            raise Failed(f"nncp-call brought {len(inbound)} packets instead of {packets}")
        last_s = max(file.stat().st_ctime for file in inbound)
        return Usage(last_s - begun_s, usage.peak_bytes, usage.output)


def _new_keys() -> dict[str, str]:
    program = shutil.which("nncp-cfgnew")
    assert program is not None
    made = subprocess.run([program, "-nocomments"], check=True, capture_output=True, text=True)
    return dict(_KEY.findall(made.stdout.partition("neigh:")[0]))


@contextmanager
def nncp_nodes(folder: Path) -> Iterator[Nncp]:
    """Three nodes that were just made, and the daemon of the middle one. Raises Failed."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    nodes = Nncp(folder, address)
    nodes.make()
    command = nodes.command("nncp-daemon", "relay", "-bind", address)
    with running(command, os.environ):
        _wait_for(port)
        yield nodes


def _wait_for(port: int) -> None:
    until_s = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > until_s:
                raise Failed("nncp-daemon does not listen") from None
            time.sleep(0.01)
