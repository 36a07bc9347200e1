"""The decisions that the vault keeps: signed here or taken from another editor, never changed.

What is in force stands beside them in `registers`, so that no list has to fold all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qanat_client.desk.decisions import (
    INCIDENT_BYTES,
    Change,
    Decision,
    What,
    decision_id,
    decode_decision,
    delete_incident,
    encode_decision,
    sign_decision,
    verify_decision,
)
from qanat_client.desk.desk import Clock, Desk
from qanat_client.desk.faults import VaultDamaged
from qanat_client.desk.folding import fold
from qanat_client.desk.standing import Incident, Standing, standing_of
from qanat_client.desk.vault import Vault, in_portions
from qanat_client.desk.words import counted
from qanat_client.errors import BadInput
from qanat_protocol.errors import LocalError, ProtocolError
from qanat_protocol.signing import SigningKey

__all__ = ["DecisionLog", "Logged", "decision_log", "fold_again"]

MIN_INCIDENT_DIGITS = 4
MAX_NAMED_ALIKE = 5


@dataclass(frozen=True, slots=True)
class Logged:
    """A decision in the log."""

    decision_id: bytes
    decision: Decision
    is_ours: bool


class DecisionLog:
    """One vault's."""

    def __init__(self, vault: Vault, desk_id: bytes, clock: Clock) -> None:
        self._vault = vault
        self._desk_id = desk_id
        self._clock = clock

    def record(self, changes: Iterable[Change]) -> int:
        """Sign and keep what is not in force already, durable behind the call; how many were.

        Raises BadInput for what no decision can hold.
        """
        made = 0
        with self._vault.transaction():
            key = self._key()
            clock = int(self._vault.value("SELECT max(clock) FROM decisions") or 0)
            for change in changes:
                at_s = max(0, int(self._clock()))
                try:
                    content = encode_decision(Decision(key.public, clock + 1, at_s, change))
                except LocalError as error:
                    raise BadInput(f"this can't be decided: {error}") from error
                if self._in_force(change):
                    continue
                clock += 1
                signature = sign_decision(key, self._desk_id, content)
                made += self._keep(content, signature, decode_decision(content))
        return made

    def take(self, signed: Iterable[tuple[bytes, bytes]]) -> int:
        """Keep decisions of this desk's editors, as (record, signature); how many were new.

        All or none. Raises what `verify_decision` raises.
        """
        editors = self.editors()
        verified = [
            (
                content,
                signature,
                verify_decision(content, signature, desk_id=self._desk_id, editors=editors),
            )
            for content, signature in signed
        ]
        with self._vault.transaction():
            return sum(self._keep(*each) for each in verified)

    def editors(self) -> frozenset[bytes]:
        """The keys whose decisions count here."""
        return frozenset(public for (public,) in self._vault.rows("SELECT public FROM editors"))

    def all(self) -> list[tuple[bytes, bytes]]:
        """Every (record, signature), in the order of the clock."""
        return [
            (content, signature)
            for content, signature in self._vault.rows(
                "SELECT content, signature FROM decisions ORDER BY clock, id"
            )
        ]

    def standing(self) -> Standing:
        """All that is in force."""
        return standing_of(self._changes(""))

    def incidents(self) -> Mapping[bytes, Incident]:
        """Every incident by its id, with its reports; those that are deleted too."""
        kinds = (What.INCIDENT, What.GATHERED, What.DELETED)
        return standing_of(self._changes("WHERE what IN (?, ?, ?)", *map(int, kinds))).incidents

    def standing_of(self, reports: Sequence[bytes]) -> Standing:
        """What is in force for these reports; incidents have their names, and of their reports
        only these; which of them are deleted is not in it. Which pseudonyms are muted is."""
        changes = [*self._changes("WHERE what = ?", int(What.MUTED))]
        changes += self._changes("WHERE what = ?", int(What.INCIDENT))
        single = (What.STATE, What.ELEMENT, What.STARRED, What.TAG, What.READ)
        for chunk in in_portions(reports):
            marks = ", ".join("?" * len(chunk))
            changes += self._changes(
                f"WHERE what IN ({', '.join('?' * len(single))}) AND subject IN ({marks})",
                *map(int, single),
                *chunk,
            )
            changes += self._changes(
                f"WHERE what = ? AND part IN ({marks})", int(What.GATHERED), *chunk
            )
        return standing_of(changes)

    def history(self, report_id: bytes, author: bytes) -> list[Logged]:
        """Every decision about a report and its pseudonym, in the order of the clock."""
        return self._logged("subject IN (?1, ?2) OR part = ?1", report_id, author)

    def incident_history(self, incident: bytes) -> list[Logged]:
        """Every decision about an incident, in the order of the clock."""
        return self._logged("subject = ?", incident)

    def _logged(self, where: str, *values: object) -> list[Logged]:
        ours = self._public()
        found = []
        # The condition is one of those above.
        for identity, content in self._vault.rows(
            f"SELECT id, content FROM decisions WHERE {where} ORDER BY clock, id",  # noqa: S608
            *values,
        ):
            decision = decode_decision(content)
            found.append(Logged(identity, decision, decision.author == ours))
        return found

    def incident_named(self, wanted: str) -> bytes:
        """The id of the incident with this name, or whose id begins so, which a deleted one's may.

        Raises BadInput.
        """
        named = self._vault.rows(
            "SELECT subject, words FROM registers WHERE what = ?", int(What.INCIDENT)
        )
        alike = self.incidents_like(wanted)
        found = [subject for subject, name in alike.items() if fold(name) == fold(wanted)]
        digits = wanted.strip().lower()
        if not found and MIN_INCIDENT_DIGITS <= len(digits) <= 2 * INCIDENT_BYTES:
            found = [subject for subject, _ in named if subject.hex().startswith(digits)]
        if not found:
            names = ", ".join(f"{name!r}" for name in list(alike.values())[:MAX_NAMED_ALIKE])
            raise BadInput(
                f"there is no incident {wanted!r}; "
                + (f"there is {names}" if names else "`qanat-desk incident list` shows them")
            )
        if len(found) > 1:
            ids = " ".join(subject.hex() for subject in sorted(found))
            raise BadInput(f"{len(found)} incidents are meant by {wanted!r}: take an id: {ids}")
        return bytes(found[0])

    def incidents_like(self, words: str) -> dict[bytes, str]:
        """The names of the incidents that have these words, also within others and otherwise
        written, by their ids; the shortest name first. No deleted ones."""
        wanted = fold(words.strip())
        named = self._vault.rows(
            "SELECT subject, words FROM registers WHERE what = ?", int(What.INCIDENT)
        )
        found = [
            (subject, name)
            for subject, name in named
            if wanted and wanted in fold(name) and not self.is_deleted(subject)
        ]
        return dict(sorted(found, key=lambda each: (len(each[1]), each)))

    def is_deleted(self, incident: bytes) -> bool:
        """Whether somebody deleted this incident and no report is in it."""
        return bool(
            self._vault.value(
                "SELECT 1 FROM registers WHERE what = ?1 AND subject = ?2 AND number = 1 AND NOT"
                " EXISTS (SELECT 1 FROM registers WHERE what = ?3 AND subject = ?2 AND number = 1)",
                int(What.DELETED),
                incident,
                int(What.GATHERED),
            )
        )

    def deletion(self, incident: bytes) -> Change:
        """The change that deletes an incident. Raises BadInput where a report is in it."""
        reports = self._vault.value(
            "SELECT count(*) FROM registers WHERE what = ? AND subject = ? AND number = 1",
            int(What.GATHERED),
            incident,
        )
        if reports:
            raise BadInput(
                f"it gathers {counted(reports, 'report')}: take them out first, then delete it"
            )
        return delete_incident(incident)

    def with_returns(self, changes: Iterable[Change]) -> list[Change]:
        """These changes; a deleted incident into which one of them gathers a report comes back."""
        all_of_them = list(changes)
        gathering = {
            change.subject
            for change in all_of_them
            if change.what is What.GATHERED and change.number
        }
        deleted = self._vault.rows(
            "SELECT subject FROM registers WHERE what = ? AND number = 1 ORDER BY subject",
            int(What.DELETED),
        )
        back = [delete_incident(each, False) for (each,) in deleted if each in gathering]
        return [*back, *all_of_them]

    def _changes(self, where: str, *values: object) -> list[Change]:
        # The condition is one of those above.
        query = f"SELECT what, subject, part, number, words FROM registers {where}"  # noqa: S608
        return [
            Change(What(what), subject, part, number, words)
            for what, subject, part, number, words in self._vault.rows(query, *values)
        ]

    def _in_force(self, change: Change) -> bool:
        found = self._vault.row(
            "SELECT number, words FROM registers WHERE what = ? AND subject = ? AND part = ?",
            int(change.what),
            change.subject,
            change.part,
        )
        if found is None:
            # As it begins: new, unread, without a star, a tag, a word on any element.
            return change.what is not What.INCIDENT and not (change.number or change.words)
        return tuple(found) == (int(change.number), change.words)

    def _keep(self, content: bytes, signature: bytes, decision: Decision) -> bool:
        """Store one; False for one that is here already. The caller holds the transaction."""
        identity, change = decision_id(content), decision.change
        is_new = self._vault.run(
            "INSERT OR IGNORE INTO decisions (id, clock, subject, part, content, signature)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            identity,
            decision.clock,
            change.subject,
            change.part,
            content,
            signature,
        )
        if not is_new:
            return False
        _fold(self._vault, identity, decision)
        return True

    def _public(self) -> bytes | None:
        found = self._vault.value("SELECT public FROM editors WHERE seed IS NOT NULL")
        return None if found is None else bytes(found)

    def _key(self) -> SigningKey:
        """The key that decides here, made with the first decision; inside a transaction."""
        seed = self._vault.value("SELECT seed FROM editors WHERE seed IS NOT NULL")
        if seed is not None:
            return SigningKey(seed)
        key = SigningKey.generate()
        self._vault.run("INSERT INTO editors (public, seed) VALUES (?, ?)", key.public, key.seed)
        return key


def _fold(vault: Vault, identity: bytes, decision: Decision) -> None:
    """The law of `standing.fold`, for one register."""
    change = decision.change
    vault.run(
        "INSERT INTO registers (what, subject, part, clock, decision, number, words)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (what, subject, part) DO UPDATE SET"
        " clock = excluded.clock, decision = excluded.decision, number = excluded.number,"
        " words = excluded.words"
        " WHERE (excluded.clock, excluded.decision) > (clock, decision)",
        int(change.what),
        change.subject,
        change.part,
        decision.clock,
        identity,
        int(change.number),
        change.words,
    )


def fold_again(vault: Vault) -> None:
    """What is in force, from every decision, in the caller's transaction. Raises VaultDamaged."""
    for identity, content in vault.rows("SELECT id, content FROM decisions"):
        try:
            decision = decode_decision(content)
        except ProtocolError as error:
            # The end of a long one may be read as zeros.
            raise VaultDamaged(f"a decision in the vault is damaged: {error}") from error
        _fold(vault, identity, decision)


def decision_log(desk: Desk) -> DecisionLog:
    """The log of an open desk."""
    return DecisionLog(desk.vault, desk.card.desk_id, desk.clock)
