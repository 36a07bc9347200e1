"""Looks at what arrived, in the background: one part after another gets its perceptual hash. What
came while nobody served is caught up with the same way; where it was cut it goes on."""

from __future__ import annotations

import asyncio
from typing import Final

from qanat_client.desk.desk import Desk
from qanat_client.desk.faults import BodyDamaged, VaultDamaged
from qanat_client.desk.media.asking import DecodersMissing, Form, NotShown
from qanat_client.desk.media.near import Part, next_unlooked, store_likeness, unlooked
from qanat_client.desk.media.room import MediaRoom
from qanat_client.desk.media.sources import Source, source_of
from qanat_client.desk.media.told import parse_print
from qanat_client.desk.serve.serving import Serving
from qanat_client.errors import HomeUnusable
from qanat_protocol.part import Rendition

__all__ = ["ADVICE", "look_for_likenesses"]

AT_A_TIME: Final = 8
"""Kept together, with one commit."""
BETWEEN_S: Final = 0.2
"""Behind each look: at most a few a second, so that a pull and the keys have the machine."""
PAUSE_S: Final = 2.0
AFTER_FAULT_S: Final = 10.0
ADVICE: Final = (
    "Pictures that look alike are not looked for: pdqhash is not installed. It needs a C++"
    " compiler; then: pip install '.[near]' in Qanat's folder, or make near in a clone"
)

Seen = tuple[Part, bytes | None, int]


def _next(desk: Desk) -> list[tuple[Part, Source | None]]:
    """Some parts, and how to open each. That they are tried is kept before: one that ends the
    program each time is left alone after a few."""
    if not unlooked(desk.vault):
        return []
    with desk.vault.transaction():
        parts = next_unlooked(desk.vault, AT_A_TIME)
    found: list[tuple[Part, Source | None]] = []
    for part in parts:
        report_id, file, rendition = part
        try:
            found.append((part, source_of(desk, report_id, file, Rendition(rendition))))
        except NotShown:
            found.append((part, None))
        except VaultDamaged:
            # It was tried, and keeps no other waiting.
            continue
    return found


def _store(desk: Desk, seen: Seen) -> None:
    part, value, quality = seen
    with desk.vault.transaction():
        store_likeness(desk.vault, part, value, quality)


async def _look_at(room: MediaRoom, part: Part, source: Source | None) -> Seen:
    """Raises DecodersMissing, and BodyDamaged where it is fetched again."""
    if source is None:
        return part, None, 0
    try:
        _, data = await room.made(source, Form.PRINT)
        return part, *parse_print(data)
    except (DecodersMissing, BodyDamaged):
        raise
    except NotShown:
        # It is no picture, or damaged: looking again would show the same.
        return part, None, 0


async def look_for_likenesses(serving: Serving, room: MediaRoom) -> None:
    """Look at what arrives until cancelled; ends at once where nothing can be compared."""
    try:
        ready = await asyncio.to_thread(lambda: room.darkroom.ready)
    except DecodersMissing:
        return
    if not ready.can_hash:
        return
    while True:
        try:
            parts = await serving.vault_work(_next)
            for part, source in parts:
                try:
                    await serving.vault_work(_store, await _look_at(room, part, source))
                except BodyDamaged:
                    continue
                await asyncio.sleep(BETWEEN_S)
            await asyncio.sleep(0.0 if parts else PAUSE_S)
        except (HomeUnusable, DecodersMissing):
            await asyncio.sleep(AFTER_FAULT_S)
