"""The reporter's program as tests run it: in this process or as one of its own, on a home."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qanat_client.reporter.cli import main
from qanat_protocol.parcel import Header, parse_header

START = [
    sys.executable,
    "-c",
    "from qanat_client.reporter.cli import program; program()",
]


_ALONE = threading.Lock()
"""A process has one input and one output."""


def with_check(digits: str) -> str:
    return f"{digits}{98 - int(digits) * 100 % 97:02}"


CODE = with_check("1234567890123456789012")
OTHER_CODE = with_check("9876543210987654321098")


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run_here(
    program: Callable[[list[str]], int], arguments: Iterable[str | Path], text: str = ""
) -> Ran:
    """Run a program in this process, with nobody at a terminal and this input."""
    out, err = io.StringIO(), io.StringIO()
    with _ALONE:
        stdin, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8")
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    code = program(list(map(str, arguments)))
                except SystemExit as stop:
                    code = int(stop.code or 0)
        finally:
            sys.stdin = stdin
    return Ran(code, out.getvalue(), err.getvalue())


def qanat(home: Path, *arguments: str | Path) -> Ran:
    """Run the reporter's program in this process, with an empty input."""
    return run_here(main, ["--home", home, *arguments])


def start(home: Path, *arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    """The program as a process of its own."""
    return subprocess.Popen(
        [*START, "--home", str(home), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **options.pop("env", {})},
        **options,
    )


def qanat_process(home: Path, *arguments: str | Path, stdin: bytes = b"", **options: Any) -> Ran:
    """Run it as a process of its own, to its end."""
    done = subprocess.run(
        [*START, "--home", str(home), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **options.pop("env", {})},
        **options,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def attaching(*files: Path) -> list[str | Path]:
    """The options that attach these files."""
    return [word for file in files for word in ("--attach", file)]


def parcels(home: Path) -> list[tuple[Header, bytes]]:
    """Every queued parcel of a home, in order, with its body."""
    if not (home / "qanat.db").exists():
        return []
    with contextlib.closing(sqlite3.connect(home / "qanat.db")) as database:
        rows = database.execute(
            "SELECT key, header FROM parcel WHERE item IS NOT NULL ORDER BY item, position"
        ).fetchall()
        return [
            (
                parse_header(header),
                b"".join(
                    data
                    for (data,) in database.execute(
                        "SELECT data FROM block WHERE parcel = ? ORDER BY number", (key,)
                    )
                ),
            )
            for key, header in rows
        ]
