"""Signatures that satisfy Ed25519's equation only because a point has small order.

They show that a verifier refuses such points by rule: no other check would stop them.
"""

from tests.make_vectors.independent import ed25519
from tests.make_vectors.independent.ed25519 import BASE, IDENTITY, L, P, Point

_GENERATOR = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
_SCALAR = 0x51414E4154  # any secret does: these keys guard nothing


def small_order_encodings() -> list[bytes]:
    """All 14 encodings of the 8 points whose order divides 8, the canonical ones first."""
    points, point = [], IDENTITY
    for _ in range(8):
        points.append(point)
        point = ed25519.add(point, _generator())
    canonical = [ed25519.encode(point) for point in points]
    others = {alias for point in points for alias in _aliases(point)} - set(canonical)
    return canonical + sorted(others)


def forge_key(public_key: bytes) -> tuple[bytes, bytes]:
    """(signature, message) under a small-order key, with a proper R and a proper S."""
    r = ed25519.encode(ed25519.multiply(_SCALAR, BASE))
    for number in range(1000):
        message = f"small-order key {number}".encode()
        signature = r + _SCALAR.to_bytes(32, "little")
        # It holds where k is a multiple of the key's order: for one message in 8 at the rarest.
        if ed25519.equation_holds(public_key, signature, message):
            return signature, message
    raise AssertionError("no message was found")


def forge_r(r: bytes) -> tuple[bytes, bytes, bytes]:
    """(public key, signature, message) with R of small order, under a key of large order."""
    # The key has a part of order 8, so that some k cancels whatever R is.
    public_key = ed25519.encode(ed25519.add(ed25519.multiply(_SCALAR, BASE), _generator()))
    for number in range(1000):
        message = f"small-order R {number}".encode()
        s = ed25519.challenge(r, public_key, message) * _SCALAR % L
        signature = r + s.to_bytes(32, "little")
        if ed25519.equation_holds(public_key, signature, message):
            return public_key, signature, message
    raise AssertionError("no message was found")


def _aliases(point: Point) -> set[bytes]:
    x, y = point
    ys = [value for value in (y, y + P) if value < 2**255]
    signs = (0, 1) if x == 0 else (x & 1,)
    return {(value | sign << 255).to_bytes(32, "little") for value in ys for sign in signs}


def _generator() -> Point:
    point = ed25519.decode(_GENERATOR)
    assert point is not None
    return point
