"""Which relay is asked for which blocks."""

from __future__ import annotations

from qanat_client.desk.claims import Claims
from qanat_protocol.bitmap import Bitmap

FILM = b"film" * 8
OFFER = FILM[:16]
TWIN = OFFER + bytes(16)
ONE, TWO, THREE = b"1", b"2", b"3"


def some(*indices: int) -> Bitmap:
    return Bitmap.from_indices(indices)


def test_no_block_is_asked_of_two_relays() -> None:
    claims = Claims()
    assert claims.take_some(FILM, ONE, some(1, 2, 3)) == some(1, 2, 3)
    assert claims.take_some(FILM, TWO, some(3, 4)) == some(4)
    assert claims.take_some(FILM, THREE, some(1, 4)) == some()
    assert claims.of_others(OFFER, THREE) == (FILM, some(1, 2, 3, 4))
    assert claims.of_others(OFFER, ONE) == (FILM, some(4))


def test_who_brings_the_whole_leaves_nothing_to_others_but_what_they_bring_already() -> None:
    claims = Claims()
    claims.take_some(FILM, ONE, some(1))
    assert claims.take_whole(OFFER, TWO)
    assert claims.of_others(OFFER, TWO) == (FILM, some(1))
    assert not claims.take_whole(OFFER, THREE)
    assert claims.take_some(FILM, THREE, some(5)) == some()
    assert claims.take_whole(OFFER, TWO)


def test_a_session_that_is_over_leaves_its_blocks_to_others() -> None:
    claims = Claims()
    claims.take_some(FILM, ONE, some(1, 2))
    claims.take_some(FILM, TWO, some(3))
    claims.release(ONE)
    assert claims.take_some(FILM, THREE, some(1, 2, 3)) == some(1, 2)
    for relay in (TWO, THREE):
        claims.release(relay)
    assert claims.of_others(OFFER, ONE) == (None, some())
    claims.take_whole(OFFER, ONE)
    claims.release(ONE)
    assert claims.take_whole(OFFER, TWO)


def test_another_parcel_of_the_same_offer_waits_for_the_first() -> None:
    claims = Claims()
    claims.take_some(FILM, ONE, some(1))
    assert claims.take_some(TWIN, TWO, some(2)) == some()
    claims.release(ONE)
    assert claims.take_some(TWIN, TWO, some(2)) == some(2)


def test_what_a_relay_was_not_asked_for_is_known_until_it_tells_anew() -> None:
    claims = Claims()
    claims.leave(ONE, FILM, some(7))
    assert list(claims.left(ONE)) == [(FILM, some(7))]
    assert list(claims.left(TWO)) == []
    claims.begin(ONE)
    assert list(claims.left(ONE)) == []
