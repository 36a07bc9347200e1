"""`qanat demo`: runs the story in a folder of its own, and prints the table of what came of it."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from qanat_client.demo.people import DemoFailed
from qanat_client.demo.story import Story
from qanat_client.demo.verdict import Check
from qanat_client.terminal import Exit, make_parser

__all__ = ["conclude", "run"]

_NEEDED = {"PIL": "pictures", "qanat_relay": "relay", "sqlcipher3": "desk"}
FAILED = 1


def run(arguments: Sequence[str]) -> int:
    """Run the demonstration; 0 if all arrived, 1 if anything is missing."""
    parser = make_parser(
        "qanat demo",
        "The whole story on this machine: a shutdown, three reporters, two relays, a desk.\n"
        "Real programs and real connections on loopback; nothing leaves the machine.",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="an empty folder for it")
    chosen = parser.parse_args(arguments)
    lacking = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if lacking:
        extras = ",".join(sorted({_NEEDED[name] for name in lacking}))
        print(
            f"qanat demo needs more than a reporter does: install Qanat with its extras {extras}:"
            f" pip install '.[{extras}]' in its folder"
        )
        return Exit.BAD_INPUT
    folder = _folder(chosen)
    if folder is None:
        print(f"qanat demo: {chosen.output} is not empty; name another folder", file=sys.stderr)
        return Exit.BAD_INPUT
    started_s = time.monotonic()
    story = Story(folder, lambda sentence: print(sentence, flush=True))
    try:
        checks = asyncio.run(story.play())
    except DemoFailed as failure:
        print(f"\nThe demonstration failed. {failure}\nWhat it left is in {folder}")
        return FAILED
    except KeyboardInterrupt:
        print(f"\nstopped; what it left is in {folder}")
        return 130
    return conclude(checks, story, time.monotonic() - started_s)


def _folder(chosen: argparse.Namespace) -> Path | None:
    if chosen.output is None:
        return Path(tempfile.mkdtemp(prefix="qanat-demo-"))
    folder: Path = chosen.output
    folder.mkdir(parents=True, exist_ok=True)
    return None if any(folder.iterdir()) else folder


def conclude(checks: Sequence[Check], story: Story, took_s: float) -> int:
    """Print the table and where everything lies; the exit code."""
    wide = max(len(check.who) for check in checks)
    far = max(len(check.what) for check in checks)
    for check in checks:
        mark = "MISSING" if check.problem else "ok"
        end = check.problem or check.arrived
        print(f"  {mark:<7}  {check.who:<{wide}}  {check.what:<{far}}  {end}")
    print(f"\nThe exported inbox: {story.export_folder}")
    print(f"Everyone's folders: {story.folder}")
    print(
        "It holds readable reports, codes and a passphrase, all of them played: delete it at will."
    )
    if any(check.problem for check in checks):
        print(f"\nSomething is missing, after {took_s:.0f} s.")
        return FAILED
    print(f"\nAll of it arrived, whole and signed, in {took_s:.0f} s.")
    return Exit.DONE
