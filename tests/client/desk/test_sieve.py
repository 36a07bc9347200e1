"""What the sieve lets through: all that was put in, and hardly anything else."""

from random import Random

from qanat_client.desk.sieve import Sieve


def test_what_was_added_is_never_kept_back_and_hardly_anything_else_gets_through() -> None:
    chance = Random(1)
    first = [chance.randbytes(16) for _ in range(5_000)]
    sieve = Sieve(first, len(first))
    later = []
    while not sieve.is_full:
        later.append(chance.randbytes(16))
        sieve.add(later[-1])
    assert len(later) > len(first)
    assert all(map(sieve.may_hold, first + later))
    others = [chance.randbytes(16) for _ in range(20_000)]
    assert sum(map(sieve.may_hold, others)) < len(others) / 10


def test_an_empty_sieve_lets_nothing_through() -> None:
    assert not Sieve([], 0).may_hold(bytes(16))
