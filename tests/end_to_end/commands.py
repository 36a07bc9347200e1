"""Qanat's programs run to their end as their users run them, and the handicaps they are given."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from qanat_client.demo.programs import Answer, command, environment, run

HANDICAPS = Path(__file__).with_name("handicaps")
OBEYING = {"PYTHONPATH": str(HANDICAPS), "HANDICAP_OBEY": "1"}


def in_year(year: int) -> dict[str, str]:
    """Variables under which a program's clock shows this year."""
    return _ahead(datetime(year, 6, 15, 12, tzinfo=UTC).timestamp() - time.time())


def in_days(days: int) -> dict[str, str]:
    """Variables under which a program runs so many days from now."""
    return _ahead(days * 86_400)


def _ahead(seconds: float) -> dict[str, str]:
    return {"PYTHONPATH": str(HANDICAPS), "HANDICAP_CLOCK_S": str(seconds)}


def with_little_room(file_bytes: int) -> dict[str, str]:
    """Variables under which no file of a program can grow beyond so many bytes."""
    return {"PYTHONPATH": str(HANDICAPS), "HANDICAP_FILE_BYTES": str(file_bytes)}


async def qanat(
    home: Path, *arguments: str | Path, text: str = "", variables: dict[str, str] | None = None
) -> Answer:
    """Run the reporter's program; `text` is its input."""
    answer = await run("qanat", "--home", home, *arguments, text=text, variables=variables)
    assert "Traceback" not in answer.said, answer.said
    return answer


async def begin(
    home: Path,
    *arguments: str | Path,
    program: str = "qanat",
    variables: Mapping[str, str] | None = None,
) -> asyncio.subprocess.Process:
    """Start the reporter's program or another, to be killed or waited for; it has no input."""
    return await asyncio.create_subprocess_exec(
        *command(program, ["--json", "--home", str(home), *map(str, arguments)]),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(dict(variables or {})),
    )


async def queue_in(home: Path, text: str, *arguments: str | Path) -> str:
    """Queue a report without a code; its id."""
    sent = await qanat(home, "send", "--no-code", *arguments, text=text)
    assert sent.code == 0, sent.said
    report_id: str = sent.result["report_id"]
    return report_id


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does, which has no event to wait for."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.002)
