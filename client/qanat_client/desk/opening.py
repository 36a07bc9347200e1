"""Opening what has arrived: letters with the week's secret, parts with the key in their letter.

What does not open or verify is set aside with its verdict, and kept. What this disk damaged is no
fault of its writer and is asked for again. Parts are decrypted as a stream and nothing is written.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from qanat_client.desk.epochs import epoch_of_tag
from qanat_client.desk.faults import BodyDamaged
from qanat_client.desk.spool import Spool
from qanat_client.desk.tombstones import Tombstone, Tombstones
from qanat_client.desk.unsealing import FoundReport, Letter, Outcome, Spoiled, Unsealed, unseal
from qanat_client.desk.unsealing_process import UnsealingProcess
from qanat_client.desk.vault import Row, Vault
from qanat_protocol.days import day_of, iso
from qanat_protocol.errors import BadLock, CannotOpen, RemoteError, WrongRecipient
from qanat_protocol.parcel import Header, Kind, parse_header
from qanat_protocol.part import PartOpener
from qanat_protocol.signing import SigningKey
from qanat_protocol.verdicts import Verdict

__all__ = ["Opened", "Opener"]

LETTERS_IN_A_COMMIT = 512
"""A commit costs more than keeping many letters; this many take a tenth of a second."""

LETTERS_AT_ONCE = 32
"""So many take some hundredths of a second to unseal."""

LETTERS_HERE = 256
"""So many are unsealed here meanwhile."""

AHEAD = 2
"""So many commits' letters wait for the process beside, or are with it."""

WORTH_A_PROCESS = 256
"""From so many letters on a process beside is faster, even if it has to be started."""

WORTH_ASKING = 16
"""So many letters at once are unsealed there when it runs."""


@dataclass(slots=True)
class Opened:
    """What was opened so far."""

    reports: int = 0
    duplicates: int = 0
    notes: int = 0
    parts: int = 0
    set_aside: int = 0
    damaged: int = 0


Unsealer = Callable[[bytes, SigningKey, Sequence[Letter]], list[Outcome]]


class _Sealed(NamedTuple):
    """A letter that came, and the seed that opens it, or why there is none. `number` rises with
    each parcel that comes."""

    number: int
    parcel_id: bytes
    header: bytes
    seed: bytes | Spoiled


@dataclass(slots=True)
class _Read:
    """What came of some letters; those whose body this disk damaged are asked for again."""

    unsealed: list[Unsealed] = field(default_factory=list)
    spoiled: list[tuple[bytes, Spoiled]] = field(default_factory=list)
    damaged: list[bytes] = field(default_factory=list)


class Opener:
    """Turns whole parcels into reports and verified attachments."""

    def __init__(
        self,
        vault: Vault,
        spool: Spool,
        tombstones: Tombstones,
        *,
        desk_id: bytes,
        clock: Callable[[], float],
        counted_from: Callable[[int], int] = int,
    ) -> None:
        """`counted_from` gives the day from which the days until a purge count, by today's."""
        self._vault = vault
        self._spool = spool
        self._tombstones = tombstones
        self._desk_id = desk_id
        self._clock = clock
        self._counted_from = counted_from
        self._busy = asyncio.Lock()
        self._process = UnsealingProcess()
        self._letters = 0
        self.done = Opened()

    def close(self) -> None:
        """End the process beside, if there is one."""
        self._process.close()

    async def open_all(self) -> None:
        """Open every whole parcel that can be opened now: letters first, then their parts."""
        async for _ in self.opening():
            pass

    async def opening(
        self, is_all_here: Callable[[], bool] = lambda: True
    ) -> AsyncGenerator[None, None]:
        """As `open_all`, and one step for each commit of letters, which may be told of behind it.
        What comes meanwhile is opened too: while it does, this process has its hands full."""
        async with self._busy, contextlib.aclosing(self._opening_letters(is_all_here)) as letters:
            async for _ in letters:
                yield
            # Set aside ones too: a letter that came later may name the part rightly.
            # CROSS JOIN keeps the order: few claims are open, and parcels are many.
            for claim in self._vault.rows(
                "SELECT p.report_id, p.file, p.rendition, p.parcel_id, p.length, p.sha256,"
                " p.content_key, q.header FROM parts p CROSS JOIN parcels q ON q.id = p.parcel_id"
                " WHERE p.state = 'missing' AND q.kind = ?"
                " AND q.state IN ('whole', 'set-aside', 'opened')",
                int(Kind.PART),
            ):
                await self._open_part(claim, self.done)

    async def _opening_letters(self, is_all_here: Callable[[], bool]) -> AsyncGenerator[None, None]:
        last = -1
        reading: deque[asyncio.Task[_Read]] = deque()
        try:
            while (sealed := self._next_letters(last)) or reading:
                if self._is_worth_asking(len(sealed)) and len(reading) < AHEAD:
                    last = sealed[-1].number
                    beside = asyncio.to_thread(self._read_letters, sealed, self._process.unseal)
                    reading.append(asyncio.create_task(beside))
                elif sealed and not reading:
                    last = sealed[-1].number
                    await self._settle(await self._read_here(sealed))
                    yield
                elif sealed and is_all_here() and not reading[0].done():
                    # The process beside has enough to do: this one takes its share.
                    sealed = sealed[:LETTERS_HERE]
                    last = sealed[-1].number
                    await self._settle(await self._read_here(sealed))
                    yield
                else:
                    await self._settle(await reading.popleft())
                    yield
        finally:
            for read in reading:
                read.cancel()

    def _next_letters(self, last: int) -> list[_Sealed]:
        """Some of those that came, in their order, behind the last that was taken."""
        rows = self._vault.rows(
            "SELECT rowid, id, header, kind, substr(header, 17, 16) FROM parcels"
            " WHERE state = 'whole' AND kind != ? AND rowid > ? ORDER BY rowid LIMIT ?",
            int(Kind.PART),
            last,
            LETTERS_IN_A_COMMIT,
        )
        return self._with_seeds(rows)

    def _is_worth_asking(self, letters: int) -> bool:
        self._letters += letters
        return self._letters >= WORTH_A_PROCESS and letters >= WORTH_ASKING

    async def _read_here(self, sealed: Sequence[_Sealed]) -> _Read:
        read = _Read()
        for at in range(0, len(sealed), LETTERS_AT_ONCE):
            some = self._read_letters(sealed[at : at + LETTERS_AT_ONCE], unseal)
            read.unsealed += some.unsealed
            read.spoiled += some.spoiled
            read.damaged += some.damaged
            # The sessions go on between them.
            await asyncio.sleep(0)
        return read

    def _with_seeds(self, rows: Sequence[Row]) -> list[_Sealed]:
        seeds: dict[bytes, bytes | Spoiled] = {}
        found = []
        for number, parcel_id, header, kind, tag in rows:
            if tag not in seeds:
                seeds[tag] = self._seed_of(tag)
            seed = seeds[tag]
            if kind != Kind.LETTER:
                seed = _spoiled(WrongRecipient("only letters and parts go to a desk"))
            found.append(_Sealed(number, parcel_id, header, seed))
        return found

    def _read_letters(self, sealed: Sequence[_Sealed], how: Unsealer) -> _Read:
        """What came of some letters, without the vault: any thread may do it."""
        read = _Read()
        letters: list[Letter] = []
        bodies = self._spool.read_small([one.parcel_id for one in sealed])
        for _, parcel_id, header, seed in sealed:
            if isinstance(seed, Spoiled):
                self._keep_spoiled(parse_header(header), seed, read)
                continue
            try:
                body = bodies.get(parcel_id) or self._spool.read(parcel_id)
            except BodyDamaged:
                read.damaged.append(parcel_id)
            else:
                letters.append(Letter(header, body, seed))
        outcomes = how(self._desk_id, self._tombstones.key, letters)
        for letter, outcome in zip(letters, outcomes, strict=True):
            if isinstance(outcome, Unsealed):
                read.unsealed.append(outcome)
            else:
                self._keep_spoiled(parse_header(letter.header), outcome, read)
        return read

    def _seed_of(self, tag: bytes) -> bytes | Spoiled:
        epoch = epoch_of_tag(self._vault, self._desk_id, tag)
        if epoch is None:
            return _spoiled(WrongRecipient("the tag is none of this desk's weeks"))
        seed, deleted_day = self._vault.rows(
            "SELECT seed, deleted_day FROM epochs WHERE epoch = ?", epoch
        )[0]
        if seed is None:
            reason = f"the secret of its week was deleted on {iso(deleted_day)}"
            return _spoiled(CannotOpen(reason))
        return bytes(seed)

    async def _settle(self, read: _Read) -> None:
        """Keep what came of some letters, in one commit."""
        done = replace(self.done)
        tombstones = self._tombstones_of(read.unsealed)
        found = [(one, one.report) for one in read.unsealed if one.report is not None]
        with self._vault.transaction():
            self._vault.run_with(
                "UPDATE parcels SET state = 'set-aside', verdict = c1, detail = c2"
                " FROM GIVEN WHERE id = c0",
                [(parcel_id, int(why.verdict), why.detail) for parcel_id, why in read.spoiled],
            )
            new = self._keep_reports(found)
            self._mark_opened([(one.parcel_id, one.content_key) for one in read.unsealed])
            published = self._tombstones.keep(tombstones)
        self._tombstones.announce(published)
        done.set_aside += len(read.spoiled)
        done.notes += len(read.unsealed) - len(found)
        done.reports += new
        done.duplicates += len(found) - new
        self.done = done
        for parcel_id in read.damaged:
            self._ask_again(parcel_id)

    def _ask_again(self, parcel_id: bytes) -> None:
        """Forget a body that this disk lost; every relay is asked for it by name, since the one
        that brought its first block may never have had the whole."""
        with self._vault.transaction():
            self._vault.run(
                "INSERT OR IGNORE INTO skipped SELECT relay, offer FROM parcels WHERE id = ?1"
                " UNION SELECT cursors.relay, offer FROM cursors, parcels WHERE id = ?1",
                parcel_id,
            )
            self._vault.run("DELETE FROM parcels WHERE id = ?", parcel_id)
        self._spool.remove(parcel_id)
        self.done.damaged += 1

    def _tombstones_of(self, unsealed: Sequence[Unsealed]) -> list[Tombstone]:
        return [Tombstone(one.opened, one.purge, self._opened_day) for one in unsealed]

    @property
    def _opened_day(self) -> int:
        return self._counted_from(day_of(self._clock()))

    def _mark_opened(self, keys: Sequence[tuple[bytes, bytes]]) -> None:
        """By parcel id and content key; the caller holds the transaction."""
        self._vault.run_with(
            "UPDATE parcels SET state = 'opened', verdict = NULL, detail = '', content_key = c1"
            " FROM GIVEN WHERE id = c0",
            keys,
        )

    def _keep_reports(self, found: Sequence[tuple[Unsealed, FoundReport]]) -> int:
        """Store reports, each once; how many the desk did not have from another parcel."""
        known = self._vault.rows_with(
            "SELECT r.id FROM GIVEN g CROSS JOIN reports r ON r.id = g.c0",
            [(report.identity,) for _, report in found],
        )
        here = {identity for (identity,) in known}
        new: dict[bytes, tuple[Unsealed, FoundReport]] = {}
        for letter, report in found:
            if report.identity not in here:
                new.setdefault(report.identity, (letter, report))
        now_s = int(self._clock())
        self._vault.run_with(
            "INSERT INTO reports (id, parcel_id, author, content, signature, urgent, arrived_s,"
            " refers, withdraws) SELECT * FROM GIVEN",
            [
                (
                    report.identity,
                    letter.parcel_id,
                    report.author,
                    report.content,
                    report.signature,
                    int(letter.urgent),
                    now_s,
                    report.refers,
                    int(report.withdraws),
                )
                for letter, report in new.values()
            ],
        )
        self._vault.run_with(
            "INSERT INTO copies SELECT * FROM GIVEN",
            [(letter.parcel_id, report.identity) for letter, report in found],
        )
        self._vault.run_with(
            "INSERT INTO parts (report_id, file, rendition, parcel_id, length, sha256,"
            " content_key, state) SELECT *, 'missing' FROM GIVEN",
            [(report.identity, *claim) for _, report in new.values() for claim in report.claims],
        )
        return len(new)

    def _keep_spoiled(self, header: Header, why: Spoiled, read: _Read) -> None:
        try:
            self._spool.check(header)
        except BodyDamaged:
            read.damaged.append(header.parcel_id)
        else:
            read.spoiled.append((header.parcel_id, why))

    def _verify_part(self, header: Header, key: bytes, length: int, sha256: bytes) -> None:
        opener = PartOpener(header, key, length, sha256)
        try:
            for _ in opener.data(self._spool.blocks(header.parcel_id)):
                pass
        except BadLock:
            # A claim to a part of somebody else; the body was not looked at.
            raise
        except RemoteError:
            self._spool.check(header)
            raise

    async def _open_part(self, claim: Row, done: Opened) -> None:
        report, file, rendition, parcel_id, length, sha256, key, header_bytes = claim
        header = parse_header(header_bytes)
        verdict: Verdict | None = None
        detail = ""
        try:
            # A gigabyte takes seconds: the sessions with the relays go on meanwhile.
            await asyncio.to_thread(self._verify_part, header, key, length, sha256)
        except BodyDamaged:
            self._ask_again(parcel_id)
            return
        except RemoteError as error:
            verdict, detail = error.verdict, str(error)
        published: list[Tombstone] = []
        with self._vault.transaction():
            self._vault.run(
                "UPDATE parts SET state = ?, verdict = ?"
                " WHERE report_id = ? AND file = ? AND rendition = ?",
                "verified" if verdict is None else "bad",
                verdict,
                report,
                file,
                rendition,
            )
            if verdict is None:
                self._mark_opened([(parcel_id, key)])
                tombstone = self._tombstones.sign(parcel_id, key, self._opened_day)
                published = self._tombstones.keep([tombstone])
            else:
                self._vault.run(
                    "UPDATE parcels SET state = 'set-aside', verdict = ?, detail = ?"
                    " WHERE id = ? AND state != 'opened'",
                    int(verdict),
                    detail,
                    parcel_id,
                )
        self._tombstones.announce(published)
        if verdict is None:
            done.parts += 1
        else:
            done.set_aside += 1


def _spoiled(error: RemoteError) -> Spoiled:
    return Spoiled(error.verdict, str(error))
