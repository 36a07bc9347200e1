"""The application channel (SPEC section 16): bytes into authenticated plains and back.

Knows nothing of frames, and keeps at most one incomplete packet. What has failed stays failed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from qanat_protocol.errors import (
    BadChannel,
    CannotOpen,
    Cut,
    LocalError,
    RemoteError,
    UnknownSuite,
    UnknownVersion,
)
from qanat_protocol.hashing import expand, sha256
from qanat_protocol.labels import label
from qanat_protocol.sealing import SealingSecret, seal

Data: TypeAlias = bytes | bytearray | memoryview

MAGIC: Final = b"QNT"
VERSION: Final = 1
SUITE: Final = 1
SECRET_BYTES: Final = 32
SALT_BYTES: Final = 32
OPENING_BYTES: Final = 5  # magic, version, suite
PREAMBLE_BYTES: Final = OPENING_BYTES + 1136 + SECRET_BYTES
ANSWER_BYTES: Final = 4 + SALT_BYTES
TAG_BYTES: Final = 16
MIN_PACKET_BYTES: Final = TAG_BYTES + 1
MAX_PACKET_BYTES: Final = 0xFFFF  # its length is a u16
MAX_PLAIN_BYTES: Final = MAX_PACKET_BYTES - TAG_BYTES

# What a relay says, in the clear, to a client whose version it does not speak.
REFUSAL: Final = MAGIC + bytes([0, 1, VERSION])


class _Direction:
    """One direction's key, IV and counter. The cipher is made once: its set-up costs a packet's."""

    def __init__(self, key_and_iv: bytes) -> None:
        self._cipher = AESGCM(key_and_iv[:32])
        self._iv = int.from_bytes(key_and_iv[32:])
        self._counter = 0

    def _next_nonce(self) -> bytes:
        nonce = (self._iv ^ self._counter).to_bytes(12)
        self._counter += 1
        return nonce

    def seal(self, plain: bytes | bytearray) -> bytes:
        """A packet with its length in front."""
        if not 1 <= len(plain) <= MAX_PLAIN_BYTES:
            raise LocalError(f"a packet holds 1 to {MAX_PLAIN_BYTES} bytes, not {len(plain)}")
        length = (len(plain) + TAG_BYTES).to_bytes(2)
        return length + self._cipher.encrypt(self._next_nonce(), plain, length)

    def open(self, length: bytes, ciphertext: memoryview) -> bytes:
        """The plain of one packet; raises BadChannel."""
        try:
            return self._cipher.decrypt(self._next_nonce(), ciphertext, length)
        except InvalidTag:
            raise BadChannel("a packet does not authenticate") from None


def _preamble_info(relay_key: bytes) -> bytes:
    return label("channel") + sha256(relay_key)


def _channel_hash(relay_key: bytes, preamble: bytes) -> bytes:
    return sha256(label("channel-hash"), relay_key, preamble)


def _session_hash(channel_hash: bytes, salt: bytes) -> bytes:
    return sha256(label("session-hash"), channel_hash, salt)


def _client_to_relay(secret: bytes, channel_hash: bytes) -> _Direction:
    return _Direction(expand(secret, label("channel-out") + channel_hash, 44))


def _relay_to_client(secret: bytes, channel_hash: bytes, salt: bytes) -> _Direction:
    return _Direction(expand(secret, label("channel-in") + channel_hash + salt, 44))


class _Inlet:
    """The incoming bytes: an opening, then packets. Keeps one incomplete packet at most.

    The outcome - which plains, and which error behind them - is the same however the bytes were
    cut into pieces. `read_opening` takes the opening off the front of the buffer and gives the
    direction's key, or None while not all of it is there.
    """

    def __init__(self, read_opening: Callable[[bytearray], _Direction | None]) -> None:
        self._read_opening = read_opening
        self._buffer = bytearray()
        self._incoming: _Direction | None = None
        self.failure: RemoteError | None = None

    def feed(self, data: Data) -> list[bytes]:
        if self.failure is None:
            self._buffer += data
            plains: list[bytes] = []
            try:
                self._take_packets(plains)
            except RemoteError as failure:
                self.failure = failure
                # A new one: views that the error's traceback holds may still pin the old.
                self._buffer = bytearray()
            if plains or self.failure is None:
                return plains
        raise self.failure.with_traceback(None)

    def finish(self) -> None:
        if self.failure is None and (self._buffer or self._incoming is None):
            self.failure = Cut("the bytes end inside a packet")
        if self.failure is not None:
            raise self.failure.with_traceback(None)

    def _take_packets(self, plains: list[bytes]) -> None:
        if self._incoming is None:
            self._incoming = self._read_opening(self._buffer)
            if self._incoming is None:
                return
        size = len(self._buffer)
        start = 0
        # The view is released before the buffer is cut: a bytearray that is viewed keeps its size.
        with memoryview(self._buffer) as view:
            while size - start >= 2:
                length = bytes(view[start : start + 2])
                end = start + 2 + int.from_bytes(length)
                if end - start - 2 < MIN_PACKET_BYTES:
                    raise BadChannel(f"a packet of {end - start - 2} bytes")
                if size < end:
                    break
                plains.append(self._incoming.open(length, view[start + 2 : end]))
                start = end
        del self._buffer[:start]


class ClientChannel:
    """The side that has the other's sealing key (1216 bytes) from a card, and speaks first."""

    def __init__(self, relay_sealing_key: bytes) -> None:
        self._secret = os.urandom(SECRET_BYTES)
        self.preamble: Final = (
            MAGIC
            + bytes([VERSION, SUITE])
            + seal(relay_sealing_key, _preamble_info(relay_sealing_key), self._secret)
        )
        self.channel_hash: Final = _channel_hash(relay_sealing_key, self.preamble)
        self._session_hash: bytes | None = None
        self._outgoing = _client_to_relay(self._secret, self.channel_hash)
        self._inlet = _Inlet(self._read_answer)

    @property
    def session_hash(self) -> bytes:
        """32 bytes of which each side has chosen a part; LocalError before the answer is read."""
        if self._session_hash is None:
            raise LocalError("the answer has not been read")
        return self._session_hash

    @property
    def is_open(self) -> bool:
        """Whether the relay's answer is read."""
        return self._session_hash is not None

    @property
    def failure(self) -> RemoteError | None:
        """Why the incoming direction is dead, or None. Known as soon as the bytes are in."""
        return self._inlet.failure

    def seal(self, plain: bytes | bytearray) -> bytes:
        """A packet, for behind the preamble. `plain` is 1 to 65,519 bytes, else LocalError."""
        return self._outgoing.seal(plain)

    def feed(self, data: Data) -> list[bytes]:
        """The plains of the packets that `data` completes.

        Raises BadChannel, or UnknownVersion where the relay speaks other versions. Plains that
        stand before the fault are returned first: the error comes with the next call, and again
        with every call after it.
        """
        return self._inlet.feed(data)

    def finish(self) -> None:
        """The input has ended. Raises the failure, or Cut inside an answer or a packet."""
        self._inlet.finish()

    def _read_answer(self, buffer: bytearray) -> _Direction | None:
        _check_magic(buffer)
        if len(buffer) > 3 and buffer[3] == 0:
            _read_refusal(buffer)
        if len(buffer) > 3 and buffer[3] not in {0, VERSION}:
            raise BadChannel(f"an answer of version {buffer[3]}, which was not asked for")
        if len(buffer) < ANSWER_BYTES or buffer[3] == 0:
            return None
        salt = bytes(buffer[4:ANSWER_BYTES])
        del buffer[:ANSWER_BYTES]
        self._session_hash = _session_hash(self.channel_hash, salt)
        return _relay_to_client(self._secret, self.channel_hash, salt)


class RelayChannel:
    """The side that holds the sealing secret. It can send once it has read the preamble."""

    def __init__(self, secret: SealingSecret) -> None:
        self._sealing_secret = secret
        self._channel_hash: bytes | None = None
        self._session_hash: bytes | None = None
        self._answer: bytes | None = None
        self._outgoing: _Direction | None = None
        self._inlet = _Inlet(self._read_preamble)

    @property
    def channel_hash(self) -> bytes:
        """32 bytes; LocalError before the preamble is read."""
        if self._channel_hash is None:
            raise LocalError("the preamble has not been read")
        return self._channel_hash

    @property
    def session_hash(self) -> bytes:
        """32 bytes of which each side has chosen a part; LocalError before the preamble is read."""
        if self._session_hash is None:
            raise LocalError("the preamble has not been read")
        return self._session_hash

    @property
    def failure(self) -> RemoteError | None:
        """Why the incoming direction is dead, or None. Known as soon as the bytes are in."""
        return self._inlet.failure

    @property
    def is_open(self) -> bool:
        """Whether the preamble is read, so that this side can send."""
        return self._outgoing is not None

    def answer(self) -> bytes:
        """What stands before the first packet; LocalError before the preamble is read."""
        if self._answer is None:
            raise LocalError("the preamble has not been read")
        return self._answer

    def seal(self, plain: bytes | bytearray) -> bytes:
        """A packet, for behind the answer. `plain` is 1 to 65,519 bytes, else LocalError."""
        if self._outgoing is None:
            raise LocalError("the preamble has not been read")
        return self._outgoing.seal(plain)

    def feed(self, data: Data) -> list[bytes]:
        """As ClientChannel.feed; UnknownVersion is to be answered with REFUSAL."""
        return self._inlet.feed(data)

    def finish(self) -> None:
        """The input has ended. Raises the failure, or Cut inside the preamble or a packet."""
        self._inlet.finish()

    def _read_preamble(self, buffer: bytearray) -> _Direction | None:
        _check_magic(buffer)
        if len(buffer) > 3 and buffer[3] != VERSION:
            raise UnknownVersion(f"channel version {buffer[3]}; this side speaks {VERSION}")
        if len(buffer) > 4 and buffer[4] != SUITE:
            raise UnknownSuite(f"channel suite {buffer[4]}; this side speaks {SUITE}")
        if len(buffer) < PREAMBLE_BYTES:
            return None
        preamble = bytes(buffer[:PREAMBLE_BYTES])
        del buffer[:PREAMBLE_BYTES]
        relay_key = self._sealing_secret.public
        try:
            secret = self._sealing_secret.open(_preamble_info(relay_key), preamble[OPENING_BYTES:])
        except CannotOpen:
            raise BadChannel("the preamble is not sealed to this relay's key") from None
        self._channel_hash = _channel_hash(relay_key, preamble)
        # Fresh for every channel, so that a preamble which is replayed yields another key.
        salt = os.urandom(SALT_BYTES)
        self._session_hash = _session_hash(self._channel_hash, salt)
        self._answer = MAGIC + bytes([VERSION]) + salt
        self._outgoing = _relay_to_client(secret, self._channel_hash, salt)
        return _client_to_relay(secret, self._channel_hash)


def _check_magic(buffer: bytearray) -> None:
    if not MAGIC.startswith(bytes(buffer[:3])):
        raise BadChannel("this does not begin like a channel")


def _read_refusal(buffer: bytearray) -> None:
    """Raise UnknownVersion with the versions that the relay speaks, once they are all there."""
    if len(buffer) < 5:
        return
    count = buffer[4]
    if count == 0:
        raise BadChannel("a refusal that names no version")
    if len(buffer) >= 5 + count:
        spoken = ", ".join(str(version) for version in buffer[5 : 5 + count])
        raise UnknownVersion(f"this relay speaks channel version {spoken}; a newer app may too")
