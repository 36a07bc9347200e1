"""Qanat's three programs as processes of their own, as their users start them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Answer", "Relay", "command", "environment", "run"]

# What the installed commands do.
_STARTS = {
    "qanat": "from qanat_client.reporter.cli import program; program()",
    "qanat-desk": "import sys; from qanat_client.desk.cli import main; sys.exit(main())",
    "qanat-relay": "import sys; from qanat_relay.cli import main; sys.exit(main())",
}
_START_S = 20.0
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program ended with: exit code, the JSON it printed (None: none), what it said."""

    code: int
    result: Any
    said: str


def command(program: str, arguments: Sequence[str]) -> list[str]:
    """The argument list that starts `qanat`, `qanat-desk` or `qanat-relay` with this Python."""
    return [sys.executable, "-c", _STARTS[program], *arguments]


def environment(variables: dict[str, str]) -> dict[str, str]:
    """This process's variables without Qanat's own, and `variables`."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("QANAT_")}
    return inherited | {"PYTHONIOENCODING": "utf-8"} | variables


async def run(
    program: str, *arguments: str | Path, text: str = "", variables: dict[str, str] | None = None
) -> Answer:
    """Run a program to its end; `text` is its standard input. All but the relay speak JSON."""
    speaks_json = program != "qanat-relay"
    process = await asyncio.create_subprocess_exec(
        *command(program, [*(["--json"] if speaks_json else []), *map(str, arguments)]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(variables or {}),
    )
    try:
        async with asyncio.timeout(_PATIENCE_S):
            out, said = await process.communicate(text.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    result = json.loads(out) if speaks_json and out.strip() else None
    return Answer(process.returncode or 0, result, said.decode().strip())


class Relay:
    """A `qanat-relay serve` of its own."""

    def __init__(self, data: Path, name: str, country: str) -> None:
        self.data = data
        self.name = name
        self.country = country
        self.url = ""
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, port: int) -> None:
        """Starts it on this loopback port, once it has been made; returns when it listens."""
        listen = f"127.0.0.1:{port}"
        self._process = await asyncio.create_subprocess_exec(
            *command("qanat-relay", ["serve", "--data", str(self.data), "--listen", listen]),
            stdout=asyncio.subprocess.PIPE,
            stderr=(self.data.parent / f"{self.data.name}.log").open("ab"),
            env=environment({}),
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(_START_S):
            async for line in self._process.stdout:
                word, _, url = line.decode().strip().partition(" ")
                if word == "listening":
                    self.url = url
                    return
        raise RuntimeError(f"{self.name} did not start; see {self.data}.log")

    async def kill(self) -> None:
        """Ends it without a warning, as a raid or a power cut does."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> int:
        """Asks it to stop; its exit code."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(_START_S):
                    await self._process.wait()
            except TimeoutError:
                await self.kill()
        return self._process.returncode or 0
