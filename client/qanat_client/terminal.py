"""What the command lines share: exit codes, what is said and where, questions, secrets from files.

Results go to standard output, everything else to standard error. Never imports asyncio.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from qanat_client.errors import BadInput, ClientError
from qanat_protocol.errors import QanatError

__all__ = [
    "Exit",
    "HelpFormatter",
    "Progress",
    "Terminal",
    "add_shared_options",
    "exit_code_of",
    "human_size",
    "make_parser",
    "printable",
    "printable_line",
    "read_bytes",
    "read_secret",
    "run",
]

_REDRAW_S = 0.2

# They turn the order of what follows: a text may use them, a name or a title may not.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Exit(IntEnum):
    """What the programs end with; `qanat --help` lists them."""

    DONE = 0
    BAD_INPUT = 2
    UNREACHABLE = 3
    REFUSED = 4
    INTERRUPTED = 130


def exit_code_of(error: QanatError) -> int:
    """The exit code for an error: its own, or 2 for what the protocol's parsers raise."""
    return error.exit_code if isinstance(error, ClientError) else Exit.BAD_INPUT


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f"


def printable(text: str) -> str:
    """Text by strangers for a terminal: no control character but tab and newline, no override."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if (_is_control(c) and c not in "\n\t") or c in _OVERRIDES or 0xD800 <= ord(c) <= 0xDFFF
        else c
        for c in text
    )


def printable_line(text: str) -> str:
    """The same for one line, such as a name: nothing that moves or turns what stands beside it."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if c in _BIDI or c in "\n\t\u2028\u2029" else c
        for c in printable(text)
    )


def human_size(size_bytes: int) -> str:
    """A size for people, in units of 1024: `950 B`, `12.3 KiB`."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1024 or unit == "GiB":
            return f"{size:.1f} {unit}"
    raise AssertionError("unreachable")


def _laid_out(text: str, stream: TextIO) -> str:
    """Text broken between words for a terminal of this width, behind each line's own indent."""
    if not stream.isatty():
        return text
    import textwrap

    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        width = 0
    room = (width or 80) - 1
    lines = []
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip(" ")) + 2)
        # What is copied, such as an address or a report's id, stays in one piece.
        broken = textwrap.wrap(
            line,
            max(room, 20),
            subsequent_indent=indent,
            expand_tabs=False,
            replace_whitespace=False,
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += broken if len(line) > room else [line]
    return "\n".join(lines)


class Progress:
    """One line on a terminal that tells how far long work is; silent elsewhere."""

    def __init__(self, stream: TextIO, label: str, total: int) -> None:
        self._stream = stream
        self._label = label
        self._total = total
        self._done = 0
        self._drawn_at_s = 0.0
        self._shown = stream.isatty()

    def advance(self, amount: int) -> None:
        """So many bytes more are done."""
        self._done += amount
        if time.monotonic() - self._drawn_at_s >= _REDRAW_S:
            self._draw()

    def _draw(self) -> None:
        if not self._shown:
            return
        self._drawn_at_s = time.monotonic()
        line = f"{self._label} ..."
        if self._total:
            percent = min(100, self._done * 100 // self._total)
            bar = "#" * (percent // 5) + "." * (20 - percent // 5)
            line = f"{self._label} [{bar}] {percent:3d}% {human_size(self._done)}"
        self._stream.write(f"\r{line}\x1b[K")
        self._stream.flush()

    def close(self) -> None:
        """Take the line away; it comes back with what is done next."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def __enter__(self) -> "Progress":
        self._draw()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a command speaks. With `json` the result is one JSON document on standard output."""

    json: bool = False

    def say(self, text: str = "") -> None:
        """For the person; with --json on standard error."""
        stream = sys.stderr if self.json else sys.stdout
        print(_laid_out(text, stream), file=stream, flush=True)

    def warn(self, text: str) -> None:
        """What the person should see even if the output goes to a file."""
        print(_laid_out(text, sys.stderr), file=sys.stderr, flush=True)

    def result(self, value: Mapping[str, Any] | Sequence[Any]) -> None:
        """The machine-readable result, once for each command; bytes are given as hex."""
        if self.json:
            print(json.dumps(value, ensure_ascii=False, default=bytes.hex), flush=True)

    @property
    def has_person(self) -> bool:
        """Whether someone can be asked."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def ask(self, question: str) -> str:
        """One line from the person. Raises BadInput where there is nobody, or at its end."""
        if not self.has_person:
            raise BadInput(f"there is no terminal to ask: {question}")
        print(_laid_out(question, sys.stderr), end=" ", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise BadInput("no answer")
        return line.strip()

    def confirm(self, question: str) -> bool:
        """Whether the person writes `yes` (or `y`)."""
        return self.ask(f"{question} [yes/no]").lower() in ("y", "yes")

    def ask_secret(self, question: str) -> str:
        """One line that is not shown while it is typed."""
        if not self.has_person:
            raise BadInput(f"there is no terminal to ask: {question}")
        import getpass

        try:
            return getpass.getpass(f"{question} ", stream=sys.stderr)
        except EOFError:
            raise BadInput("no answer") from None

    def progress(self, label: str, total: int) -> Progress:
        """A progress line on standard error; `total` in bytes, 0 for work that has no size."""
        return Progress(sys.stderr, label, total)


def read_bytes(path: Path, what: str, *, max_bytes: int) -> bytes:
    """A file that is a card, a text and the like. Raises BadInput with `what` in it."""
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadInput(f"{what}: {printable_line(str(path))}: {reason}") from None
    if len(data) > max_bytes:
        raise BadInput(f"{what}: {printable_line(str(path))} is larger than {max_bytes:,} bytes")
    return data


def read_secret(path: Path | None, variable: str, what: str) -> str | None:
    """The secret in a file: the one given, or the one that the environment variable names.

    None if there is neither. The line's end is dropped; nothing of the content is in any error.
    """
    if path is None:
        named = os.environ.get(variable, "")
        if not named:
            return None
        path = Path(named)
    try:
        return read_bytes(path, what, max_bytes=4096).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadInput(f"{what}: {printable_line(str(path))} is not UTF-8 text") from None


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """argparse makes one for each option, and without a width each looks for the terminal's."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns(sys.__stdout__) - 2)


@cache
def _columns(stream: TextIO | None) -> int:
    """The width to lay help out for, as people set it or the terminal says it, else 80."""
    try:
        said = int(os.environ.get("COLUMNS") or 0)
        return said or os.get_terminal_size(stream.fileno() if stream else -1).columns or 80
    except (OSError, ValueError):
        return 80


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """`--json`, which every command takes, before or behind the subcommand."""
    parser.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print the result as one JSON document; everything else goes to standard error",
    )


def make_parser(program: str, description: str, *, epilog: str = "") -> argparse.ArgumentParser:
    """A parser that leaves the layout of its texts alone and takes no shortened options."""
    return argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=epilog,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )


def run(
    command: Callable[[], int],
    terminal: Terminal,
    *,
    program: str = "qanat",
    stopped: str = "stopped; what was queued is safe",
) -> int:
    """Run a command and say what went wrong, in one line; the exit code.

    `stopped` is what Ctrl-C is answered with.
    """
    try:
        return command()
    except QanatError as error:
        code = exit_code_of(error)
        text = printable_line(str(error)) or type(error).__name__
        terminal.warn(f"{program}: {text}")
        terminal.result({"error": type(error).__name__, "message": text, "exit": code})
        return code
    except KeyboardInterrupt:
        terminal.warn(f"\n{stopped}")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has left; nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
