"""Codes survive how people write them, and make the identity that the specification says."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qanat_protocol import code
from qanat_protocol.errors import BadCheck, Malformed
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey

DIGITS = "0123456789012345678901"
CODE = DIGITS + f"{98 - int(DIGITS) * 100 % 97:02}"
DESK_ID = hashlib.sha256(b"a desk").digest()

codes = st.integers(0, 10**22 - 1).map(lambda d: f"{d:022}{98 - d * 100 % 97:02}")


def test_a_new_code_is_six_groups_of_four_and_checks() -> None:
    made = [code.new_code() for _ in range(200)]
    assert len(set(made)) == 200
    for shown in made:
        assert [len(group) for group in shown.split(" ")] == [4] * 6
        assert code.normalise(shown) == shown.replace(" ", "")
        assert int(code.normalise(shown)) % 97 == 1


@given(codes, st.data())
def test_spaces_hyphens_and_line_ends_do_not_count(digits: str, data: st.DataObject) -> None:
    between = st.text(" -\n\r\t\u00a0\u2009\u202f\u3000\u2010\u2011\u2013\u2014\u2028")
    written = "".join(data.draw(between) + digit for digit in digits) + data.draw(between)
    assert code.normalise(written) == digits


@pytest.mark.parametrize("zero", "0\u0660\u06f0\u0966\uff10\U0001d7ce")
def test_digits_of_any_script_are_digits(zero: str) -> None:
    assert code.normalise("".join(chr(ord(zero) + int(digit)) for digit in CODE)) == CODE


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        CODE[:-1],
        CODE + "0",
        CODE[:-1] + "x",
        CODE[:-1] + "\u00b2",  # a superscript is no decimal digit
        CODE[:-1] + "\u2460",  # nor is a number in a circle
        CODE[:-1] + "\u4e00",  # nor a numeral
        CODE + "\0",
        CODE + "_",
        CODE + "\u2212",  # a minus sign is no hyphen
        CODE + ".",
    ],
)
def test_what_is_not_24_digits_is_malformed(wrong: str) -> None:
    with pytest.raises(Malformed):
        code.normalise(wrong)


@given(codes, st.integers(0, 23), st.integers(1, 9))
def test_one_wrong_digit_is_found(digits: str, place: int, more: int) -> None:
    wrong = str((int(digits[place]) + more) % 10)
    with pytest.raises(BadCheck):
        code.normalise(digits[:place] + wrong + digits[place + 1 :])


@pytest.mark.parametrize(
    ("digits", "check"),
    [("0" * 22, "01"), ("0" * 20 + "97", "01"), ("0" * 20 + "65", "00"), ("0" * 20 + "32", "99")],
)
def test_only_the_check_digits_that_are_computed_fit(digits: str, check: str) -> None:
    assert int(digits + check) % 97 == 1
    with pytest.raises(BadCheck):
        code.normalise(digits + check)


@given(codes, st.integers(0, 22))
def test_two_digits_that_changed_places_are_found(digits: str, place: int) -> None:
    swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
    if swapped == digits:
        assert code.normalise(swapped) == digits
    else:
        with pytest.raises(BadCheck):
            code.normalise(swapped)


@given(st.text())
def test_any_text_is_a_code_or_refused(written: str) -> None:
    try:
        digits = code.normalise(written)
    except (Malformed, BadCheck):
        return
    assert len(digits) == 24


def test_a_message_does_not_show_the_code() -> None:
    for wrong in (CODE[:-1] + "x", CODE + "0", CODE[:-1] + str((int(CODE[-1]) + 1) % 10)):
        with pytest.raises((Malformed, BadCheck)) as refused:
            code.normalise(wrong)
        assert not any(CODE[start : start + 4] in str(refused.value) for start in range(20))


def test_an_identity_is_what_the_specification_says() -> None:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    salt = hashlib.sha256(b"qanat/1/code-salt\0" + DESK_ID).digest()[:16]
    seed = Argon2id(salt=salt, length=32, iterations=3, lanes=1, memory_cost=64 * 1024).derive(
        DIGITS.encode()
    )

    def derived(name: bytes) -> bytes:
        return hmac.digest(seed, b"qanat/1/" + name + b"\0\x01", "sha256")

    who = code.identity(f" {CODE}\n", DESK_ID)
    assert who.signing.public == SigningKey(derived(b"code-signing")).public
    assert who.reply.public == SealingSecret(derived(b"code-reply")).public
    assert who.mailbox_secret == derived(b"code-mailbox")


def test_one_code_is_another_person_to_each_desk() -> None:
    one = code.identity(CODE, DESK_ID)
    other = code.identity(CODE, bytes(32))
    assert one.signing.public != other.signing.public
    assert one.reply.public != other.reply.public
    assert one.mailbox_secret != other.mailbox_secret


def test_a_wrong_code_makes_no_identity() -> None:
    with pytest.raises(BadCheck):
        code.identity(CODE[::-1], DESK_ID)


def test_a_report_without_a_code_has_a_fresh_author_and_no_reply_box() -> None:
    one, other = code.one_off_identity(), code.one_off_identity()
    assert one.signing.public != other.signing.public
    assert one.reply is None
    assert one.mailbox_secret is None


def test_secrets_are_not_shown_by_accident() -> None:
    who = code.identity(CODE, DESK_ID)
    assert repr(who) == "Identity()"
    assert who.mailbox_secret.hex() not in repr(who)
    assert "SigningKey" not in repr(code.one_off_identity())
