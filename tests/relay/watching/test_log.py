"""The log of a real relay at its lowest level, in both formats: every line has an event's name, and
none has an address, a port, a tag, an id or a path, whatever is done to the relay."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from tests.relay.made_parcels import Made, make, part
from tests.relay.made_peers import made_card
from tests.relay.relay_process import serving
from tests.relay.running_relay import (
    CARRIERS,
    Desk,
    Place,
    Talk,
    raw_talk,
    talking,
    transfer,
)
from tests.relay.watching.scraped import get
from tests.secret_search import find_run, runs_of

from qanat_protocol.days import day_of, epoch_of
from qanat_protocol.frames import (
    DeskInterest,
    Error,
    Idle,
    OpenedInterest,
    RepliesInterest,
    Want,
)
from qanat_protocol.relay_card import parse_relay_card
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.session import sign_desk_interest
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import Certified, sign_statement, successor_commitment
from qanat_protocol.tags import desk_tag
from qanat_relay import logs
from qanat_relay.cli import main
from qanat_relay.config import FORMATS
from qanat_relay.desks import FOLDER as DESKS
from qanat_relay.events import Event
from qanat_relay.logs import AT_ONCE, left_out, log, start_logging, tell, told
from qanat_relay.peering.peers import FOLDER as PEERS
from qanat_relay.peering.peers import Peers
from qanat_relay.store.files import DATABASE

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (DEBUG|INFO|WARNING|ERROR) \[(\w+)\] (\S.*)")
PLACE = re.compile(r"\s*(?:\w+|[\w.]+:\d+ [\w<>]+)")
LABELS = {event.label for event in Event}
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def base45(data: bytes) -> str:
    """As in RFC 9285."""
    told = ""
    for at in range(0, len(data) - 1, 2):
        value = int.from_bytes(data[at : at + 2])
        for _ in range(3):
            value, digit = divmod(value, 45)
            told += ALPHABET[digit]
    return told


def events_of(text: str, log_format: str) -> list[str]:
    """The names of the events of a log, in which there is nothing else."""
    if log_format == "text":
        lines = [line for line in text.splitlines() if not line.startswith("  ")]
        places = [line for line in text.splitlines() if line.startswith("  ")]
        assert [line for line in lines if not LINE.fullmatch(line)] == []
        assert [line for line in places if not PLACE.fullmatch(line)] == []
        return [LINE.fullmatch(line)[2] for line in lines]  # type: ignore[index]
    values = [json.loads(line) for line in text.splitlines()]
    for value in values:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value["time"])
        assert value["level"] in {"debug", "info", "warning", "error"}
        assert value["message"]
        assert [place for place in value.get("places", []) if not PLACE.fullmatch(place)] == []
    return [value["event"] for value in values]


def assert_holds_nothing(text: str, secrets: Iterable[bytes], paths: Iterable[Path]) -> None:
    """No address, port, path, nor a piece of one of the secrets in any writing."""
    timeless = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "", text)
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", timeless), "an IPv4 address"
    assert not re.search(r"[0-9a-fA-F]*::[0-9a-fA-F]*|(?:[0-9a-fA-F]{1,4}:){3}", timeless), "IPv6"
    assert "localhost" not in timeless
    assert not re.search(r"(?<![\w.])\d{5}(?!\d)", timeless), "a port"
    assert "/" not in timeless
    assert [path for path in paths if path.name in timeless] == []
    assert find_run(timeless.encode(), runs_of(secrets)) is None
    for secret in secrets:
        assert repr(secret[:6])[2:-1] not in timeless
        for start in range(len(secret) - 8):
            assert base45(secret[start : start + 8]) not in timeless


def interest(talk: Talk, desk: Desk, day: int) -> DeskInterest:
    statement = sign_statement(
        desk.root,
        serial=1,
        issued_day=day - 10,
        certified=[Certified(desk.key.public, day - 10, day + 300)],
        revoked=(),
        successor=successor_commitment(bytes(32)),
    )
    epoch = epoch_of(day)
    return sign_desk_interest(
        desk.key,
        talk.session.session_hash,
        number=0,
        statement=statement,
        first_epoch=epoch,
        last_epoch=epoch,
    )


async def use(relay: Place, carrier: str, desk: Desk, letters: list[Made], day: int) -> None:
    """Deposits, what a desk and a reporter ask for, a session that is cut, and refusals."""
    async with talking(relay, carrier) as talk:
        for handle, letter in enumerate(letters):
            await talk.say(*transfer(letter, handle))
        late = make(99, tag=letters[0].header.tag, expiry_day=day - 1)
        await talk.say(*transfer(late, len(letters)))
        await talk.statuses(len(letters) + 1)
        await talk.say(
            interest(talk, desk, day),
            RepliesInterest(1, 0, bytes(4)),
            OpenedInterest(2, 0, (bytes(4),)),
            letters[0].opened_frame(),
            letters[1].purge_frame(),
            Want((letters[2].header.offer,)),
        )
        await talk.until(Idle)
        await talk.end()
    async with talking(relay, carrier) as talk:
        await talk.say(*transfer(letters[0], 3))
        await talk.rest()
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, Desk.made(), day - 4000))
        await talk.until(Error)
        await talk.end()
    async with talking(relay, carrier) as talk:
        film = part(1, expiry_day=day + 60)
        await talk.say(*transfer(film, 0, 0, 1))


async def attack(relay: Place) -> None:
    """What scanners send, and what is no session."""
    async with aiohttp.ClientSession() as http:
        for body in (b"", os.urandom(2000)):
            with suppress(aiohttp.ClientError):
                await http.post(f"{relay.url}/v1/exchange", data=body)
        for path in ("/../../etc/passwd", "/desks/1", "/v1/sync", "/health", "/v1/relay"):
            await http.get(relay.url + path)
    host, _, port = relay.url.removeprefix("http://").rpartition(":")
    for sent in (b"\x16\x03\x01\x02\x00garbage\r\n\r\n", b"GET /\xff HTTP/9\r\n\r\n", b"G"):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        await writer.drain()
        writer.close()
    for carrier in ("exchange", "datagrams"):
        async with raw_talk(relay, carrier) as talk:
            await talk.send_raw(os.urandom(1500))


async def meet_a_busy_store(relay: Place, data: Path, letter: Made) -> None:
    """Deposit while another program holds the database for longer than the relay waits."""
    other = sqlite3.connect(data / "store" / DATABASE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        async with talking(relay, "exchange") as talk:
            await talk.say(*transfer(letter, 0))
            await talk.statuses(1)
            await talk.end()
        assert (await get(f"{relay.url}/health"))[0] == 503
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.mark.parametrize("log_format", ["text", pytest.param("json", marks=pytest.mark.soak)])
async def test_whatever_is_done_to_a_relay_its_log_names_events_and_nobody(
    tmp_path: Path, log_format: str
) -> None:
    data, day = tmp_path / "data-of-the-relay", day_of(time.time())
    assert main(["init", "--data", str(data)]) == 0
    with (data / "relay.toml").open("a") as settings:
        settings.write(f'log_level = "debug"\nlog_format = "{log_format}"\n')
    key = SigningKey.generate()
    gone = made_card(key, SealingSecret.generate().public, "http://127.0.0.1:9")
    Peers(data / PEERS).take(gone)
    (data / PEERS / "spoilt.card").write_bytes(b"no card")
    desk = Desk.made()
    tag = desk_tag(desk.desk_id, epoch_of(day))
    letters = [make(number, tag=tag, expiry_day=day + 60) for number in range(5)]
    arguments = ("--data", str(data), "--json")
    with serving(*arguments, "--listen", "127.0.0.1:0", "--listen-udp", "127.0.0.1:0") as (
        process,
        line,
    ):
        url, udp = json.loads(line)["listening"]
        relay = Place(
            url, parse_relay_card((data / "relay.card").read_bytes()).sealing_key, udp=udp
        )
        (data / DESKS).mkdir(exist_ok=True)
        (data / DESKS / "spoilt.card").write_bytes(b"no card")
        for carrier in CARRIERS:
            await use(relay, carrier, desk, letters, day)
        await attack(relay)
        await meet_a_busy_store(relay, data, make(50, tag=tag, expiry_day=day + 60))
        process.send_signal(signal.SIGTERM)
        _, text = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 0
    seen = set(events_of(text, log_format))
    assert seen <= LABELS
    assert seen >= {
        "serving",
        "swept",
        "session_ended",
        "session_lost",
        "commit_refused",
        "peer_failing",
        "peer_card_broken",
        "desk_card_broken",
        "stopping",
        "stopped",
    }
    ids = [letter.parcel_id for letter in letters]
    secrets = [*ids, tag, desk.desk_id, desk.key.public, key.public, letters[0].header.root]
    assert_holds_nothing(text, secrets, [data, tmp_path, data / "store" / DATABASE])


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """A log of this process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lines = io.StringIO()
    start_logging("debug", lines, as_json=getattr(request, "param", "text") == "json")
    yield lines
    root.handlers[:] = handlers
    root.setLevel(level)
    log.setLevel(logging.NOTSET)
    logging.captureWarnings(False)


@pytest.mark.parametrize("stream", FORMATS, indirect=True)
def test_an_error_shows_its_places_and_never_its_words(
    stream: io.StringIO, request: pytest.FixtureRequest
) -> None:
    secret = os.urandom(16)
    words = f"192.0.2.7:50123 {secret.hex()} /home/mara {secret!r} 2001:db8::7"
    try:
        raise ZeroDivisionError(words)
    except ZeroDivisionError:
        tell(Event.SESSION_FAILED, error=True)
    logging.getLogger("aiohttp.server").error("Error handling request from %s", words)
    logging.getLogger("qanat_relay.x").warning("not by tell: %s", words)
    text = stream.getvalue()
    assert "ZeroDivisionError" in text
    assert "test_an_error_shows_its_places" in text
    assert "mara" not in text
    assert_holds_nothing(text, [secret], [])
    log_format = request.node.callspec.params["stream"]
    assert events_of(text, log_format) == ["session_failed", "library", "library"]


@pytest.mark.parametrize("stream", FORMATS, indirect=True)
def test_no_event_fills_the_disk_and_what_is_left_out_is_counted(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    now = [1000.0]
    monkeypatch.setattr("qanat_relay.logs.time.monotonic", lambda: now[0])
    before, errors = left_out["session_failed"], told["session_failed"]
    for _ in range(10_000):
        tell(Event.SESSION_FAILED)
    tell(Event.SESSION_LOST)
    log_format = request.node.callspec.params["stream"]
    events = events_of(stream.getvalue(), log_format)
    assert events == ["session_failed"] * AT_ONCE + ["session_lost"]
    assert left_out["session_failed"] - before == 10_000 - AT_ONCE
    assert told["session_failed"] - errors == 10_000
    now[0] += logs.REFILL_S
    for _ in range(5):
        tell(Event.SESSION_FAILED)
    newest = stream.getvalue().splitlines()[-1]
    if log_format == "json":
        assert json.loads(newest)["left_out"] == 10_000 - AT_ONCE
    else:
        assert newest.endswith(f"({10_000 - AT_ONCE} more like this were left out before it)")
    assert len(stream.getvalue().splitlines()) == AT_ONCE + 2


@pytest.mark.parametrize("stream", ["json"], indirect=True)
def test_fields_stand_by_their_names(stream: io.StringIO) -> None:
    tell(Event.SWEPT, expired=3, purged_bodies=2, partials=1, tombstones=0)
    (value,) = map(json.loads, stream.getvalue().splitlines())
    del value["time"]
    assert value == {
        "level": "info",
        "event": "swept",
        "expired": 3,
        "purged_bodies": 2,
        "partials": 1,
        "tombstones": 0,
        "message": "swept: 3 expired, 2 purged bodies, 1 half parcels, 0 tombstones",
    }


SECRET = bytes(range(100, 132))


@pytest.mark.parametrize(
    "planted",
    [
        "192.0.2.7",
        "2001:db8:1::7",
        "port 50123",
        "a/path",
        SECRET.hex(),
        base64.b64encode(SECRET[3:]).decode(),
        base45(SECRET[2:20]),
        repr(SECRET),
        "relay-data",
    ],
)
def test_the_search_finds_what_must_not_be_there(planted: str) -> None:
    text = "2026-11-29T19:12:45Z INFO [serving] serving"
    assert_holds_nothing(text, [SECRET], [Path("relay-data")])
    with pytest.raises(AssertionError):
        assert_holds_nothing(f"{text} {planted}", [SECRET], [Path("relay-data")])


def test_every_event_is_explained_with_its_level() -> None:
    document = (Path(__file__).parents[3] / "docs" / "watching.md").read_text()
    table = document[document.index("| event | level |") :]
    for event in Event:
        (row,) = [line for line in table.splitlines() if f"`{event.label}`" in line.split("|")[1]]
        assert row.split("|")[2].strip() == logging.getLevelName(event.level).lower()
