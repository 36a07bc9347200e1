"""Letters, parts and public documents sealed by SPEC sections 5, 6 and 11. Randomness is chosen."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from tests.make_vectors import wire
from tests.make_vectors.independent import chunked, hpke, xwing

SEALED_KEY_BYTES = 1168


@dataclass(frozen=True, slots=True)
class Parcel:
    """A header (96 bytes), its body, and the key that its maker keeps or throws away."""

    header: bytes
    body: bytes
    content_key: bytes

    @property
    def bind(self) -> bytes:
        """SPEC section 3."""
        return wire.bind_of(self.header)

    @property
    def parcel_id(self) -> bytes:
        """SPEC section 3."""
        return wire.parcel_id_of(self.header)


@dataclass(frozen=True, slots=True)
class Key:
    """A sealing key by name: its seed and the public key of that seed."""

    seed: bytes
    public: bytes


def sealing_key(name: str) -> Key:
    """A sealing key that is always the same under one name."""
    seed = wire.draw(f"sealing key {name}")
    return Key(seed, xwing.public_key(seed))


def deflate(content: bytes) -> bytes:
    """Raw DEFLATE."""
    worker = zlib.compressobj(9, zlib.DEFLATED, -15)
    return worker.compress(content) + worker.flush()


def inflate(coded: bytes) -> bytes:
    """The opposite; ValueError for what does not end exactly at the end."""
    worker = zlib.decompressobj(-15)
    content = worker.decompress(coded)
    if not worker.eof or worker.unused_data:
        raise ValueError("the stream does not end where it should")
    return content


def seal_letter(
    name: str,
    recipient: bytes,
    letter_type: int,
    content: bytes,
    *,
    tag: bytes,
    expiry: int,
    kind: int = wire.LETTER,
    urgent: bool = False,
    sign: Callable[[bytes], bytes] = lambda bind: bytes(65),
    coding: int | None = None,
    coded: bytes | None = None,
    said_n: int | None = None,
    padding: bytes | None = None,
    size: int | None = None,
    lock: bytes | None = None,
    random: Callable[[str, int], bytes] = wire.draw,
) -> Parcel:
    """A letter. What stands behind `sign` is for what no honest sealer makes."""
    if coded is None:
        short = deflate(content)
        coding = int(len(short) < len(content)) if coding is None else coding
        coded = short if coding == 1 else content
    n = len(coded) if said_n is None else said_n
    size = size or wire.smallest_size(kind, 71 + len(coded))
    key = random(f"{name}: content key", 32)
    front = wire.header_front(
        kind,
        expiry=expiry,
        size=size,
        tag=tag,
        lock=wire.lock_of(key) if lock is None else lock,
        urgent=urgent,
    )
    bind = wire.label("bind") + front
    plain = bytes([letter_type, coding or 0]) + wire.u32(n) + sign(bind) + coded
    room = wire.capacity(size - SEALED_KEY_BYTES) - len(plain)
    plain += bytes(room) if padding is None else padding.rjust(room, b"\x00")
    info = bind + wire.sha256(recipient)
    body = hpke.seal(recipient, info, key, eseed=random(f"{name}: eseed", 64))
    salt = random(f"{name}: salt", 24)
    body += chunked.encrypt(key, wire.label("content") + bind, plain, salt=salt)
    return Parcel(wire.finish_header(front, body), body, key)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a letter held."""

    letter_type: int
    content: bytes
    signature: bytes
    content_key: bytes


def open_letter(header: bytes, body: bytes, key: Key) -> Letter:
    """The honest way; ValueError for all else."""
    bind = wire.bind_of(header)
    sealed = body[:SEALED_KEY_BYTES]
    content_key = hpke.open(key.seed, bind + wire.sha256(key.public), sealed)
    if wire.lock_of(content_key) != header[32:64]:
        raise ValueError("the lock is another's")
    context = wire.label("content") + bind
    plain = chunked.decrypt(content_key, context, body[SEALED_KEY_BYTES:])
    n = int.from_bytes(plain[2:6], "big")
    coded, rest = plain[71 : 71 + n], plain[71 + n :]
    if len(coded) != n or any(rest) or plain[1] > 1:
        raise ValueError("not what a sealer makes")
    content = inflate(coded) if plain[1] == 1 else coded
    return Letter(plain[0], content, plain[6:71], content_key)


def seal_part(
    name: str,
    data: bytes,
    *,
    tag: bytes,
    expiry: int,
    rendition: int = 3,
    padding: bytes | None = None,
    lock: bytes | None = None,
    random: Callable[[str, int], bytes] = wire.draw,
) -> Parcel:
    """A part of one rendition."""
    sizes = {1: 16384, 2: 131072, 3: wire.smallest_size(wire.PART, len(data))}
    size = sizes[rendition]
    key = random(f"{name}: content key", 32)
    front = wire.header_front(
        wire.PART,
        expiry=expiry,
        size=size,
        tag=tag,
        lock=wire.lock_of(key) if lock is None else lock,
    )
    room = wire.capacity(size) - len(data)
    plain = data + (bytes(room) if padding is None else padding.rjust(room, b"\x00"))
    context = wire.label("content") + wire.label("bind") + front
    body = chunked.encrypt(key, context, plain, salt=random(f"{name}: salt", 24))
    return Parcel(wire.finish_header(front, body), body, key)


def open_part(header: bytes, body: bytes, content_key: bytes, length: int) -> bytes:
    """The data; ValueError for all that is not honest."""
    context = wire.label("content") + wire.bind_of(header)
    plain = chunked.decrypt(content_key, context, body)
    if wire.lock_of(content_key) != header[32:64] or any(plain[length:]):
        raise ValueError("not what a sealer makes")
    return plain[:length]


def seal_public(
    name: str,
    tag: bytes,
    expiry: int,
    make_envelope: Callable[[bytes], bytes],
    *,
    padding: bytes | None = None,
    said_n: int | None = None,
) -> Parcel:
    """A public document; the envelope is made from bind, and its length does not depend on it."""
    key = wire.draw(f"{name}: content key")
    size = wire.smallest_size(wire.PUBLIC, len(make_envelope(b"")))
    front = wire.header_front(
        wire.PUBLIC, expiry=expiry, size=size, tag=tag, lock=wire.lock_of(key)
    )
    envelope = make_envelope(wire.label("bind") + front)
    room = size - 4 - len(envelope)
    body = wire.u32(len(envelope) if said_n is None else said_n) + envelope
    body += bytes(room) if padding is None else padding.rjust(room, b"\x00")
    return Parcel(wire.finish_header(front, body), body, key)
