"""Every number that bounds what is accepted, with its reason (SPEC 21). Computes nothing."""

from typing import Final

MAX_INT: Final = 2**53 - 1
"""Integers are exact in a binary64, so that a browser reads the same value (SPEC 1)."""

MAX_DEPTH: Final = 4
"""Arrays in arrays, the top one counted: no record needs more, and parsers stay shallow."""

MAX_VALUES: Final = 4096
"""Values in all arrays of a record: twice the longest ACK. A MiB of empty arrays, which anybody may
send unsigned, would else take a second and 64 MiB to read."""

BLOCK_BYTES: Final = 16_384
"""The unit of transfer: a cut after some hundred kB wastes few percent of them (SPEC 4)."""

PAGE_LEAVES: Final = 64
"""Leaves in a list: 2 KiB before the first block of a page is little of what a short window
carries, and a power of two keeps page roots in the tree (SPEC 4)."""

MAX_PAGES: Final = 1024
"""Pages of a body: the list of their roots, 32 KiB, fits one frame."""

MAX_BLOCKS: Final = PAGE_LEAVES * MAX_PAGES
"""Blocks in a body."""

HASH_BYTES: Final = 32
HEADER_BYTES: Final = 96
TAG_BYTES: Final = 16
OFFER_BYTES: Final = 16
SIGNATURE_BYTES: Final = 65
SIGNING_KEY_BYTES: Final = 32
SEALING_KEY_BYTES: Final = 1216
SEAL_OVERHEAD_BYTES: Final = 1136
"""enc (1120) and the AEAD tag (16) (SPEC 2)."""

SEALED_KEY_BYTES: Final = SEAL_OVERHEAD_BYTES + 32
"""A content key, sealed: what a letter's body begins with (SPEC 5)."""

MAX_LETTER_BODY_BYTES: Final = 262_144
"""A letter must fit a window of seconds on a 2G line."""

MAX_LETTER_CONTENT_BYTES: Final = 196_608
"""Bounds what a letter may inflate to."""

MAX_PART_BODY_BYTES: Final = BLOCK_BYTES * MAX_BLOCKS
"""1 GiB, 1024 pages of 64 blocks: every list fits one frame. What is larger is sent in pieces."""

MAX_PUBLIC_BODY_BYTES: Final = 1_048_576
"""A bulletin with pictures; everybody carries it."""

THUMBNAIL_BODY_BYTES: Final = 16_384
MAX_THUMBNAIL_BYTES: Final = 15_360
"""One block, so that a picture is seen after one block (SPEC 6)."""

PREVIEW_BODY_BYTES: Final = 131_072
MAX_PREVIEW_BYTES: Final = 130_048
"""Eight blocks: enough to judge a picture by, small enough for a slow line (SPEC 6)."""

MAX_EXPIRY_AHEAD_DAYS: Final = 560
"""The longest card (53 weeks) with the longest grace (180 days), and a week (SPEC 3)."""

REPLY_GRACE_DAYS: Final = 30
"""How long after its week a reply is carried: replies expire first (SPEC 10)."""

TOMBSTONE_DAYS: Final = 7
"""How long after its expiry a parcel's tombstone is kept, so that nothing comes back (SPEC 12)."""

MAX_FRAME_BYTES: Final = 65_517
"""A record that fits one packet with its length and tag (SPEC 16, 17)."""

MAX_OPEN_TRANSFERS: Final = 64
"""Bounds a receiver's memory: 64 times 34 KiB, page roots and one page."""

MAX_OFFERS: Final = 2048
"""Offers, answers or wants in a frame: 32 KiB of offers fit a packet."""

MAX_RECEIPT_IDS: Final = 512
"""Parcels of a custody receipt; a session that took more gives several (SPEC 13)."""

MAX_PARTIALS_BYTES: Final = 2**20
PARTIAL_BYTES: Final = 256
"""What a side may be made to remember of PARTIAL frames in a session: some 120 of the largest
bodies, each frame counted as so many bytes beside its bitmap (SPEC 17)."""

MAX_INTERESTS: Final = 32
"""Interests in a session."""

MAX_GIVEN_BITS: Final = 10
"""Of a prefix that a client gives, whatever a relay allows: one that lies about how much it holds
would else be told which parcels and which mailbox are the client's (SPEC 17)."""

MAX_CARD_BYTES: Final = 131_072
"""A desk card: 53 sealing keys and 16 relays with their keys."""

MAX_TOLD_CARD_BYTES: Final = 65_000
"""A relay's card in a frame: its fields at their longest make 57,000."""

MAX_STATEMENT_BYTES: Final = 8192
"""A statement: 8 certified and 64 revoked keys, with room to grow."""

SKETCH_KEY_BYTES: Final = 16
CELL_BYTES: Final = 12
"""A short id's 8 bytes and its check's 4 (SPEC 18)."""

MAX_CELLS: Final = 2048
"""Cells in a frame, or asked for by one: 24 KiB."""

HEAD_BYTES: Final = 5
"""Of a short id, to ask by: of a million, another one has the same in one case of a million."""

MAX_LACKS: Final = 4096
"""Short ids asked for in a frame: 20 KiB."""

ESTIMATE_BYTES: Final = 512
"""16 bits for each bit of an id: within 9% of the number of differences, where they are below some
10^8 (SPEC 18)."""
