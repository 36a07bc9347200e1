"""The process that pulls for `qanat-desk serve`: `python -m qanat_client.desk.serve.pull_child`.

Standard input brings one line of JSON (`PullWish`), then a line for each time that all relays are
to be asked at once; its end is this process's end. Standard output says the state, a line of JSON
for each change. Neither arguments nor environment hold a secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from qanat_client.desk.desk import Desk
from qanat_client.desk.pull import PullResult, pull_lock
from qanat_client.desk.pulling import refusals_of
from qanat_client.desk.serve.pull_wish import ASK, PullWish, parse_pull_wish
from qanat_client.desk.watch_days import Hearing, watch_days
from qanat_client.desk.watching import Watch
from qanat_client.desk.words import counted
from qanat_client.errors import HomeBusy
from qanat_client.own_process import guard_process
from qanat_client.stopping import until_stopped
from qanat_client.terminal import printable_line
from qanat_protocol.card import RelayEntry
from qanat_protocol.errors import QanatError

__all__ = ["main"]

TELL_S: Final = 0.5
"""How often the state is looked at."""

BUSY_S: Final = 3.0
"""How often it is tried whether another qanat-desk still pulls."""

MAX_NOTES: Final = 20
MAX_LINE_BYTES: Final = 1_048_576


@dataclass(slots=True)
class Teller:
    """What is said of the pull: the state as `PullState` in the answers of the server."""

    desk: Desk
    watch: Watch | None = None
    entries: Sequence[RelayEntry] = ()
    reports: int = 0
    parts: int = 0
    heard_s: dict[bytes, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)

    def begins(self, watch: Watch, entries: Sequence[RelayEntry], _: str) -> None:
        """A watch begins."""
        self.watch, self.entries = watch, entries

    def tell(self, result: PullResult) -> None:
        """Something came, or was done."""
        self.reports += result.opened.reports
        self.parts += result.opened.parts
        if result.opened.damaged:
            self.note(
                f"damaged on this disk: {counted(result.opened.damaged, 'parcel')}; the relays are"
                " asked again. Look after the disk"
            )
        if result.renewed_card:
            self.note(f"card {result.renewed_card} was made and published")
        if result.deleted_epochs:
            weeks = counted(len(result.deleted_epochs), "week")
            self.note(f"the secrets of {weeks} were deleted for good")
        if result.overdue_epochs:
            self.note(
                "by this machine's clock the secrets of"
                f" {counted(len(result.overdue_epochs), 'week')} are due;"
                " they are deleted when a relay confirms the day"
            )
        for relay in result.relays.values():
            for alarm in relay.alarms:
                self.note(f"ALARM: a parcel was {alarm}")
        for refused in refusals_of(self.desk):
            self.note(f"{refused['relay']} refused a {refused['what']}: {refused['verdict']}")
        self.say()

    def note(self, words: str) -> None:
        """Keep a sentence for the person, the newest last; each once."""
        others = [note for note in self.notes if note != words]
        self.notes = [*others[1 - MAX_NOTES :], words]

    def say(self) -> None:
        """Say how it stands, where that is news."""
        relays = [self._relay(entry) for entry in self.entries]
        reached = sum(relay["reached"] for relay in relays)
        words = f"{reached} of {counted(len(relays), 'relay')} reached"
        self._put(
            {
                "state": "watching" if relays else "starting",
                "words": words if relays else "",
                "relays": relays,
                "came": {"reports": self.reports, "parts": self.parts},
                "notes": self.notes,
                "last_s": max(self.heard_s.values(), default=None),
            }
        )

    def say_state(self, state: str, words: str) -> None:
        """Say one word on it, with nothing else."""
        self._put({"state": state, "words": words})

    def _put(self, state: dict[str, Any]) -> None:
        if state != self.said:
            self.said = state
            put(state)

    def _relay(self, entry: RelayEntry) -> dict[str, Any]:
        assert self.watch is not None, "relays are known with their watch alone"
        key = entry.signing_key
        result = self.watch.relays[key]
        is_there = key in self.watch.settled
        # What it says changes with the minute: the screen shows no seconds.
        if is_there and self.desk.clock() - self.heard_s.get(key, 0) >= 60:
            self.heard_s[key] = int(self.desk.clock())
        words = printable_line(result.complaint) or ("" if is_there else "being asked")
        return {
            "name": self.desk.relay_name(key),
            "reached": is_there,
            "words": "" if is_there else words,
            "last_s": self.heard_s.get(key),
        }


def put(state: dict[str, Any]) -> None:
    """One line for the server."""
    print(json.dumps(state), flush=True)


async def _orders() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _obey(orders: asyncio.StreamReader, teller: Teller) -> None:
    """Until the server is gone."""
    while line := await orders.readline():
        if line.strip() == ASK and teller.watch is not None:
            teller.watch.network_changed(came=True)


async def _pull(wish: PullWish, teller: Teller) -> None:
    while True:
        try:
            with pull_lock(teller.desk.home):
                teller.say()
                await watch_days(
                    teller.desk,
                    wish.carriers,
                    wish.relays,
                    every_s=wish.every_s,
                    hearing=Hearing(teller.begins, lambda _: None, teller.tell, lambda _: None),
                )
        except HomeBusy:
            teller.say_state("elsewhere", "another qanat-desk fetches for this folder")
            await asyncio.sleep(BUSY_S)


async def _say_often(teller: Teller) -> None:
    while True:
        await asyncio.sleep(TELL_S)
        if teller.watch is not None:
            teller.say()


async def _run() -> None:
    orders = await _orders()
    wish = parse_pull_wish(await orders.readline())
    with wish.desk(time.time) as desk:
        teller = Teller(desk)
        work = [
            asyncio.create_task(_obey(orders, teller)),
            asyncio.create_task(_pull(wish, teller)),
            asyncio.create_task(_say_often(teller)),
        ]
        try:
            # The first that ends, ends all: the server is gone, or the disk refused.
            ended, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in work:
                task.cancel()
            await asyncio.wait(work)


def _tell_defect(
    kind: type[BaseException], error: BaseException, places: TracebackType | None
) -> None:
    """Where the program failed, and no value of it."""
    last = traceback.extract_tb(places)[-1:]
    where = "".join(f" at {Path(place.filename).name}:{place.lineno}" for place in last)
    put({"state": "failed", "words": f"the program failed: {kind.__name__}{where}"})


def main() -> int:
    """Pull until standard input ends; returns the exit code."""
    os.umask(0o077)
    guard_process()
    sys.excepthook = _tell_defect
    try:
        with contextlib.suppress(BrokenPipeError):
            asyncio.run(until_stopped(_run()))
    except QanatError as error:
        put({"state": "failed", "words": printable_line(str(error)) or type(error).__name__})
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
