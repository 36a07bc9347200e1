"""Seeds from protocol/vectors: the binaries and strings that scenarios give to an operation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.make_vectors.__main__ import VECTORS
from tests.protocol.vector_operations import Given

__all__ = ["binaries", "scenarios", "strings"]


def scenarios(operation: str) -> Iterator[tuple[Given, dict[str, Any]]]:
    """What every scenario of an operation gives, as values and as it is written."""
    for path in sorted((VECTORS / operation).glob("*.json")):
        given = json.loads(path.read_text(encoding="ascii"))["input"]
        yield Given(given), given


def binaries(operation: str, name: str, *, max_bytes: int) -> Iterator[bytes]:
    """One binary of every scenario, but for those that are longer."""
    for given, _ in scenarios(operation):
        data = given.binary(name)
        if len(data) <= max_bytes:
            yield data


def strings(operation: str, name: str) -> Iterator[bytes]:
    """One string of every scenario, in UTF-8."""
    for given, _ in scenarios(operation):
        yield given.string(name).encode(errors="ignore")
