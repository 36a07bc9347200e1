"""After sending and syncing nothing in the home can be read, and nothing there opens it.

Every file is searched for every run of eight bytes of what was written, as it is, in hex and in
base64 - the database, its log, and whatever was left beside them.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from tests.client.made_desk import MadeDesk, write_card
from tests.client.relay_process import RelayProcess, drop_in
from tests.client.reporter_runs import CODE, attaching, parcels, qanat, qanat_process
from tests.secret_search import RUN_BYTES, runs_of, search

TEXT = (
    "Автобус с задержанными у дома 17, номер 482 AAB. Мені ешкім көрген жоқ. "
    "They took eleven people from the yard at half past six."
)
NAMES = ("Ержан-во-дворе.jpg", "yard at half past six.bin")


def found_in(folder: Path, secrets: Iterable[bytes | str]) -> list[str]:
    """Where a run of a secret stands in the content or the name of a file.

    Only runs of one repeated byte are left out: here the headers of file formats are no secrets.
    """
    return search([folder], runs_of(secrets, most_alike=RUN_BYTES - 1))


def distinct_media(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture
def written(tmp_path: Path) -> list[Path]:
    """A picture and a file, each unlike anything else."""
    picture = tmp_path / NAMES[0]
    noise = Image.frombytes("RGB", (64, 48), distinct_media(1, 64 * 48 * 3))
    noise.resize((1600, 1200)).save(picture, "JPEG", quality=50, comment=b"seen from the window")
    other = tmp_path / NAMES[1]
    other.write_bytes(distinct_media(2, 40_000))
    return [picture, other]


def scan_of(jpeg: bytes) -> bytes:
    """The picture itself; the tables before it are the same in a million other files."""
    return jpeg[jpeg.index(b"\xff\xda") + 14 :]


def secrets_of(written: list[Path]) -> list[bytes | str]:
    from qanat_client.reporter.pictures import render

    made = render(written[0])
    assert made.thumbnail is not None
    assert made.preview is not None
    texts = [TEXT, "Yard, at the fountain", "half past six or so", "taken=11..12", *NAMES]
    return [
        *texts,
        b"seen from the window",
        scan_of(written[0].read_bytes()),
        written[1].read_bytes(),
        scan_of(made.thumbnail),
        scan_of(made.preview),
        CODE.encode(),
    ]


def test_the_search_finds_each_form(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    secret = b"a secret of the yard"
    written = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    # Base64 of each of the three places in which it could begin, in both alphabets.
    for skip in range(3):
        encoded = base64.b64encode(b"\xff" * skip + secret)
        written += [encoded, encoded.replace(b"+", b"-").replace(b"/", b"_")]
    for form in written:
        (folder / "file").write_bytes(b"." * 100 + form[2:-2] + b"." * 100)
        assert found_in(folder, [secret])
    (folder / "file").write_bytes("a secret".encode("utf-16-le"))
    assert found_in(folder, ["a secret of the yard"])
    (folder / "file").write_bytes(bytes(1000) + b"nothing of it")
    assert not found_in(folder, [secret])
    (folder / "file").unlink()
    (folder / "a secret of.txt").touch()
    assert found_in(folder, [secret])


def test_nothing_of_a_report_can_be_read_in_the_home(
    tmp_path: Path, desk: MadeDesk, written: list[Path], code_file: Path
) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary), "SQLITE_TMPDIR": str(temporary)}
    relay = RelayProcess(tmp_path / "relay")
    try:
        card = write_card(desk.card(relays=[relay.entry]), tmp_path)
        assert qanat(home, "desk", "add", card, "--yes").code == 0
        sent = qanat_process(
            home, "send", "--code-file", code_file, "--where", "Yard, at the fountain",
            "--when", "half past six or so", "--figure", "taken=11..12", *attaching(*written),
            stdin=TEXT.encode(), env=environment,
        )  # fmt: skip
        assert sent.code == 0, sent.err
        secrets = secrets_of(written)
        assert found_in(home, secrets) == []
        assert found_in(temporary, secrets) == []

        # Its own keys, as only the desk has them, are not there either.
        (letter, *parts) = parcels(home)
        opened, report = desk.open(*letter)
        assert len(parts) == len(report.parts) == 4
        assert report.reply_box is not None
        kept = [
            opened.content_key,
            *(part.content_key for part in report.parts),
            report.reply_box.mailbox_secret,
            report.reply_box.reply_key,
            report.author,
            report.nonce,
            bytes.fromhex(sent.out.split("report id ")[1][:64]),
        ]
        assert found_in(home, kept) == []

        reply = desk.reply(report, "We read about the yard. Keep away from windows.")
        drop_in(relay.entry, [(reply.header, reply.body)])
        synced = qanat_process(home, "sync", "--code-file", code_file, env=environment)
        assert synced.code == 0, synced.err
        shown = qanat_process(home, "inbox", "--code-file", code_file, env=environment)
        assert "Keep away from windows" in shown.out
        secrets += [b"We read about the yard. Keep away from windows.", *kept]
        assert found_in(home, secrets) == []
        assert found_in(temporary, secrets) == []
    finally:
        relay.stop()


def test_the_home_is_for_its_owner_alone(
    tmp_path: Path, desk: MadeDesk, written: list[Path]
) -> None:
    home = tmp_path / "home"
    card = write_card(desk.card(), tmp_path)
    assert qanat(home, "desk", "add", card, "--yes").code == 0
    assert qanat(home, "send", "x", "--no-code", *attaching(*written)).code == 0
    assert home.stat().st_mode & 0o777 == 0o700
    for path in home.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_report_that_was_killed_half_way_leaves_nothing_readable(
    home: Path, tmp_path: Path
) -> None:
    from tests.client.reporter_runs import start
    from tests.client.test_send import grows

    film = tmp_path / "film.bin"
    data = distinct_media(5, 65_536)
    film.write_bytes(data * 300)
    process = start(home, "send", TEXT, "--no-code", "--attach", film)
    assert grows(home, process, 2 << 20)
    process.kill()
    process.communicate()
    assert found_in(home, [TEXT.encode(), data]) == []


def test_no_pictures_rendition_has_metadata(written: list[Path]) -> None:
    from qanat_client.reporter.pictures import render

    made = render(written[0])
    for rendition in (made.thumbnail, made.preview):
        assert rendition is not None
        with Image.open(BytesIO(rendition)) as image:
            assert not image.getexif()
            assert "comment" not in image.info
