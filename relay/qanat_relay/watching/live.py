"""`qanat-relay status --watch`: how a relay is doing, read again and again, and what has changed.

What is stored is read from the store, whether a relay runs or not; what passes through one that
runs is asked of it, where it answers. Which of these it was is said.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from qanat_relay.peering.peers import Peer
from qanat_relay.peering.words import peer_words, peers_json
from qanat_relay.sizes import in_words
from qanat_relay.status import Status
from qanat_relay.watching.running import Numbers

PIPE_COLUMNS = 80
"""How wide lines are where no terminal says it."""

_NAME_COLUMNS = 10
_RATES = {
    "received_bytes": "received_bytes_total",
    "sent_bytes": "sent_bytes_total",
    "commits": "commit_duration_seconds_count",
}
"""What counts up in the running relay: the name here, and the one in /metrics."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look. at_s: time.monotonic; numbers: of the running relay, None where it says none;
    is_served: whether one runs, None where that can't be known."""

    at_s: float
    now_s: int
    status: Status
    peers: Sequence[Peer]
    numbers: Numbers | None
    is_served: bool | None

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        if self.numbers is not None:
            return "the store, and the running relay"
        if self.is_served is None:
            return "the store alone; no relay answers at listen_metrics"
        if self.is_served:
            return "the store alone; the relay runs, but says nothing: set listen_metrics"
        return "the store alone; no relay is seen to run"


def watch(look: Callable[[], Reading], every_s: float, *, as_json: bool) -> None:
    """Show a reading every so many seconds, until Ctrl-C. On a terminal in one place; elsewhere one
    below the other, as JSON one line each. Raises what `look` does."""
    draws = sys.stdout.isatty() and not as_json
    before: Reading | None = None
    try:
        while True:
            began_s = time.monotonic()
            now = look()
            if as_json:
                print(json.dumps(to_json(now, before)), flush=True)
            else:
                _show(now, before, draws=draws)
            before = now
            time.sleep(max(0.0, every_s - (time.monotonic() - began_s)))
    except KeyboardInterrupt:
        return


def _show(now: Reading, before: Reading | None, *, draws: bool) -> None:
    if not draws:
        print("\n".join([*to_lines(now, before, PIPE_COLUMNS), ""]), flush=True)
        return
    columns, rows = shutil.get_terminal_size()
    lines = to_lines(now, before, columns)[: max(1, rows - 1)]
    # Home, each line up to its end, then all below: nothing flickers.
    print("\033[H" + "".join(f"{line}\033[K\n" for line in lines) + "\033[J", end="", flush=True)


def to_json(now: Reading, before: Reading | None) -> dict[str, object]:
    """A reading for a program. Rates are for a second; None while there is nothing to compare."""
    numbers = now.numbers
    return {
        "time": now.now_s,
        "source": now.source,
        "running": now.numbers is not None or now.is_served,
        **now.status.to_json(),
        "peers": peers_json(now.peers),
        "rates": rates(now, before),
        "process": None
        if numbers is None
        else {
            "sessions": {name: int(count) for name, count in numbers.all("sessions").items()},
            "effort": int(numbers.one("effort")),
            "gate_parcels": int(numbers.one("gate_parcels")),
            "gate_bytes": int(numbers.one("gate_bytes")),
            "outcomes": _counts(numbers, "parcels_total"),
            "refused": _counts(numbers, "refused_total"),
            "removed": _counts(numbers, "removed_total"),
            "errors": _counts(numbers, "errors_total"),
        },
    }


def rates(now: Reading, before: Reading | None) -> dict[str, float] | None:
    """What changed in a second since the reading before, by name; None if there is none."""
    if before is None:
        return None
    past_s = max(now.at_s - before.at_s, 1e-3)
    changes = {
        "parcels": now.status.parcels - before.status.parcels,
        "used_bytes": now.status.stats.used_bytes - before.status.stats.used_bytes,
    }
    if now.numbers is not None and before.numbers is not None:
        for name, sample in _RATES.items():
            more = sum(now.numbers.all(sample).values()) - sum(before.numbers.all(sample).values())
            # A relay that was started again counts from 0.
            changes[name] = max(0, int(more))
    return {name: round(change / past_s, 3) for name, change in changes.items()}


def to_lines(now: Reading, before: Reading | None, columns: int) -> list[str]:
    """A reading for a person, in lines that fit a terminal."""
    lines = []
    for name, words in _rows(now, rates(now, before)):
        lines += textwrap.wrap(
            words,
            max(columns - 1, _NAME_COLUMNS + 20),
            initial_indent=f"{name:<{_NAME_COLUMNS}}",
            subsequent_indent=" " * _NAME_COLUMNS,
        )
    return lines


def _rows(now: Reading, changed: dict[str, float] | None) -> Iterator[tuple[str, str]]:
    stats, status = now.status.stats, now.status
    yield "at", time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(now.now_s))
    yield "from", now.source
    yield (
        "stored",
        f"{stats.letters:,} letters, {stats.replies:,} replies, {stats.parts:,} attachments,"
        f" {stats.public:,} public documents",
    )
    yield "waiting", f"{stats.partial:,} half there ({in_words(stats.partial_bytes)})"
    yield "opened", f"{stats.opened:,}, purged {stats.purged:,}, tombstones {stats.tombstones:,}"
    yield (
        "disk",
        f"{in_words(stats.used_bytes)} of {in_words(status.capacity_bytes)} in use,"
        f" room for {in_words(status.free_bytes)}",
    )
    if changed is None:
        yield "change", "after the next look"
    else:
        yield (
            "change",
            f"{changed['parcels']:+,.1f} parcels, {_signed(changed['used_bytes'])} a second",
        )
    yield from _process_rows(now, changed or {})
    for peer in now.peers:
        yield "peer", peer_words(peer, now.now_s)
    if not now.peers:
        yield "peers", "none"


def _process_rows(now: Reading, changed: dict[str, float]) -> Iterator[tuple[str, str]]:
    numbers = now.numbers
    if numbers is None:
        yield "evicted", f"{now.status.stats.evicted:,} known of"
        return
    if "received_bytes" in changed:
        into, out = (in_words(int(changed[f"{way}_bytes"])) for way in ("received", "sent"))
        yield "traffic", f"{into} in, {out} out, {changed['commits']:,.1f} commits a second"
    running = {name: int(count) for name, count in numbers.all("sessions").items()}
    carriers = ", ".join(f"{name} {count:,}" for name, count in running.items() if count)
    yield "sessions", f"{sum(running.values()):,}" + (f": {carriers}" if carriers else "")
    refused = _counts(numbers, "refused_total")
    why = ", ".join(f"{name} {count:,}" for name, count in refused.items())
    yield "refused", why or "nothing since it started"
    removed = _counts(numbers, "removed_total")
    yield "removed", ", ".join(f"{name} {n:,}" for name, n in removed.items()) or "nothing yet"
    effort = int(numbers.one("effort"))
    yield "effort", f"{effort:,} tries a letter are asked for" if effort else "none is asked for"
    held_bytes = in_words(int(numbers.one("gate_bytes")))
    yield "gate", f"{int(numbers.one('gate_parcels')):,} wait to be let in, {held_bytes} in memory"
    errors = _counts(numbers, "errors_total")
    yield "errors", ", ".join(f"{name} {n:,}" for name, n in errors.items()) or "none"


def _counts(numbers: Numbers, name: str) -> dict[str, int]:
    """Those that are not 0."""
    return {label: int(count) for label, count in numbers.all(name).items() if count}


def _signed(size_bytes: float) -> str:
    return ("-" if size_bytes < 0 else "+") + in_words(int(abs(size_bytes)))
