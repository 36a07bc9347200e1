"""Opening what has arrived: letters with the week's secret, parts with the key in their letter.

What does not open or verify is set aside with its verdict, and kept. What this disk damaged is no
fault of its writer and is asked for again. Parts are decrypted as a stream and nothing is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qanat_client.desk.epochs import epoch_of_tag, secret_of
from qanat_client.desk.faults import BodyDamaged
from qanat_client.desk.spool import Spool
from qanat_client.desk.tombstones import Tombstones
from qanat_client.desk.vault import Row, Vault
from qanat_protocol.days import day_of, iso
from qanat_protocol.errors import BadLock, CannotOpen, RemoteError, UnknownKind, WrongRecipient
from qanat_protocol.letter import LetterType, OpenLetter, open_letter
from qanat_protocol.parcel import Header, Kind, parse_header
from qanat_protocol.part import PartOpener
from qanat_protocol.report import PartRef, Report, report_id, verify_report
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.verdicts import Verdict

__all__ = ["Opened", "Opener"]

LETTERS_IN_A_COMMIT = 64
"""A commit costs more than opening a letter; this many take a tenth of a second."""


@dataclass(slots=True)
class Opened:
    """What was opened so far."""

    reports: int = 0
    duplicates: int = 0
    notes: int = 0
    parts: int = 0
    set_aside: int = 0
    damaged: int = 0


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
        self.done = Opened()

    async def open_all(self) -> None:
        """Open every whole parcel that can be opened now: letters first, then their parts."""
        async with self._busy:
            letters = self._vault.rows(
                "SELECT id, header FROM parcels WHERE state = 'whole' AND kind != ?", int(Kind.PART)
            )
            for at in range(0, len(letters), LETTERS_IN_A_COMMIT):
                self._open_letters(letters[at : at + LETTERS_IN_A_COMMIT])
                # The sessions go on between two commits.
                await asyncio.sleep(0)
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

    def _open_letters(self, letters: Sequence[Row]) -> None:
        opened: list[tuple[Header, OpenLetter, Report | None]] = []
        spoiled: list[tuple[bytes, RemoteError]] = []
        damaged: list[bytes] = []
        # Expanded once for all of them, and forgotten with them.
        secrets: dict[int, SealingSecret | None] = {}
        for parcel_id, header_bytes in letters:
            header = parse_header(header_bytes)
            try:
                try:
                    opened.append((header, *self._read_letter(parcel_id, header, secrets)))
                except RemoteError as error:
                    self._spool.check(header)
                    spoiled.append((parcel_id, error))
            except BodyDamaged:
                damaged.append(parcel_id)
        done = replace(self.done)
        with self._vault.transaction():
            for parcel_id, reason in spoiled:
                self._set_aside(parcel_id, reason)
                done.set_aside += 1
            for header, letter, report in opened:
                if report is None:
                    self._mark_opened(header.parcel_id, letter.content_key)
                    done.notes += 1
                elif self._keep_report(header, letter, report):
                    done.reports += 1
                else:
                    done.duplicates += 1
        self.done = done
        for parcel_id in damaged:
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

    def _read_letter(
        self, parcel_id: bytes, header: Header, secrets: dict[int, SealingSecret | None]
    ) -> tuple[OpenLetter, Report | None]:
        """A letter and its report, None for a note. Raises RemoteError, which sets it aside."""
        letter, recipient_key = self._open_letter(parcel_id, header, secrets)
        if letter.letter_type is LetterType.NOTE:
            return letter, None
        if letter.letter_type is not LetterType.REPORT:
            raise UnknownKind("a reply does not go to a desk")
        report = verify_report(
            letter.content,
            letter.signature,
            desk_id=self._desk_id,
            recipient_key=recipient_key,
            bind=header.bind,
        )
        return letter, report

    def _open_letter(
        self, parcel_id: bytes, header: Header, secrets: dict[int, SealingSecret | None]
    ) -> tuple[OpenLetter, bytes]:
        if header.kind is not Kind.LETTER:
            raise WrongRecipient("only letters and parts go to a desk")
        epoch = epoch_of_tag(self._vault, self._desk_id, header.tag)
        if epoch is None:
            raise WrongRecipient("the tag is none of this desk's weeks")
        if epoch not in secrets:
            secrets[epoch] = secret_of(self._vault, epoch)
        secret = secrets[epoch]
        if secret is None:
            deleted = self._vault.value("SELECT deleted_day FROM epochs WHERE epoch = ?", epoch)
            raise CannotOpen(f"the secret of its week was deleted on {iso(deleted)}")
        return open_letter(header, self._spool.read(parcel_id), secret), secret.public

    def _set_aside(self, parcel_id: bytes, error: RemoteError) -> None:
        self._vault.run(
            "UPDATE parcels SET state = 'set-aside', verdict = ?, detail = ? WHERE id = ?",
            int(error.verdict),
            str(error),
            parcel_id,
        )

    def _mark_opened(self, parcel_id: bytes, content_key: bytes) -> None:
        self._vault.run(
            "UPDATE parcels SET state = 'opened', verdict = NULL, detail = '', content_key = ?"
            " WHERE id = ?",
            content_key,
            parcel_id,
        )
        self._tombstones.publish(parcel_id, content_key, self._counted_from(day_of(self._clock())))

    def _keep_report(self, header: Header, letter: OpenLetter, report: Report) -> bool:
        """Store a report; False if the desk has it from another parcel."""
        identity = report_id(letter.content)
        is_new = self._vault.value("SELECT 1 FROM reports WHERE id = ?", identity) is None
        if is_new:
            self._vault.run(
                "INSERT INTO reports (id, parcel_id, author, content, signature, urgent,"
                " arrived_s, refers, withdraws) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                identity,
                header.parcel_id,
                report.author,
                letter.content,
                letter.signature,
                int(header.urgent),
                int(self._clock()),
                report.withdraws or report.corrects,
                int(report.withdraws is not None),
            )
            for part in report.parts:
                self._keep_claim(identity, part)
        self._vault.run("INSERT INTO copies VALUES (?, ?)", header.parcel_id, identity)
        self._mark_opened(header.parcel_id, letter.content_key)
        return is_new

    def _keep_claim(self, identity: bytes, part: PartRef) -> None:
        self._vault.run(
            "INSERT INTO parts (report_id, file, rendition, parcel_id, length, sha256,"
            " content_key, state) VALUES (?, ?, ?, ?, ?, ?, ?, 'missing')",
            identity,
            part.file,
            int(part.rendition),
            part.parcel_id,
            part.length,
            part.sha256,
            part.content_key,
        )

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
                self._mark_opened(parcel_id, key)
            else:
                self._vault.run(
                    "UPDATE parcels SET state = 'set-aside', verdict = ?, detail = ?"
                    " WHERE id = ? AND state != 'opened'",
                    int(verdict),
                    detail,
                    parcel_id,
                )
        if verdict is None:
            done.parts += 1
        else:
            done.set_aside += 1
