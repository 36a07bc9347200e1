"""What a relay writes to its log: never an address, a tag, an id or a value from a connection.

The relay's own lines are those of `events`. What a library says is reduced to who said it and the
kind of error, because libraries print peers' addresses; tracebacks show places, never values.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from qanat_relay.events import Event

if TYPE_CHECKING:
    import asyncio

OWN = "qanat_relay"
log = logging.getLogger(OWN)

AT_ONCE = 20
"""Lines about one event that are written without a pause between them."""

REFILL_S = 30.0
"""How long it takes until one more may be: whoever makes a relay write as much as it can gets some
3,000 lines a day out of each event, 15 MB where each shows where an error came from."""

PLACES_MAX = 60
"""Lines that tell where one error came from."""

told: Counter[str] = Counter()
"""How often each event was an error, in this process: also what was left out of the log."""

left_out: Counter[str] = Counter()
"""Lines that were not written because there were too many alike, by their event."""


def tell(event: Event, *, error: BaseException | bool | None = None, **fields: int | str) -> None:
    """Write an event to the log. `error`: what to show the places of; True for the one at hand."""
    words = event.sentence.format(**fields)
    # The words are whole: nothing in them is to be filled in again.
    log.log(event.level, "%s", words, exc_info=error, extra={"event": event, "fields": fields})


class PrivateFormatter(logging.Formatter):
    """A line for a person: our own, of other loggers the name alone, of errors kind and place."""

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(levelname)s [%(event)s] %(message)s", "%Y-%m-%dT%H:%M:%S")
        # In UTC, and said so: the operator's zone is nobody's business who sees the log.
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """One line, and below it where an error came from."""
        said = _said(record)
        shown = logging.makeLogRecord(record.__dict__)
        shown.event = said.event.label
        shown.msg, shown.args = "%s", (said.words + _more(record),)
        shown.exc_text = shown.stack_info = None
        return super().format(shown)

    def formatException(self, ei: Any) -> str:
        """The kinds of the errors and the lines that they passed through, without their words."""
        return "\n".join(_places(ei[1]))


class PrivateJson(PrivateFormatter):
    """The same for a program: one JSON object a line, with the event's fields by their names."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        said = _said(record)
        line: dict[str, object] = {
            "time": f"{self.formatTime(record, self.datefmt)}Z",
            "level": record.levelname.lower(),
            "event": said.event.label,
            **said.fields,
            "message": said.words,
        }
        if count := getattr(record, "left_out", 0):
            line["left_out"] = count
        if record.exc_info:
            line["places"] = [place.strip() for place in _places(record.exc_info[1])]
        return json.dumps(line)


@dataclass(frozen=True, slots=True)
class _Said:
    event: Event
    words: str
    fields: dict[str, int | str]


def _said(record: logging.LogRecord) -> _Said:
    event = getattr(record, "event", None)
    if record.name.partition(".")[0] == OWN and isinstance(event, Event):
        fields: dict[str, int | str] = getattr(record, "fields", {})
        return _Said(event, record.getMessage(), fields)
    event = Event.LIBRARY
    return _Said(event, event.sentence.format(library=record.name), {"library": record.name})


def _more(record: logging.LogRecord) -> str:
    count = getattr(record, "left_out", 0)
    return f" ({count} more like this were left out before it)" if count else ""


def _places(error: BaseException | None) -> list[str]:
    lines: list[str] = []
    seen: set[int] = set()
    waiting = [error]
    while waiting and len(lines) < PLACES_MAX:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        lines.append(f"  {type(current).__name__}")
        lines += _frames(current.__traceback__)
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
        waiting += [current.__cause__, current.__context__]
    return lines[:PLACES_MAX]


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
    from aiohttp.http_exceptions import HttpProcessingError

    _, error, trace = record.exc_info
    if isinstance(error, HttpProcessingError):
        return False
    return record.name != "aiohttp.server" or any(
        frame.f_globals.get("__name__", "").partition(".")[0] == OWN
        for frame, _ in traceback.walk_tb(trace)
    )


class _Bounded(logging.Filter):
    """Lets so many lines of each event through as a disk bears, and counts all of them."""

    def __init__(self) -> None:
        super().__init__()
        self._allowed: dict[Event, tuple[float, float]] = {}
        """How many lines there may be, at which time (time.monotonic)."""
        self._since: Counter[Event] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """As the library calls it, under the handler's lock or not: a count may be off by one."""
        event = _said(record).event
        if record.levelno >= logging.ERROR:
            told[event.label] += 1
        now_s = time.monotonic()
        allowed, before_s = self._allowed.get(event, (float(AT_ONCE), now_s))
        allowed = min(float(AT_ONCE), allowed + (now_s - before_s) / REFILL_S)
        if allowed < 1.0:
            self._allowed[event] = allowed, now_s
            self._since[event] += 1
            left_out[event.label] += 1
            return False
        self._allowed[event] = allowed - 1.0, now_s
        record.left_out = self._since.pop(event, 0)
        return True


def start_logging(level: str, stream: TextIO | None = None, *, as_json: bool = False) -> None:
    """Send every log line of this process, ours and the libraries', through the formatter."""
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(PrivateJson() if as_json else PrivateFormatter())
    handler.addFilter(_is_worth_a_line)
    handler.addFilter(_Bounded())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    log.setLevel(level.upper())
    logging.captureWarnings(True)
    sys.excepthook = _tell_of_the_end
    threading.excepthook = _tell_of_a_threads_end


def tell_of_what_was_left_out() -> None:
    """At the end: how many lines there would have been more, if there were any."""
    if lines := left_out.total():
        tell(Event.LEFT_OUT, lines=lines)


def _tell_of_the_end(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        tell(Event.ENDED_BY_MISTAKE, error=error.with_traceback(trace))


def _tell_of_a_threads_end(ended: threading.ExceptHookArgs) -> None:
    tell(Event.THREAD_ENDED, error=ended.exc_value or ended.exc_type())


def tell_of_loop_errors(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The event loop's handler for what nobody caught: its context may hold a peer's address."""
    tell(Event.LOOP_ERROR, error=context.get("exception"))
