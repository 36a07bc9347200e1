"""One pull: every relay of the card at once, then what is due by the day that they say.

A relay that is dead or lies costs the others nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from qanat_client.carriers.conversation import converse
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.desk.arrivals import Arrivals
from qanat_client.desk.bulletins import is_card_queued, queue_card
from qanat_client.desk.card_book import DEFAULT_WEEKS, renew_card, weeks_left
from qanat_client.desk.desk import Desk
from qanat_client.desk.epochs import DELETE_AFTER_DAYS, delete_due_secrets, due_secrets, live_epochs
from qanat_client.desk.exchange import Exchange
from qanat_client.desk.opening import Opened, Opener
from qanat_client.desk.outgoing import Outbox
from qanat_client.desk.relay_book import RelayBook
from qanat_client.desk.spool import Spool
from qanat_client.desk.tombstones import Tombstones
from qanat_client.desk.vault import disk_faults
from qanat_client.desk.workbench import RelayResult, Workbench
from qanat_client.errors import BadInput, ClientError, HomeBusy, HomeUnusable, Refused
from qanat_protocol.card import RelayEntry
from qanat_protocol.errors import ProtocolError

__all__ = [
    "PullResult",
    "choose_relays",
    "conclude",
    "pull",
    "pull_lock",
    "tidy",
    "visit",
    "workbench_of",
]

MAX_ROUNDS = 4
"""A second round asks one relay for what another left out; more only if that one fails too."""


@dataclass(slots=True)
class PullResult:
    """What one pull brought and did."""

    relays: dict[bytes, RelayResult]
    opened: Opened
    deleted_epochs: list[int] = field(default_factory=list)
    overdue_epochs: list[int] = field(default_factory=list)
    renewed_card: int | None = None

    @property
    def reached(self) -> list[RelayResult]:
        """The relays with which a session went to its end."""
        return [result for result in self.relays.values() if not result.failed]


@contextlib.contextmanager
def pull_lock(home: Path) -> Iterator[None]:
    """One pull at a time in a home; other commands may run beside it. Raises HomeBusy."""
    path = home / "pull.lock"
    with disk_faults(str(path)):
        target = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(target, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HomeBusy(f"another qanat-desk is pulling in {home}; wait for it") from error
        yield
    finally:
        os.close(target)


def choose_relays(desk: Desk, addresses: Sequence[str]) -> list[RelayEntry]:
    """The relays of the card, or those of them with one of these addresses. Raises BadInput."""
    relays = list(desk.card.relays)
    unknown = [a for a in addresses if not any(a.rstrip("/") in r.addresses for r in relays)]
    if unknown:
        raise BadInput(
            f"{unknown[0]} is not on the desk's card, so its keys are not known;"
            f" add it: qanat-desk card --renew --relay {unknown[0]}"
        )
    if addresses:
        wanted = {address.rstrip("/") for address in addresses}
        relays = [relay for relay in relays if wanted.intersection(relay.addresses)]
    if not relays:
        raise BadInput("the card names no relay; add one: qanat-desk card --renew --relay URL")
    return relays


async def visit(
    bench: Workbench,
    entry: RelayEntry,
    result: RelayResult,
    settings: CarrierSettings,
    make: Callable[[], Exchange],
) -> None:
    """One session with one relay; what came of it is in its result. Raises what the disk does."""
    try:
        await converse(
            entry,
            lambda conversation: make().talk(conversation),
            settings=settings,
            roads=bench.roads,
        )
    except HomeUnusable:
        # Our own disk: no relay can help, and nothing more may be taken.
        raise
    except (ClientError, ProtocolError) as error:
        result.failed = True
        result.refused = isinstance(error, Refused)
        result.complaint = str(error)


async def pull(
    desk: Desk,
    entries: Sequence[RelayEntry],
    settings: CarrierSettings,
    advance: Callable[[int], None],
    *,
    bench: Workbench | None = None,
) -> PullResult:
    """Ask the relays, open what came, tell what was opened, delete what is due. `bench`: what the
    sessions share; made here by default.

    Raises HomeUnusable and its kinds when the desk's own disk fails, BadInput for a desk that has
    no secret left; all else is in the result.
    """
    bench = bench or workbench_of(desk, advance)
    try:
        return await _rounds(bench, entries, settings)
    finally:
        bench.opener.close()


async def _rounds(
    bench: Workbench, entries: Sequence[RelayEntry], settings: CarrierSettings
) -> PullResult:
    result = PullResult({entry.signing_key: RelayResult() for entry in entries}, Opened())
    pending = list(entries)
    for _ in range(MAX_ROUNDS):
        await _visit_all(bench, pending, result, settings)
        renewed = await conclude(bench, result)
        pending = [
            entry
            for entry in entries
            if not (visited := result.relays[entry.signing_key]).failed
            and not visited.refused
            and (renewed or _has_more(bench, entry.signing_key))
        ]
        if not pending:
            break
    result.opened = bench.opener.done
    tidy(bench, result)
    return result


def workbench_of(desk: Desk, advance: Callable[[int], None]) -> Workbench:
    """What the sessions of a pull share. Raises BadInput for a desk that has no secret left."""
    if not live_epochs(desk.vault):
        raise BadInput(
            "the secrets of all weeks on the card are deleted, so nothing can be opened: make a new"
            " card with qanat-desk card --renew, or card --certify --root-key FILE if the signing"
            " key has run out too"
        )
    spool = Spool(desk.home)
    tombstones = Tombstones(desk.vault, desk.signing)
    book = RelayBook(desk.vault)
    opener = Opener(
        desk.vault,
        spool,
        tombstones,
        desk_id=desk.card.desk_id,
        clock=desk.clock,
        counted_from=book.latest_day,
    )
    return Workbench(
        desk=desk,
        arrivals=Arrivals(desk.vault, spool, desk.clock),
        opener=opener,
        tombstones=tombstones,
        outbox=Outbox(desk.vault),
        book=book,
        spool=spool,
        advance=advance,
    )


async def conclude(bench: Workbench, result: PullResult) -> bool:
    """Open what came, and see whether the card is due: whether there is one to be published."""
    await bench.opener.open_all()
    return _renew(bench.desk, bench.book, result)


async def _visit_all(
    bench: Workbench,
    entries: Sequence[RelayEntry],
    result: PullResult,
    settings: CarrierSettings,
) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for entry in entries:
                relay = result.relays[entry.signing_key]
                make = partial(Exchange, bench, entry, relay)
                group.create_task(visit(bench, entry, relay, settings, make))
    except BaseExceptionGroup as problems:
        # One disk, so all sessions failed for one reason.
        raise problems.exceptions[0] from None


def _has_more(bench: Workbench, relay: bytes) -> bool:
    day = bench.book.plausible_day(bench.desk.today)
    left = bench.arrivals.skipped(relay) or bench.arrivals.lacks_of(relay)
    return bool(left or bench.tombstones.untold(relay, day))


def _renew(desk: Desk, book: RelayBook, result: PullResult) -> bool:
    """Make the next card when the newest reaches less than half a year ahead.

    Only on a day that the relays agree with: a card of a wrong year would mislead every reporter.
    """
    today = desk.today
    if today < desk.card.issued_day:
        return False
    if not desk.card.statement.certifies(desk.signing.public, today):
        return False
    made = book.agree(today) and weeks_left(desk.card, today) < DEFAULT_WEEKS
    if made:
        renew_card(desk)
        result.renewed_card = desk.card.serial
    # Also one that was made before a kill or a full disk came between.
    if made or not is_card_queued(desk):
        queue_card(desk)
        return True
    return False


def tidy(bench: Workbench, result: PullResult) -> None:
    """Delete what is due by the day that the relays say."""
    desk = bench.desk
    day = bench.book.plausible_day(desk.today)
    if day is None:
        result.overdue_epochs = due_secrets(desk.vault, desk.today)
        return
    result.deleted_epochs = delete_due_secrets(desk.vault, day)
    result.overdue_epochs = due_secrets(desk.vault, desk.today)
    bench.outbox.drop_expired(day)
    # What never opened, or lacks blocks, can't get better once its week is gone.
    gone = desk.vault.rows(
        "SELECT id FROM parcels WHERE state != 'opened' AND expiry_day + ? <= ?",
        DELETE_AFTER_DAYS,
        day,
    )
    if gone:
        with desk.vault.transaction():
            desk.vault.run_with("DELETE FROM parcels WHERE id IN (SELECT c0 FROM GIVEN)", gone)
        bench.spool.remove(*(parcel_id for (parcel_id,) in gone))
