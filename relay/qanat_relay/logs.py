"""What a relay writes to its log: never an address, a tag, an id or a value from a connection.

The relay's own lines are written for this. What a library says is reduced to who said it and the
kind of error, because libraries print peers' addresses; tracebacks show places, never values.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Any, TextIO

from aiohttp.http_exceptions import HttpProcessingError

OWN = "qanat_relay"
log = logging.getLogger(OWN)


class PrivateFormatter(logging.Formatter):
    """Shows our own lines, of other loggers the name alone, and of errors their kind and place."""

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        # In UTC, and said so: the operator's zone is nobody's business who sees the log.
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """One line, and below it where an error came from."""
        shown = logging.makeLogRecord(record.__dict__)
        if record.name.partition(".")[0] != OWN:
            shown.msg, shown.args = f"({record.name})", ()
        shown.exc_text = shown.stack_info = None
        return super().format(shown)

    def formatException(self, ei: Any) -> str:
        """The kinds of the errors and the lines that they passed through, without their words."""
        return "\n".join(_places(ei[1]))


def _places(error: BaseException | None) -> list[str]:
    lines: list[str] = []
    seen: set[int] = set()
    waiting = [error]
    while waiting and len(lines) < 200:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        lines.append(f"  {type(current).__name__}")
        lines += _frames(current.__traceback__)
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
        waiting += [current.__cause__, current.__context__]
    return lines


def _frames(trace: TracebackType | None) -> list[str]:
    return [
        f"    {frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(trace)
    ]


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    # What is not even HTTP, or never came as far as us, comes from scanners all day: it must not
    # fill the disk.
    if not record.exc_info:
        return True
    _, error, trace = record.exc_info
    if isinstance(error, HttpProcessingError):
        return False
    return record.name != "aiohttp.server" or any(
        frame.f_globals.get("__name__", "").partition(".")[0] == OWN
        for frame, _ in traceback.walk_tb(trace)
    )


def start_logging(level: str, stream: TextIO | None = None) -> None:
    """Send every log line of this process, ours and the libraries', through the formatter."""
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(PrivateFormatter())
    handler.addFilter(_is_worth_a_line)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    log.setLevel(level.upper())
    logging.captureWarnings(True)
    sys.excepthook = _tell_of_the_end
    threading.excepthook = _tell_of_a_threads_end


def _tell_of_the_end(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        log.error("qanat-relay ended by a mistake of ours", exc_info=(kind, error, trace))


def _tell_of_a_threads_end(ended: threading.ExceptHookArgs) -> None:
    error = ended.exc_value or ended.exc_type()
    log.error("a thread ended by a mistake of ours", exc_info=error)


def tell_of_loop_errors(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The event loop's handler for what nobody caught: its context may hold a peer's address."""
    log.error("the event loop met an error", exc_info=context.get("exception"))
