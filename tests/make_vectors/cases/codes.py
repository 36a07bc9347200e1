"""Codes and what is derived from them (section 8)."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from tests.make_vectors import wire
from tests.make_vectors.documents import DESK_ID, OTHER_DESK_ID
from tests.make_vectors.independent import xwing
from tests.make_vectors.scenario import Scenario


def code_of(digits: str) -> str:
    """The 24 digits of a code from its 22 random ones."""
    return f"{digits}{98 - int(digits) * 100 % 97:02d}"


def grouped(code: str) -> str:
    """As it is shown."""
    return " ".join(code[start : start + 4] for start in range(0, 24, 4))


def alias_of(check: str, other: str) -> str:
    """A code whose right check is given, with another one that is as much modulo 97."""
    digits = next(f"{n:022d}" for n in range(97) if code_of(f"{n:022d}")[22:] == check)
    return digits + other


def seed_of(digits: str, desk_id: bytes) -> bytes:
    """The seed of 22 digits and a desk."""
    salt = wire.sha256(wire.label("code-salt"), desk_id)[:16]
    argon = Argon2id(salt=salt, length=32, iterations=3, lanes=1, memory_cost=65536)
    return argon.derive(digits.encode("ascii"))


_DIGITS = "7319042856631208457719"
_PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_DEVANAGARI = str.maketrans("0123456789", "०१२३४५६७८९")
_WIDE = str.maketrans("0123456789", "".join(chr(0xFF10 + digit) for digit in range(10)))


def scenarios() -> Iterator[Scenario]:
    """`read_code` and `derive_identity`."""
    code = code_of(_DIGITS)
    shown = grouped(code)
    good = {
        "groups": ("As it is shown.", shown, code),
        "together": ("Without spaces.", code, code),
        "hyphens": ("With hyphens.", shown.replace(" ", "-"), code),
        "other-hyphens": ("Any dash of category Pd: U+2010, U+2011, U+2013, U+2014.",
                          "\u2010".join((code[:4], code[4:8])) + "\u2011" + code[8:12] + "\u2013"
                          + code[12:16] + "\u2014" + code[16:], code),
        "other-spaces": ("Any space of category Zs: U+00A0, U+2009, U+202F, U+3000; and a tab.",
                         "\u00a0".join((code[:4], code[4:8])) + "\u2009" + code[8:12] + "\u202f"
                         + code[12:16] + "\u3000" + code[16:20] + "\t" + code[20:], code),
        "other-line-ends": ("U+0085, U+2028 and U+2029 end lines too.",
                            f"{code[:8]}\x85{code[8:16]}\u2028{code[16:]}\u2029", code),
        "line-ends": ("Over two lines, with the end of a line behind it.",
                      f"{shown[:14]}\r\n{shown[15:]}\n", code),
        "spaces-around": ("Spaces in front and behind.", f"  {shown}  ", code),
        "persian-digits": ("Extended Arabic-Indic digits.", shown.translate(_PERSIAN), code),
        "arabic-digits": ("Arabic-Indic digits.", shown.translate(_ARABIC), code),
        "devanagari-digits": ("Devanagari digits.", shown.translate(_DEVANAGARI), code),
        "wide-digits": ("Full-width digits.", shown.translate(_WIDE), code),
        "mixed-digits": ("Digits of two scripts.", shown[:12] + shown[12:].translate(_PERSIAN),
                         code),
        "zeros": ("22 zeros; the check is 98 - 0 = 98, which is 1 modulo 97.", code_of("0" * 22),
                  "0" * 22 + "98"),
        "nines": ("22 nines.", code_of("9" * 22), code_of("9" * 22)),
        "one": ("A one at the end.", code_of("0" * 21 + "1"), code_of("0" * 21 + "1")),
    }  # fmt: skip
    for name, (comment, given, digits) in good.items():
        yield Scenario("read_code", name, "8", comment, {"code": given},
                       output={"code": digits, "shown": grouped(digits)})  # fmt: skip
    wrong = code[:-1] + str((int(code[-1]) + 1) % 10)
    swapped = code[1] + code[0] + code[2:]
    bad = {
        "check-one-more": ("The last digit is one more.", wrong, "bad_check"),
        "digits-swapped": ("The first two digits have changed places.", swapped, "bad_check"),
        "first-digit": ("The first digit is another.", "8" + code[1:], "bad_check"),
        "check-99": ("99 is 2 modulo 97 as the check 02 is.", alias_of("02", "99"), "bad_check"),
        "check-00": ("00 is 0 modulo 97 as the check 97 is.", alias_of("97", "00"), "bad_check"),
        "zeros-check-01": ("The number is 1 modulo 97, but 98 - 0 is 98, not 01.",
                           "0" * 22 + "01", "bad_check"),
        "zeros-check-00": ("24 zeros.", "0" * 24, "bad_check"),
        "23-digits": ("A digit is missing.", code[:-1], "malformed"),
        "25-digits": ("A digit too many.", code + "0", "malformed"),
        "empty": ("Nothing.", "", "malformed"),
        "letter": ("A letter O for a zero.", "O" + code[1:], "malformed"),
        "superscript": ("A superscript two is a digit, but no decimal one.", "²" + code[1:],
                        "malformed"),
        "roman-numeral": ("A numeral, but no digit.", "Ⅷ" + code[1:], "malformed"),
        "dots": ("Dots are not dropped.", shown.replace(" ", "."), "malformed"),
        "minus": ("A minus sign, U+2212, is not a hyphen.", "\u2212" + code, "malformed"),
        "soft-hyphen": ("U+00AD is a control, not a hyphen.", code[:4] + "\xad" + code[4:],
                        "malformed"),
        "plus": ("A sign in front.", "+" + code, "malformed"),
        "nul": ("U+0000 behind it.", code + "\x00", "malformed"),
    }  # fmt: skip
    for name, (comment, given, verdict) in bad.items():
        yield Scenario("read_code", name, "8", comment, {"code": given}, verdict)
    yield from _identities()


def _identities() -> Iterator[Scenario]:
    for name, digits, desk_id in (
        ("desk", _DIGITS, DESK_ID),
        ("another-desk", _DIGITS, OTHER_DESK_ID),
        ("zeros", "0" * 22, DESK_ID),
    ):
        seed = seed_of(digits, desk_id)
        signing = wire.expand(seed, wire.label("code-signing"), 32)
        reply = wire.expand(seed, wire.label("code-reply"), 32)
        out = {
            "signing_seed": signing,
            "signing_key": wire.public_of(signing),
            "reply_seed": reply,
            "reply_key_sha256": wire.sha256(xwing.public_key(reply)),
            "mailbox_secret": wire.expand(seed, wire.label("code-mailbox"), 32),
        }
        given = {"code": code_of(digits), "desk_id": desk_id}
        comment = "One code is another person to each desk."
        yield Scenario("derive_identity", name, "8", comment, given, output=out)
