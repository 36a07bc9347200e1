"""Mailbox tags: under which 16 bytes a parcel waits (SPEC sections 9 to 11, and 17 for prefixes).

Pure functions of ids, secrets and weeks. An epoch or number is a u32, else `LocalMalformed`.
"""

from qanat_protocol.hashing import sha256, u32
from qanat_protocol.labels import label

__all__ = [
    "desk_tag",
    "mailbox_prefix",
    "prefix_matches",
    "public_tag",
    "reply_tag",
]


def desk_tag(desk_id: bytes, epoch: int) -> bytes:
    """The tag (16 bytes) of letters and parts for a desk in one epoch."""
    return sha256(label("desk-tag"), desk_id, u32(epoch))[:16]


def public_tag(desk_id: bytes) -> bytes:
    """The tag (16 bytes) of a desk's public documents."""
    return sha256(label("public-tag"), desk_id)[:16]


def mailbox_prefix(mailbox_secret: bytes, epoch: int) -> bytes:
    """The first 4 bytes of the tags of all replies to one reporter in one epoch."""
    return sha256(label("mailbox-prefix"), mailbox_secret, u32(epoch))[:4]


def reply_tag(mailbox_secret: bytes, epoch: int, number: int) -> bytes:
    """The tag (16 bytes) of the reply with this number, counted from 0 per mailbox and epoch."""
    counted = u32(epoch) + u32(number)
    rest = sha256(label("mailbox-tag"), mailbox_secret, counted)[:12]
    return mailbox_prefix(mailbox_secret, epoch) + rest


def prefix_matches(tag_or_id: bytes, prefix: bytes, bits: int) -> bool:
    """Whether a tag or parcel id begins with the first `bits` (0 to 32) bits of `prefix` (4 bytes).

    Bits of the prefix behind `bits` do not count, so that a relay can allow fewer than were asked.
    """
    difference = int.from_bytes(tag_or_id[:4], "big") ^ int.from_bytes(prefix, "big")
    return difference >> (32 - bits) == 0
