"""The doors through which the programs meet chance, time and the cost of sealing: each is led to
the simulation for as long as a run lasts, and led back.

What is sealed on a channel is not enciphered: the packets have the same sizes and carry the same
frames, and nobody listens. Signatures, hashes and locks are the real ones.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from random import Random
from typing import Any

from qanat_protocol import channel, session, signing, transfer
from qanat_protocol.errors import CannotOpen, LocalError
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import Block, Frame
from qanat_protocol.labels import label
from qanat_protocol.limits import SEAL_OVERHEAD_BYTES
from qanat_protocol.merkle import leaf_hash
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_relay import desk_giving
from qanat_simulation.engine.bodies import blank_leaf, is_blank
from qanat_simulation.engine.patience import Limits
from qanat_simulation.engine.virtual_time import VirtualLoop

__all__ = ["PlainSecret", "opened_doors"]

HALVES_S = 60.0
"""How often a desk that stays is told of what came in part, unless it is all there by now, on one
relay or another. Real ones are told each two seconds: they have most blocks of a film sooner, and
the last one when it comes. Most of a run would be such talk."""

KNOWN = 16_384
"""Answers of each kind that are remembered: of functions that always give the same for the same."""

KNOWN_BYTES = 4096
"""What longer frames are is not remembered: a block is a block of zeros, and quickly read."""

_TAG = bytes(channel.TAG_BYTES)
_HASH_BYTES = 32


class _PlainDirection:
    """One direction of a channel: packets of the size that sealed ones have."""

    def __init__(self, key_and_iv: bytes) -> None:
        """The key is made as for a real one, and not used."""

    def seal(self, plain: bytes | bytearray) -> bytes:
        if not 1 <= len(plain) <= channel.MAX_PLAIN_BYTES:
            raise LocalError(f"a packet holds 1 to {channel.MAX_PLAIN_BYTES} bytes")
        return b"".join([(len(plain) + channel.TAG_BYTES).to_bytes(2), plain, _TAG])

    def open(self, length: bytes, ciphertext: memoryview) -> bytes:
        return bytes(ciphertext[: -channel.TAG_BYTES])


def _seal(public_key: bytes, info: bytes, plaintext: bytes) -> bytes:
    """As `sealing.seal`, in size alone; whose key it was still shows."""
    filled = bytes(SEAL_OVERHEAD_BYTES - _HASH_BYTES)
    return hashlib.sha256(public_key).digest() + filled + plaintext


class PlainSecret(SealingSecret):
    """A relay's sealing secret that opens what `_seal` made for its public key."""

    def open(self, info: bytes, sealed: bytes) -> bytes:
        """As `SealingSecret.open`."""
        if sealed[:_HASH_BYTES] != hashlib.sha256(self.public).digest():
            raise CannotOpen("sealed to another key")
        return sealed[SEAL_OVERHEAD_BYTES:]


class _Signatures:
    """Signatures as real ones; of those that were made in the run it is known that they hold."""

    def __init__(self) -> None:
        self._made: dict[tuple[bytes, bytes], bytes] = {}
        self._verify = lru_cache(maxsize=KNOWN)(signing._verify)

    def signing(self, sign: Callable[..., bytes]) -> Callable[..., bytes]:
        """`SigningKey.sign` that remembers what it signed."""

        def sign_and_note(
            key: SigningKey, label_name: str, context: bytes, content: bytes
        ) -> bytes:
            signature = sign(key, label_name, context, content)
            while len(self._made) >= KNOWN:
                del self._made[next(iter(self._made))]
            self._made[key.public, signature[1:]] = label(label_name) + context + content
            return signature

        return sign_and_note

    def verify(self, public: bytes, signature: bytes, message: bytes) -> None:
        """As `signing._verify`."""
        if self._made.get((public, signature)) != message:
            self._verify(public, signature, message)


class _Frames:
    """Frames as records and back, as `frame_codec`: the same frame goes to many."""

    def __init__(self) -> None:
        self._known_records = lru_cache(maxsize=KNOWN)(encode_frame)
        self._known_frames = lru_cache(maxsize=KNOWN)(decode_frame)

    def encode(self, frame: Frame) -> bytes:
        """As `encode_frame`."""
        return encode_frame(frame) if type(frame) is Block else self._known_records(frame)

    def decode(self, data: bytes | memoryview) -> Frame | None:
        """As `decode_frame`."""
        return decode_frame(data) if len(data) > KNOWN_BYTES else self._known_frames(bytes(data))


def _leaf_hash(block: bytes | bytearray | memoryview) -> bytes:
    """As `merkle.leaf_hash`. Which leaf a block of zeros has is known."""
    if isinstance(block, bytes) and is_blank(block):
        return blank_leaf(len(block))
    return leaf_hash(block)


def _replace(stack: ExitStack, owner: Any, name: str, value: Any) -> None:
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)


@contextmanager
def opened_doors(seed: str, loop: VirtualLoop) -> Iterator[None]:
    """Chance comes from the seed, time from the loop, channels are plain, and what was computed
    once is not computed again."""
    chance, frames = Random(f"{seed} systems"), _Frames()
    signatures, limits = _Signatures(), Limits(loop)
    with ExitStack() as stack:
        _replace(stack, os, "urandom", chance.randbytes)
        _replace(stack, random, "_urandom", chance.randbytes)
        stack.callback(random.setstate, random.getstate())
        random.seed(f"{seed} libraries")
        _replace(stack, time, "monotonic", loop.time)
        _replace(stack, channel, "seal", _seal)
        _replace(stack, channel, "_Direction", _PlainDirection)
        _replace(stack, session, "encode_frame", frames.encode)
        _replace(stack, session, "decode_frame", frames.decode)
        _replace(stack, SigningKey, "sign", signatures.signing(SigningKey.sign))
        _replace(stack, signing, "_verify", signatures.verify)
        _replace(stack, asyncio, "timeout", limits.timeout)
        _replace(stack, asyncio, "wait_for", limits.wait_for)
        _replace(stack, transfer, "leaf_hash", _leaf_hash)
        _replace(stack, desk_giving, "HALVES_S", HALVES_S)
        yield
