"""An open desk in which reports are compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.client.desk.newsroom import Newsroom, Writer, open_directly

from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.desk import Desk
from qanat_client.desk.relating.suggestions import Kind, Related, related


@dataclass
class Room:
    """An open desk, and reports in it by short names."""

    newsroom: Newsroom
    desk: Desk
    ids: dict[str, bytes] = field(default_factory=dict)

    def writer(self) -> Writer:
        return Writer(self.desk.card, self.desk.today)

    async def take(
        self, name: str, text: str = "-", *, writer: Writer | None = None, **fields: Any
    ) -> None:
        """A report that arrives now, of a new pseudonym unless one is named."""
        files = fields.pop("files", ())
        written_s = int(self.newsroom.clock()) + fields.pop("after_s", 0)
        fields = {"written_s": written_s} | fields
        identity, parcels = (writer or self.writer()).write(text, files, **fields)
        await open_directly(self.desk, parcels)
        self.ids[name] = identity

    async def take_others(self, count: int = 12) -> None:
        """Reports of other things, so that a word that two have is a rare one."""
        for number in range(count):
            await self.take(
                f"other {number}", f"nothing {number} of interest, but the queue", where="Aktau"
            )

    def related(self, name: str, **options: Any) -> dict[str, set[Kind]]:
        """The suggestions for a report by name, the best first, and their kinds of reasons."""
        found = self.found(name, **options)
        names = {identity: known for known, identity in self.ids.items()}
        return {
            names[each.report_id]: {reason.kind for reason in each.reasons}
            for each in found.suggestions
        }

    def found(self, name: str, **options: Any) -> Related:
        catch_up(self.desk.vault)
        return related(self.desk.vault, self.ids[name], **options)

    def decide(self, *changes: Any) -> None:
        decision_log(self.desk).record(changes)
