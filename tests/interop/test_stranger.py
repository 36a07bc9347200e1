"""A program that was written from SPEC.md alone and qanat_protocol read each other."""

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.interop.stranger import DAY, GRACE_DAYS

from qanat_protocol import frames, tags
from qanat_protocol.attachment import File, PartRef
from qanat_protocol.bundle import Bundled, iter_bundle, write_bundle
from qanat_protocol.card import parse_card, sign_card
from qanat_protocol.days import epoch_of
from qanat_protocol.kinds import Kind, Rendition
from qanat_protocol.letter import LetterType, Sealed, open_letter, seal_letter
from qanat_protocol.limits import PAGE_LEAVES
from qanat_protocol.merkle import leaf_hash, page_roots
from qanat_protocol.parcel import Header
from qanat_protocol.part import PartOpener, PartSealer
from qanat_protocol.report import (
    Report,
    encode_report,
    report_context,
    report_id,
    verify_report,
)
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.session import RelaySession
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import Certified, desk_id_of, sign_statement, successor_commitment
from qanat_protocol.transfer import Intake

ROOT = Path(__file__).resolve().parents[2]
TEXT = "Алматы. Байланыс жоқ. 🕊 " * 20
# One block, some blocks, and more than a page of 64.
SIZES = [0, 300_000, 2_000_000]


def stranger(*arguments: str | Path) -> Any:
    """Run the other program and give what it found out."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.interop.stranger", *map(str, arguments)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=90,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def film(folder: Path, size_bytes: int) -> Path:
    file = folder / "фильм.mp4"
    file.write_bytes(random.Random(size_bytes).randbytes(size_bytes))
    return file


class Desk:
    """A desk of qanat_protocol's."""

    def __init__(self, folder: Path) -> None:
        root, key = SigningKey.generate(), SigningKey.generate()
        self.id = desk_id_of(root.public)
        self.secret = SealingSecret.generate()
        self.card_file = folder / "card"
        statement = sign_statement(
            root,
            serial=1,
            issued_day=DAY,
            certified=[Certified(key.public, DAY, DAY + 100)],
            successor=successor_commitment(SigningKey.generate().public),
        )
        self.card_file.write_bytes(
            sign_card(
                key,
                statement=statement,
                serial=1,
                issued_day=DAY,
                name="Desk",
                grace_days=GRACE_DAYS,
                first_epoch=epoch_of(DAY),
                sealing_keys=[self.secret.public],
            )
        )

    def read(self, parcels: dict[bytes, tuple[Header, list[bytes]]]) -> tuple[Report, list[bytes]]:
        """The one report among the parcels, verified, and its files' data."""
        ((header, blocks),) = (held for held in parcels.values() if held[0].kind is Kind.LETTER)
        assert header.tag == tags.desk_tag(self.id, epoch_of(DAY))
        assert header.urgent
        letter = open_letter(header, b"".join(blocks), self.secret)
        assert letter.letter_type is LetterType.REPORT
        report = verify_report(
            letter.content,
            letter.signature,
            desk_id=self.id,
            recipient_key=self.secret.public,
            bind=header.bind,
        )
        return report, [
            b"".join(
                PartOpener(
                    parcels[part.parcel_id][0], part.content_key, part.length, part.sha256
                ).data(parcels[part.parcel_id][1])
            )
            for part in report.parts
        ]


class Received:
    """Parcels that an Intake has verified, block by block."""

    def __init__(self) -> None:
        self._intake = Intake()
        self._blocks: dict[Header, dict[int, bytes]] = {}

    def take(self, frame: object) -> None:
        match frame:
            case frames.HeaderFrame():
                self._blocks[self._intake.open(frame)] = {}
            case frames.Leaves():
                self._intake.leaves(frame)
            case frames.Block():
                verified = self._intake.block(frame)
                assert verified is not None
                self._blocks[verified.header][verified.index] = verified.data

    def parcels(self) -> dict[bytes, tuple[Header, list[bytes]]]:
        assert self._intake.open_handles == ()
        return {
            header.parcel_id: (header, [data for _, data in sorted(blocks.items())])
            for header, blocks in self._blocks.items()
        }


@pytest.mark.parametrize("size_bytes", SIZES)
def test_a_strangers_report_is_opened_and_verified(size_bytes: int, tmp_path: Path) -> None:
    desk, file = Desk(tmp_path), film(tmp_path, size_bytes)
    stranger("seal", desk.card_file, TEXT, file, tmp_path / "bundle")
    received = Received()
    for frame in iter_bundle([(tmp_path / "bundle").read_bytes()]):
        received.take(frame)
    report, files = desk.read(received.parcels())
    assert report.text == TEXT
    assert [attached.name for attached in report.files] == [file.name]
    assert files == [file.read_bytes()]


def test_a_relays_session_takes_a_strangers_parcels_and_is_understood(tmp_path: Path) -> None:
    desk, file = Desk(tmp_path), film(tmp_path, 300_000)
    secret = SealingSecret.generate()
    (tmp_path / "relay").write_bytes(secret.public)
    stranger("seal", desk.card_file, TEXT, file, tmp_path / "bundle")
    spoken = (tmp_path / "relay", tmp_path / "bundle", tmp_path / "secret", tmp_path / "sent")
    stranger("talk", *spoken)

    relay, received = RelaySession(secret), Received()
    for frame in relay.receive((tmp_path / "sent").read_bytes()):
        received.take(frame)
    relay.finish()
    assert desk.read(received.parcels())[1] == [file.read_bytes()]

    welcome = frames.Welcome(1, DAY, bytes(16), 1 << 30, 0, 0, 0)
    answers = (welcome, frames.Idle(), frames.Error(32, "later"), frames.End())
    (tmp_path / "answer").write_bytes(relay.send(*answers))
    heard = stranger("hear", tmp_path / "relay", tmp_path / "secret", tmp_path / "answer")
    assert heard == [2, 20, 21, 22]


@pytest.mark.parametrize("size_bytes", SIZES)
def test_a_stranger_opens_and_verifies_our_report(size_bytes: int, tmp_path: Path) -> None:
    stranger("found", tmp_path)
    card = parse_card((tmp_path / "card").read_bytes())
    epoch = card.epoch_for(DAY)
    tag, expiry_day = tags.desk_tag(card.desk_id, epoch), card.expiry_day(epoch)
    recipient = card.sealing_key(epoch)
    file = film(tmp_path, size_bytes)

    sealer = PartSealer(
        tag=tag, expiry_day=expiry_day, length=size_bytes, rendition=Rendition.ORIGINAL
    )
    blocks = list(sealer.blocks([file.read_bytes()]))
    author = SigningKey.generate()
    attached = File(file.name, "video/mp4", size_bytes, sealer.sha256)
    part = PartRef(
        file=0,
        rendition=Rendition.ORIGINAL,
        media_type="video/mp4",
        length=size_bytes,
        sha256=sealer.sha256,
        parcel_id=sealer.header.parcel_id,
        content_key=sealer.content_key,
    )
    content = encode_report(
        Report(author.public, random.randbytes(16), text=TEXT, files=(attached,), parts=(part,))
    )
    letter = seal_letter(
        kind=Kind.LETTER,
        urgent=False,
        tag=tag,
        expiry_day=expiry_day,
        recipient=recipient,
        letter_type=LetterType.REPORT,
        content=content,
        sign=lambda bind: author.sign(
            "report", report_context(card.desk_id, recipient, bind), content
        ),
    )
    leaves = [block.leaf for block in blocks]
    pieces = write_bundle(
        [
            _bundled(letter),
            Bundled(
                sealer.header,
                page_roots(leaves) if len(leaves) > PAGE_LEAVES else (),
                leaves,
                [block.data for block in blocks],
            ),
        ]
    )
    (tmp_path / "bundle").write_bytes(b"".join(pieces))
    assert stranger("open", tmp_path, tmp_path / "bundle") == {
        "text": TEXT,
        "author": author.public.hex(),
        "id": report_id(content).hex(),
        "files": {file.name: hashlib.sha256(file.read_bytes()).hexdigest()},
    }


def _bundled(letter: Sealed) -> Bundled:
    blocks = list(_cut(letter.body))
    return Bundled(letter.header, (), [leaf_hash(block) for block in blocks], blocks)


def _cut(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 16384):
        yield body[start : start + 16384]
