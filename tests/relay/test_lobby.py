"""What waits is bounded, and who makes way for whom: who has the most, and who shows no stamp."""

from __future__ import annotations

from tests.relay.test_gate import Scene

from qanat_protocol.verdicts import Verdict
from qanat_relay.admission.lobby import (
    HELD_BYTES,
    HOLDER_TICKETS_MAX,
    LOBBY_BYTES,
    TICKET_BYTES,
    UNPAID_SHARE,
)
from qanat_relay.admission.ticket import Holder


def test_one_session_holds_no_more_than_its_share() -> None:
    scene = Scene()
    scene.spend()
    holder = Holder()
    waits = [scene.gate.wait(scene.ticket(holder)) for _ in range(HOLDER_TICKETS_MAX + 5)]
    assert waits == [True] * HOLDER_TICKETS_MAX + [False] * 5
    large = scene.ticket(Holder(), size=2 * HELD_BYTES)
    scene.gate.wait(large)
    assert scene.gate.hold(large, HELD_BYTES, is_all=False)
    assert not scene.gate.hold(large, 1, is_all=False)
    assert scene.said[large] is Verdict.STAMP_WANTED
    assert scene.gate.held_bytes == 0


def test_a_newcomer_takes_the_place_of_whoever_has_the_most() -> None:
    scene = Scene()
    scene.spend()
    floods = [Holder() for _ in range(LOBBY_BYTES // TICKET_BYTES // HOLDER_TICKETS_MAX)]
    for holder in floods:
        for _ in range(HOLDER_TICKETS_MAX):
            assert scene.gate.wait(scene.ticket(holder))
    waiting = scene.gate.waiting
    one = scene.ticket(Holder())
    assert scene.gate.wait(one)
    assert scene.gate.waiting == waiting
    (refused,) = scene.said
    assert refused.holder in floods


def crowded(*, effort: int = 0) -> Scene:
    """A gate at which as much waits as may, each session with one of the largest letters."""
    scene = Scene()
    scene.spend()
    while scene.gate.held_bytes < LOBBY_BYTES - 2 * HELD_BYTES:
        assert scene.bring(scene.ticket(Holder(), size=HELD_BYTES - TICKET_BYTES, effort=effort))
    return scene


def test_what_is_stamped_takes_the_memory_of_what_is_not() -> None:
    scene = crowded()
    honest = [scene.ticket(Holder(), size=HELD_BYTES, effort=10**6) for _ in range(8)]
    for one in honest:
        assert scene.bring(one)
    assert set(scene.said.values()) == {Verdict.STAMP_WANTED}
    assert not set(honest) & set(scene.said)
    scene.tick()
    assert all(scene.said[one] is None for one in honest)
    assert scene.gate.held_bytes <= LOBBY_BYTES


def test_those_without_a_stamp_keep_a_share_of_the_memory_whoever_pays() -> None:
    scene = crowded(effort=10**6)
    free = [scene.ticket(Holder()) for _ in range(500)]
    assert all(scene.bring(one) for one in free)
    # The least of those who paid made way for them; who pays more, for one that paid less.
    assert all(ticket.effort for ticket in scene.said)
    for _ in range(200):
        scene.bring(scene.ticket(Holder(), size=HELD_BYTES - TICKET_BYTES, effort=10**7))
    kept = sum(one.size_bytes + TICKET_BYTES for one in free if one not in scene.said)
    assert kept > LOBBY_BYTES * UNPAID_SHARE / 2


def test_memory_for_those_who_wait_is_bounded_and_shared() -> None:
    scene = crowded()
    for _ in range(3):
        scene.bring(scene.ticket(Holder(), size=HELD_BYTES - TICKET_BYTES))
    assert LOBBY_BYTES - HELD_BYTES < scene.gate.held_bytes <= LOBBY_BYTES
    # A letter takes the place of one of those who have more.
    one = scene.ticket(Holder())
    assert scene.bring(one)
    assert scene.gate.held_bytes <= LOBBY_BYTES
