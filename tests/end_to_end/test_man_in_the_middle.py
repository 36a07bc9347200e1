"""Whoever sits in the line with a certificate that the device believes sees channel bytes alone."""

from __future__ import annotations

import contextlib
import hashlib
import random
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.client.relay_process import free_port
from tests.end_to_end.abroad import Abroad, make_abroad
from tests.end_to_end.commands import qanat
from tests.end_to_end.middle import Middle
from tests.secret_search import find_run, runs_of

from qanat_client.demo.people import Reporter
from qanat_client.demo.programs import Answer, Relay, run
from qanat_client.demo.reports import KAZAKH
from qanat_protocol.code import identity
from qanat_protocol.parcel import parse_header
from qanat_protocol.tags import desk_tag, public_tag

FILM_BYTES = 400_000
PREAMBLE = b"QNT\x01\x01"


@dataclass(frozen=True)
class Line:
    """A relay whose only address leads through the man in the middle, a desk and a reporter."""

    abroad: Abroad
    middle: Middle
    reporter: Reporter
    film: Path

    async def sync(self, *arguments: str | Path) -> Answer:
        """Hand over, through the man in the middle."""
        return await qanat(self.reporter.home, "sync", *arguments)

    async def write(self) -> str:
        """Queue a report with a film; its id."""
        sent = await qanat(
            self.reporter.home, "send", "--code-file", self.reporter.code_file,
            "--what", KAZAKH.what, "--where", KAZAKH.where, "--attach", self.film,
            text=KAZAKH.text,
        )  # fmt: skip
        assert sent.code == 0, sent.said
        report_id: str = sent.result["report_id"]
        return report_id

    async def words(self) -> set[str]:
        """All that the outbox says any relay said."""
        return {
            relay["word"]
            for line in await self.reporter.outbox()
            for parcel in line["parcels"]
            for relay in parcel["relays"]
        }

    async def has_arrived(self, report_id: str) -> bool:
        """Whether the desk has it, and the film as it was."""
        assert set(await self.abroad.arrived()) == {report_id}
        digest = hashlib.sha256(self.film.read_bytes()).hexdigest()
        return await self.abroad.exported() == {report_id: {self.film.name: digest}}


@pytest.fixture(scope="module")
def line_abroad(tmp_path_factory: pytest.TempPathFactory) -> tuple[Abroad, int]:
    """The relay and desk, and the port on which the man stands."""
    port = free_port()
    address = f"https://localhost:{port}"
    folder = tmp_path_factory.mktemp("line") / "made"
    return make_abroad(folder, relay_address=address), port


@pytest.fixture
async def line(
    line_abroad: tuple[Abroad, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Line]:
    made, port = line_abroad
    abroad = made.copy(tmp_path / "abroad")
    await abroad.serve()
    middle = Middle(tmp_path, abroad.port)
    await middle.stand(port)
    # Every program believes him, the desk's too: the card names no other address.
    monkeypatch.setenv("SSL_CERT_FILE", str(middle.authority_file))
    film = tmp_path / "film-from-the-bridge.y4m"
    film.write_bytes(random.Random(3).randbytes(FILM_BYTES))
    yield Line(abroad, middle, await abroad.reporter(), film)
    await middle.leave()
    await abroad.relay.stop()


async def test_without_the_certificate_authority_the_client_refuses_the_line(line: Line) -> None:
    await line.write()
    refused = await qanat(line.reporter.home, "sync", variables={"SSL_CERT_FILE": "/dev/null"})
    assert refused.code in (3, 4)
    assert "certificate" in str(refused.result)
    assert PREAMBLE not in line.middle.record


async def test_he_who_ends_tls_sees_no_tag_no_header_no_id_and_no_parcel(line: Line) -> None:
    report_id = await line.write()
    hidden = [*_parcels(line.reporter.home), *_identities(line)]
    synced = await line.sync("--code-file", line.reporter.code_file)
    assert synced.code == 0, synced.said
    assert (await line.words()) == {"signed"}
    sent = bytes(line.middle.record)
    assert await line.has_arrived(report_id)
    await line.abroad.desk.reply(report_id, "Thank you. Which bridge was it?")
    await line.abroad.desk.pull()
    again = await line.sync("--code-file", line.reporter.code_file)
    assert again.code == 0, again.said
    assert [reply["text"] for reply in (await line.reporter.inbox())["replies"]]

    seen = bytes(line.middle.record)
    assert len(sent) > FILM_BYTES, "it all went by him"
    assert sent.count(PREAMBLE) == 1
    runs = runs_of(hidden)
    assert find_run(seen, runs) is None
    # That the search would have found them, had they passed as they are.
    assert find_run(seen[:1000] + hidden[0][100:200] + seen[1000:2000], runs)


def _parcels(home: Path) -> list[bytes]:
    """The bodies, headers and ids of all that is queued."""
    with contextlib.closing(sqlite3.connect(home / "qanat.db")) as database:
        bodies = [data for (data,) in database.execute("SELECT data FROM block")]
        headers = [data for (data,) in database.execute("SELECT header FROM parcel")]
        leaves = [data for (data,) in database.execute("SELECT leaf FROM block")]
    found = [parse_header(header) for header in headers]
    return [*bodies, *headers, *leaves, *(header.parcel_id for header in found)]


def _identities(line: Line) -> list[bytes]:
    """What names the desk, the relay, the author and the mailbox."""
    card = line.abroad.card
    who = identity(line.reporter.code_file.read_text(), card.desk_id)
    today = card.issued_day
    tags = [desk_tag(card.desk_id, card.epoch_for(today + days)) for days in (0, 7)]
    (relay,) = card.relays
    return [
        card.desk_id,
        card.statement.root_key,
        public_tag(card.desk_id),
        *tags,
        *card.sealing_keys,
        card.card_hash,
        relay.signing_key,
        who.signing.public,
        who.mailbox_secret,
        KAZAKH.text.encode(),
        KAZAKH.what.encode(),
    ]


async def test_he_cannot_pose_as_the_relay(line: Line, tmp_path: Path) -> None:
    report_id = await line.write()
    own = Relay(tmp_path / "his-relay", "the relay", "DE")
    made = await run("qanat-relay", "init", "--data", own.data, "--name", "the relay")
    assert made.code == 0, made.said
    await own.start(free_port())
    honest = line.middle.forward_port
    line.middle.forward_port = int(own.url.rpartition(":")[2])
    fooled = await line.sync("--code-file", line.reporter.code_file)
    assert line.middle.connections > 0
    assert fooled.code in (3, 4), fooled.said
    (told,) = fooled.result["relays"]
    assert not told["reached"]
    assert "relay of the card" in told["problem"]
    assert not await line.words() & {"holds", "signed", "half", "purged"}
    assert [entry["state"] for entry in await line.reporter.outbox()] == ["queued"]
    assert await own.stop() == 0

    line.middle.forward_port = honest
    assert (await line.sync()).code == 0
    assert await line.has_arrived(report_id)


@pytest.mark.parametrize(
    ("direction", "byte"),
    [
        ("out", 900),  # in the preamble, behind the head of the request
        ("out", 6_000),  # in the letter
        ("out", 200_000),  # in the film
        ("in", 250),  # in the answer's first packets
        ("in", 600),
    ],
)
async def test_a_byte_that_he_changes_breaks_the_channel_and_loses_nothing(
    line: Line, direction: str, byte: int
) -> None:
    report_id = await line.write()
    setattr(line.middle, f"flip_{direction}", byte)
    broken = await line.sync()
    assert line.middle.flips > 0
    (told,) = broken.result["relays"]
    assert told["problem"], "the person is told"
    if direction == "out" and byte < 1_000:
        assert not await line.words(), "nobody but the relay could have said a word"
    line.middle.flip_out = line.middle.flip_in = None
    mended = await line.sync()
    assert mended.code == 0, mended.said
    assert await line.words() <= {"holds", "signed"}
    assert await line.has_arrived(report_id)
