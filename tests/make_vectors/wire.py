"""Labels, records, sizes and headers written from SPEC.md alone, for vectors and for strangers.

Never imports qanat_protocol: whatever is wrong in one of the two shows where they meet.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.make_vectors.independent import merkle

Value: TypeAlias = "int | bool | bytes | str | Sequence[Value] | None"

BLOCK_BYTES = 16384
PAGE_LEAVES = 64
PAGE_ROOTS = 1024
LETTER, PART, PUBLIC, REPLY = 1, 2, 3, 4


def sha256(*parts: bytes) -> bytes:
    """H of the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def label(name: str) -> bytes:
    """SPEC section 1."""
    return b"qanat/1/" + name.encode("ascii") + b"\x00"


def expand(key: bytes, info: bytes, size_bytes: int) -> bytes:
    """HKDF-Expand of RFC 5869 with SHA-256."""
    out, block = b"", b""
    while len(out) < size_bytes:
        block = hmac.digest(key, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:size_bytes]


def draw(name: str, size_bytes: int = 32) -> bytes:
    """Bytes that stand for randomness, always the same under one name."""
    return hashlib.shake_256(b"qanat test vectors: " + name.encode()).digest(size_bytes)


def u16(number: int) -> bytes:
    """Big-endian, 2 bytes."""
    return number.to_bytes(2, "big")


def u32(number: int) -> bytes:
    """Big-endian, 4 bytes."""
    return number.to_bytes(4, "big")


def u64(number: int) -> bytes:
    """Big-endian, 8 bytes."""
    return number.to_bytes(8, "big")


def pack(value: Value) -> bytes:
    """msgpack in its shortest encodings. Takes what a record may not hold too: deep arrays, any
    integer of 64 bits."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _pack_int(value)
    if isinstance(value, bytes):
        return (
            _head(len(value), ((1 << 8, 0xC4, 1), (1 << 16, 0xC5, 2), (1 << 32, 0xC6, 4))) + value
        )
    if isinstance(value, str):
        data = value.encode()
        if len(data) < 32:
            return bytes([0xA0 | len(data)]) + data
        return _head(len(data), ((1 << 8, 0xD9, 1), (1 << 16, 0xDA, 2), (1 << 32, 0xDB, 4))) + data
    body = b"".join(pack(item) for item in value)
    if len(value) < 16:
        return bytes([0x90 | len(value)]) + body
    return _head(len(value), ((1 << 16, 0xDC, 2), (1 << 32, 0xDD, 4))) + body


def _pack_int(value: int) -> bytes:
    if value < 128:
        return bytes([value])
    forms = ((1 << 8, 0xCC, 1), (1 << 16, 0xCD, 2), (1 << 32, 0xCE, 4), (1 << 64, 0xCF, 8))
    return _head(value, forms)


def _head(number: int, forms: tuple[tuple[int, int, int], ...]) -> bytes:
    for limit, code, width in forms:
        if number < limit:
            return bytes([code]) + number.to_bytes(width, "big")
    raise ValueError(f"{number} has no encoding")


def public_of(seed: bytes) -> bytes:
    """The Ed25519 public key of a seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, name: str, context: bytes, content: bytes) -> bytes:
    """A signature of SPEC section 1: the algorithm's number and 64 bytes."""
    message = label(name) + context + content
    return b"\x01" + Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def epoch_of(day: int) -> int:
    """The week of a day."""
    return (day + 3) // 7


def first_day(epoch: int) -> int:
    """A Monday."""
    return 7 * epoch - 3


def last_day(epoch: int) -> int:
    """A Sunday."""
    return 7 * epoch + 3


def chunked_possible(size: int) -> bool:
    """Whether a chunked ciphertext can have this length (SPEC section 2)."""
    return size >= 72 and (size - 56) % 16400 >= 16


def capacity(size: int) -> int:
    """How much plaintext a chunked ciphertext of this length holds."""
    return (size - 56) // 16400 * 16384 + (size - 56) % 16400 - 16


def padme(size: int) -> int:
    """SPEC section 3, for a size from 2 on."""
    e = size.bit_length() - 1
    s = e.bit_length()
    mask = (1 << (e - s)) - 1 if e >= s else 0
    return (size + mask) & ~mask


def is_legal(kind: int, size: int) -> bool:
    """Legal body sizes, SPEC section 3."""
    if kind == PART:
        largest, small, possible = 1 << 30, {16384}, chunked_possible(size)
    elif kind == PUBLIC:
        largest, small, possible = 1048576, {4096, 8192, 16384}, True
    else:
        largest, small, possible = 262144, {4096, 8192, 16384}, chunked_possible(size - 1168)
    return size in small or (16384 < size <= largest and padme(size) == size and possible)


def legal_sizes(kind: int, largest: int) -> list[int]:
    """All legal sizes up to a largest one, ascending."""
    sizes = [size for size in (4096, 8192, 16384) if is_legal(kind, size)]
    size = 16385
    while size <= largest:
        size = padme(size)
        if size <= largest and is_legal(kind, size):
            sizes.append(size)
        size += 1
    return sizes


def smallest_size(kind: int, plain_bytes: int) -> int:
    """The smallest legal body that holds a letter's plain, a part's data or a public envelope."""
    for size in legal_sizes(kind, 1 << 30):
        held = {PART: capacity(size), PUBLIC: size - 4}.get(kind, capacity(size - 1168))
        if held >= plain_bytes:
            return size
    raise ValueError(f"no legal size holds {plain_bytes} bytes")


def purge_key_of(content_key: bytes) -> bytes:
    """SPEC section 12, as the next two."""
    return expand(content_key, label("purge"), 32)


def opened_of(content_key: bytes) -> bytes:
    """What the desk publishes when it has opened a parcel."""
    return sha256(label("opened"), purge_key_of(content_key))


def lock_of(content_key: bytes) -> bytes:
    """What stands in the header."""
    return sha256(label("lock"), opened_of(content_key))


def header_front(
    kind: int,
    *,
    expiry: int,
    size: int,
    tag: bytes,
    lock: bytes,
    urgent: bool = False,
) -> bytes:
    """The first 64 bytes of a header: all but the root."""
    return bytes([1, 1, kind, urgent]) + u32(expiry) + u64(size) + tag + lock


def leaves_of(body: bytes) -> list[bytes]:
    """The hashes of a body's blocks."""
    return [
        merkle.leaf_hash(body[start : start + BLOCK_BYTES])
        for start in range(0, len(body), BLOCK_BYTES)
    ]


def page_roots_of(leaves: Sequence[bytes]) -> list[bytes]:
    """The root of each page of 64 leaves."""
    return [
        merkle.root(leaves[start : start + PAGE_LEAVES])
        for start in range(0, len(leaves), PAGE_LEAVES)
    ]


def finish_header(front: bytes, body: bytes) -> bytes:
    """The header of a body."""
    return front + merkle.root(leaves_of(body))


def bind_of(header: bytes) -> bytes:
    """SPEC section 3."""
    return label("bind") + header[:64]


def parcel_id_of(header: bytes) -> bytes:
    """SPEC section 3."""
    return sha256(label("parcel"), header)


def desk_id_of(root_key: bytes) -> bytes:
    """SPEC section 9, as the next three."""
    return sha256(label("desk"), root_key)


def fingerprint_of(desk_id: bytes) -> str:
    """Six groups of five digits."""
    number = int.from_bytes(sha256(label("fingerprint"), desk_id), "big") % 10**30
    digits = f"{number:030d}"
    return " ".join(digits[start : start + 5] for start in range(0, 30, 5))


def desk_tag_of(desk_id: bytes, epoch: int) -> bytes:
    """Where a desk's letters of a week go."""
    return sha256(label("desk-tag"), desk_id, u32(epoch))[:16]


def public_tag_of(desk_id: bytes) -> bytes:
    """Where a desk's public documents go."""
    return sha256(label("public-tag"), desk_id)[:16]


def mailbox_prefix_of(secret: bytes, epoch: int) -> bytes:
    """SPEC section 10."""
    return sha256(label("mailbox-prefix"), secret, u32(epoch))[:4]


def reply_tag_of(secret: bytes, epoch: int, number: int) -> bytes:
    """SPEC section 10."""
    tail = sha256(label("mailbox-tag"), secret, u32(epoch), u32(number))[:12]
    return mailbox_prefix_of(secret, epoch) + tail
