"""What a reporter asks tells little, whatever a relay claims."""

from hashlib import sha256

import pytest

from qanat_client.reporter.asking import ask
from qanat_protocol.frame_codec import encode_frame
from qanat_protocol.frames import OpenedInterest, RepliesInterest, Welcome

IDS = [sha256(bytes([number])).digest() for number in range(40)]
MAILBOXES = [sha256(b"a mailbox").digest()]


def welcome(reply_bits: int, opened_bits: int, day: int = 20_460) -> Welcome:
    return Welcome(1, day, bytes(16), 2**32, reply_bits, opened_bits, 0)


@pytest.mark.parametrize(("allowed", "given"), [(0, 0), (3, 3), (10, 10), (11, 10), (32, 10)])
def test_a_relay_that_claims_to_hold_much_is_told_ten_bits_and_no_more(
    allowed: int, given: int
) -> None:
    frames = ask(welcome(allowed, allowed), IDS, MAILBOXES).frames
    assert {type(frame) for frame in frames} == {OpenedInterest, RepliesInterest}
    for frame in frames:
        assert isinstance(frame, OpenedInterest | RepliesInterest)
        assert frame.bits == given
        # It takes no prefix with more bits set than it says.
        assert encode_frame(frame)


@pytest.mark.parametrize("day", [0, 3, 4, 30, 2**32 - 1])
def test_a_relay_that_tells_any_day_is_asked(day: int) -> None:
    frames = ask(welcome(8, 8, day), IDS, MAILBOXES).frames
    replies = [frame for frame in frames if isinstance(frame, RepliesInterest)]
    assert 1 <= len(replies) <= 6
