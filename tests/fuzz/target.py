"""What a fuzz target is: a law that every input keeps. Knows no parser and no fuzzer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

__all__ = ["Shape", "Target", "pieces"]


class Shape(Enum):
    """How inputs are mutated."""

    BYTES = "bytes"
    RECORD = "record"
    """As records (SPEC 1): values in them are changed, so that most inputs get past the codec."""


@dataclass(frozen=True, slots=True)
class Target:
    """One law. `law` returns for an input that keeps it, and raises whatever it likes for others.

    `seeds` are inputs to begin with; `words` help the fuzzer past comparisons; `brief_runs` are
    for `make test`, about half a second of them.
    """

    name: str
    law: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    shape: Shape = Shape.BYTES
    max_bytes: int = 4096
    words: tuple[bytes, ...] = ()
    brief_runs: int = 1000


def pieces(data: bytes, sizes: bytes) -> Iterable[bytes]:
    """The data in pieces of these sizes, again and again; byte by byte where there are none."""
    at = turn = 0
    while at < len(data):
        size = max(1, sizes[turn % len(sizes)]) if sizes else 1
        yield data[at : at + size]
        at += size
        turn += 1
