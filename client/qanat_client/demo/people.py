"""The people of the demonstration: three reporters and a desk, each with a home of their own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qanat_client.demo.programs import Answer, Relay, run
from qanat_client.demo.reports import Written

__all__ = ["DemoFailed", "Desk", "Reporter", "Sent"]


class DemoFailed(Exception):
    """A step of the story did not go as told; the message says which."""


def expect(answer: Answer, *codes: int, doing: str) -> Any:
    """The JSON of a program that ended with one of these exit codes. Raises DemoFailed."""
    if answer.code not in codes:
        raise DemoFailed(f"{doing}: exit code {answer.code}: {answer.said}")
    return answer.result


@dataclass(frozen=True, slots=True)
class Sent:
    """A report that was queued, and what has to arrive of it: the SHA-256 of each file."""

    written: Written
    report_id: str
    files: dict[str, str]


@dataclass(slots=True)
class Reporter:
    """A home, a code (here in a file; in life it is in a head), and what was sent from it."""

    name: str
    home: Path
    code_file: Path
    sent: list[Sent] = field(default_factory=list)

    async def _run(self, *arguments: str | Path, text: str = "") -> Answer:
        return await run("qanat", "--home", self.home, *arguments, text=text)

    async def prepare(self, card: Path) -> None:
        """Takes the desk's card and makes a code."""
        expect(await self._run("desk", "add", card, "--yes"), 0, doing=f"{self.name} adds the desk")
        made = expect(await self._run("code", "new"), 0, doing=f"{self.name} makes a code")
        self.code_file.write_text(made["code"] + "\n")
        self.code_file.chmod(0o600)

    async def write(self, written: Written, media: Path, *, corrects: str | None = None) -> Sent:
        """Writes, seals and queues one report."""
        arguments: list[str | Path] = ["send", "--code-file", self.code_file]
        arguments += ["--what", written.what, "--where", written.where, "--when", written.when]
        arguments += ["--language", written.language, "--seen" if written.seen else "--heard"]
        for figure in written.figures:
            arguments += ["--figure", figure]
        files = {}
        for name in written.files:
            arguments += ["--attach", media / name]
            files[name] = hashlib.sha256((media / name).read_bytes()).hexdigest()
        if written.urgent:
            arguments.append("--urgent")
        if corrects is not None:
            arguments += ["--corrects", corrects]
        answer = await self._run(*arguments, text=written.text)
        queued = expect(answer, 0, doing=f"{self.name} writes")
        sent = Sent(written, queued["report_id"], files)
        self.sent.append(sent)
        return sent

    async def sync(self, proxy: str | None = None, *, with_code: bool = False) -> Answer:
        """Tries every relay once, through the way out of the country if one is named."""
        arguments: list[str | Path] = ["sync", "--once"]
        if proxy is not None:
            arguments += ["--proxy", proxy]
        if with_code:
            arguments += ["--code-file", self.code_file]
        return await self._run(*arguments)

    async def outbox(self) -> list[dict[str, Any]]:
        """The outbox, one line a report."""
        shown = expect(await self._run("outbox"), 0, doing=f"{self.name} looks into the outbox")
        reports: list[dict[str, Any]] = shown
        return reports

    async def inbox(self) -> Any:
        """Replies, opened with the code, and bulletins."""
        answer = await self._run("inbox", "--code-file", self.code_file)
        return expect(answer, 0, doing=f"{self.name} reads the inbox")


@dataclass(slots=True)
class Desk:
    """The editors' desk abroad, which is always connected."""

    home: Path
    passphrase_file: Path

    async def _run(self, *arguments: str | Path, text: str = "") -> Answer:
        options: list[str | Path] = ["--home", self.home]
        options += ["--passphrase-file", self.passphrase_file]
        return await run("qanat-desk", *options, *arguments, text=text)

    async def prepare(self, relays: list[Relay], card: Path) -> str:
        """Makes the desk and writes its card; the fingerprint."""
        self.passphrase_file.write_text("only for the demonstration\n")
        self.passphrase_file.chmod(0o600)
        addresses = [word for relay in relays for word in ("--relay", relay.url)]
        languages = [word for tag in ("kk", "ru", "de", "en") for word in ("--language", tag)]
        made = expect(
            await self._run("init", "--name", "Demonstration desk", *addresses, *languages),
            0,
            doing="the desk is made",
        )
        expect(await self._run("card", "-o", card), 0, doing="the card is written")
        fingerprint: str = made["fingerprint"]
        return fingerprint

    async def pull(self) -> Any:
        """Fetches from every relay that lives."""
        return expect(await self._run("pull"), 0, doing="the desk pulls")

    async def reports(self) -> list[dict[str, Any]]:
        """The inbox."""
        shown = expect(await self._run("list"), 0, doing="the desk lists")
        if shown["set_aside"] or shown["alarms"]:
            raise DemoFailed(f"something was set aside: {shown['set_aside'] or shown['alarms']}")
        reports: list[dict[str, Any]] = shown["reports"]
        return reports

    async def reply(self, report_id: str, text: str) -> None:
        """Answers a report."""
        expect(await self._run("reply", report_id, "--text-file", "-", text=text), 0, doing="reply")

    async def bulletin(self, title: str, text: str) -> None:
        """Publishes news, and sends what waits."""
        expect(
            await self._run("bulletin", "--title", title, "--text-file", "-", "--now", text=text),
            0,
            doing="the bulletin goes out",
        )

    async def export(self, folder: Path) -> Any:
        """Writes the inbox, readable."""
        return expect(await self._run("export", "-o", folder), 0, doing="the inbox is exported")
