"""The application channel: what is sealed comes out whole, in order, once, or not at all."""

import hashlib
import hmac
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from qanat_protocol.channel import (
    ANSWER_BYTES,
    PREAMBLE_BYTES,
    REFUSAL,
    ClientChannel,
    RelayChannel,
)
from qanat_protocol.errors import (
    BadChannel,
    BadKey,
    Cut,
    LocalError,
    RemoteError,
    UnknownSuite,
    UnknownVersion,
)
from qanat_protocol.sealing import SealingSecret

SECRET = SealingSecret(bytes(range(32)))
OTHER = SealingSecret(bytes(32))

Outcome = tuple[list[bytes], type[RemoteError] | None]


def opened() -> tuple[ClientChannel, RelayChannel]:
    """A channel that both sides have opened."""
    client, relay = ClientChannel(SECRET.public), RelayChannel(SECRET)
    assert relay.feed(client.preamble) == []
    assert client.feed(relay.answer()) == []
    return client, relay


def outcome(channel: ClientChannel | RelayChannel, pieces: Sequence[bytes]) -> Outcome:
    """The plains, and the class of the error behind them or of the missing end."""
    plains: list[bytes] = []
    try:
        for piece in pieces:
            plains += channel.feed(piece)
        channel.finish()
    except RemoteError as error:
        return plains, type(error)
    return plains, None


def in_pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=6), st.integers(1, 3000))
def test_both_directions_carry_what_was_sealed(plains: list[bytes], size: int) -> None:
    client, relay = ClientChannel(SECRET.public), RelayChannel(SECRET)
    out = client.preamble + b"".join(map(client.seal, plains))
    assert outcome(relay, in_pieces(out, size)) == (plains, None)
    back = relay.answer() + b"".join(map(relay.seal, plains))
    assert outcome(client, in_pieces(back, size)) == (plains, None)
    assert client.channel_hash == relay.channel_hash


def test_a_packet_is_what_the_specification_says() -> None:
    client, relay = opened()

    def label(name: str) -> bytes:
        return b"qanat/1/" + name.encode() + b"\0"

    def expand(key: bytes, info: bytes) -> bytes:
        first = hmac.digest(key, info + b"\x01", "sha256")
        return (first + hmac.digest(key, first + info + b"\x02", "sha256"))[:44]

    preamble = client.preamble
    assert preamble[:5] == b"QNT\x01\x01"
    assert len(preamble) == PREAMBLE_BYTES == 1173
    info = label("channel") + hashlib.sha256(SECRET.public).digest()
    secret = SECRET.open(info, preamble[5:])
    channel_hash = hashlib.sha256(label("channel-hash") + SECRET.public + preamble).digest()
    assert client.channel_hash == channel_hash

    answer = relay.answer()
    assert answer[:4] == b"QNT\x01"
    assert len(answer) == ANSWER_BYTES == 36
    keys: dict[ClientChannel | RelayChannel, bytes] = {
        client: expand(secret, label("channel-out") + channel_hash),
        relay: expand(secret, label("channel-in") + channel_hash + answer[4:]),
    }
    for side, key in keys.items():
        for counter, plain in enumerate([b"first", b"second"]):
            nonce = bytes(a ^ b for a, b in zip(key[32:], counter.to_bytes(12, "big"), strict=True))
            length = (len(plain) + 16).to_bytes(2, "big")
            expected = length + AESGCM(key[:32]).encrypt(nonce, plain, length)
            assert side.seal(plain) == expected


def test_the_largest_plain_fits_and_a_larger_one_does_not() -> None:
    client, relay = opened()
    largest = bytes(65_519)
    packet = client.seal(largest)
    assert len(packet) == 65_537
    assert relay.feed(packet) == [largest]
    for plain in (b"", bytes(65_520)):
        with pytest.raises(LocalError):
            client.seal(plain)
        with pytest.raises(LocalError):
            relay.seal(plain)
    assert relay.feed(client.seal(b"the counter has not moved")) == [b"the counter has not moved"]


def test_two_channels_to_one_relay_share_nothing() -> None:
    first, second = ClientChannel(SECRET.public), ClientChannel(SECRET.public)
    assert first.preamble != second.preamble
    assert first.channel_hash != second.channel_hash
    assert first.seal(b"plain") != second.seal(b"plain")


def test_a_replayed_preamble_yields_another_key_for_the_answer() -> None:
    client = ClientChannel(SECRET.public)
    relays = [RelayChannel(SECRET), RelayChannel(SECRET)]
    for relay in relays:
        relay.feed(client.preamble)
    assert relays[0].answer() == relays[0].answer()
    assert relays[0].answer() != relays[1].answer()
    assert relays[0].seal(b"plain") != relays[1].seal(b"plain")


def test_a_relay_cannot_speak_before_it_was_spoken_to() -> None:
    relay = RelayChannel(SECRET)
    relay.feed(ClientChannel(SECRET.public).preamble[:-1])
    assert not relay.is_open
    for speak in (
        relay.answer,
        lambda: relay.seal(b"plain"),
        lambda: relay.channel_hash,
        lambda: relay.session_hash,
    ):
        with pytest.raises(LocalError):
            speak()


def test_a_client_takes_no_key_that_is_not_one() -> None:
    with pytest.raises(BadKey):
        ClientChannel(bytes(1216))


def test_a_packet_said_again_left_out_or_out_of_turn_kills_the_channel() -> None:
    client, _ = opened()
    packets = [client.seal(b"one"), client.seal(b"two")]
    for order in ([0, 0], [1], [1, 0]):
        relay = RelayChannel(SECRET)
        relay.feed(client.preamble)
        stream = b"".join(packets[number] for number in order)
        assert outcome(relay, [stream])[1] is BadChannel
        assert isinstance(relay.failure, BadChannel)


def test_a_packet_of_the_other_direction_is_not_taken() -> None:
    client, relay = opened()
    assert outcome(client, [client.seal(b"reflected")]) == ([], BadChannel)
    assert outcome(relay, [relay.seal(b"reflected")]) == ([], BadChannel)


@pytest.mark.parametrize("n", [0, 16])
def test_a_packet_too_short_to_hold_anything_is_refused_at_its_length(n: int) -> None:
    _, relay = opened()
    with pytest.raises(BadChannel):
        relay.feed(n.to_bytes(2, "big"))


def test_a_later_packet_too_short_to_hold_anything_is_refused_at_its_length_too() -> None:
    client, relay = opened()
    assert relay.feed(client.seal(b"good") + b"\0\x10") == [b"good"]
    assert isinstance(relay.failure, BadChannel)


def test_a_preamble_for_another_relay_does_not_open() -> None:
    assert outcome(RelayChannel(SECRET), [ClientChannel(OTHER.public).preamble]) == (
        [],
        BadChannel,
    )


def test_what_stood_before_a_fault_is_given_and_then_the_fault_for_ever() -> None:
    client, relay = opened()
    stream = client.seal(b"good") + b"\0\0" + client.seal(b"behind")
    assert relay.feed(stream) == [b"good"]
    failure = relay.failure
    assert isinstance(failure, BadChannel)
    for again in (lambda: relay.feed(b""), lambda: relay.feed(b"more"), relay.finish):
        with pytest.raises(BadChannel) as raised:
            again()
        assert raised.value is failure


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (b"", Cut),
        (b"Q", Cut),
        (b"X", BadChannel),
        (b"QNX", BadChannel),
        (b"GET / HTTP/1.1\r\n", BadChannel),
        (b"QNT\x00", UnknownVersion),
        (b"QNT\x02", UnknownVersion),
        (b"QNT\x01\x02", UnknownSuite),
        (b"QNT\x01\x01", Cut),
        (b"QNT\x01\x01" + bytes(1168), BadChannel),
    ],
)
def test_a_relay_refuses_what_is_no_preamble(stream: bytes, error: type[RemoteError]) -> None:
    assert outcome(RelayChannel(SECRET), [stream]) == ([], error)
    assert outcome(RelayChannel(SECRET), in_pieces(stream, 1)) == ([], error)


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (b"", Cut),
        (b"QN", Cut),
        (b"HTTP/1.1 400", BadChannel),
        (b"QNT\x02", BadChannel),
        (b"QNT\x00", Cut),
        (b"QNT\x00\x00", BadChannel),
        (b"QNT\x00\x02\x02", Cut),
        (b"QNT\x00\x02\x02\x03", UnknownVersion),
        (REFUSAL, UnknownVersion),
        (b"QNT\x01" + bytes(31), Cut),
    ],
)
def test_a_client_refuses_what_is_no_answer(stream: bytes, error: type[RemoteError]) -> None:
    assert outcome(ClientChannel(SECRET.public), [stream]) == ([], error)
    assert outcome(ClientChannel(SECRET.public), in_pieces(stream, 1)) == ([], error)


def test_a_refusal_names_the_versions_that_the_relay_speaks() -> None:
    client = ClientChannel(SECRET.public)
    with pytest.raises(UnknownVersion, match="version 2, 7;"):
        client.feed(b"QNT\x00\x02\x02\x07")


RECORDED = ClientChannel(SECRET.public)
STREAM = RECORDED.preamble + RECORDED.seal(b"one") + RECORDED.seal(bytes(300))


def test_a_cut_anywhere_gives_the_packets_before_it_and_no_other() -> None:
    ends = [PREAMBLE_BYTES, PREAMBLE_BYTES + 2 + 19, len(STREAM)]
    for cut in range(len(STREAM) + 1):
        whole = [b"one", bytes(300)][: sum(cut >= end for end in ends[1:])]
        assert outcome(RelayChannel(SECRET), [STREAM[:cut]]) == (
            whole,
            None if cut in ends else Cut,
        )


@given(st.data())
def test_a_changed_byte_is_never_taken_however_the_bytes_come(data: st.DataObject) -> None:
    stream = bytearray(STREAM)
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= data.draw(st.integers(1, 255))
    whole = outcome(RelayChannel(SECRET), [bytes(stream)])
    assert whole[1] is not None
    assert whole[0] == [b"one", bytes(300)][: at >= PREAMBLE_BYTES + 21]
    assert outcome(RelayChannel(SECRET), in_pieces(bytes(stream), 1)) == whole


@given(st.binary(max_size=60), st.integers(1, 7))
def test_any_bytes_at_the_end_are_a_remote_error_or_a_packet(behind: bytes, size: int) -> None:
    stream = STREAM + behind
    whole = outcome(RelayChannel(SECRET), [stream])
    assert whole[0] == [b"one", bytes(300)]
    assert whole[1] in ({None} if not behind else {Cut, BadChannel})
    assert outcome(RelayChannel(SECRET), in_pieces(stream, size)) == whole


@given(st.binary(max_size=1300))
def test_any_bytes_are_a_channel_or_a_remote_error(data: bytes) -> None:
    assert outcome(RelayChannel(SECRET), [data])[1] is not None
    plains, error = outcome(ClientChannel(SECRET.public), [b"QNT\x01" + data])
    assert plains == []
    assert (error is None) == (len(data) == 32)


def test_what_is_said_again_is_another_session() -> None:
    client = ClientChannel(SECRET.public)
    first, relay = RelayChannel(SECRET), RelayChannel(SECRET)
    for each in (first, relay):
        each.feed(client.preamble)
        assert each.channel_hash == client.channel_hash
    client.feed(relay.answer())
    assert client.session_hash == relay.session_hash != first.session_hash
    salt = relay.answer()[4:]
    told = b"qanat/1/session-hash\0" + client.channel_hash + salt
    assert client.session_hash == hashlib.sha256(told).digest()


def test_before_the_answer_a_client_has_no_session_hash() -> None:
    client, relay = ClientChannel(SECRET.public), RelayChannel(SECRET)
    relay.feed(client.preamble)
    answer = relay.answer()
    client.feed(answer[:-1])
    assert not client.is_open
    with pytest.raises(LocalError):
        client.session_hash  # noqa: B018 - reading it is what raises
    client.feed(answer[-1:])
    assert client.is_open
    assert client.session_hash == relay.session_hash
