"""What can go wrong between a person, their disk and a network, and what to do next.

What the other side's bytes can get wrong is in `qanat_protocol.errors`.
"""

from typing import ClassVar

from qanat_protocol.errors import QanatError

__all__ = [
    "BadInput",
    "BadPin",
    "ClientError",
    "DatabaseLocked",
    "DiskFull",
    "HalfDuplex",
    "HomeBusy",
    "HomeReadOnly",
    "HomeUnusable",
    "NothingReachable",
    "Refused",
    "Stalled",
    "TookTooLong",
    "Unreachable",
]


class ClientError(QanatError):
    """Something that the person at the keyboard is told, with the exit code that goes with it."""

    exit_code: ClassVar[int] = 2


class BadInput(ClientError):
    """The command or what it was given can't be used: correct it and run it again."""


class HomeUnusable(ClientError):
    """The home directory can't be used: see the reason, or name another one with --home."""


class HomeReadOnly(HomeUnusable):
    """The home directory can't be written: name another one with --home, or allow writing."""


class DiskFull(HomeUnusable):
    """The disk is full: free some room and run it again. What was queued before is still there."""


class DatabaseLocked(HomeUnusable):
    """Another program holds the database of this home: wait until it is done, and try again."""


class HomeBusy(HomeUnusable):
    """Another qanat is syncing in this home: wait for it, or stop it. `send` works beside it."""


class Unreachable(ClientError):
    """No connection to this address came about, or it broke: nothing is lost, try again later."""

    exit_code: ClassVar[int] = 3


class Silent(Unreachable):
    """Nothing comes back over datagrams, which many paths don't pass: another way is taken."""


class Stalled(Unreachable):
    """The connection stood still for longer than the timeout: nothing is lost, try again."""


class TookTooLong(Unreachable):
    """The session had its time: what is left of it goes in the next one."""


class NothingReachable(Unreachable):
    """Not one relay could be reached: all is still queued, run it again when there is a network."""


class Refused(ClientError):
    """The other side answered, and said no: the reason is in the message."""

    exit_code: ClassVar[int] = 4


class BadPin(Refused):
    """The certificate is not the one that the card names: someone may stand in between."""


class HalfDuplex(ClientError):
    """This path gives no answer before the request has ended; a WebSocket may do better."""

    exit_code: ClassVar[int] = 3
