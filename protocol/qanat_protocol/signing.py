"""Ed25519 signatures, verified strictly (SPEC 1): one rule on every platform for what is a key and
what is a signature."""

from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from qanat_protocol.errors import (
    BadKey,
    BadSignature,
    LocalBadKey,
    Malformed,
    RemoteError,
    UnknownSuite,
)
from qanat_protocol.labels import label
from qanat_protocol.limits import SIGNATURE_BYTES, SIGNING_KEY_BYTES

__all__ = ["ALGORITHM", "SigningKey", "check_key", "verify", "verify_signature"]

ALGORITHM: Final = 1
"""Ed25519, the first byte of a signature."""

# RFC 8032 section 5.1: the field's prime, the curve's d, the order of the base point.
_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_L: Final = 2**252 + 27742317777372353535851937790883648493

# The 8 points whose order divides 8 have these y; x is 0, or either sign goes with y. The last two
# are the roots of d*y^4 + 2*y^2 - 1, where doubling leads to y = 0 (RFC 8032 section 5.1.4).
_Y_OF_ORDER_8: Final = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL_ORDER_Y: Final = frozenset({1, _P - 1, 0, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8})


class _MadeKey(bytes):
    """A public key that the library computed from a seed, and nothing else is one of these.

    It is a point and canonical by that. It is not of small order either: the clamped seed is 8 * m
    with 0 < m < 2^252 < L, so that no multiple of the base point by it is the neutral one.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret key for signing; `public` is its 32-byte key for everybody. LocalBadKey unless the
    seed has 32 bytes."""

    seed: bytes = field(repr=False)
    public: bytes = field(init=False)
    _private: Ed25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SIGNING_KEY_BYTES:
            raise LocalBadKey(f"a signing key's seed has 32 bytes, not {len(self.seed)}")
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        object.__setattr__(self, "_private", private)
        object.__setattr__(self, "public", _MadeKey(private.public_key().public_bytes_raw()))

    @classmethod
    def generate(cls) -> "SigningKey":
        """A fresh key from the system's randomness."""
        return cls(token_bytes(SIGNING_KEY_BYTES))

    def sign(self, label_name: str, context: bytes, content: bytes) -> bytes:
        """The 65-byte signature over label || context || content (SPEC 1)."""
        return bytes([ALGORITHM]) + self._private.sign(label(label_name) + context + content)


def check_key(public: bytes) -> None:
    """BadKey unless these are 32 bytes, canonical, a point, and not of small order.

    The `public` of a SigningKey is all that by its making. What was read from anywhere is plain
    bytes, and looked at.
    """
    if isinstance(public, _MadeKey):
        return
    y = _check_key_encoding(public)
    # x^2 = (y^2 - 1) / (d*y^2 + 1) has a root where numerator * denominator is a square (Euler).
    if pow((y * y - 1) * (_D * y * y + 1), (_P - 1) // 2, _P) != 1:
        raise BadKey("a signing key is no point of the curve")


def verify_signature(
    public: bytes, signature: bytes, label_name: str, context: bytes, content: bytes
) -> None:
    """Check a 65-byte signature over label || context || content.

    UnknownSuite for another algorithm, BadKey, BadSignature; Malformed for another length.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise Malformed(f"a signature has 65 bytes, not {len(signature)}")
    if signature[0] != ALGORITHM:
        raise UnknownSuite(f"signature algorithm {signature[0]}; this program knows 1")
    verify(public, signature[1:], label(label_name) + context + content)


def verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Check a bare 64-byte Ed25519 signature by the strict rule. BadKey or BadSignature."""
    _check_key_encoding(public)
    try:
        _verify(public, signature, message)
    except BadSignature:
        # The library takes no key that is no point: which of the two was wrong is looked up here,
        # where a genuine signature does not pay for it.
        check_key(public)
        raise


def _verify(public: bytes, signature: bytes, message: bytes) -> None:
    if len(signature) != SIGNATURE_BYTES - 1:
        raise BadSignature(f"an Ed25519 signature has 64 bytes, not {len(signature)}")
    _refuse_encoding(signature[:32], BadSignature, "R")
    if int.from_bytes(signature[32:], "little") >= _L:
        raise BadSignature("S is not below the order of the base point")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature as error:
        raise BadSignature("a signature does not hold") from error


def _check_key_encoding(public: bytes) -> int:
    if len(public) != SIGNING_KEY_BYTES:
        raise BadKey(f"a signing key has 32 bytes, not {len(public)}")
    return _refuse_encoding(public, BadKey, "a signing key")


def _refuse_encoding(point: bytes, refusal: Callable[[str], RemoteError], name: str) -> int:
    """The y of 32 bytes that encode a point canonically and not one of small order.

    Where x = 0, y is 1 or -1: of small order, so that a sign on x = 0 needs no look of its own.
    """
    y = int.from_bytes(point, "little") & (2**255 - 1)
    if y >= _P:
        raise refusal(f"{name} is not canonically encoded")
    if y in _SMALL_ORDER_Y:
        raise refusal(f"{name} is of small order")
    return y
