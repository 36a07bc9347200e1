"""What somebody finds who takes a reporter's device: no text, no name, no picture, no identity."""

from __future__ import annotations

import base64
import contextlib
import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from tests.end_to_end.abroad import Abroad
from tests.end_to_end.commands import begin, until
from tests.secret_search import find_run, runs_of, search

from qanat_client.demo.gate import Gate
from qanat_client.demo.media import make_photo
from qanat_client.demo.people import Reporter, Sent
from qanat_client.demo.reports import KAZAKH
from qanat_client.reporter.pictures import render
from qanat_protocol.code import identity, normalise
from qanat_protocol.errors import CannotOpen, RemoteError
from qanat_protocol.hashing import sha256
from qanat_protocol.kinds import Kind
from qanat_protocol.labels import label
from qanat_protocol.letter import open_letter
from qanat_protocol.parcel import Header, parse_header
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.tombstone import lock_of

REPLY = "Рақмет! Thank you, stay away from the windows; the second photo is needed in full."
NAMES = ("снимок с балкона.jpg", "film-vom-platz.y4m")
WRITTEN = replace(KAZAKH, files=NAMES)


@pytest.mark.parametrize(
    "hide",
    [
        bytes,
        lambda data: data.hex().encode(),
        lambda data: data.hex().upper().encode(),
        lambda data: b"x" + data.hex().encode(),
        base64.b64encode,
        lambda data: base64.b64encode(b"1" + data),
        lambda data: base64.b64encode(b"12" + data),
        lambda data: base64.urlsafe_b64encode(b"1" + data).rstrip(b"="),
        lambda data: data.decode().encode("utf-16-le"),
        lambda data: data.decode().encode("utf-16-be"),
    ],
)
def test_the_search_finds_eight_bytes_in_every_form(
    hide: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    runs = runs_of(["the whole report, of which eight bytes are in a file"])
    noise = random.Random(8).randbytes(50_000)
    (tmp_path / "file").write_bytes(noise + b"\0" + hide(b"of which") + b"\0" + noise)
    assert search([tmp_path], runs)
    assert find_run(noise, runs) is None


@dataclass(frozen=True)
class Device:
    """A reporter's device: all folders that the program may write to, and what it was told."""

    reporter: Reporter
    media: Path
    folders: tuple[Path, ...]
    variables: dict[str, str]

    def secrets(self, desk_id: bytes, reports: list[Sent]) -> Iterator[bytes | str]:
        """All that the reporter wrote, attached and is."""
        yield from (WRITTEN.text, WRITTEN.what, WRITTEN.where, WRITTEN.when)
        yield from (figure.partition("=")[0] for figure in WRITTEN.figures)
        for name in NAMES:
            yield name
            yield (self.media / name).read_bytes()
        yield str(self.media)
        made = render(self.media / NAMES[0])
        assert made.thumbnail is not None
        assert made.preview is not None
        yield from (made.thumbnail, made.preview)
        yield from (bytes.fromhex(sent.report_id) for sent in reports)
        yield from self.code_secrets(desk_id)

    def code_secrets(self, desk_id: bytes) -> Iterator[bytes | str]:
        """The code as it may be written, and all that comes from it."""
        code = self.reporter.code_file.read_text().strip()
        digits = normalise(code)
        yield from (code, digits, code.replace(" ", "-"))
        yield int(digits).to_bytes(10)
        yield int(digits[:22]).to_bytes(10)
        yield int(digits[:22]).to_bytes(10, "little")
        # Said again by hand (SPEC section 8), so that the seed itself is looked for as well.
        yield Argon2id(
            salt=sha256(label("code-salt"), desk_id)[:16],
            length=32,
            iterations=3,
            lanes=1,
            memory_cost=65_536,
        ).derive(digits[:22].encode())
        who = identity(code, desk_id)
        yield from (who.signing.seed, who.signing.public, who.mailbox_secret)
        yield from (who.reply.seed, who.reply.public)

    def parcels(self) -> list[tuple[Header, bytes]]:
        """Every parcel in the home, with its body."""
        with contextlib.closing(sqlite3.connect(self.reporter.home / "qanat.db")) as database:
            rows = database.execute(
                "SELECT key, header FROM parcel WHERE header IS NOT NULL AND has_body"
            ).fetchall()
            return [
                (
                    parse_header(header),
                    b"".join(
                        data
                        for (data,) in database.execute(
                            "SELECT data FROM block WHERE parcel = ? ORDER BY number", (key,)
                        )
                    ),
                )
                for key, header in rows
            ]

    def keys_found(self) -> set[bytes]:
        """Everything of 32 bytes in a column of the database, and every 32 bytes of small files."""
        found: set[bytes] = set()
        with contextlib.closing(sqlite3.connect(self.reporter.home / "qanat.db")) as database:
            tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            for (table,) in tables.fetchall():
                for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
                    found.update(value for value in row if isinstance(value, bytes))
        small = [path for path in self.reporter.home.iterdir() if path.is_file()]
        for path in small:
            if path.stat().st_size <= 4096:
                data = path.read_bytes()
                found.update(data[at : at + 32] for at in range(len(data) - 31))
        return {value for value in found if len(value) == 32}


@pytest.fixture
async def device(abroad: Abroad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    """Every program of the test runs with empty folders for its home, its user's, and for what is
    temporary; all of them are searched."""
    folders = tuple(tmp_path / name for name in ("temporary", "user", "here"))
    for folder in folders:
        folder.mkdir()
    variables = {
        "TMPDIR": str(folders[0]),
        "SQLITE_TMPDIR": str(folders[0]),
        "HOME": str(folders[1]),
        "XDG_DATA_HOME": str(folders[1] / "data"),
        "XDG_CACHE_HOME": str(folders[1] / "cache"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folders[2])
    media = tmp_path / "geheime Aufnahmen"
    media.mkdir()
    make_photo(media / NAMES[0], seed=5)
    (media / NAMES[1]).write_bytes(random.Random(6).randbytes(300_000))
    reporter = await abroad.reporter()
    return Device(reporter, media, (reporter.home, *folders), variables)


async def test_nothing_readable_is_left_by_writing_sending_and_reading_answers(
    abroad: Abroad, device: Device
) -> None:
    reporter, desk_id = device.reporter, abroad.card.desk_id
    first = await reporter.write(WRITTEN, device.media)
    runs = runs_of(device.secrets(desk_id, [first]))
    assert search(device.folders, runs) == []

    gate = Gate(rate_bytes_s=300_000)
    await gate.build()
    gate.open()
    syncing = await begin(
        reporter.home, "sync", "--proxy", gate.proxy, "--code-file", reporter.code_file
    )
    await until(lambda: gate.carried_bytes >= 100_000 or syncing.returncode is not None)
    gate.shut()
    await syncing.communicate()
    gate.remove()
    assert search(device.folders, runs) == []

    assert (await reporter.sync(with_code=True)).code == 0
    assert search(device.folders, runs) == []
    assert first.report_id in await abroad.arrived()
    assert (await abroad.exported())[first.report_id] == first.files
    await abroad.desk.reply(first.report_id, REPLY)
    await abroad.desk.pull()
    assert (await reporter.sync(with_code=True)).code == 0
    assert [reply["text"] for reply in (await reporter.inbox())["replies"]] == [REPLY]
    assert [line["state"] for line in await reporter.outbox()] == ["opened"]
    runs |= runs_of([REPLY])
    assert search(device.folders, runs) == []

    # The same for whoever takes the relay with its log, or the desk's disk without the passphrase.
    assert (abroad.folder / "relay.log").exists()
    for taken in (abroad.relay.data, abroad.desk.home):
        assert search([taken], runs) == []
    assert find_run((abroad.folder / "relay.log").read_bytes(), runs) is None


async def test_nothing_readable_is_left_by_a_send_that_is_killed(
    abroad: Abroad, device: Device
) -> None:
    reporter, desk_id = device.reporter, abroad.card.desk_id
    film = device.media / NAMES[1]
    film.write_bytes(random.Random(7).randbytes(30_000_000))
    text_file = device.media / "text"
    text_file.write_text(WRITTEN.text)
    # Only what is read before the kill can be left, and the runs of the whole would take minutes.
    secrets = [secret for secret in device.secrets(desk_id, []) if len(secret) < 1_000_000]
    runs = runs_of([*secrets, film.read_bytes()[:400_000]])
    sending = await begin(
        reporter.home, "send", "--text-file", text_file, "--what", WRITTEN.what,
        "--where", WRITTEN.where, "--when", WRITTEN.when, "--code-file", reporter.code_file,
        "--attach", device.media / NAMES[0], "--attach", film,
    )  # fmt: skip
    log = reporter.home / "qanat.db-wal"
    await until(
        lambda: (log.exists() and log.stat().st_size > 5_000_000) or sending.returncode is not None
    )
    sending.kill()
    await sending.communicate()
    assert list(reporter.home.glob("sealing-*")), "the kill came in the middle"
    assert search(device.folders[1:], runs) == []
    _cut(log, 8_000_000)
    assert search([reporter.home], runs) == []
    assert await reporter.outbox() == []


async def test_no_code_in_a_head_and_no_key_on_the_device_opens_what_is_queued(
    abroad: Abroad, device: Device
) -> None:
    reporter = device.reporter
    await reporter.write(WRITTEN, device.media)
    assert (await reporter.sync(with_code=True)).code == 0
    parcels = device.parcels()
    assert sorted(header.kind for header, _ in parcels) == [Kind.LETTER, *[Kind.PART] * 4]
    who = identity(reporter.code_file.read_text(), abroad.card.desk_id)
    own = {who.signing.seed, who.reply.seed, who.mailbox_secret}
    keys = device.keys_found() | own
    assert len(keys) > 30
    ((letter, body),) = [parcel for parcel in parcels if parcel[0].kind is Kind.LETTER]
    with pytest.raises(CannotOpen):
        open_letter(letter, body, who.reply)
    for key in keys:
        with pytest.raises(RemoteError):
            open_letter(letter, body, SealingSecret(key))
        # A content key would be betrayed by the lock, for the letter as for the parts.
        assert lock_of(key) not in {header.lock for header, _ in parcels}


def _cut(path: Path, size_bytes: int) -> None:
    with path.open("r+b") as file:
        file.truncate(min(size_bytes, path.stat().st_size))
