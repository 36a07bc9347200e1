"""The kinds that parcels come in, and the order in which they go (SPEC 3, 6). Names and numbers."""

from enum import IntEnum

__all__ = ["Kind", "Rank", "Rendition"]


class Kind(IntEnum):
    """What a parcel is, by the number in its header (SPEC 3)."""

    LETTER = 1
    PART = 2
    PUBLIC = 3
    REPLY = 4


class Rendition(IntEnum):
    """Which form of a file a part holds (SPEC 6, 7)."""

    THUMBNAIL = 1
    PREVIEW = 2
    ORIGINAL = 3


class Rank(IntEnum):
    """The place in the order of sending, the lowest first; it follows from kind, flag and size."""

    URGENT = 0
    LETTER = 1
    THUMBNAIL = 2
    PREVIEW = 3
    ORIGINAL = 4
