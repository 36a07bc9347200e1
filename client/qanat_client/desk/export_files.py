"""The attachments of an export: verified again while they are written, or made anew without what
they tell beside the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from qanat_client.desk.desk import Desk
from qanat_client.desk.export_places import Place
from qanat_client.desk.faults import BodyDamaged
from qanat_client.desk.inbox import Item, PartState
from qanat_client.desk.media.asking import NotShown
from qanat_client.desk.spool import Spool
from qanat_client.desk.words import verdict_name
from qanat_client.terminal import printable_line
from qanat_protocol.errors import RemoteError
from qanat_protocol.parcel import parse_header
from qanat_protocol.part import PartOpener, Rendition

__all__ = ["Anew", "Attachments", "Strip", "best_parts", "plain_part"]


_ENDINGS: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "video/webm": "webm",
    "audio/webm": "webm",
}


@dataclass(frozen=True, slots=True)
class Anew:
    """A picture, film or sound that was decoded and encoded again. note: what was left out."""

    media_type: str
    data: bytes
    note: str = ""


Strip = Callable[[Desk, Item, PartState], Anew]
"""Makes an attachment anew, without metadata. Raises NotShown."""


def plain_part(desk: Desk, part: PartState) -> Iterator[bytes]:
    """One rendition, decrypted and verified. Raises RemoteError, BodyDamaged."""
    header = desk.vault.value("SELECT header FROM parcels WHERE id = ?", part.part.parcel_id)
    opener = PartOpener(
        parse_header(header), part.part.content_key, part.part.length, part.part.sha256
    )
    yield from opener.data(Spool(desk.home).blocks(part.part.parcel_id))


class Attachments:
    """Writes them to one place. `missing`: what could not be written, and why; `shortened`: of what
    only a part could. Both are for editors: they name files as their writers did.

    `strip`: None where originals are wanted.
    """

    def __init__(
        self, desk: Desk, place: Place, advance: Callable[[int], None], strip: Strip | None
    ) -> None:
        self._desk = desk
        self._place = place
        self._advance = advance
        self._strip = strip
        self.missing: list[str] = []
        self.shortened: list[str] = []
        self.written = self.kept = self.size_bytes = 0

    def write(self, item: Item, value: Mapping[str, Any], *, all_renditions: bool) -> None:
        """Write a report's files; what was written is told in the value's `exported`.

        The names come from the value, where they are blacked out.
        """
        folder = f"files/{item.short_id if 'short_id' in value else value['id'][-12:]}"
        for number, file in enumerate(value["files"]):
            file["exported"] = []
            original = item.original_of(number)
            if original.state != "verified":
                why = "did not arrive"
                if original.verdict is not None:
                    why = verdict_name(original.verdict)
                self.missing.append(_told(item, number, why))
            for part in _chosen(item, number, all_renditions=all_renditions):
                found = self._write(item, file, part, folder)
                if found is not None:
                    rendition = part.part.rendition.name.lower()
                    file["exported"].append({"rendition": rendition, "path": found})

    def _write(self, item: Item, file: dict[str, Any], part: PartState, folder: str) -> str | None:
        number, name = part.part.file, file["name"]
        if self._strip is None and part.part.rendition is not Rendition.ORIGINAL:
            name = f"{name}.{part.part.rendition.name.lower()}.jpg"
        try:
            if self._strip is None:
                sha256, pieces = part.part.sha256, self._counted(plain_part(self._desk, part))
                written = self._place.write(folder, name, pieces, sha256)
            else:
                made = self._strip(self._desk, item, part)
                file["media_type"] = made.media_type
                file["name"] = f"file-{number + 1}.{_ENDINGS[made.media_type]}"
                if made.note:
                    self.shortened.append(_told(item, number, made.note))
                written = self._place.write(folder, file["name"], self._counted(iter([made.data])))
        except (RemoteError, BodyDamaged) as error:
            self.missing.append(_told(item, number, f"damaged on this disk: {error}"))
            return None
        except NotShown as error:
            self.missing.append(_told(item, number, str(error)))
            return None
        if written.was_there:
            self.kept += 1
        else:
            self.written += 1
        return written.path

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.size_bytes += len(piece)
            self._advance(len(piece))
            yield piece


def _told(item: Item, number: int, why: str) -> str:
    name = printable_line(item.report.files[number].name)
    return f"{item.short_id}: {name} ({why})"


def best_parts(item: Item) -> list[PartState]:
    """Of each file what a publication is made from: the largest rendition that is here."""
    return [
        part
        for file in range(len(item.report.files))
        for part in _chosen(item, file, all_renditions=False)
    ]


def _chosen(item: Item, file: int, *, all_renditions: bool) -> list[PartState]:
    """The original; where it is missing, the best rendition that is here; or all that are."""
    here = [p for p in item.parts if p.part.file == file and p.state == "verified"]
    here.sort(key=lambda part: part.part.rendition, reverse=True)
    return here if all_renditions else here[:1]
