"""The commands that care for a relay's store: check, heal, back up, restore, compact. Each reads
arguments, calls, prints; how it is done is told elsewhere."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from qanat_protocol.statement import fingerprint
from qanat_relay.backup import (
    BUSY_TIMEOUT_S,
    KEY_FILES,
    Written,
    check_target,
    room_for_backup,
    write_backup,
)
from qanat_relay.belongings import check_identity, check_there
from qanat_relay.card import FILE_NAME as CARD_NAME
from qanat_relay.config import FILE_NAME as CONFIG_NAME
from qanat_relay.desks import FOLDER, Desks
from qanat_relay.errors import DataError
from qanat_relay.keys import ensure_keys, has_keys, load_keys
from qanat_relay.peering.peers import FOLDER as PEERS_FOLDER
from qanat_relay.peering.peers import Peers
from qanat_relay.restoring import restore
from qanat_relay.sizes import in_words
from qanat_relay.store import copies
from qanat_relay.store.errors import StoreError, StoreFull, StoreTooNew, StoreTooOld
from qanat_relay.store.failures import naming
from qanat_relay.store.files import DATABASE, STORE_FOLDER, ProcessLock, connect
from qanat_relay.store.healing import Healed
from qanat_relay.store.interface import Problem
from qanat_relay.store.rebuilding import heal
from qanat_relay.viewing import view_store

DONE, FAILED = 0, 1
_STEP_BYTES = 64 * 16_384
"""What a step of reading is: some 64 rows, most of which are blocks of 16 KiB."""


class Progress:
    """A line on a terminal that tells how far something long is; silent elsewhere."""

    def __init__(self, what: str, size_bytes: int) -> None:
        self._what = what
        self._expected = max(1, size_bytes)
        self._done = 0
        self._shown = sys.stderr.isatty()
        self._percent = -1

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def step(self, size_bytes: int = _STEP_BYTES) -> None:
        """So much more is done."""
        self.at(self._done + size_bytes)

    def at(self, size_bytes: int) -> None:
        """So much is done."""
        self._done = size_bytes
        percent = min(99, 100 * size_bytes // self._expected)
        if self._shown and percent != self._percent:
            self._percent = percent
            print(f"\r{self._what}: about {percent} %", end="", file=sys.stderr, flush=True)


class _Problems:
    """Prints what was found, and counts it."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.count = 0

    def tell(self, problems: list[Problem]) -> None:
        for problem in problems:
            self.count += 1
            parcel = problem.parcel_id.hex() if problem.parcel_id else None
            if self._as_json:
                line = json.dumps({"problem": problem.what, "parcel": parcel})
            else:
                line = f"parcel {parcel}: {problem.what}" if parcel else problem.what
            print(line, flush=True)


def check(arguments: argparse.Namespace) -> int:
    """`qanat-relay check`."""
    data: Path = arguments.data
    check_there(data, writes=arguments.heal)
    check_identity(data)
    load_keys(data)
    desks = len(Desks(data / FOLDER).list_cards())
    peers = len(Peers(data / PEERS_FOLDER).list_peers())
    if arguments.heal:
        return _heal(data, peers, as_json=arguments.json)
    problems = _read_all(data, as_json=arguments.json, strict=True)
    if arguments.json:
        print(json.dumps({"problems": problems}))
    else:
        words = "nothing is wrong" if not problems else f"{problems:,} wrong"
        cards = "1 desk card" if desks == 1 else f"{desks:,} desk cards"
        print(f"the keys, {cards} and the store are read: {words}")
        if problems:
            print("Look at the disk. Then stop the relay and run", file=sys.stderr)
            print(f"qanat-relay check --heal --data {data}", file=sys.stderr)
    return FAILED if problems else DONE


def _read_all(data: Path, *, as_json: bool, strict: bool = False) -> int:
    """How many problems reading everything shows. strict: raise StoreTooOld and StoreTooNew for
    what is no damage."""
    problems = _Problems(as_json=as_json)
    try:
        with (
            view_store(data / STORE_FOLDER, is_there=strict) as view,
            Progress("reading the store", view.file_bytes) as progress,
        ):
            if strict:
                view.check_version()
            for found in view.read_problems():
                progress.step()
                problems.tell(found)
    except (StoreTooOld, StoreTooNew):
        raise
    except StoreError as error:
        problems.tell([Problem(f"the store cannot be read: {error}")])
    return problems.count


def _heal(data: Path, peers: int, *, as_json: bool) -> int:
    folder = data / STORE_FOLDER
    if not (folder / DATABASE).is_file() and not (folder / (DATABASE + copies.REBUILT)).is_file():
        raise DataError(f"{folder / DATABASE} is not there: `qanat-relay serve` makes it")
    lock = ProcessLock(folder)
    try:
        copies.put_in_place(folder / DATABASE)
        problems = _read_all(data, as_json=as_json)
        healed = Healed()
        kept = folder / (DATABASE + copies.DAMAGED)
        if problems and kept.exists():
            raise DataError(
                f"{kept} is there from an earlier healing: move it away, or remove it"
                " with `qanat-relay compact --copies`"
            )
        if problems:
            size_bytes = (folder / DATABASE).stat().st_size
            with Progress("healing the store", size_bytes) as progress:
                healed = heal(folder, lambda rows: progress.at(rows * _STEP_BYTES // 64))
        left = _read_all(data, as_json=as_json) if problems else 0
    finally:
        lock.release()
    if as_json:
        numbers = {"parcels": healed.parcels, "halves": healed.halves}
        numbers |= {"tombstones": healed.tombstones}
        numbers |= {"rebuilt": healed.rebuilt, "anew": healed.anew}
        print(json.dumps({"problems": problems, "lost": numbers, "left": left}))
    elif not problems:
        print("nothing is wrong")
    else:
        print("\n".join(_words_of(healed, folder, peers)))
    return FAILED if left else DONE


def _words_of(healed: Healed, folder: Path, peers: int) -> list[str]:
    lines = []
    if healed.anew:
        lines.append("Nothing of the database could be read. The store begins anew, empty.")
    elif healed.rebuilt:
        lines.append("The database was damaged. What could be read of it is in a new one.")
    if healed.rebuilt:
        kept = folder / (DATABASE + copies.DAMAGED)
        lines.append(f"What was there is kept as {kept}: remove it when all is well.")
    parts = [
        f"{count:,} {one if count == 1 else many}"
        for count, one, many in (
            (healed.parcels, "parcel", "parcels"),
            (healed.halves, "parcel that was half there", "parcels that were half there"),
            (healed.tombstones, "tombstone", "tombstones"),
        )
        if count
    ]
    if parts:
        lines.append(f"Lost here: {', '.join(parts)}.")
    elif not healed.anew:
        lines.append("No parcel was lost.")
    if parts or healed.anew:
        lines += (
            [
                "Start the relay: its peers are asked for all that they have, and desks tell again",
                "what they opened. What no other relay holds is lost here; its reporter's copy is",
                "offered again when the desk has not opened it for a week.",
            ]
            if peers
            else [
                "This relay has no peers that could give it again. Restore a backup, or add a",
                "peer; what only it held comes back when its reporter sends it again.",
            ]
        )
    return lines


def back_up(arguments: argparse.Namespace) -> int:
    """`qanat-relay backup`."""
    data: Path = arguments.data
    target: Path = arguments.file
    check_there(data)
    check_target(target, data, force=arguments.force)
    config: Path = arguments.config or data / CONFIG_NAME
    if arguments.with_keys:
        load_keys(data)
    problems = _Problems(as_json=arguments.json)
    written: Written | None = None
    size_bytes = room_for_backup(data, target)
    # Written, then read once.
    with Progress("backing up", 2 * size_bytes) as progress:
        for found in write_backup(
            data, config, target, keys=arguments.with_keys, progress=progress.at
        ):
            if isinstance(found, Written):
                written = found
            else:
                problems.tell(found)
                progress.step()
    assert written is not None, "it raises where none was written"
    if arguments.json:
        shown = {"file": str(target), "size_bytes": written.size_bytes, "key": written.key}
        print(json.dumps({**shown, "keys": arguments.with_keys}))
        return DONE
    print(f"{target}: {in_words(written.size_bytes)}, written and read again")
    if arguments.with_keys:
        print("It holds the relay's keys: whoever has it can be this relay, and open recorded")
        print("sessions as far as the relay could. Keep it as you keep the keys.")
    else:
        names = " and ".join(str(data / name) for name in KEY_FILES)
        print(f"It does not hold the relay's keys. Keep copies of {names} elsewhere, once:")
        print("without them a restored relay is another one.")
    return DONE


def bring_back(arguments: argparse.Namespace) -> int:
    """`qanat-relay restore`."""
    data: Path = arguments.data
    problems = _Problems(as_json=arguments.json)
    source: Path = arguments.file
    size_bytes = source.stat().st_size if source.is_file() else 0
    with Progress("restoring", size_bytes) as progress:
        for found in restore(source, data, keys=arguments.keys, new_keys=arguments.new_keys):
            problems.tell(found)
            progress.step()
    key = fingerprint(load_keys(data).signing.public)
    if arguments.json:
        print(json.dumps({"data": str(data), "problems": problems.count, "key": key}))
        return FAILED if problems.count else DONE
    print(f"The relay is in {data}, key {key}.")
    if problems.count:
        print(f"{problems.count:,} wrong in its store: run qanat-relay check --heal --data {data}")
        return FAILED
    print("What came, was purged or was opened since the backup comes again from its peers and")
    print("desks: they compare all with it. See that the old one is never started again.")
    print(f"Start it with: qanat-relay serve --data {data}")
    return DONE


def compact(arguments: argparse.Namespace) -> int:
    """`qanat-relay compact`."""
    data: Path = arguments.data
    check_there(data, writes=True)
    folder = data / STORE_FOLDER
    path = folder / DATABASE
    if not path.is_file():
        raise DataError(f"{path} is not there: `qanat-relay serve` makes it")
    lock = ProcessLock(folder)
    try:
        removed = _remove_copies(folder) if arguments.copies else 0
        before = path.stat().st_size
        with naming(), closing(connect(path, busy_timeout_s=BUSY_TIMEOUT_S)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            before = path.stat().st_size
            used, free = copies.used_bytes(connection), copies.free_bytes(folder)
            told = print if not arguments.json else _say_nothing
            told(f"{path}: {in_words(before)}, of which {in_words(before - used)} are unused.")
            if before > used:
                told(f"This takes {in_words(used)} beside it; {in_words(free)} are free.")
                if used + copies.SPARE_BYTES > free:
                    raise StoreFull(
                        f"the disk has {in_words(free)} free; {in_words(used)} are needed, and"
                        f" {in_words(copies.SPARE_BYTES)} to spare"
                    )
                with Progress("compacting", used) as progress:
                    copies.compact(path, connection, progress.at)
        after = path.stat().st_size
    finally:
        lock.release()
    if arguments.json:
        print(json.dumps({"before": before, "after": after, "copies": removed}))
    else:
        print(f"{in_words(before - after + removed)} given back to the disk.")
    return DONE


def take_new_keys(arguments: argparse.Namespace) -> int:
    """`qanat-relay new-keys`."""
    data: Path = arguments.data
    check_there(data, writes=True)
    if has_keys(data):
        raise DataError(
            f"{data} has its keys, or one of them: a relay never changes them. To be another one,"
            " make a backup and restore it into another folder with --new-keys"
        )
    folder = data / STORE_FOLDER
    if (folder / DATABASE).is_file():
        lock = ProcessLock(folder)
        try:
            with naming(), closing(connect(folder / DATABASE, busy_timeout_s=1.0)) as connection:
                # Who knows the relay that was here knows nothing of this one.
                connection.execute("UPDATE store SET incarnation = ?", (secrets.token_bytes(16),))
        finally:
            lock.release()
    (data / CARD_NAME).unlink(missing_ok=True)
    key = fingerprint(ensure_keys(data).signing.public)
    if arguments.json:
        print(json.dumps({"data": str(data), "key": key}))
        return DONE
    print(f"It is another relay now, key {key}. It holds what is here. Desks and peers have to")
    print("take its card, as they would a stranger's. Keep a copy of its two key files apart.")
    print(f"Start it with: qanat-relay serve --data {data}")
    return DONE


def _remove_copies(folder: Path) -> int:
    """Remove what upgrades and healing have kept; how many bytes that were."""
    size_bytes = 0
    for pattern in (f"{DATABASE}.before-*", f"{DATABASE}{copies.DAMAGED}*"):
        for path in folder.glob(pattern):
            size_bytes += path.stat().st_size
            path.unlink()
    return size_bytes


def _say_nothing(_: str) -> None:
    """For whoever reads JSON."""


RUNS: dict[str, Callable[[argparse.Namespace], int]] = {
    "check": check,
    "backup": back_up,
    "restore": bring_back,
    "compact": compact,
    "new-keys": take_new_keys,
}
