"""Ed25519 verification from RFC 8032 in plain integers, with Qanat's strict rules beside it.

A second opinion on verdicts; slow and not constant in time. It never signs for anyone.
"""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

Point = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    """The sum of two affine points (RFC 8032 section 5.1.4); the formula is complete."""
    product = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, -1, P) % P
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P) % P
    return x, y


def multiply(scalar: int, point: Point) -> Point:
    """scalar * point for a scalar >= 0, not reduced."""
    total = IDENTITY
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def encode(point: Point) -> bytes:
    """The canonical 32 bytes: y, with the lowest bit of x on top (section 5.1.2)."""
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def decode(encoded: bytes) -> Point | None:
    """The point, y taken modulo p and a sign of x = 0 ignored; None if there is no such point."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, (number & (2**255 - 1)) % P
    x = _root((y * y - 1) * pow(D * y * y + 1, -1, P) % P)
    if x is None:
        return None
    return (P - x if x & 1 != sign and x else x, y)


def is_canonical(encoded: bytes) -> bool:
    """Whether these 32 bytes are the one encoding of a point."""
    point = decode(encoded)
    return point is not None and encode(point) == encoded


def is_small(point: Point) -> bool:
    """Whether the point's order divides 8."""
    return multiply(8, point) == IDENTITY


def challenge(r: bytes, public_key: bytes, message: bytes) -> int:
    """k of section 5.1.7, from the bytes as received, not reduced modulo L."""
    return int.from_bytes(hashlib.sha512(r + public_key + message).digest(), "little")


def equation_holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """[S]B = R + [k]A without the cofactor, for any encoding and any S: the equation alone."""
    a, r = decode(public_key), decode(signature[:32])
    if a is None or r is None:
        return False
    # Reduced as RFC 8032 and the libraries do: on a key with torsion it makes a difference.
    k = challenge(signature[:32], public_key, message) % L
    return multiply(int.from_bytes(signature[32:], "little"), BASE) == add(r, multiply(k, a))


def strict_error(public_key: bytes, signature: bytes, message: bytes) -> str | None:
    """None if the signature stands, else `bad_key` or `bad_signature` (SPEC section 1)."""
    if not _acceptable(public_key):
        return "bad_key"
    if len(signature) != 64 or not _acceptable(signature[:32]):
        return "bad_signature"
    if int.from_bytes(signature[32:], "little") >= L:
        return "bad_signature"
    return None if equation_holds(public_key, signature, message) else "bad_signature"


def _acceptable(encoded: bytes) -> bool:
    point = decode(encoded) if len(encoded) == 32 else None
    return point is not None and encode(point) == encoded and not is_small(point)


def _root(square: int) -> int | None:
    x = pow(square, (P + 3) // 8, P)
    if x * x % P == square:
        return x
    x = x * pow(2, (P - 1) // 4, P) % P
    return x if x * x % P == square else None


def _base() -> Point:
    point = decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    assert point is not None
    return point


BASE = _base()
