"""The roads of a session: streaming, WebSocket, TLS with a pin, SOCKS, and who stands between."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.client.made_desk import MadeDesk, write_card
from tests.client.relay_process import RelayProcess, fetch, talk_to
from tests.client.reporter_runs import parcels, qanat
from tests.client.roads import (
    Seen,
    buffering_proxy,
    man_in_the_middle,
    port_of,
    silent_server,
    socks_proxy,
)

from qanat_client.carriers.conversation import Conversation, Roads, converse
from qanat_client.carriers.exchange import open_exchange
from qanat_client.carriers.http import fetch as fetch_url
from qanat_client.carriers.http import open_proxied
from qanat_client.carriers.proxies import parse_proxy
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.carriers.transport import Transport
from qanat_client.errors import BadInput, BadPin, Refused, Stalled, TookTooLong, Unreachable
from qanat_client.reporter.home import Home
from qanat_client.reporter.sync import sync_once
from qanat_client.terminal import Terminal
from qanat_protocol.card import RelayEntry
from qanat_protocol.errors import BadChannel, Cut
from qanat_protocol.frames import (
    Answers,
    Idle,
    Offers,
    Welcome,
)


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    running = RelayProcess(tmp_path / "relay")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def serving(authority: trustme.CA, name: str) -> tuple[ssl.SSLContext, bytes]:
    """A server's TLS, and the pin of its key."""
    issued = authority.issue_cert(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    certificate = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return context, hashlib.sha256(key).digest()


@pytest.mark.parametrize("websocket", [False, True])
async def test_a_conversation_runs_over_either_transport(
    relay: RelayProcess, websocket: bool
) -> None:
    roads = Roads()
    if websocket:
        roads.prefer_websocket(relay.url)
    heard = await talk_to(relay.entry, roads)
    assert isinstance(heard[0], Welcome)
    assert any(isinstance(frame, Idle) for frame in heard)


async def wait_first(conversation: Conversation) -> str:
    """Read the greeting before the request is ended."""
    await conversation.open()
    async for frame in conversation.frames():
        assert isinstance(frame, Welcome)
        break
    await conversation.end()
    async for _ in conversation.frames():
        pass
    return "both ways"


async def test_the_answer_comes_while_the_request_is_still_open(relay: RelayProcess) -> None:
    settings = CarrierSettings(first_answer_s=60)
    said = await converse(relay.entry, wait_first, settings=settings, roads=Roads())
    assert said == "both ways"


async def test_a_session_that_has_its_time_ends_and_no_other_timeout_is_taken_for_that(
    relay: RelayProcess,
) -> None:
    async def be_late(conversation: Conversation) -> None:
        await conversation.open()
        raise TimeoutError("a disk's")

    async def never_end(conversation: Conversation) -> None:
        await conversation.open()
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError, match="a disk's"):
        await converse(relay.entry, be_late, settings=CarrierSettings(), roads=Roads())
    settings = CarrierSettings(session_s=0.1)
    with pytest.raises(TookTooLong):
        await converse(relay.entry, never_end, settings=settings, roads=Roads())


@pytest.mark.parametrize("transport", list(Transport))
async def test_more_than_a_relay_takes_in_one_message_may_be_sent_at_once(
    relay: RelayProcess, transport: Transport
) -> None:
    offers = Offers(0, tuple(number.to_bytes(16) for number in range(2000)))
    many = [replace(offers, first=2000 * number) for number in range(100)]
    opened = (
        open_exchange(relay.url, settings=CarrierSettings())
        if transport is Transport.EXCHANGE
        else open_proxied(relay.url, transport=transport, settings=CarrierSettings())
    )
    async with opened as link:
        talk = Conversation(link, relay.entry.sealing_key)
        await talk.open()
        # 3.2 MB in one write.
        await talk.send(*many)
        await talk.end()
        answers = [frame async for frame in talk.frames() if isinstance(frame, Answers)]
    assert sum(len(answer.codes) for answer in answers) == 200_000


async def test_a_relay_at_another_address_is_found_by_the_next_one(relay: RelayProcess) -> None:
    async with silent_server() as dead:
        port = dead.port
    heard = await talk_to(relay.entry_at(f"http://127.0.0.1:{port}", relay.url))
    assert isinstance(heard[0], Welcome)


@pytest.mark.parametrize(
    ("error", "is_told"), [(ConnectionError("Connection lost"), False), (KeyError("a fault"), True)]
)
async def test_a_lost_connection_that_nobody_asks_for_shows_no_traceback(
    relay: RelayProcess, caplog: pytest.LogCaptureFixture, error: Exception, is_told: bool
) -> None:
    async def ends() -> None:
        raise error

    async with open_proxied(relay.url, transport=Transport.WEBSOCKET, settings=CarrierSettings()):
        task = asyncio.ensure_future(ends())
        await asyncio.wait([task])
        del task
        gc.collect()
    assert ("never retrieved" in caplog.text) is is_told


async def test_an_address_where_nobody_listens_is_unreachable() -> None:
    async with silent_server() as dead:
        port = dead.port
    with pytest.raises(Unreachable):
        await fetch_url(
            f"http://127.0.0.1:{port}/", max_bytes=10, settings=CarrierSettings(connect_s=5)
        )


async def test_a_connection_that_stands_still_is_given_up(relay: RelayProcess) -> None:
    async with silent_server() as silent:
        with pytest.raises(Stalled):
            await talk_to(
                relay.entry_at(f"http://127.0.0.1:{silent.port}"),
                stall_s=0.5,
                first_answer_s=30.0,
            )


async def test_a_status_other_than_200_is_a_refusal(relay: RelayProcess) -> None:
    with pytest.raises(Refused):
        await fetch_url(f"{relay.url}/nothing", max_bytes=10, settings=CarrierSettings())
    with pytest.raises(Refused, match="larger"):
        await fetch_url(f"{relay.url}/v1/relay", max_bytes=10, settings=CarrierSettings())


async def test_another_relay_at_the_address_cannot_pose_as_the_one_of_the_card(
    relay: RelayProcess, tmp_path: Path
) -> None:
    other = RelayProcess(tmp_path / "other")
    try:
        with pytest.raises((BadChannel, Cut, Refused, Unreachable)):
            await talk_to(relay.entry_at(other.url))
    finally:
        other.stop()


def send_one(tmp_path: Path, desk: MadeDesk, entry: RelayEntry) -> Path:
    home = tmp_path / "home"
    card = write_card(desk.card(relays=[entry]), tmp_path)
    assert qanat(home, "desk", "add", card, "--yes").code == 0
    file = tmp_path / "file.bin"
    file.write_bytes(bytes(range(256)) * 1000)
    assert qanat(home, "send", "x", "--no-code", "--attach", file).code == 0
    return home


async def sync_by(home: Path, **settings: object) -> tuple[int, dict[str, object]]:
    """In a thread, as it has an event loop of its own."""
    carrier = CarrierSettings(**settings)  # type: ignore[arg-type]
    return await asyncio.to_thread(sync_once, Home(home), Terminal(json=True), carrier=carrier)


@pytest.mark.parametrize("cuts_answers", [False, True])
async def test_on_a_path_that_buffers_letters_go_and_the_rest_takes_the_websocket(
    tmp_path: Path, desk: MadeDesk, relay: RelayProcess, cuts_answers: bool
) -> None:
    async with buffering_proxy(relay.url, cuts_answers=cuts_answers) as proxy:
        home = send_one(tmp_path, desk, relay.entry_at(f"http://127.0.0.1:{proxy.port}"))
        code, told = await sync_by(home, first_answer_s=0.5)
        assert code == 0, told
    assert [request.split()[0] for request in proxy.requests] == ["POST", "GET"]
    held = await asyncio.to_thread(fetch, relay.entry, desk)
    assert held.keys() == {header.parcel_id for header, _ in parcels(home)}


def leaks(seen: Seen, home: Path) -> list[bytes]:
    """What of the parcels went over the road in a form that their relay would know."""
    road = bytes(seen.to_relay + seen.from_relay)
    secrets = []
    for header, body in parcels(home):
        secrets += [header.tag, header.root, header.parcel_id[:16], body[:64], body[-64:]]
    return [secret for secret in secrets if secret in road and len(set(secret)) > 1]


async def test_a_man_in_the_middle_with_a_trusted_certificate_sees_only_the_channel(
    tmp_path: Path, desk: MadeDesk, relay: RelayProcess, authority: trustme.CA
) -> None:
    context, _ = serving(authority, "localhost")
    async with man_in_the_middle(relay.url, context) as middle:
        home = send_one(tmp_path, desk, relay.entry_at(f"https://localhost:{middle.port}"))
        code, told = await sync_by(home, tls=trusting(authority))
    assert code == 0, told
    assert len(middle.to_relay) > 256_000
    assert leaks(middle, home) == []


async def test_a_man_in_the_middle_who_answers_himself_gets_nothing_and_is_told_of(
    tmp_path: Path, desk: MadeDesk, relay: RelayProcess, authority: trustme.CA
) -> None:
    impostor = RelayProcess(tmp_path / "impostor")
    try:
        context, _ = serving(authority, "localhost")
        async with man_in_the_middle(impostor.url, context) as middle:
            home = send_one(tmp_path, desk, relay.entry_at(f"https://localhost:{middle.port}"))
            code, told = await sync_by(home, tls=trusting(authority))
        assert code in (3, 4), told
        assert leaks(middle, home) == []
        assert await asyncio.to_thread(fetch, impostor.entry, desk) == {}
    finally:
        impostor.stop()
    listed = qanat(home, "outbox", "--json").json
    assert [entry["state"] for entry in listed] == ["queued"]


async def test_a_pin_is_believed_alone_and_without_any_authority(
    relay: RelayProcess, authority: trustme.CA
) -> None:
    context, pin = serving(authority, "another.name")
    async with man_in_the_middle(relay.url, context) as middle:
        url = f"https://127.0.0.1:{middle.port}"
        heard = await talk_to(relay.entry_at(url, pin=pin))
        assert isinstance(heard[0], Welcome)
        with pytest.raises(BadPin):
            await talk_to(relay.entry_at(url, pin=hashlib.sha256(b"other").digest()))
        with pytest.raises(BadPin):
            await talk_to(relay.entry_at(url))


@pytest.mark.parametrize("user", ["", "circuit:7"])
async def test_through_a_socks_proxy_names_are_left_to_the_proxy(
    relay: RelayProcess, user: str
) -> None:
    async with socks_proxy(port_of(relay.url), user=user, password=user) as proxy:
        who = f"{user.replace(':', '%3A')}:{user.replace(':', '%3A')}@" if user else ""
        url = f"socks5h://{who}127.0.0.1:{proxy.port}"
        entry = relay.entry_at("http://no-such-name-anywhere.onion")
        heard = await talk_to(entry, proxy=url)
        assert isinstance(heard[0], Welcome)
        assert proxy.names == ["no-such-name-anywhere.onion"]
        roads = Roads()
        roads.prefer_websocket(entry.addresses[0])
        assert await talk_to(entry, roads, proxy=url)


async def test_a_dead_proxy_is_unreachable_and_nothing_goes_around_it(
    relay: RelayProcess,
) -> None:
    async with silent_server() as dead:
        port = dead.port
    with pytest.raises(Unreachable):
        await talk_to(relay.entry, proxy=f"socks5h://127.0.0.1:{port}")
    with pytest.raises(Unreachable):
        await talk_to(relay.entry, proxy=f"http://127.0.0.1:{port}")


async def test_through_a_socks_proxy_the_answer_comes_while_the_request_is_still_open(
    relay: RelayProcess,
) -> None:
    async with socks_proxy(port_of(relay.url)) as proxy:
        settings = CarrierSettings(first_answer_s=60, proxy=f"socks5h://127.0.0.1:{proxy.port}")
        said = await converse(relay.entry, wait_first, settings=settings, roads=Roads())
    assert said == "both ways"


async def test_through_a_socks_proxy_a_certificate_is_judged_as_without_one(
    relay: RelayProcess, authority: trustme.CA
) -> None:
    context, pin = serving(authority, "relay.onion")
    async with man_in_the_middle(relay.url, context) as front, socks_proxy(front.port) as proxy:
        by = f"socks5h://127.0.0.1:{proxy.port}"
        entry = relay.entry_at("https://relay.onion")
        assert await talk_to(entry, proxy=by, tls=trusting(authority))
        assert await talk_to(relay.entry_at("https://relay.onion", pin=pin), proxy=by)
        roads = Roads()
        for _ in range(2):
            with pytest.raises(BadPin):
                await talk_to(entry, roads, proxy=by)
            roads.prefer_websocket("https://relay.onion")
        wrong = relay.entry_at("https://relay.onion", pin=hashlib.sha256(b"other").digest())
        with pytest.raises(BadPin):
            await talk_to(wrong, proxy=by)


@pytest.mark.parametrize("silent", ["the proxy", "the relay's TLS"])
async def test_a_proxy_or_a_relay_behind_it_that_says_nothing_is_given_up(
    relay: RelayProcess, silent: str
) -> None:
    async with silent_server() as dead, socks_proxy(dead.port) as proxy:
        port = dead.port if silent == "the proxy" else proxy.port
        roads = Roads()
        for _ in range(2):
            with pytest.raises(Unreachable):
                await talk_to(
                    relay.entry_at("https://relay.onion"),
                    roads,
                    proxy=f"socks5h://127.0.0.1:{port}",
                    connect_s=0.3,
                )
            roads.prefer_websocket("https://relay.onion")


async def test_a_proxy_that_refuses_the_password_is_named(relay: RelayProcess) -> None:
    async with socks_proxy(port_of(relay.url), user="a", password="b") as proxy:
        with pytest.raises(Unreachable, match=r"proxy 127\.0\.0\.1.*authentication"):
            await talk_to(relay.entry, proxy=f"socks5h://a:c@127.0.0.1:{proxy.port}")


async def test_a_name_that_no_proxy_takes_is_bad_input(relay: RelayProcess) -> None:
    async with socks_proxy(port_of(relay.url)) as proxy:
        with pytest.raises(BadInput):
            await talk_to(
                relay.entry_at(f"http://{'a' * 64}.onion"),
                proxy=f"socks5h://127.0.0.1:{proxy.port}",
            )


@pytest.mark.parametrize(
    "url",
    [
        "socks4://127.0.0.1:1",
        "socks5h://",
        "127.0.0.1:9050",
        "socks5h://h:99999",
        "socks5h://user@h:1",
        "socks5h://:password@h:1",
        f"socks5h://u:{'p' * 256}@h:1",
        "socks5h://%D0%B0:p@h:1",
        "socks5h://[",
        "socks5h://h:0",
        "socks5h://h:1/path",
        "http://",
        "http://[",
        "http://:8118",
        "http://..:8118",
        f"http://{'a' * 64}:8118",
        "http://%D0%B0:p@h:1",
        "http://h:1\r\nx",
        "http://h h:1",
        "http://a<b:1",
        "",
    ],
)
def test_an_address_that_is_no_proxys_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        parse_proxy(url)


async def test_nothing_goes_straight_where_a_proxy_was_named_that_is_none(
    relay: RelayProcess,
) -> None:
    # An empty address counts as none for the library below.
    with pytest.raises(BadInput, match="proxy"):
        await talk_to(relay.entry, proxy="http://")


def test_the_transports_are_where_the_relay_has_them() -> None:
    assert {transport.value for transport in Transport} == {"/v1/exchange", "/v1/sync"}
