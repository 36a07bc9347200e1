"""What a fuzz target is: a law that every input keeps. Knows no parser and no fuzzer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

__all__ = ["Shape", "Target", "chunks_of", "pieces"]

MOST_PIECES = 400
"""Of a long stream: each is a step of the machine under test."""


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
    brief_runs: int = 400


def pieces(data: bytes, sizes: bytes) -> Iterator[bytes]:
    """The data in pieces of these sizes, again and again; byte by byte where there are none."""
    at = turn = 0
    while at < len(data):
        size = max(1, sizes[turn % len(sizes)]) if sizes else 1
        yield data[at : at + size]
        at += size
        turn += 1


def chunks_of(stream: bytes, sizes: bytes, *, whole: bool = False) -> Iterator[bytes]:
    """As `pieces`, but a long stream in larger ones; `whole`: in one, where no sizes are given."""
    if whole and not sizes:
        return iter([stream])
    least = len(stream) // MOST_PIECES
    if least < 2:
        return pieces(stream, sizes)
    step = least + (sizes[0] if sizes else 1)
    return (stream[at : at + step] for at in range(0, len(stream), step))
