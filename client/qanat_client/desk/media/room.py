"""The desk's media while it is served: what is being decoded, what is decoded, for whom.

Pictures go two at a time. Films go one at a time, and a new one ends the one before, so that what
is looked at never waits for what was. Beside them goes what is made to be published, one at a time.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from qanat_client.desk.media.asking import Form, Head, Job, NotShown
from qanat_client.desk.media.darkroom import Darkroom, Development
from qanat_client.desk.media.limits import (
    FILM_LIMITS,
    MAX_FILM_BYTES,
    MAX_PICTURE_BYTES,
    PICTURE_LIMITS,
    PUBLIC_LIMITS,
)
from qanat_client.desk.media.shelf import Medium, Shelf
from qanat_client.desk.media.sources import Source
from qanat_client.errors import ClientError
from qanat_client.terminal import human_size

__all__ = ["LIMITS", "MediaRoom", "job_for", "whole"]

log = logging.getLogger(__name__)

PICTURES_AT_ONCE: Final = 2
_STREAMED: Final = (Form.FILM, Form.SOUND)
LIMITS: Final = {
    Form.FILM: FILM_LIMITS,
    Form.SOUND: FILM_LIMITS,
    Form.PUBLIC: PUBLIC_LIMITS,
}
Boxes = tuple[tuple[float, float, float, float], ...]


def job_for(source: Source, form: Form, boxes: Boxes = ()) -> Job:
    """What the worker is asked. Raises NotShown for a file that is too large to be looked at."""
    is_film = form not in (Form.PICTURE, Form.BLACKED)
    most = MAX_FILM_BYTES if is_film else MAX_PICTURE_BYTES
    if source.length > most:
        raise NotShown(
            f"it has {human_size(source.length)}; the desk decodes {human_size(most)} at most"
        )
    return Job(form, source.length, LIMITS.get(form, PICTURE_LIMITS), boxes)


def whole(development: Development) -> tuple[Head, bytes]:
    """All of what comes out, in a thread that may wait. Raises NotShown."""
    head = Head("application/json", "")
    data = bytearray()
    for what in development:
        if isinstance(what, Head):
            head = what
        else:
            data.extend(bytes(max(0, what.at + len(what.data) - len(data))))
            data[what.at : what.at + len(what.data)] = what.data
    return head, bytes(data)


class MediaRoom:
    """Kept as long as the desk is served; `close` ends what runs."""

    def __init__(self) -> None:
        self.darkroom = Darkroom(at_once=PICTURES_AT_ONCE + 3)
        self.shelf = Shelf()
        self._pictures = ThreadPoolExecutor(PICTURES_AT_ONCE, thread_name_prefix="pictures")
        self._films = ThreadPoolExecutor(1, thread_name_prefix="films")
        self._publications = ThreadPoolExecutor(1, thread_name_prefix="publications")
        self._film: Medium | None = None

    async def show(self, source: Source, form: Form) -> Medium:
        """What a part is made into: a film from its first bytes on, what is not streamed whole.
        Raises NotShown."""
        key = (source.report_id, source.file, source.rendition, form)
        medium = self.shelf.made_of(key)
        if medium is None:
            medium = self._begin(source, form, key)
        while not medium.is_over and (form not in _STREAMED or not medium.data):
            await medium.grow()
        if medium.error is not None and (form not in _STREAMED or not medium.data):
            self.shelf.drop(medium)
            raise medium.error
        return medium

    def _begin(self, source: Source, form: Form, key: tuple[object, ...]) -> Medium:
        development = self.darkroom.develop(job_for(source, form), source.pieces())
        medium = self.shelf.begin(key, development.stop)
        if form in _STREAMED:
            before, self._film = self._film, medium
            if before is not None and not before.is_over:
                self.shelf.drop(before)
        threads = self._films if form in _STREAMED else self._pictures
        if form is Form.PUBLIC:
            threads = self._publications
        loop = asyncio.get_running_loop()
        threads.submit(self._develop, loop, development, medium).add_done_callback(_log_defect)
        return medium

    def _develop(
        self, loop: asyncio.AbstractEventLoop, development: Development, medium: Medium
    ) -> None:
        error: ClientError | None = NotShown("the program failed at this")
        try:
            for what in development:
                loop.call_soon_threadsafe(medium.take, what)
            error = None
        except ClientError as fault:
            error = fault
        finally:
            loop.call_soon_threadsafe(self._finish, medium, development.note, error)

    def _finish(self, medium: Medium, note: str, error: ClientError | None) -> None:
        medium.finish(note, error)
        self.shelf.make_room(medium)

    async def made(self, source: Source, form: Form, boxes: Boxes = ()) -> tuple[Head, bytes]:
        """What a part is made into, for one who asks once. Raises NotShown."""
        development = self.darkroom.develop(job_for(source, form, boxes), source.pieces())
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pictures, whole, development)

    async def close(self) -> None:
        """End what runs."""
        self.shelf.clear()
        await asyncio.to_thread(self.darkroom.close)
        for threads in (self._pictures, self._films, self._publications):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)


def _log_defect(done: Future[None]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("decoding failed", exc_info=error)
