"""Targets of the session's two machines and of the channel under them (SPEC 16, 17).

Whole, in pieces, and by a plain reading frame for frame: the same frames, and the same error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from tests.fuzz.events import Script, framed, packets_of, read_script
from tests.fuzz.target import Shape, Target, chunks_of
from tests.fuzz.vectors import scenarios
from tests.protocol.samples import SECRETS, parses_or_refuses
from tests.protocol.vector_operations import _KnownClient

from qanat_protocol.channel import MAX_PACKET_BYTES, ClientChannel, RelayChannel
from qanat_protocol.errors import Cut, LocalError, Malformed, RemoteError, UnknownVersion
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import (
    Answer,
    Answers,
    Block,
    End,
    Error,
    Frame,
    Hello,
    Idle,
    Offers,
    Welcome,
)
from qanat_protocol.record import pack
from qanat_protocol.session import HELLO, ClientSession, RelaySession, Side, _Direction

__all__ = ["TARGETS", "script_seeds"]

_Session: TypeAlias = ClientSession | RelaySession
_Outcome: TypeAlias = tuple[list[Frame], str]

_SECRET = SECRETS[0]
_WELCOME = Welcome(1, 19_000, bytes(16), 2**30, 0, 0, 0)
_OFFERS = Offers(0, (bytes(16), b"o" * 16))
_MOST_BUFFERED = MAX_PACKET_BYTES + 2


def _say(session: _Session, records: Iterable[bytes]) -> None:
    """What our side says, as far as it may; a greeting of its own goes first."""
    greeting: Frame = HELLO if isinstance(session, ClientSession) else _WELCOME
    frames = [greeting, *(parses_or_refuses(decode_frame, record) for record in records)]
    for frame in frames:
        try:
            if frame is not None:
                session.send(frame)
        except LocalError:
            continue


def _hear(session: _Session, head: bytes, script: Script, rest: bytes, cut: bool) -> _Outcome:
    heard: list[Frame] = []
    said = False
    chunks = (
        [head, rest]
        if not cut
        else [*chunks_of(head, script.sizes), b"", *chunks_of(rest, script.sizes)]
    )
    try:
        for number, chunk in enumerate(chunks):
            if not said and ((number == 1 and not cut) or (cut and not chunk)):
                said = True
                _say(session, script.ours)
            heard += session.receive(chunk)
            assert len(session._channel._inlet._buffer) <= _MOST_BUFFERED
            if session.failure is not None:
                break
        session.receive(b"")
        session.finish()
    except RemoteError as error:
        for again in (session.finish, lambda: session.receive(b"more")):
            _raises_again(again, error)
        return heard, f"{type(error).__name__}: {error}"
    assert session.ended
    return heard, ""


def _raises_again(again: Callable[[], object], error: RemoteError) -> None:
    try:
        again()
    except RemoteError as other:
        assert type(other) is type(error)
        assert str(other) == str(error)
    else:
        raise AssertionError("what has failed goes on")


def _plainly(
    channel: ClientChannel | RelayChannel, theirs: _Direction, ours: _Direction,
    head: bytes, rest: bytes,
) -> _Outcome:  # fmt: skip
    """The same without a session: each packet's plain, each frame of it, one after the other."""
    heard: list[Frame] = []
    try:
        plains: list[bytes] = []
        for chunk in (head, rest):
            plains += channel.feed(chunk)
            if channel.failure is not None:
                break
        for plain in plains:
            at = 0
            while at < len(plain):
                end = at + 2 + int.from_bytes(plain[at : at + 2], "big")
                if at + 2 > len(plain) or end > len(plain):
                    raise Malformed("a frame does not end with its packet")
                frame = decode_frame(plain[at + 2 : end])
                theirs = theirs.step(frame, ours)
                _greet(frame)
                heard += [] if frame is None else [frame]
                at = end
        channel.feed(b"")
    except RemoteError as error:
        return heard, f"{type(error).__name__}: {error}"
    return heard, ""


def _greet(frame: Frame | None) -> None:
    if isinstance(frame, Welcome) and frame.version != 1:
        raise UnknownVersion(f"the relay chose version {frame.version}, not 1")
    if isinstance(frame, Hello) and 1 not in frame.versions:
        spoken = ", ".join(map(str, frame.versions))
        raise UnknownVersion(f"the client speaks versions {spoken}; this relay 1")


def _compare(whole: _Outcome, cut: _Outcome, plain: _Outcome) -> None:
    assert cut == whole
    if plain[1] == "" and whole[1]:
        # Nothing wrong was said, but the end is missing.
        plain = (plain[0], f"Cut: {Cut('the other side' + chr(39) + 's bytes end before END')}")
    assert whole == plain


def _relay(data: bytes) -> None:
    """A relay's session hears the same in any pieces, or fails by the protocol's own error."""
    script = read_script(data)
    if script is None:
        return
    client = ClientChannel(_SECRET.public)
    head = script.head or client.preamble
    rest = packets_of(script, client.seal)
    sessions = [RelaySession(_SECRET) for _ in range(2)]
    whole, cut = (
        _hear(session, head, script, rest, is_cut)
        for session, is_cut in zip(sessions, (False, True), strict=True)
    )
    plain = _plainly(RelayChannel(_SECRET), _Direction(Side.CLIENT), sessions[0]._ours, head, rest)
    _compare(whole, cut, plain)
    assert sessions[0].refusal in (b"", b"QNT\0\1\1")


def _client(data: bytes) -> None:
    """A client's session hears the same in any pieces, or fails by the protocol's own error."""
    script = read_script(data)
    if script is None:
        return
    sessions = [ClientSession(_SECRET.public) for _ in range(2)]
    first = sessions[0]._channel
    twins = [_KnownClient(_SECRET.public, first._secret, first.preamble) for _ in range(2)]
    sessions[1]._channel = twins[0]
    relay = RelayChannel(_SECRET)
    relay.feed(sessions[0].start())
    sessions[1].start()
    head = script.head or relay.answer()
    rest = packets_of(script, relay.seal)
    whole, cut = (
        _hear(session, head, script, rest, is_cut)
        for session, is_cut in zip(sessions, (False, True), strict=True)
    )
    plain = _plainly(twins[1], _Direction(Side.RELAY), sessions[0]._ours, head, rest)
    _compare(whole, cut, plain)
    heard = [frame for frame in whole[0] if isinstance(frame, Welcome)]
    assert sessions[0].welcome == (heard[0] if heard else None)


def script_seeds(greeting: Frame) -> Iterable[bytes]:
    """Sessions of one side that begin with this greeting, well and badly."""
    hello, offers, end = map(encode_frame, (greeting, _OFFERS, End()))
    answers = encode_frame(Answers(0, (Answer.WANT, Answer.HAVE)))
    error = encode_frame(Error(32, "busy"))
    block = encode_frame(Block(0, 0, b"b" * 40))
    sessions: list[list[Any]] = [
        [[0, hello], [0, end]],
        [[0, hello, offers, answers, block], [0, encode_frame(Idle())], [0, end]],
        [[3, offers], [0, hello, answers], [0, end]],
        [[0, hello], [4, 0, 3, 0], [4, 3, 5, 1], [0, end]],
        [[0, hello], [4, 0, 6, 0], [0, block, end], [0, end]],
        [[0, error, end]],
        [[0, hello], [1, framed(block)[:-1]], [0, end]],
        [[0, hello], [2, b"\0\x11" + bytes(17)]],
        [[0, pack([200, 1])], [0, hello], [0, pack([200, b"later"])], [5], [0, end]],
    ]
    for events in sessions:
        yield pack([b"", events, b"\x07\xff\x01"])
    yield pack([b"QNT\0\2\2\3", [], b""])
    yield pack([b"QNT\x02\1" + bytes(40), [[0, hello]], b"\x01"])
    yield pack([b"POST / HTTP/1.1\r\n", [], b"\x02"])
    for operation in ("relay_reads", "client_reads"):
        for given, _ in scenarios(operation):
            if len(whole := given.binary("data")) < 2600:
                yield pack([whole, [], b"\x40"])


TARGETS = (
    Target("relay-session", _relay, lambda: script_seeds(HELLO), Shape.RECORD, 6000,
           brief_runs=150),
    Target("client-session", _client, lambda: script_seeds(_WELCOME), Shape.RECORD, 6000,
           brief_runs=150),
)  # fmt: skip
