"""What has to be true at every moment and at the end, whatever went wrong in between.

Reads what the programs keep, beside them, and changes nothing of it.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.simulation.doors import BEGIN_S
from tests.simulation.people import Desk, Relay, Reporter, Sent, World

from qanat_client.desk.spool import Spool
from qanat_client.desk.vault import Vault
from qanat_client.errors import ClientError
from qanat_protocol.days import day_of, epoch_of, iso
from qanat_protocol.parcel import Header, parse_header
from qanat_protocol.tags import desk_tag
from qanat_relay.store.interface import State

__all__ = ["Truths"]

_TAKEN = {"holds", "signed", "purged"}


class Truths:
    """The judge of one run. `now_s` of each is seconds since it began."""

    def __init__(
        self, world: World, relays: list[Relay], desks: list[Desk], reporters: list[Reporter]
    ) -> None:
        self._world, self._relays, self._desks = world, relays, desks
        self._reporters = reporters
        self.statuses = self.tombstones = 0

    def _hold(self, true: bool, words: str) -> None:
        self._world.hold(true, words)

    # At every moment

    async def weigh_outbox(self, reporter: Reporter, entries: Any, now_s: float) -> None:
        """What a reporter is shown of each parcel is so: relays hold it, the desk has opened it."""
        today = iso(day_of(BEGIN_S + now_s))
        opened: dict[bytes, str] = {}
        said: dict[str, list[tuple[str, bytes, str]]] = {}
        for entry in entries:
            for parcel in entry["parcels"]:
                parcel_id = bytes.fromhex(parcel["id"])
                name = f"{parcel['kind']} {parcel['id'][:8]} of {reporter.machine.name}"
                if parcel["opened"]:
                    opened[parcel_id] = name
                if entry["must_arrive_by"] < today:
                    continue
                for word in parcel["relays"]:
                    if word["word"] in _TAKEN:
                        said.setdefault(word["address"], []).append((name, parcel_id, word["word"]))
        kept = self._kept() if opened else set()
        for parcel_id, name in opened.items():
            self._hold(parcel_id in kept, f"{name}: shown as opened, and no desk has it")
        for relay in self._relays:
            await self._weigh_words(relay, said.get(relay.url, []))

    async def _weigh_words(self, relay: Relay, said: list[tuple[str, bytes, str]]) -> None:
        states = await relay.states([parcel_id for _, parcel_id, _ in said])
        for (name, _, word), state in zip(said, states, strict=False):
            self.statuses += 1
            kept = state in (State.HELD, State.PURGED)
            self._hold(kept, f"{name}: {relay.machine.name} said {word}; its state is {state}")

    async def weigh_relays(self) -> None:
        """Tombstones are for what a desk keeps, and what is purged does not come back."""
        kept = self._kept()
        first = epoch_of(day_of(BEGIN_S))
        tags = [
            desk_tag(desk.card.desk_id, epoch)
            for desk in self._desks
            for epoch in range(first - 1, desk.card.last_epoch + 1)
        ]
        known = sorted(self._known())
        for relay in self._relays:
            for parcel_id in await relay.tombstones(tags):
                self.tombstones += 1
                self._hold(
                    parcel_id in kept,
                    f"{relay.machine.name} has a tombstone of {parcel_id.hex()[:8]},"
                    " which no desk keeps",
                )
            for parcel_id, state in zip(known, await relay.states(known), strict=False):
                back = state is State.HELD and parcel_id in relay.purged
                self._hold(
                    not back, f"{relay.machine.name}: {parcel_id.hex()[:8]} was purged and is back"
                )
                if state is State.PURGED:
                    relay.purged.add(parcel_id)

    def _known(self) -> set[bytes]:
        """Every parcel of which something came to a desk."""
        found: set[bytes] = set()
        for desk in self._desks:
            with closing(Vault.open(desk.home, desk.passphrase_file.read_text())) as vault:
                found.update(row[0] for row in vault.rows("SELECT id FROM parcels"))
        return found

    def _kept(self) -> set[bytes]:
        """The parcels of which a desk keeps what they held, whole and verified."""
        found: set[bytes] = set()
        for desk in self._desks:
            with closing(Vault.open(desk.home, desk.passphrase_file.read_text())) as vault:
                found.update(row[0] for row in vault.rows("SELECT parcel_id FROM copies"))
                spool = Spool(desk.home)
                for parcel_id, header in vault.rows(
                    "SELECT DISTINCT id, header FROM parcels JOIN parts ON parcel_id = id"
                    " WHERE parts.state = 'verified'"
                ):
                    if _is_whole(spool, parse_header(header)):
                        found.add(parcel_id)
        return found

    # At the end

    def missing(self, now_s: float) -> list[str]:
        """What has not come yet and still can: reports, files, replies, bulletins."""
        found = []
        here = {desk.name: _inbox(desk) for desk in self._desks}
        for sent in self._due(now_s):
            value = here[sent.desk.name].get(sent.report_id or "")
            if value is None:
                found.append(f"the report {sent.text!r}")
            elif value["files_arrived"] != len(sent.files):
                found.append(f"files of {sent.text!r}")
        for told in self._world.told:
            for reporter in self._reporters if told.report is None else [told.report.reporter]:
                is_due = told.is_due and now_s - told.at_s < 28 * 86_400
                if is_due and reporter not in told.came_to:
                    name = reporter.machine.name
                    found.append(f"{told.desk.name}'s words {told.text!r} to {name}")
        return found

    def _due(self, now_s: float) -> list[Sent]:
        today = iso(day_of(BEGIN_S + now_s))
        return [
            sent
            for sent in self._world.sent
            if sent.report_id is not None and not sent.is_dropped and sent.last_day >= today
        ]

    def weigh_export(self, desk: Desk, folder: Path) -> None:
        """Each report is there once, as it was written; nothing is there that nobody wrote."""
        written = {sent.text: sent for sent in self._world.sent if sent.desk is desk}
        values = json.loads((folder / "reports.json").read_bytes())["reports"]
        seen: set[str] = set()
        for value in values:
            sent = written.get(value["text"])
            self._hold(
                sent is not None, f"{desk.name} has a report that nobody wrote: {value['text']!r}"
            )
            self._hold(value["text"] not in seen, f"{desk.name} has {value['text']!r} twice")
            seen.add(value["text"])
            if sent is None:
                continue
            self._hold(
                sent.report_id in (None, value["id"]), f"{value['text']!r} has another id than told"
            )
            for file in value["files"]:
                for place in file.get("exported", ()):
                    if place["rendition"] == "original":
                        data = (folder / place["path"]).read_bytes()
                        same = hashlib.sha256(data).digest() == sent.files.get(file["name"])
                        self._hold(same, f"{file['name']} of {value['text']!r} is another file")

    def weigh_secrets(self, folders: list[Path]) -> None:
        """Nothing that was written, and no code, lies readable on any disk of any life."""
        secrets = [*self._world.secrets, *(sent.text.encode() for sent in self._world.sent)]
        secrets += [told.text.encode() for told in self._world.told if told.report is not None]
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    data = path.read_bytes()
                    for secret in secrets:
                        self._hold(secret not in data, f"{path} holds {secret!r}")


def _is_whole(spool: Spool, header: Header) -> bool:
    try:
        spool.check(header)
    except ClientError:
        return False
    return True


def _inbox(desk: Desk) -> dict[str, Any]:
    from qanat_client.desk.inbox import inbox
    from qanat_client.desk.words import json_of

    with closing(Vault.open(desk.home, desk.passphrase_file.read_text())) as vault:
        return {item.report_id.hex(): json_of(item) for item in inbox(vault)}
