"""Labels: no value made for one use is valid for another, as every use begins with its own."""

from functools import cache

__all__ = ["label"]


@cache
def label(name: str) -> bytes:
    """`qanat/1/` || name || 0x00, in ASCII (SPEC 1)."""
    return b"qanat/1/" + name.encode("ascii") + b"\x00"
