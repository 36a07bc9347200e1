"""A session cut at any byte, in either direction: the next one ends it, nothing is lost, nothing is
said that is not so, and only what was in flight goes again."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.cuts.desk_side import desk_survives, prepare_desk
from tests.cuts.line import Line
from tests.cuts.reporter_side import prepare, survives

SHARES = 4
"""Parts of the quick run, for machines that run tests side by side."""

SOAK_SHARES = 64

RANDOM = {"out_bytes": 8, "back_bytes": 4}
"""Cuts within frames, besides those around their ends."""


@dataclass(frozen=True)
class Side:
    """Who talks with the relay, and the session that nothing cuts."""

    survive: Callable[..., Awaitable[Line]]
    prepared: Any
    whole: Line

    def cut_everywhere(self, folder: Path, cuts: list[tuple[str, int]]) -> None:
        """Every third line is so fast that everything was in flight."""

        async def run() -> None:
            for way, offset in cuts:
                cut: dict[str, Any] = {way: offset, "is_slow": offset % 3 != 0}
                try:
                    await self.survive(self.prepared, folder, **cut)
                except AssertionError as error:
                    raise AssertionError(f"cut at {cut}: {error}") from error

        asyncio.run(run())

    def sample(self) -> list[tuple[str, int]]:
        """At the end of every packet, a byte before it, and anywhere."""
        draw = random.Random(4)
        cuts: set[tuple[str, int]] = set()
        for way, line in (("out_bytes", self.whole.out), ("back_bytes", self.whole.back)):
            near = {end + by for end in (0, *line.ends) for by in (-1, 0)}
            within = draw.sample(range(line.carried_bytes), RANDOM[way])
            cuts |= {(way, at) for at in (*near, *within) if 0 <= at < line.carried_bytes}
        return sorted(cuts)

    def all(self) -> list[tuple[str, int]]:
        """Every offset of both directions."""
        ways = (("out_bytes", self.whole.out), ("back_bytes", self.whole.back))
        return list(
            itertools.chain.from_iterable(
                ((way, offset) for offset in range(line.carried_bytes)) for way, line in ways
            )
        )


@pytest.fixture(scope="module")
def reporter(tmp_path_factory: pytest.TempPathFactory) -> Side:
    folder = tmp_path_factory.mktemp("reporter")
    prepared = asyncio.run(prepare(folder))
    return Side(survives, prepared, asyncio.run(survives(prepared, folder / "whole")))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Side:
    folder = tmp_path_factory.mktemp("desk")
    prepared = asyncio.run(prepare_desk(folder))
    return Side(desk_survives, prepared, asyncio.run(desk_survives(prepared, folder / "whole")))


@pytest.mark.parametrize("share", range(SHARES))
def test_a_reporters_session_survives_a_cut_around_any_frame(
    reporter: Side, tmp_path: Path, share: int
) -> None:
    reporter.cut_everywhere(tmp_path / "cut", reporter.sample()[share::SHARES])


@pytest.mark.parametrize("share", range(SHARES))
def test_a_desks_session_survives_a_cut_around_any_frame(
    desk: Side, tmp_path: Path, share: int
) -> None:
    desk.cut_everywhere(tmp_path / "cut", desk.sample()[share::SHARES])


@pytest.mark.soak
@pytest.mark.parametrize("share", range(SOAK_SHARES))
def test_a_reporters_session_survives_a_cut_at_any_byte(
    reporter: Side, tmp_path: Path, share: int
) -> None:
    reporter.cut_everywhere(tmp_path / "cut", reporter.all()[share::SOAK_SHARES])


@pytest.mark.soak
@pytest.mark.parametrize("share", range(SOAK_SHARES))
def test_a_desks_session_survives_a_cut_at_any_byte(desk: Side, tmp_path: Path, share: int) -> None:
    desk.cut_everywhere(tmp_path / "cut", desk.all()[share::SOAK_SHARES])
