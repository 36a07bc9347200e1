"""What a reporter asks tells little, whatever a relay claims."""

from hashlib import sha256

import pytest

from qanat_client.reporter.asking import FIRST_OPENED, ask
from qanat_client.reporter.openings import Openings
from qanat_protocol.days import epoch_of
from qanat_protocol.frame_codec import encode_frame
from qanat_protocol.frames import Frame, OpenedInterest, RepliesInterest, Welcome
from qanat_protocol.tags import mailbox_prefix

IDS = [sha256(bytes([number])).digest() for number in range(40)]
MAILBOXES = [sha256(b"a mailbox").digest()]


def welcome(reply_bits: int, opened_bits: int, day: int = 20_460) -> Welcome:
    return Welcome(1, day, bytes(16), 2**32, reply_bits, opened_bits, 0)


def ask_about(greeting: Welcome, ids: list[bytes], mailboxes: list[bytes]) -> list[Frame]:
    unopened = [(parcel_id, bytes(32)) for parcel_id in ids]
    openings = Openings(greeting, unopened, {}, today=greeting.day, number=FIRST_OPENED)
    return [*openings.interests, *ask(greeting, mailboxes).frames]


@pytest.mark.parametrize(("allowed", "given"), [(0, 0), (3, 3), (10, 10), (11, 10), (32, 10)])
def test_a_relay_that_claims_to_hold_much_is_told_ten_bits_and_no_more(
    allowed: int, given: int
) -> None:
    frames = ask_about(welcome(allowed, allowed), IDS, MAILBOXES)
    assert {type(frame) for frame in frames} == {OpenedInterest, RepliesInterest}
    for frame in frames:
        assert isinstance(frame, OpenedInterest | RepliesInterest)
        assert frame.bits == given
        # It takes no prefix with more bits set than it says.
        assert encode_frame(frame)


@pytest.mark.parametrize("day", [0, 3, 4, 30, 2**32 - 1])
def test_a_relay_that_tells_any_day_is_asked(day: int) -> None:
    frames = ask_about(welcome(8, 8, day), IDS, MAILBOXES)
    replies = [frame for frame in frames if isinstance(frame, RepliesInterest)]
    assert 1 <= len(replies) <= 3


def test_of_the_six_weeks_of_a_mailbox_no_session_tells_more_than_three() -> None:
    bits, day = 10, 20_460
    weeks = [
        int.from_bytes(mailbox_prefix(MAILBOXES[0], epoch_of(day) - back)) >> 22 << 22
        for back in range(6)
    ]
    assert len(set(weeks)) == 6
    asked = set()
    for _ in range(200):
        frames = ask_about(welcome(bits, bits, day), [], MAILBOXES)
        told = [int.from_bytes(f.prefix) for f in frames if isinstance(f, RepliesInterest)]
        assert told[:2] == weeks[:2]
        assert len(told) == 3
        asked |= set(told)
    # None is left out for ever.
    assert asked == set(weeks)
