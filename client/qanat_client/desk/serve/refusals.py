"""What a request can be refused for, and the status that goes with each; one place for all."""

from __future__ import annotations

from typing import Final

from qanat_client.desk.faults import UnknownBulletin, UnknownReport
from qanat_client.errors import BadInput, ClientError, DatabaseLocked, HomeBusy, HomeUnusable
from qanat_protocol.errors import QanatError

__all__ = ["Conflict", "Forbidden", "NotFound", "NotLoggedIn", "TooLarge", "status_of"]


class NotLoggedIn(BadInput):
    """No session goes with the request: open the link that the terminal shows."""


class Forbidden(BadInput):
    """The request comes from another page, by another name, or with a link that is no good."""


class NotFound(BadInput):
    """There is no such thing here: it may have been named wrongly."""


class Conflict(BadInput):
    """It can't be done as things stand: see what has changed, and try again."""


class TooLarge(BadInput):
    """The request holds more than is taken here: send less."""


# The first that fits counts; a disk that is full or damaged is no fault of the request.
_STATUSES: Final[tuple[tuple[type[QanatError], int], ...]] = (
    (NotLoggedIn, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (UnknownBulletin, 404),
    (UnknownReport, 404),
    (Conflict, 409),
    (TooLarge, 413),
    (DatabaseLocked, 409),
    (HomeBusy, 409),
    (HomeUnusable, 507),
    (ClientError, 400),
)


def status_of(error: QanatError) -> int:
    """The status of an answer for an error; 400 for what the protocol's parsers raise."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 400)
