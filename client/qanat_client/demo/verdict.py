"""What has to be true at the end of the demonstration, looked up in what the programs wrote."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qanat_client.demo import reports
from qanat_client.demo.people import Desk, Reporter, Sent

__all__ = ["Check", "check_everything"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table at the end: `problem` is empty where all is as it should be."""

    who: str
    what: str
    arrived: str
    problem: str = ""


async def check_everything(desk: Desk, reporters: list[Reporter], folder: Path) -> list[Check]:
    """The table: each report, the correction, what each reporter knows and has received."""
    exported = json.loads((folder / "reports.json").read_text("utf-8"))["reports"]
    by_id = {report["id"]: report for report in exported}
    sent = [(reporter, one) for reporter in reporters for one in reporter.sent]
    checks = [_report(reporter, one, by_id.get(one.report_id), folder) for reporter, one in sent]
    if len(by_id) != len(sent):
        checks.append(
            Check("the desk", "the inbox", f"{len(by_id)} reports", f"{len(sent)} were sent")
        )
    wrong, right = reporters[2].sent[0], reporters[2].sent[-1]
    named = by_id.get(wrong.report_id, {}).get("referred_to_by", [])
    corrected = any(one["id"] == right.report_id and one["counts"] for one in named)
    checks.append(
        Check(
            "the desk",
            "the correction of reporter 3",
            "accepted: by the same author",
            "" if corrected else "was not accepted",
        )
    )
    for own in await asyncio.gather(*(_own(reporter) for reporter in reporters)):
        checks += own
    return checks


def _report(reporter: Reporter, sent: Sent, found: Any, folder: Path) -> Check:
    what = f"[{sent.written.language}] {sent.written.what}"
    if found is None:
        return Check(reporter.name, what, "", "is not in the exported inbox")
    problem = "" if found["text"] == sent.written.text else "another text arrived"
    originals = {
        file["name"]: folder / place["path"]
        for file in found["files"]
        for place in file["exported"]
        if place["rendition"] == "original"
    }
    for name, digest in sent.files.items():
        place = originals.get(name)
        if place is None:
            problem = f"{name} did not arrive"
        elif hashlib.sha256(place.read_bytes()).hexdigest() != digest:
            problem = f"{name} is not what was sent"
    arrived = ", ".join(["text", *(f"{name} (SHA-256 equal)" for name in sent.files)])
    return Check(reporter.name, what, arrived, problem)


async def _own(reporter: Reporter) -> list[Check]:
    """What the reporter's own device says in the end."""
    states = [entry["state"] for entry in await reporter.outbox()]
    closed = states.count("opened")
    checks = [
        Check(
            reporter.name,
            "their outbox",
            f"{closed} opened by the desk",
            "" if closed == len(reporter.sent) else f"it says {', '.join(states)}",
        )
    ]
    inbox = await reporter.inbox()
    texts = [reply["text"] for reply in inbox["replies"]]
    expected = [reports.REPLY] if reporter.sent[0].written is reports.KAZAKH else []
    received = [bulletin["text"] for bulletin in inbox["bulletins"]]
    problem = "" if texts == expected else f"replies: {texts}"
    problem = problem if received == [reports.BULLETIN] else f"bulletins: {received}"
    words = "the reply, the bulletin" if expected else "the bulletin"
    checks.append(Check(reporter.name, "their inbox", words, problem))
    return checks
