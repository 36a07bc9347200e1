"""The four classes that results are told in: letters, urgent ones among them, and renditions."""

from __future__ import annotations

from enum import Enum

from qanat_protocol.kinds import Rank

__all__ = ["Class", "class_of"]


class Class(Enum):
    """In the order in which they matter; the value is how people call many of them."""

    LETTER = "letters"
    THUMBNAIL = "thumbnails"
    PREVIEW = "previews"
    ORIGINAL = "originals"


def class_of(rank: Rank) -> Class:
    """The class of a rank."""
    return Class.LETTER if rank is Rank.URGENT else Class[rank.name]
