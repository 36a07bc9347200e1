"""Writes protocol/vectors anew: `python -m tests.make_vectors`. The same bytes every time."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.make_vectors.cases import (
    bundles,
    calendar,
    channels,
    codes,
    datagrams,
    desks,
    headers,
    interests,
    letters,
    parts,
    proofs,
    publics,
    records,
    replies,
    reports,
    sketches,
    trees,
    wire_frames,
)
from tests.make_vectors.scenario import Scenario

VECTORS = Path(__file__).parents[2] / "protocol" / "vectors"
_CASES = (
    records, calendar, headers, trees, letters, parts, reports, codes, desks, replies, publics,
    proofs, channels, wire_frames, interests, sketches,
    bundles, datagrams,
)  # fmt: skip


def scenarios() -> Iterator[Scenario]:
    """Every scenario, in the order of the specification."""
    for cases in _CASES:
        yield from cases.scenarios()


def files() -> dict[str, str]:
    """What stands below the folder, by path; `known/` and the README are not made here."""
    made: dict[str, str] = {}
    for scenario in scenarios():
        if scenario.path in made:
            raise ValueError(f"two scenarios are called {scenario.path}")
        made[scenario.path] = scenario.text()
    return made


def committed() -> set[str]:
    """The paths that are there, apart from `known/`."""
    paths = {path.relative_to(VECTORS) for path in VECTORS.glob("*/*.json")}
    return {path.as_posix() for path in paths if path.parts[0] != "known"}


def main() -> int:
    """Write what changed, remove what is made no more, and tell how many there are."""
    made = files()
    for name in committed() - set(made):
        (VECTORS / name).unlink()
    for name, text in made.items():
        path = VECTORS / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="ascii")
    sys.stdout.write(f"{len(made)} vectors\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
