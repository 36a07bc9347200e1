"""Estimates (SPEC section 18): vectors hold the numbers, this the laws."""

import hashlib

import numpy as np
import pytest
from tests.protocol.made_ids import ids

from qanat_protocol.errors import LocalMalformed
from qanat_protocol.estimate import balance_of, estimate_difference, no_balance, pack_balance
from qanat_protocol.limits import HASH_BYTES


@pytest.mark.parametrize("there", [0, 1, 10, 500, 5000])
def test_an_estimate_tells_about_how_many_differ(there: int) -> None:
    ours, theirs = ids(0, 3000), ids(0, 2900) + ids(10_000, 10_000 + there)
    differing = there + 100
    told = estimate_difference(
        balance_of(b"".join(ours)), pack_balance(balance_of(b"".join(theirs)))
    )
    # Four times its standard error.
    assert abs(told - differing) <= 0.36 * differing
    equal = pack_balance(balance_of(b"".join(reversed(ours))))
    assert estimate_difference(balance_of(b"".join(ours)), equal) == 0


def test_the_balances_of_two_sets_add_up() -> None:
    # More ids than are spread out at once.
    whole = hashlib.shake_256(b"ids").digest(20_000 * HASH_BYTES)
    one, other = whole[: 5 * HASH_BYTES], whole[5 * HASH_BYTES :]
    added = no_balance()
    added += balance_of(one)
    added += balance_of(other)
    assert added.tolist() == balance_of(whole).tolist()
    firsts = sum(whole[at] >> 7 for at in range(0, len(whole), HASH_BYTES))
    assert added[0] == 2 * firsts - 20_000


def test_the_balance_of_the_empty_set_is_of_whole_numbers() -> None:
    for balance in (no_balance(), balance_of(b"")):
        assert balance.dtype == np.int64
        assert balance.tolist() == [0] * 256


@pytest.mark.parametrize("balance", [0, 2**15, 2**16, 2**40, -1, -(2**40)])
def test_only_what_a_balance_is_modulo_65536_counts(balance: int) -> None:
    packed = pack_balance(np.full(256, balance, np.int64))
    assert packed == (balance % 2**16).to_bytes(2) * 256
    for difference in (-(2**15), -300, -3, 0, 3, 300, 2**15 - 1):
        ours = np.full(256, balance + difference, np.int64)
        assert estimate_difference(ours, packed) == difference**2


def test_what_is_no_row_of_ids_has_no_balance() -> None:
    with pytest.raises(LocalMalformed):
        balance_of(bytes(31))
