"""The relay's HTTP surface: routes, statuses, limits, garbage, stopping, and what it logs."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import os
import re
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.web_protocol import RequestHandler
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.relay.made_parcels import TODAY, make, part
from tests.relay.relay_process import read
from tests.relay.running_relay import (
    CARRIERS,
    Desk,
    Running,
    WebSocketTalk,
    raw_talk,
    running_relay,
    talking,
    transfer,
)

from qanat_protocol.channel import PREAMBLE_BYTES
from qanat_protocol.days import epoch_of
from qanat_protocol.errors import UnknownVersion
from qanat_protocol.frame_codec import encode_frame
from qanat_protocol.frames import (
    AckStatus,
    Answer,
    Answers,
    DeskInterest,
    End,
    Error,
    Hello,
    Idle,
    Offers,
    OpenedInterest,
    RepliesInterest,
    Want,
    Welcome,
)
from qanat_protocol.relay_card import parse_relay_card
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.session import HELLO, ClientSession, sign_desk_interest
from qanat_protocol.verdicts import Verdict
from qanat_relay import conversation
from qanat_relay.logs import log, start_logging, tell_of_loop_errors
from qanat_relay.server import HEARD_LEAST
from qanat_relay.store.interface import State


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path / "relay") as running:
        yield running


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that would reach the operator's log, at the lowest level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    start_logging("debug", stream)
    root.setLevel(logging.DEBUG)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    log.setLevel(logging.NOTSET)
    logging.captureWarnings(False)


async def get(relay: Running, path: str) -> tuple[int, bytes, dict[str, str]]:
    async with aiohttp.ClientSession() as http, http.get(relay.url + path) as response:
        return response.status, await response.read(), dict(response.headers)


async def post(relay: Running, body: bytes) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(relay.url + "/v1/exchange", data=body) as response,
    ):
        return response.status, await response.read()


async def test_the_relays_card_is_given_to_everybody(relay: Running) -> None:
    status, body, headers = await get(relay, "/v1/relay")
    card = parse_relay_card(body)
    assert status == 200
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert card.signing_key == relay.keys.signing.public
    assert card.sealing_key == relay.keys.sealing.public
    assert card.largest_body == relay.node.config.largest_body_bytes


async def test_health_is_ok_while_the_store_answers_and_not_behind_it(relay: Running) -> None:
    assert (await get(relay, "/healthz"))[:2] == (200, b"ok\n")
    await relay.store.close()
    status, body, _ = await get(relay, "/healthz")
    assert status == 503
    assert b"Traceback" not in body


async def test_what_is_not_a_route_is_not_found(relay: Running) -> None:
    assert (await get(relay, "/"))[0] == 404
    assert (await get(relay, "/v1/exchange"))[0] == 405


async def test_no_response_names_the_program_behind_it(relay: Running) -> None:
    for path in ("/v1/relay", "/healthz", "/nothing"):
        assert "Server" not in (await get(relay, path))[2]


async def test_a_body_that_is_no_session_is_a_bad_request(relay: Running) -> None:
    for body in (b"", b"GET / HTTP/1.0\r\n\r\n", b"QNT\x01\x01" + bytes(PREAMBLE_BYTES)):
        status, answer = await post(relay, body)
        assert status == (400 if body else 200)
        assert b"Traceback" not in answer


async def test_a_session_for_another_relays_key_is_a_bad_request(relay: Running) -> None:
    session = ClientSession(SealingSecret.generate().public)
    assert (await post(relay, session.start() + session.send(HELLO)))[0] == 400


async def test_a_channel_of_another_version_is_told_the_versions_spoken(
    relay: Running, carrier: str
) -> None:
    async with raw_talk(relay, carrier) as talk:
        await talk.send_raw(b"QNT\x07" + bytes(PREAMBLE_BYTES))
        await talk.finish_sending()
        await talk.rest()
    with pytest.raises(UnknownVersion):
        talk.session.finish()


async def test_a_client_of_other_versions_is_told_so_in_the_channel(
    relay: Running, carrier: str
) -> None:
    async with raw_talk(relay, carrier) as talk:
        await talk.send_raw(talk.session.start())
        await talk.say(Hello((2, 3)))
        frames = await talk.rest()
    assert [type(frame) for frame in frames] == [Error, End]
    assert isinstance(frames[0], Error)
    assert frames[0].verdict == Verdict.UNKNOWN_VERSION


async def test_a_newer_client_that_knows_the_last_version_too_is_served(
    relay: Running, carrier: str
) -> None:
    letter = make(1)
    async with raw_talk(relay, carrier) as talk:
        await talk.send_raw(talk.session.start())
        # As in any first flight: nothing is waited for.
        await talk.say(Hello((1, 2)), *transfer(letter, 0))
        (welcome,) = await talk.until(Welcome)
        assert welcome.version == 1
        assert (await talk.statuses(1))[0].status is AckStatus.STORED
        assert isinstance((await talk.end())[-1], End)
    (holding,) = await relay.store.look_up([letter.header.offer])
    assert holding is not None


async def test_a_frame_before_hello_ends_the_session(relay: Running, carrier: str) -> None:
    async with raw_talk(relay, carrier) as talk:
        record = encode_frame(Idle())
        await talk.send_raw(talk.session.start())
        await talk.send_raw(talk.session._channel.seal(len(record).to_bytes(2, "big") + record))
        frames = await talk.rest()
    assert [frame.verdict for frame in talk.all(Error)] == [Verdict.UNEXPECTED_FRAME]
    assert len(frames) == 1


async def test_a_packet_that_is_lacking_ends_the_session(relay: Running, carrier: str) -> None:
    async with talking(relay, carrier) as talk:
        assert talk.session.send(Idle())
        await talk.say(*transfer(make(1), 0))
        await talk.rest()
    assert [frame.verdict for frame in talk.all(Error)] == [Verdict.BAD_CHANNEL]
    assert await relay.store.look_up([make(1).header.offer]) == [None]


async def test_a_text_message_ends_a_web_socket(relay: Running) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{relay.url}/v1/sync") as socket,
    ):
        await socket.send_str("hello")
        message = await socket.receive(timeout=30)
        assert message.type is aiohttp.WSMsgType.CLOSE


@pytest.mark.parametrize(("size", "code"), [(2**20, 1000), (2**20 + 1, 1009)])
async def test_a_message_of_a_mebibyte_is_the_largest(relay: Running, size: int, code: int) -> None:
    async with talking(relay, "websocket") as talk:
        begun = talk.session.send(*[Idle()] * 270_000)
        assert isinstance(talk, WebSocketTalk)
        await talk.socket.send_bytes(begun[:size])
        if size == 2**20:
            await talk.socket.send_bytes(begun[size:])
            await talk.end()
        else:
            await talk.rest()
    assert talk.close_code == code


async def test_the_web_socket_is_not_compressed(relay: Running) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{relay.url}/v1/sync", compress=15) as socket,
    ):
        assert not socket.compress


async def test_one_session_too_many_is_told_to_come_back(tmp_path: Path) -> None:
    async with running_relay(tmp_path / "small", sessions_max=1) as relay:
        async with talking(relay, "exchange") as talk:
            status, body = await post(relay, b"")
            assert status == 503
            assert b"try again later" in body
            async with aiohttp.ClientSession() as http:
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await http.ws_connect(f"{relay.url}/v1/sync")
            assert refused.value.status == 503
            await talk.end()
        async with talking(relay, "exchange") as talk:
            assert isinstance((await talk.end())[-1], End)


async def test_a_session_that_says_nothing_is_ended(tmp_path: Path, carrier: str) -> None:
    async with running_relay(tmp_path / "short", idle_s=1) as relay:
        async with talking(relay, carrier) as talk:
            await talk.say(*transfer(make(1), 0))
            frames = await talk.rest()
        assert not any(isinstance(frame, End) for frame in frames)
        assert (await talk.statuses(1))[0].status is AckStatus.STORED


async def test_a_connection_that_asks_for_nothing_is_closed_and_a_session_is_not(
    tmp_path: Path,
) -> None:
    async with running_relay(tmp_path / "short", idle_s=3) as relay:
        host, _, port = relay.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        halfway, other = await asyncio.open_connection(host, int(port))
        other.write(b"POST /v1/exchange HTTP/1.1\r\nHost")
        async with talking(relay, "exchange") as talk:
            async with asyncio.timeout(60):
                for one in (reader, halfway):
                    while not one.at_eof():
                        await talk.say(Idle())
                        with suppress(TimeoutError):
                            async with asyncio.timeout(0.2):
                                assert await one.read(100) == b""
            assert isinstance((await talk.end())[-1], End)
        writer.close()
        other.close()


async def test_a_reader_that_reads_nothing_is_ended(tmp_path: Path) -> None:
    desk = Desk.made()
    films = [part(number, 8_912_896, tag=desk.tag) for number in range(3)]  # type: ignore[arg-type]
    offers = tuple(film.header.offer for film in films)
    async with running_relay(tmp_path / "short", stall_s=1) as relay:
        await relay.store.write([film.put() for film in films], today=TODAY)
        host, _, port = relay.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        session = ClientSession(relay.keys.sealing.public)
        writer.write(b"POST /v1/exchange HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(chunk(session.start() + session.send(HELLO)))
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        while await reader.readline() != b"\r\n":
            pass
        session.receive(await reader.readexactly(int(await reader.readline(), 16)))
        writer.write(chunk(session.send(interest(session, desk), Want(offers))))
        async with asyncio.timeout(60):
            while relay.server.sessions_running:  # noqa: ASYNC110 - there is nothing to wait on
                await asyncio.sleep(0.05)
        writer.close()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def handlers() -> int:
    gc.collect()  # what is in cycles is let go when Python gets to it
    return sum(isinstance(each, RequestHandler) for each in gc.get_objects())


async def test_of_connections_that_asked_and_went_nothing_is_left(relay: Running) -> None:
    # The library remembers routes of servers that have ended, and with them what these heard last.
    before = handlers()
    for _ in range(5 * HEARD_LEAST):
        assert await asyncio.to_thread(read, f"{relay.url}/healthz") == b"ok\n"
    assert handlers() - before < 2 * HEARD_LEAST


def interest(session: ClientSession, desk: Desk) -> DeskInterest:
    epoch = epoch_of(TODAY)
    return sign_desk_interest(
        desk.key,
        session.session_hash,
        number=0,
        statement=desk.statement(),
        first_epoch=epoch,
        last_epoch=epoch,
    )


async def test_stopping_keeps_what_running_sessions_handed_in(tmp_path: Path, carrier: str) -> None:
    letters = [make(number) for number in range(50)]
    async with running_relay(tmp_path / "relay") as relay:
        async with talking(relay, carrier) as talk:
            for handle, letter in enumerate(letters):
                await talk.say(*transfer(letter, handle))
            await talk.statuses(1)
            await relay.server.stop()
            told = [
                handle
                for handle, entry in (await talk.statuses(1)).items()
                if entry.status is AckStatus.STORED
            ]
        for handle in told:
            (holding,) = await relay.store.look_up([letters[handle].header.offer])
            assert holding is not None
            assert holding.state is State.HELD


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(garbage=st.binary(max_size=3000), begins=st.booleans(), sealed=st.booleans())
async def test_garbage_is_never_an_internal_error(
    relay: Running, logged: io.StringIO, garbage: bytes, begins: bool, sealed: bool
) -> None:
    session = ClientSession(relay.keys.sealing.public)
    opening = session.start() + session.send(HELLO) if begins else b""
    if sealed and begins and len(garbage) > 0:
        opening += session._channel.seal(garbage)
        garbage = b""
    status, body = await post(relay, opening + garbage)
    assert status in (200, 400)
    assert b"Traceback" not in body
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{relay.url}/v1/sync") as socket:
        await socket.send_bytes(opening + garbage)
        await socket.close()
    assert "a session failed" not in logged.getvalue()
    assert "ERROR" not in logged.getvalue()


async def test_the_log_holds_no_address_no_tag_and_no_id(
    relay: Running,
    logged: io.StringIO,
    carrier: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asyncio.get_running_loop().set_exception_handler(tell_of_loop_errors)
    desk = Desk.made()
    letters = [make(number, tag=desk.tag) for number in range(5)]
    async with talking(relay, carrier) as talk:
        for handle, letter in enumerate(letters):
            await talk.say(*transfer(letter, handle))
        await talk.statuses(5)
        await talk.say(
            interest(talk.session, desk),
            RepliesInterest(1, 0, bytes(4)),
            OpenedInterest(2, 0, (bytes(4),)),
            Offers(0, tuple(letter.header.offer for letter in letters)),
        )
        await talk.until(Idle)
        await talk.end()
    async with talking(relay, carrier) as talk:
        await talk.say(*transfer(letters[0], 3))
        await talk.rest()
    async with talking(relay, carrier) as talk:
        await talk.say(*transfer(part(1), 0, 0, 1))
    with suppress(aiohttp.ClientError):
        await post(relay, os.urandom(2000))
    host, _, port = relay.url.removeprefix("http://").rpartition(":")
    for bytes_sent in (b"\x16\x03\x01\x02\x00garbage\r\n\r\n", b"GET /\xff HTTP/9\r\n\r\n", b"G"):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(bytes_sent)
        await writer.drain()
        writer.close()
    # An error that nobody foresaw, with all that may not be logged in its words.
    secrets = f"127.0.0.1:{port} {desk.tag.hex()} {letters[0].parcel_id.hex()} {desk.tag!r}"

    async def fail(*_: Any) -> None:
        raise ZeroDivisionError(secrets)

    monkeypatch.setattr(conversation.Conversation, "_welcome", fail)
    async with raw_talk(relay, carrier) as talk:
        await talk.send_raw(talk.session.start())
        await talk.say(HELLO)
        await talk.rest()
    logging.getLogger("aiohttp.server").error("Error handling request from %s", "127.0.0.1")
    logging.getLogger("asyncio").warning("socket.send() raised for 127.0.0.1")
    written = logged.getvalue()
    assert "a session failed" in written
    assert "ZeroDivisionError" in written
    assert "fail" in written
    assert "127.0.0.1" not in written
    assert "localhost" not in written
    assert port not in re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", "", written, flags=re.M)
    for letter in letters:
        for secret in (letter.parcel_id, letter.header.tag, letter.header.root):
            assert secret.hex()[:12] not in written
            assert repr(secret[:6])[2:-1] not in written


def test_a_thread_that_fails_tells_the_log_where_and_not_what(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    lines = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        start_logging("info", lines)

        def fail() -> None:
            raise ValueError("tag 0123456789abcdef of 192.0.2.7")

        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
    told = lines.getvalue()
    assert "ValueError" in told
    assert "fail" in told
    assert "0123456789abcdef" not in told + capfd.readouterr().err


async def test_an_unforeseen_error_is_never_shown_to_a_client(
    relay: Running, carrier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise ZeroDivisionError("inner workings")

    monkeypatch.setattr(conversation.Conversation, "_welcome", fail)
    async with raw_talk(relay, carrier) as talk:
        await talk.send_raw(talk.session.start())
        await talk.say(HELLO)
        frames = await talk.rest()
    assert frames == []
    status, body = await post(relay, b"")
    assert status < 500
    assert b"inner workings" not in body


async def test_two_sessions_at_once_do_not_wait_for_each_other(
    relay: Running, carrier: str
) -> None:
    async with talking(relay, carrier) as slow, talking(relay, carrier) as quick:
        await slow.say(*transfer(part(1), 0, 0))
        await quick.say(*transfer(make(2), 0))
        assert (await quick.statuses(1))[0].status is AckStatus.STORED
        assert isinstance((await quick.end())[-1], End)
        await slow.say(Offers(0, (make(2).header.offer,)))
        (answers,) = await slow.until(Answers)
        assert answers.codes == (Answer.HAVE,)


async def test_whoever_hangs_up_before_the_answer_begins_is_no_error_in_the_log(
    relay: Running, logged: io.StringIO
) -> None:
    host, port = relay.url.removeprefix("http://").split(":")
    for turns in range(30):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /v1/exchange HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nQNT")
        for _ in range(turns):
            await asyncio.sleep(0)
        writer.transport.abort()
    while relay.server.sessions_running:  # noqa: ASYNC110 - nobody tells of the last one's end
        await asyncio.sleep(0)
    assert "ERROR" not in logged.getvalue()


async def first_line(relay: Running, request: bytes) -> bytes:
    """What the relay answers to these bytes first."""
    host, port = relay.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    line = await reader.readline()
    writer.close()
    return line


async def test_a_websocket_key_of_any_bytes_is_a_bad_request(
    relay: Running, logged: io.StringIO
) -> None:
    request = (
        b"GET /v1/sync HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \xff\r\n\r\n"
    )
    assert (await first_line(relay, request)).startswith(b"HTTP/1.1 400 ")
    assert "ERROR" not in logged.getvalue()


async def test_what_the_library_stumbles_over_before_us_fills_no_log(
    relay: Running, logged: io.StringIO
) -> None:
    request = b"POST /v1/exchange HTTP/1.1\r\nHost: a\r\nExpect: \xff\r\nConnection: close\r\n\r\n"
    assert (await first_line(relay, request)).startswith(b"HTTP/1.1 ")
    assert "ERROR" not in logged.getvalue()
    assert "Unicode" not in logged.getvalue()
