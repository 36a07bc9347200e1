"""The scenarios that come with Qanat, and those that people write: by name or by path."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from qanat_client.errors import BadInput
from qanat_client.terminal import printable_line, read_bytes
from qanat_simulation.scenario import Scenario
from qanat_simulation.scenario_reading import parse

__all__ = ["builtin_names", "load"]

_SUFFIX: Final = ".toml"
_MAX_FILE_BYTES: Final = 1_000_000
"""Some hundred times what the longest built-in one takes."""


def _folder() -> Traversable:
    return files("qanat_simulation") / "scenarios"


def builtin_names() -> list[str]:
    """In the order of the alphabet."""
    names = (each.name for each in _folder().iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def load(named: str) -> Scenario:
    """One that is built in, or a file. Raises BadInput, of which ScenarioWrong names the line."""
    if named in builtin_names():
        return parse(named + _SUFFIX, (_folder() / (named + _SUFFIX)).read_bytes())
    path = Path(named)
    if not path.suffix and not path.exists():
        raise BadInput(
            f"there is no scenario {printable_line(named)!r}; there are"
            f" {', '.join(builtin_names())}, or name a file"
        )
    data = read_bytes(path, "the scenario", max_bytes=_MAX_FILE_BYTES)
    return parse(str(path), data)
