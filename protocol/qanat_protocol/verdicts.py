"""The closed list of verdicts, by the numbers that ACK, ERROR and the vectors use. Nothing else."""

from enum import IntEnum

__all__ = ["Verdict"]


class Verdict(IntEnum):
    """What a reader decides on what it was given (SPEC 20)."""

    OK = 0
    MALFORMED = 1
    UNKNOWN_VERSION = 2
    UNKNOWN_SUITE = 3
    UNKNOWN_KIND = 4
    ILLEGAL_FLAGS = 5
    ILLEGAL_SIZE = 6
    TOO_LARGE = 7
    EXPIRED = 8
    EXPIRY_TOO_FAR = 9
    BAD_ROOT = 10
    BAD_LOCK = 11
    CANNOT_OPEN = 12
    BAD_PADDING = 13
    BAD_SIGNATURE = 14
    BAD_KEY = 15
    WRONG_RECIPIENT = 16
    BAD_NAME = 17
    NOT_CERTIFIED = 18
    OLDER_SERIAL = 19
    BAD_CHAIN = 20
    BAD_CHECK = 21
    BAD_HASH = 22
    BAD_STAMP = 23
    UNEXPECTED_FRAME = 24
    BAD_CHANNEL = 25
    CUT = 26
    REFUSED_FULL = 27
    REFUSED_QUOTA = 28
    REFUSED_SIZE = 29
    REFUSED_DESK = 30
    STAMP_WANTED = 31
    BUSY = 32
    TOMBSTONED = 33
