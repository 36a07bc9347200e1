"""Sizes in bytes as people read them."""

from __future__ import annotations


def in_words(size_bytes: int) -> str:
    """As `1.5 GiB`."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    units = ("KiB", "MiB", "GiB", "TiB")
    step = min((size_bytes.bit_length() - 1) // 10, len(units))
    return f"{size_bytes / 1024**step:.1f} {units[step - 1]}"
