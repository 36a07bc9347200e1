"""The session machine: which frames may be said when, and what a cut leaves."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.protocol.made_bodies import body_of
from tests.protocol.made_frames import any_frame, free_frame

from qanat_protocol import frames
from qanat_protocol.channel import MAX_PLAIN_BYTES, REFUSAL, ClientChannel, RelayChannel
from qanat_protocol.errors import (
    BadChannel,
    Cut,
    LocalError,
    LocalMalformed,
    LocalUnexpectedFrame,
    Malformed,
    RemoteError,
    UnexpectedFrame,
    UnknownKind,
    UnknownVersion,
)
from qanat_protocol.frame_codec import encode_frame
from qanat_protocol.frames import Answer, Frame
from qanat_protocol.parcel import Front
from qanat_protocol.record import pack
from qanat_protocol.runs import Run
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.session import (
    HELLO,
    TRANSITIONS,
    ClientSession,
    Event,
    RelaySession,
    Side,
    State,
)

SECRET = SealingSecret(bytes(range(32)))
WELCOME = frames.Welcome(1, 18_998, bytes(16), 2**32, 0, 0, 0)
OFFERS = frames.Offers(0, (bytes(16), bytes(16)))
PURGE = frames.Purge(bytes(32), bytes(32))
END = frames.End()

Outcome = tuple[list[Frame], type[RemoteError] | None]


def outcome(session: ClientSession | RelaySession, pieces: Sequence[bytes]) -> Outcome:
    """The frames, and the class of the error behind them or of the missing end."""
    said: list[Frame] = []
    try:
        for piece in pieces:
            said += session.receive(piece)
        session.finish()
    except RemoteError as error:
        return said, type(error)
    return said, None


def in_pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def framed(*records: bytes) -> bytes:
    return b"".join(len(record).to_bytes(2, "big") + record for record in records)


def from_client(*plains: bytes) -> bytes:
    """The bytes of a client that seals whatever it likes."""
    channel = ClientChannel(SECRET.public)
    return channel.preamble + b"".join(map(channel.seal, plains))


def saying(*said: Frame) -> bytes:
    """The bytes of a client that keeps to no order."""
    return from_client(*(framed(encode_frame(frame)) for frame in said))


def from_relay(client: ClientSession, *said: Frame) -> bytes:
    """The bytes of a relay that keeps to no order."""
    channel = RelayChannel(SECRET)
    channel.feed(client.start())
    return channel.answer() + b"".join(channel.seal(framed(encode_frame(frame))) for frame in said)


def opened() -> tuple[ClientSession, RelaySession]:
    """A session in which both sides have greeted."""
    client, relay = ClientSession(SECRET.public), RelaySession(SECRET)
    assert relay.receive(client.start() + client.send(HELLO)) == [HELLO]
    assert client.receive(relay.send(WELCOME)) == [WELCOME]
    return client, relay


def test_a_client_has_what_is_the_sessions_alone_once_the_relay_has_answered() -> None:
    client, relay = ClientSession(SECRET.public), RelaySession(SECRET)
    assert not client.is_open
    relay.receive(client.start() + client.send(HELLO))
    client.receive(relay.send(WELCOME))
    assert client.is_open
    assert client.session_hash == relay.session_hash


def test_both_sides_greet_talk_and_end() -> None:
    client, relay = opened()
    assert client.welcome == WELCOME
    assert client.session_hash == relay.session_hash
    assert relay.receive(client.send(OFFERS, END)) == [OFFERS, END]
    answers = frames.Answers(0, (Answer.WANT, Answer.HAVE))
    assert not client.ended
    assert client.receive(relay.send(answers, frames.Idle(), END)) == [
        answers,
        frames.Idle(),
        END,
    ]
    assert client.ended
    assert relay.ended
    client.finish()
    relay.finish()
    assert client.failure is None


@given(st.lists(free_frame, max_size=8), st.integers(1, 5000))
def test_frames_arrive_in_order_however_the_bytes_are_cut(said: list[Frame], size: int) -> None:
    client, relay = ClientSession(SECRET.public), RelaySession(SECRET)
    out = client.start() + client.send(HELLO, *said) + client.send(END)
    assert outcome(relay, in_pieces(out, size)) == ([HELLO, *said, END], None)
    back = relay.send(WELCOME) + relay.send(*said, END)
    assert outcome(client, in_pieces(back, size)) == ([WELCOME, *said, END], None)


def test_frames_share_packets_and_are_never_split_over_them() -> None:
    client, relay = opened()
    blocks = [frames.Block(0, index, bytes(16_384)) for index in range(10)]
    sent = client.send(*blocks)
    packets = []
    while sent:
        n = 2 + int.from_bytes(sent[:2], "big")
        packets.append(sent[:n])
        sent = sent[n:]
    assert [relay.receive(packet) for packet in packets] == [
        blocks[0:3],
        blocks[3:6],
        blocks[6:9],
        blocks[9:],
    ]


def test_a_packet_is_filled_to_its_last_byte() -> None:
    client, relay = opened()
    # As many purges as leave some room, and an error's line for the rest of the 65,519 bytes.
    purge_bytes = 2 + len(encode_frame(PURGE))
    purges = [PURGE] * ((65_519 - 100) // purge_bytes)
    left = 65_519 - purge_bytes * len(purges) - 2 - len(encode_frame(frames.Error(0, "")))
    line = frames.Error(0, "x" * (left - 1))
    packet = client.send(*purges, line)
    assert len(packet) == 65_537
    assert relay.receive(packet) == [*purges, line]
    fuller = client.send(*purges, frames.Error(0, "x" * left))
    assert len(fuller) > 65_537
    assert len(relay.receive(fuller)) == len(purges) + 1


def test_a_header_goes_with_its_block_so_that_both_are_read_as_a_run() -> None:
    client, relay = opened()
    said: list[Frame] = []
    for handle in range(9):
        body = body_of(16_384, handle)
        said.append(frames.HeaderFrame(handle, body.header.encode()))
        said.append(frames.Block(handle, 0, body.block(0)))
    # The fourth HEADER would fit into the first packet, without its BLOCK.
    runs = relay.receive_runs(client.send(*said))
    assert [len(run.headers) for run in runs if isinstance(run, Run)] == [3, 3, 3]
    assert relay.receive_runs(client.send(*runs)) == runs
    assert relay.receive(client.send(*runs)) == said


def test_a_header_that_goes_with_its_block_takes_room_in_the_packet_that_it_goes_to() -> None:
    client, relay = opened()
    body = body_of(16_384)
    pair: list[Frame] = [
        frames.HeaderFrame(0, body.header.encode()),
        frames.Block(0, 0, body.block(0)),
    ]
    # Behind three blocks there is room for the HEADER, and none for its BLOCK.
    blocks = [frames.Block(1, index, bytes(16_384)) for index in range(3)]
    taken = sum(2 + len(encode_frame(frame)) for frame in pair)
    purge_bytes = 2 + len(encode_frame(PURGE))
    purges = [PURGE] * ((65_519 - 100 - taken) // purge_bytes)
    left = 65_519 - taken - purge_bytes * len(purges) - 2 - len(encode_frame(frames.Error(0, "")))
    for length in (left - 1, left):
        said: list[Frame] = [*blocks, *pair, *purges, frames.Error(0, "x" * length)]
        assert relay.receive(client.send(*said)) == said


def test_what_stands_behind_a_run_is_read_too() -> None:
    client, relay = opened()
    body = body_of(4096)
    said: list[Frame] = [frames.HeaderFrame(0, body.header.encode())]
    said += [frames.Block(0, 0, body.block(0)), END]
    assert relay.receive(client.send(*said)) == said


def test_no_run_is_sent_before_the_greeting() -> None:
    client = ClientSession(SECRET.public)
    client.start()
    body = body_of(4096)
    header = body.header
    front = Front(header.kind, header.urgent, header.expiry_day, header.body_size)
    with pytest.raises(LocalUnexpectedFrame):
        client.send(Run(0, front, (header.encode(),), (body.block(0),)))


def test_nothing_to_say_is_no_packet() -> None:
    client, relay = opened()
    assert client.send() == relay.send() == b""


@pytest.mark.parametrize(("side", "state", "event"), list(product(Side, State, Event)))
def test_the_table_is_the_law_for_both_ends_of_a_direction(
    side: Side, state: State, event: Event
) -> None:
    says: dict[Event, Frame] = {
        Event.HELLO: HELLO,
        Event.WELCOME: WELCOME,
        Event.ERROR: frames.Error(1, "why"),
        Event.END: END,
        Event.OTHER: PURGE,
    }
    greeting = HELLO if side is Side.CLIENT else WELCOME
    reaching: dict[State, list[Frame]] = {
        State.NEW: [],
        State.OPEN: [greeting],
        State.REFUSED: [says[Event.ERROR]],
        State.ENDED: [greeting, END],
    }
    before = reaching[state]
    if (side, state) == (Side.CLIENT, State.REFUSED):
        assert state not in set(TRANSITIONS[side].values())
        return
    allowed = (state, event) in TRANSITIONS[side]
    frame = says[event]

    client, relay = ClientSession(SECRET.public), RelaySession(SECRET)
    if side is Side.CLIENT:
        heard = outcome(relay, [saying(*before, frame)])
    else:
        heard = outcome(client, [from_relay(client, *before, frame)])
    ended = allowed and event is Event.END
    error = None if ended else Cut if allowed else UnexpectedFrame
    assert heard == ([*before, *([frame] if allowed else [])], error)

    client, relay = ClientSession(SECRET.public), RelaySession(SECRET)
    relay.receive(client.start())
    speaker = client if side is Side.CLIENT else relay
    speaker.send(*before)
    if allowed:
        speaker.send(frame)
    else:
        with pytest.raises(LocalUnexpectedFrame):
            speaker.send(frame)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    "frame",
    [
        frames.HeaderFrame(0, body_of(4096).header.encode()),
        frames.Leaves(0, 0, (bytes(32),)),
        frames.Block(0, 0, b"block"),
        frames.Ack(0, (frames.AckEntry(0, frames.AckStatus.STORED, 0),)),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_what_comes_by_the_thousand_keeps_to_the_table_too(side: Side, frame: Frame) -> None:
    greeting: Frame = HELLO if side is Side.CLIENT else WELCOME
    for before in ([], [greeting, END]):
        client, relay = ClientSession(SECRET.public), RelaySession(SECRET)
        if side is Side.CLIENT:
            heard = outcome(relay, [saying(*before, frame)])
        else:
            heard = outcome(client, [from_relay(client, *before, frame)])
        assert heard == (before, UnexpectedFrame)
        client, relay = ClientSession(SECRET.public), RelaySession(SECRET)
        relay.receive(client.start())
        speaker = client if side is Side.CLIENT else relay
        speaker.send(*before)
        with pytest.raises(LocalUnexpectedFrame):
            speaker.send(frame)


def test_what_may_not_be_said_is_not_said_in_part() -> None:
    client, relay = opened()
    with pytest.raises(LocalUnexpectedFrame):
        client.send(PURGE, END, PURGE)
    with pytest.raises(LocalMalformed):
        client.send(OFFERS, frames.Cursor(32, b""))
    assert relay.receive(client.send(OFFERS, END)) == [OFFERS, END]


def test_a_client_starts_once_and_before_it_speaks() -> None:
    client = ClientSession(SECRET.public)
    with pytest.raises(LocalError):
        client.send(HELLO)
    client.start()
    with pytest.raises(LocalError):
        client.start()
    client.send(HELLO)


def test_a_relay_is_silent_until_the_preamble_is_read() -> None:
    relay = RelaySession(SECRET)
    stream = saying(HELLO)
    for at in range(1173):
        assert relay.receive(stream[at : at + 1]) == []
        if at < 1172:
            with pytest.raises(LocalError):
                relay.send(WELCOME)
            with pytest.raises(LocalError):
                relay.session_hash  # noqa: B018 - reading it is what raises
    assert relay.send(WELCOME)


def test_offers_are_counted_without_gaps() -> None:
    for wrong in (1, 2, 2**53 - 1):
        stream = saying(HELLO, frames.Offers(wrong, (bytes(16),)))
        assert outcome(RelaySession(SECRET), [stream]) == ([HELLO], UnexpectedFrame)
    more = frames.Offers(2, (bytes(16),))
    assert outcome(RelaySession(SECRET), [saying(HELLO, OFFERS, more, END)])[1] is None
    assert outcome(RelaySession(SECRET), [saying(HELLO, OFFERS, OFFERS)])[1] is UnexpectedFrame


@pytest.mark.parametrize(
    "answers",
    [
        [frames.Answers(0, (Answer.WANT,) * 3)],
        [frames.Answers(1, (Answer.WANT,))],
        [frames.Answers(0, (Answer.WANT,)), frames.Answers(0, (Answer.WANT,))],
        [frames.Answers(0, (Answer.WANT,) * 2), frames.Answers(2, (Answer.WANT,))],
    ],
)
def test_an_offer_gets_one_answer_and_what_is_no_offer_gets_none(answers: list[Frame]) -> None:
    client = ClientSession(SECRET.public)
    stream = from_relay(client, WELCOME, *answers)
    client.send(HELLO, OFFERS)
    assert outcome(client, [stream]) == ([WELCOME, *answers[:-1]], UnexpectedFrame)

    client, relay = opened()
    relay.receive(client.send(OFFERS))
    with pytest.raises(LocalUnexpectedFrame):
        relay.send(*answers)


def test_offers_may_be_answered_a_few_at_a_time() -> None:
    client, relay = opened()
    relay.receive(client.send(OFFERS))
    answers = [frames.Answers(0, (Answer.WANT,)), frames.Answers(1, (Answer.HAVE,))]
    assert client.receive(relay.send(*answers)) == answers


def test_a_relay_that_shares_no_version_can_say_so() -> None:
    relay = RelaySession(SECRET)
    client = ClientSession(SECRET.public)
    assert relay.receive(client.start()) == []
    with pytest.raises(UnknownVersion):
        relay.receive(client.send(frames.Hello((2, 3))))
    assert relay.refusal == b""
    error = frames.Error(int(UnknownVersion.verdict), "this relay speaks version 1")
    assert outcome(client, [relay.send(error, END)]) == ([error, END], None)
    assert client.welcome is None


def test_a_client_does_not_take_a_version_that_it_did_not_name() -> None:
    client = ClientSession(SECRET.public)
    stream = from_relay(client, frames.Welcome(2, 0, bytes(16), 0, 0, 0, 0))
    assert outcome(client, [stream]) == ([], UnknownVersion)
    assert client.welcome is None


@pytest.mark.parametrize(
    ("client_versions", "relay_versions", "chosen"),
    [
        ((1,), (1,), 1),
        ((1, 2), (1,), 1),
        ((1,), (1, 2), 1),
        ((1, 2), (1, 2), 2),
        ((2, 1), (3, 2, 1), 2),
        ((1, 2, 9), (2, 3), 2),
    ],
)
def test_the_highest_version_that_both_speak_is_chosen(
    client_versions: tuple[int, ...], relay_versions: tuple[int, ...], chosen: int
) -> None:
    client = ClientSession(SECRET.public, client_versions)
    relay = RelaySession(SECRET, relay_versions)
    hello = frames.Hello(client_versions)
    assert relay.receive(client.start() + client.send(hello, OFFERS)) == [hello, OFFERS]
    assert relay.version == chosen
    welcome = replace(WELCOME, version=relay.version)
    assert client.receive(relay.send(welcome, END)) == [welcome, END]
    client.finish()


def test_two_that_share_no_version_say_which_they_speak() -> None:
    client, relay = ClientSession(SECRET.public, (2, 3)), RelaySession(SECRET)
    relay.receive(client.start())
    with pytest.raises(UnknownVersion, match=r"versions 2, 3; this relay 1"):
        relay.receive(client.send(frames.Hello((2, 3))))


def test_another_channel_version_is_refused_in_the_clear() -> None:
    relay = RelaySession(SECRET)
    with pytest.raises(UnknownVersion):
        relay.receive(b"QNT\x02")
    assert relay.refusal == REFUSAL == b"QNT\x00\x01\x01"
    client = ClientSession(SECRET.public)
    assert outcome(client, [relay.refusal]) == ([], UnknownVersion)


def test_a_session_that_began_well_has_no_refusal() -> None:
    _, relay = opened()
    assert relay.refusal == b""


@pytest.mark.parametrize(
    ("plain", "error"),
    [
        (b"\0", Malformed),
        (b"\0\0", Malformed),
        (b"\0\x02\x91", Malformed),
        (b"\0\x01\x91\x14", Malformed),
        (framed(b"\x91\x14")[:-1], Malformed),
        (framed(b"\x91\x14") + b"\0", Malformed),
        ((len(encode_frame(PURGE)) + 1).to_bytes(2, "big") + encode_frame(PURGE), Malformed),
        (framed(pack([25])), UnexpectedFrame),
        (framed(pack([3, 0, 9])), UnknownKind),
    ],
)
def test_a_packet_that_is_not_whole_frames_ends_the_session(
    plain: bytes, error: type[RemoteError]
) -> None:
    stream = from_client(framed(encode_frame(HELLO)), plain)
    said, ended_by = outcome(RelaySession(SECRET), [stream])
    assert said[0] == HELLO
    assert ended_by is error


def test_a_reserved_frame_is_ignored_between_greeting_and_end_alone() -> None:
    reserved = framed(pack([200, "later"]))
    hello, end = framed(encode_frame(HELLO)), framed(encode_frame(END))
    assert outcome(RelaySession(SECRET), [from_client(hello, reserved, end)]) == (
        [HELLO, END],
        None,
    )
    assert outcome(RelaySession(SECRET), [from_client(reserved)]) == ([], UnexpectedFrame)
    assert outcome(RelaySession(SECRET), [from_client(hello + end + reserved)]) == (
        [HELLO, END],
        UnexpectedFrame,
    )


def test_what_stood_before_a_fault_is_given_and_then_the_fault_for_ever() -> None:
    relay = RelaySession(SECRET)
    stream = saying(HELLO, PURGE, HELLO, PURGE)
    assert relay.receive(stream) == [HELLO, PURGE]
    failure = relay.failure
    assert isinstance(failure, UnexpectedFrame)
    for again in (lambda: relay.receive(b""), lambda: relay.receive(stream), relay.finish):
        with pytest.raises(UnexpectedFrame) as raised:
            again()
        assert raised.value is failure
    # The other direction still stands: it says why, and ends.
    assert relay.send(WELCOME, frames.Error(int(failure.verdict), "HELLO twice"), END)


def test_a_cut_is_final_too() -> None:
    client, relay = opened()
    with pytest.raises(Cut):
        relay.finish()
    with pytest.raises(Cut):
        relay.receive(client.send(PURGE))


@pytest.mark.parametrize(("behind", "failure"), [(b"<html>", type(None)), (b"\0\0", BadChannel)])
def test_bytes_behind_end_take_nothing_away(behind: bytes, failure: type[object]) -> None:
    relay = RelaySession(SECRET)
    assert relay.receive(saying(HELLO, PURGE, END) + behind) == [HELLO, PURGE, END]
    assert relay.ended
    assert isinstance(relay.failure, failure)


SAID: list[Frame] = [HELLO, OFFERS, PURGE, frames.Block(0, 0, b"block"), frames.Idle(), END]
HEARD: list[Frame] = [
    WELCOME,
    frames.Answers(0, (Answer.WANT, Answer.HAVE)),
    PURGE,
    frames.Ack(1, (frames.AckEntry(0, frames.AckStatus.STORED, 0),)),
    END,
]


def recorded(packing: Sequence[Sequence[Frame]]) -> tuple[bytes, list[tuple[int, int]]]:
    """A client's bytes, and (length so far, frames so far) at the end of each packet."""
    client = ClientSession(SECRET.public)
    stream = client.start()
    ends = [(len(stream), 0)]
    for said in packing:
        stream += client.send(*said)
        ends.append((len(stream), ends[-1][1] + len(said)))
    return stream, ends


def frames_before(cut: int, ends: Sequence[tuple[int, int]]) -> int:
    return max((count for length, count in ends if length <= cut), default=0)


@pytest.mark.parametrize("packing", [[SAID], [[frame] for frame in SAID]], ids=["one", "each"])
def test_a_client_that_is_cut_at_any_byte_has_said_what_came_whole(
    packing: list[list[Frame]],
) -> None:
    stream, ends = recorded(packing)
    for cut in range(len(stream) + 1):
        relay = RelaySession(SECRET)
        came = relay.receive(stream[:cut])
        assert came == SAID[: frames_before(cut, ends)]
        assert relay.ended == (cut == len(stream))
        if cut < len(stream):
            with pytest.raises(Cut):
                relay.finish()
        else:
            relay.finish()


def test_what_comes_in_two_pieces_cut_anywhere_is_delivered_once() -> None:
    stream, ends = recorded([[frame] for frame in SAID])
    for cut in range(len(stream) + 1):
        relay = RelaySession(SECRET)
        first = relay.receive(stream[:cut])
        assert len(first) == frames_before(cut, ends)
        assert first + relay.receive(stream[cut:]) == SAID
        relay.finish()


def test_a_relay_that_is_cut_at_any_byte_has_said_what_came_whole() -> None:
    length = len(recorded_answer()[1])
    for cut in range(length + 1):
        client, stream, ends = recorded_answer()
        came = client.receive(stream[:cut])
        assert came == HEARD[: frames_before(cut, ends)]
        assert client.ended == (cut == length)
        assert outcome(client, []) == ([], None if cut == length else Cut)


def recorded_answer() -> tuple[ClientSession, bytes, list[tuple[int, int]]]:
    """A client that has spoken, the relay's bytes for it, and where its packets end."""
    client, relay = ClientSession(SECRET.public), RelaySession(SECRET)
    relay.receive(client.start() + client.send(*SAID))
    stream = b""
    ends = []
    for number, frame in enumerate(HEARD, start=1):
        stream += relay.send(frame)
        ends.append((len(stream), number))
    return client, stream, ends


@given(st.lists(st.binary(min_size=1, max_size=80), max_size=4), st.integers(1, 50))
def test_any_sealed_bytes_are_frames_or_a_remote_error(plains: list[bytes], size: int) -> None:
    stream = from_client(framed(encode_frame(HELLO)), *plains)
    whole = outcome(RelaySession(SECRET), [stream])
    assert whole[1] is not None
    assert outcome(RelaySession(SECRET), in_pieces(stream, size)) == whole


@given(st.lists(any_frame, max_size=8), st.integers(1, 500))
def test_frames_in_any_order_are_taken_or_a_remote_error(said: list[Frame], size: int) -> None:
    stream = saying(*said)
    whole = outcome(RelaySession(SECRET), [stream])
    assert whole[0] == said[: len(whole[0])]
    assert outcome(RelaySession(SECRET), in_pieces(stream, size)) == whole


@given(st.lists(any_frame, max_size=4), st.data())
def test_damaged_frames_are_taken_or_a_remote_error(said: list[Frame], data: st.DataObject) -> None:
    plain = bytearray(framed(*(encode_frame(frame) for frame in [HELLO, *said])))
    assume(len(plain) <= MAX_PLAIN_BYTES)
    for _ in range(data.draw(st.integers(1, 3))):
        plain[data.draw(st.integers(0, min(len(plain) - 1, 80)))] = data.draw(st.integers(0, 255))
    stream = from_client(bytes(plain))
    whole = outcome(RelaySession(SECRET), [stream])
    assert outcome(RelaySession(SECRET), in_pieces(stream, 1)) == whole
