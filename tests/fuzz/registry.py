"""All targets by name, and the careless ones that show that fuzzing finds what it should."""

from __future__ import annotations

from importlib import import_module

from tests.fuzz.target import Target

__all__ = ["CARELESS", "MODULES", "load_careless", "load_targets"]

MODULES = (
    "records", "documents", "sealed", "wire", "bulk", "sketches", "sessions", "datagrams", "inputs",
    "screens", "relay_node", "reporter", "desk", "editors", "http",
)  # fmt: skip
CARELESS = "careless"


def load_targets() -> dict[str, Target]:
    """Every target, in the order of the modules."""
    found: dict[str, Target] = {}
    for name in MODULES:
        for target in import_module(f"tests.fuzz.targets.{name}").TARGETS:
            assert target.name not in found, target.name
            found[target.name] = target
    return found


def load_careless() -> dict[str, Target]:
    """Parsers that break their law; only a test fuzzes them."""
    return {target.name: target for target in import_module(f"tests.fuzz.{CARELESS}").TARGETS}
