"""Sessions between Python and TypeScript, each in both roles; and both order what waits alike."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.interop.twin import Twin, TwinError
from tests.protocol import samples
from tests.protocol.made_frames import any_frame, free_frame

from qanat_protocol import channel, frames
from qanat_protocol.errors import LocalError, RemoteError
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import Frame
from qanat_protocol.kinds import Rank
from qanat_protocol.schedule import Queue
from qanat_protocol.session import HELLO, ClientSession, RelaySession

SECRET = samples.SECRETS[0]
WELCOME = frames.Welcome(1, samples.DAY, bytes(16), 2**30, 3, 4, 0)
END = frames.End()
some = settings(max_examples=40)

conversations = st.lists(free_frame, max_size=12)
cuts = st.lists(st.integers(0, 4000), max_size=6)


def in_pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def records(sent: Sequence[Frame]) -> list[str]:
    return [encode_frame(frame).hex() for frame in sent]


class Line:
    """A session in the twin, spoken to as one in Python."""

    def __init__(self, twin: Twin, session: int) -> None:
        self._twin = twin
        self._session = session

    def send(self, *sent: Frame) -> bytes:
        told = self._twin.call("send", session=self._session, frames=records(sent))
        return bytes.fromhex(told)

    def receive(self, data: bytes) -> list[Frame]:
        told = self._twin.call("receive", session=self._session, data=data)
        read = [decode_frame(bytes.fromhex(record)) for record in told["frames"]]
        return [frame for frame in read if frame is not None]

    def finish(self) -> None:
        self._twin.call("finish", session=self._session)


def check_conversation(
    client: ClientSession | Line,
    relay: RelaySession | Line,
    preamble: bytes,
    said: tuple[list[Frame], list[Frame]],
    cut: list[int],
) -> None:
    """Each hears what the other says, however the bytes are cut."""
    out = [HELLO, *said[0], END]
    data = preamble + client.send(*out)
    assert [frame for piece in in_pieces(data, cut) for frame in relay.receive(piece)] == out
    back = [WELCOME, *said[1], END]
    data = relay.send(*back)
    assert [frame for piece in in_pieces(data, cut) for frame in client.receive(piece)] == back
    client.finish()
    relay.finish()


@given(st.tuples(conversations, conversations), cuts)
@some
def test_a_client_in_typescript_and_a_relay_in_python(
    twin: Twin, said: tuple[list[Frame], list[Frame]], cut: list[int]
) -> None:
    told = twin.call("new_client", relay_key=SECRET.public)
    client, preamble = Line(twin, told["session"]), bytes.fromhex(told["preamble"])
    check_conversation(client, RelaySession(SECRET), preamble, said, cut)


@given(st.tuples(conversations, conversations), cuts)
@some
def test_a_client_in_python_and_a_relay_in_typescript(
    twin: Twin, said: tuple[list[Frame], list[Frame]], cut: list[int]
) -> None:
    relay = Line(twin, twin.call("new_relay", sealing_seed=SECRET.seed, salt=bytes(32))["session"])
    client = ClientSession(SECRET.public)
    check_conversation(client, relay, client.start(), said, cut)


@given(conversations, st.integers(0, 3))
@some
def test_with_the_same_secret_both_send_the_same_bytes(
    twin: Twin, said: list[Frame], blocks: int
) -> None:
    body = bytes(16_384)
    for handle in range(3 * blocks):
        # As many as need more than one packet, and a HEADER that would be the last of one.
        said += [frames.HeaderFrame(handle, bytes(96)), frames.Block(handle, 0, body)]
    ours = ClientSession(SECRET.public)
    preamble = ours.start()
    secret = SECRET.open(channel._preamble_info(SECRET.public), preamble[5:])
    told = twin.call("new_client", relay_key=SECRET.public, secret=secret, preamble=preamble)
    line = Line(twin, told["session"])
    assert ours.send(HELLO, *said, END) == line.send(HELLO, *said, END)


@given(st.lists(any_frame, max_size=4))
@settings(max_examples=100)
def test_both_let_the_same_be_said(twin: Twin, said: list[Frame]) -> None:
    ours = ClientSession(SECRET.public)
    ours.start()
    told = twin.call("new_client", relay_key=SECRET.public)
    line = Line(twin, told["session"])
    for frame in [HELLO, *said]:
        try:
            ours.send(frame)
            verdict = "ok"
        except LocalError as error:
            verdict = error.verdict.name.lower()
        try:
            line.send(frame)
            theirs = "ok"
        except TwinError as error:
            theirs = error.verdict
        assert theirs == verdict


@given(st.lists(any_frame, max_size=4), st.booleans())
@settings(max_examples=100)
def test_both_take_the_same_from_a_relay(twin: Twin, said: list[Frame], welcomed: bool) -> None:
    client = ClientSession(SECRET.public)
    preamble = client.start()
    secret = SECRET.open(channel._preamble_info(SECRET.public), preamble[5:])
    told = twin.call("new_client", relay_key=SECRET.public, secret=secret, preamble=preamble)
    line = Line(twin, told["session"])
    # Both begin with HELLO and two offers, so that answers may come.
    first: list[Frame] = [HELLO, frames.Offers(0, (bytes(16), bytes(16)))]
    sent = client.send(*first)
    line.send(*first)
    relay = channel.RelayChannel(SECRET)
    relay.feed(preamble + sent)
    data = relay.answer()
    for frame in [WELCOME, *said] if welcomed else said:
        record = encode_frame(frame)
        data += relay.seal(len(record).to_bytes(2) + record)
    assert heard_by(client, data) == heard_by(line, data)


def heard_by(side: ClientSession | Line, data: bytes) -> list[Any]:
    """What a side makes of the bytes, and of their end: frames, or a verdict."""
    heard: list[Any] = []
    for step in (lambda: [encode_frame(frame) for frame in side.receive(data)], side.finish):
        try:
            heard.append(step())
        except RemoteError as error:
            heard.append(error.verdict.name.lower())
        except TwinError as error:
            heard.append(error.verdict)
    return heard


@pytest.mark.parametrize("seed", range(8))
def test_both_order_alike_what_waits(twin: Twin, seed: int) -> None:
    # Few classes and flows, so that many share one and lanes come and go; mostly the first is sent.
    source = Random(seed)
    ours: Queue[str] = Queue()
    theirs = twin.call("new_queue")
    for count in range(250):
        waiting = list(ours)
        method = source.choice(["add", "add", "sent", "sent", "sent", "want", "left", "discard"])
        if not waiting:
            method = "add"
        key = str(count) if method == "add" else source.choice([waiting[0], source.choice(waiting)])
        order = source.randrange(3)
        told: dict[str, Any] = {
            "rank": source.choice([Rank.URGENT, Rank.LETTER, Rank.ORIGINAL, Rank.ORIGINAL]),
            "flow": source.choice("ab"),
            "left_bytes": source.choice([0, 100, 16_384, 20_000, 40_000, 90_000]),
            "wanted": source.random() < 0.1,
            "waited_days": source.choice([0, 0, 6, 22, 30, 40]),
        }
        match method:
            case "add":
                ours.add(key, order=(order,), **told)
            case "sent":
                ours.sent(key, 16_384)
            case "want":
                ours.update(key, wanted=told["wanted"])
            case "left":
                ours.update(key, left_bytes=told["left_bytes"])
            case "discard":
                ours.discard(key)
        more = {"order": [order], "size_bytes": 16_384, **told}
        found = twin.call("queue", queue=theirs, method=method, key=key, **more)
        assert found == list(ours)


def test_a_preamble_for_another_relay_is_refused_by_both(twin: Twin) -> None:
    stranger = ClientSession(samples.SECRETS[1].public)
    data = stranger.start() + stranger.send(HELLO)
    with pytest.raises(RemoteError) as ours:
        RelaySession(SECRET).receive(data)
    relay = Line(twin, twin.call("new_relay", sealing_seed=SECRET.seed, salt=bytes(32))["session"])
    with pytest.raises(TwinError) as theirs:
        relay.receive(data)
    assert theirs.value.verdict == ours.value.verdict.name.lower() == "bad_channel"
