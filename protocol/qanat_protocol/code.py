"""Codes: 24 digits in a head, and the person that they make towards one desk (SPEC section 8).

Keeps nothing: whoever wants the identity again types the code again.
"""

import secrets
import unicodedata
from dataclasses import dataclass, field

from qanat_protocol.errors import BadCheck, Malformed
from qanat_protocol.hashing import expand, sha256
from qanat_protocol.labels import label
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey

__all__ = [
    "ARGON2_LANES",
    "ARGON2_MEMORY_KIB",
    "ARGON2_PASSES",
    "CODE_DIGITS",
    "RANDOM_DIGITS",
    "Identity",
    "OneOffIdentity",
    "identity",
    "new_code",
    "normalise",
    "one_off_identity",
]

CODE_DIGITS = 24
RANDOM_DIGITS = 22
"""10^22 codes against Argon2id is the whole protection; the other two digits find typing errors."""

ARGON2_MEMORY_KIB = 65_536
ARGON2_PASSES = 3
ARGON2_LANES = 1

# Tab and what may end a line; the other spaces and all hyphens go by their Unicode category.
_DROPPED = frozenset("\t\n\v\f\r\x85")
_DROPPED_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Pd"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a code makes its owner towards one desk; never on a disk unless the person asks."""

    signing: SigningKey = field(repr=False)
    reply: SealingSecret = field(repr=False)
    mailbox_secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OneOffIdentity:
    """The author of one report that was sent without a code: nobody can answer it."""

    signing: SigningKey = field(repr=False)
    reply: None = None
    mailbox_secret: None = None


def new_code() -> str:
    """A code that nobody has had before, in six groups of four digits."""
    return _grouped(_with_check(f"{secrets.randbelow(10**RANDOM_DIGITS):0{RANDOM_DIGITS}}"))


def normalise(code: str) -> str:
    """The 24 ASCII digits of a code as somebody typed it.

    Takes decimal digits of any script, drops spaces, hyphens and line ends. Raises `Malformed` for
    another character or number of digits, `BadCheck` where the check digits do not fit.
    """
    digits = "".join(_ascii_digit(sign) for sign in code if not _is_dropped(sign))
    if len(digits) != CODE_DIGITS:
        raise Malformed(f"a code has {CODE_DIGITS} digits, this one {len(digits)}")
    if digits != _with_check(digits[:RANDOM_DIGITS]):
        raise BadCheck("the check digits do not fit: there is a typing error in the code")
    return digits


def identity(code: str, desk_id: bytes) -> Identity:
    """The identity of a code's owner towards a desk. Takes 64 MiB and some tenths of a second.

    Raises as `normalise` does.
    """
    # Only here: a send without a code does not pay for it.
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    digits = normalise(code)[:RANDOM_DIGITS].encode("ascii")
    seed = Argon2id(
        salt=sha256(label("code-salt"), desk_id)[:16],
        length=32,
        iterations=ARGON2_PASSES,
        lanes=ARGON2_LANES,
        memory_cost=ARGON2_MEMORY_KIB,
    ).derive(digits)
    return Identity(
        signing=SigningKey(expand(seed, label("code-signing"), 32)),
        reply=SealingSecret(expand(seed, label("code-reply"), 32)),
        mailbox_secret=expand(seed, label("code-mailbox"), 32),
    )


def one_off_identity() -> OneOffIdentity:
    """A fresh author for a report without a code, to be used once."""
    return OneOffIdentity(SigningKey.generate())


def _with_check(digits: str) -> str:
    return f"{digits}{98 - int(digits) * 100 % 97:02}"


def _grouped(digits: str) -> str:
    return " ".join(digits[start : start + 4] for start in range(0, CODE_DIGITS, 4))


def _is_dropped(sign: str) -> bool:
    return sign in _DROPPED or unicodedata.category(sign) in _DROPPED_CATEGORIES


def _ascii_digit(sign: str) -> str:
    value = unicodedata.decimal(sign, None)
    if value is None:
        named = f"{sign!r}" if sign.isprintable() else f"U+{ord(sign):04X}"
        raise Malformed(f"a code is made of digits; {named} is none")
    return str(value)
