"""Frames (section 17): each type, its fields' bounds, and what is refused or ignored."""

from collections.abc import Iterator

from tests.make_vectors import wire
from tests.make_vectors.documents import DAY, DESK_KEY, EPOCH, RELAY_KEY, TAG, statement
from tests.make_vectors.scenario import Scenario, tree
from tests.make_vectors.wire import Value

_ID = wire.draw("parcel id")
_SIGNATURE = b"\x01" + wire.draw("signature", 64)
_BIG = 2**53
_MAX = 2**53 - 1
_BOUNDS = {"0": 0, "2-31": 2**31, "2-32": 2**32, "2-53-less-1": _MAX}
# Frames by name; every field that counts on without a bound of its own is in `_COUNTERS`.
_GOOD: dict[str, list[Value]] = {
    "hello": [1, [1]],
    "welcome": [2, 1, DAY, wire.draw("incarnation", 16), 1 << 30, 5, 9, 0],
    "desk-interest": [3, 0, 1, statement(), DESK_KEY, EPOCH - 12, EPOCH, None, _SIGNATURE],
    "replies-interest": [3, 1, 2, 5, b"\xa8\x00\x00\x00"],
    "opened-interest": [3, 2, 3, 8, b"\xa8\x00\x00\x00\x01\x00\x00\x00"],
    "public-interest": [3, 3, 4, [[TAG, 3, 1]]],
    "all-interest": [3, 31, 5, RELAY_KEY, b"cursor", _SIGNATURE],
    "card-interest": [3, 4, 6],
    "cursor": [4, 0, wire.draw("cursor", 64)],
    "offers": [5, 0, _ID[:16]],
    "answers": [6, 0, b"\x00\x01\x02\x03\x04"],
    "partial": [7, _ID, b"\xff\x80"],
    "want": [8, _ID[:16]],
    "header": [9, 0, wire.header_front(1, expiry=DAY, size=4096, tag=TAG, lock=bytes(32)) + _ID],
    "leaves": [10, 0, 0, _ID],
    "block": [11, 0, 0, b"a block"],
    "ack": [12, 1, [[0, 0, 0]]],
    "receipt": [13, DAY, bytes(16), _ID, _SIGNATURE],
    "opened": [14, _ID, bytes(32), DESK_KEY, _SIGNATURE],
    "purge": [15, _ID, bytes(32)],
    "stamp": [16, _ID, EPOCH, 1000, bytes(16)],
    "cells": [17, 0, 0, bytes(12)],
    "sketch": [18, 0, DAY, bytes(16), bytes(32), 500, 808],
    "bisect": [19, 0, 4, b"\xf0\x00\x00\x00", 0, 24],
    "lack": [23, 0, bytes(5)],
    "card": [24, b"an envelope"],
    "idle": [20],
    "error": [21, 30, "This relay does not carry that desk."],
    "end": [22],
}
# Frame -> the positions of integers that have no bound but a record's, and of days and epochs.
_COUNTERS = {
    "welcome": (1, 4, 7), "offers": (1,), "answers": (1,), "header": (1,), "leaves": (1,),
    "block": (1, 2), "stamp": (3,), "sketch": (5,), "error": (1,),
}  # fmt: skip
_DAYS = {"welcome": 2, "receipt": 1, "stamp": 2, "sketch": 2, "cells": 2, "bisect": 4}


def scenarios() -> Iterator[Scenario]:
    """All of the operation `decode_frame`."""
    for name, record in _GOOD.items():
        yield _frame(name, "A frame of this type.", record)
        if name not in {"idle", "end"}:
            yield _frame(f"{name}-too-few-fields", "The last field is missing.", record[:-1],
                         "malformed")  # fmt: skip
    for name in (
        "header",
        "want",
        "cursor",
        "purge",
        "end",
        "replies-interest",
        "card-interest",
        "card",
    ):
        yield _frame(f"{name}-longer", "A field that this version does not know.",
                     [*_GOOD[name], "new"], known=len(_GOOD[name]))  # fmt: skip
    for name, positions in _COUNTERS.items():
        for position in positions:
            for text, number in _BOUNDS.items():
                yield _frame(f"{name}-field-{position}-{text}", f"Field {position} is {number}.",
                             _with(name, {position: number}))  # fmt: skip
            yield _frame(f"{name}-field-{position}-2-53", f"Field {position} is 2^53.",
                         _with(name, {position: _BIG}), "malformed")  # fmt: skip
    for name, position in _DAYS.items():
        for number in (0, 2**31, 2**32 - 1):
            yield _frame(f"{name}-field-{position}-{number}", f"Field {position} is {number}.",
                         _with(name, {position: number}))  # fmt: skip
        for number in (2**32, _BIG):
            yield _frame(f"{name}-field-{position}-{number}", "Days and cells are u32.",
                         _with(name, {position: number}), "malformed")  # fmt: skip
    desk = _GOOD["desk-interest"]
    yield _frame("desk-interest-estimate", "A field that came later.",
                 [*desk, wire.draw("estimate", 512)])  # fmt: skip
    yield _frame("desk-interest-estimate-empty", "A sketch is understood, and none asked for.",
                 [*desk, b""])  # fmt: skip
    yield _frame("desk-interest-estimate-nil", "As if it were not there.", [*desk, None], known=9)
    yield _frame("desk-interest-estimate-511", "It has 512 bytes or none.", [*desk, bytes(511)],
                 "malformed")  # fmt: skip
    opened = _GOOD["opened-interest"]
    yield _frame("opened-interest-since", "A field that came later: of this day and later.",
                 [*opened, DAY])  # fmt: skip
    yield _frame("opened-interest-since-last", "The last day.", [*opened, 2**32 - 1])
    yield _frame("opened-interest-since-0", "As if it were not there.", [*opened, 0], known=5)
    yield _frame("opened-interest-since-2-32", "Days are u32.", [*opened, 2**32], "malformed")
    yield _frame("opened-interest-since-nil", "It is a number.", [*opened, None], "malformed")
    yield _frame("opened-interest-longer", "A field that this version does not know.",
                 [*opened, DAY, "new"], known=6)  # fmt: skip
    yield _frame("idle-heard", "A field that came later: three IDLE are answered.", [20, 3])
    yield _frame("idle-heard-0", "As if it were not there.", [20, 0], known=1)
    yield _frame("idle-heard-2-53", "Too large.", [20, _BIG], "malformed")
    yield _frame("idle-heard-text", "It is a number.", [20, "1"], "malformed")
    yield _frame("idle-longer", "A field that this version does not know.", [20, 1, "new"],
                 known=2)  # fmt: skip
    yield from _good()
    yield from _bad()
    yield from _types()


def _with(name: str, changed: dict[int, Value]) -> list[Value]:
    return [changed.get(index, value) for index, value in enumerate(_GOOD[name])]


def _frame(name: str, comment: str, record: list[Value], verdict: str = "ok",
           known: int | None = None) -> Scenario:  # fmt: skip
    out = {"fields": tree(record[:known])} if verdict == "ok" else {}
    given = {"record": wire.pack(record)}
    return Scenario("decode_frame", name, "17", comment, given, verdict, out)


def _good() -> Iterator[Scenario]:
    cases: dict[str, tuple[str, str, dict[int, Value]]] = {
        "versions-8": ("hello", "Most versions.", {1: list(range(8))}),
        "bits-0": ("welcome", "No prefix at all.", {5: 0, 6: 0}),
        "bits-32": ("welcome", "The longest prefixes.", {5: 32, 6: 32}),
        "number-31": ("desk-interest", "The last number.", {1: 31}),
        "epochs-128": ("desk-interest", "Most weeks.", {5: EPOCH, 6: EPOCH + 127}),
        "one-epoch": ("desk-interest", "One week.", {5: EPOCH, 6: EPOCH}),
        "cursor-64": ("desk-interest", "The longest cursor.", {7: bytes(64)}),
        "cursor-empty": ("desk-interest", "A cursor of no bytes.", {7: b""}),
        "bits-0-": ("replies-interest", "All replies.", {3: 0, 4: bytes(4)}),
        "bits-32-": ("replies-interest", "A whole prefix.", {3: 32, 4: b"\xff" * 4}),
        "prefixes-64": ("opened-interest", "Most prefixes.",
                        {3: 32, 4: wire.draw("prefixes", 256)}),
        "desks-32": ("public-interest", "Most desks.",
                     {3: [[wire.draw(f"tag {n}", 16), n, n] for n in range(32)]}),
        "serials-0": ("public-interest", "None is known.", {3: [[TAG, 0, 0]]}),
        "serials-2-53-less-1": ("public-interest", "The last serials.", {3: [[TAG, _MAX, _MAX]]}),
        "no-cursor": ("all-interest", "From the beginning.", {4: None}),
        "empty": ("cursor", "A cursor of no bytes.", {2: b""}),
        "offers-2048": ("offers", "Most offers.", {2: wire.draw("offers", 32768)}),
        "codes-2048": ("answers", "Most answers.", {2: bytes(2048)}),
        "empty-bitmap": ("partial", "No block is held.", {2: b""}),
        "largest-bitmap": ("partial", "All of 65,536 blocks.", {2: b"\xff" * 8192}),
        "wants-2048": ("want", "Most wants.", {1: wire.draw("wants", 32768)}),
        "hashes-64": ("leaves", "A whole page.", {3: wire.draw("leaves", 2048)}),
        "page-1023": ("leaves", "The last page.", {2: 1023}),
        "page-1024": ("leaves", "Most page roots.", {2: 1024, 3: wire.draw("roots", 32768)}),
        "block-16384": ("block", "A whole block.", {3: bytes(16384)}),
        "block-1": ("block", "The smallest block.", {3: b"\x00"}),
        "entries-512": ("ack", "Most entries.", {2: [[n, 0, 0] for n in range(512)]}),
        "statuses": ("ack", "Each status.",
                     {2: [[0, 0, 0], [1, 1, 7], [2, 2, 0], [3, 3, 0], [4, 4, 10]]}),
        "bounds": ("ack", "The largest integers.", {1: _MAX, 2: [[_MAX, 1, _MAX]]}),
        "ids-512": ("receipt", "Most ids.", {3: wire.draw("ids", 16384)}),
        "cells-2048": ("cells", "Most cells.", {3: wire.draw("cells", 24576)}),
        "bits-32--": ("bisect", "A whole prefix.", {2: 32, 3: b"\xff" * 4}),
        "envelope-65000": ("card", "The longest card.", {1: wire.draw("card", 65000)}),
        "envelope-1": ("card", "Whatever it says.", {1: b"\x00"}),
        "number-31-": ("card-interest", "The last number.", {1: 31}),
        "detail-256": ("error", "The longest detail.", {2: "a" * 256}),
        "detail-empty": ("error", "No detail.", {2: ""}),
        "verdict-unknown": ("error", "A verdict that is not in the list.", {1: 34}),
    }  # fmt: skip
    for name, (frame, comment, changed) in cases.items():
        yield _frame(f"{frame}-{name.rstrip('-')}", comment, _with(frame, changed))


def _bad() -> Iterator[Scenario]:
    cases: dict[str, tuple[str, str, dict[int, Value]]] = {
        "no-version": ("hello", "No version.", {1: []}),
        "versions-9": ("hello", "One too many.", {1: list(range(9))}),
        "incarnation-15": ("welcome", "It has 16 bytes.", {3: bytes(15)}),
        "reply-bits-33": ("welcome", "At most 32.", {5: 33}),
        "opened-bits-33": ("welcome", "At most 32.", {6: 33}),
        "number-32": ("replies-interest", "There are 32 numbers.", {1: 32}),
        "statement-8193": ("desk-interest", "At most 8192 bytes.", {3: bytes(8193)}),
        "signing-key-31": ("desk-interest", "It has 32 bytes.", {4: bytes(31)}),
        "epochs-129": ("desk-interest", "One week too many.", {5: EPOCH, 6: EPOCH + 128}),
        "epochs-backwards": ("desk-interest", "The last before the first.",
                             {5: EPOCH, 6: EPOCH - 1}),
        "epoch-2-32": ("desk-interest", "An epoch is a u32 where it is signed.",
                       {5: 2**32, 6: 2**32}),
        "cursor-65": ("desk-interest", "At most 64 bytes.", {7: bytes(65)}),
        "signature-64": ("desk-interest", "It has 65 bytes.", {8: bytes(64)}),
        "bits-33": ("replies-interest", "At most 32.", {3: 33}),
        "prefix-3": ("replies-interest", "It has 4 bytes.", {4: bytes(3)}),
        "prefix-5": ("replies-interest", "It has 4 bytes.", {4: bytes(5)}),
        "prefix-behind-bits": ("replies-interest", "A bit behind the first 5.",
                               {4: b"\xac\x00\x00\x00"}),
        "no-prefix": ("opened-interest", "No prefix.", {4: b""}),
        "prefixes-65": ("opened-interest", "One too many.", {3: 32, 4: bytes(260)}),
        "prefixes-7-bytes": ("opened-interest", "Not whole prefixes.", {4: bytes(7)}),
        "prefix-behind-bits ": ("opened-interest", "A bit behind the first 8.",
                                {4: b"\xa8\x01\x00\x00"}),
        "no-desk": ("public-interest", "No desk.", {3: []}),
        "desks-33": ("public-interest", "One too many.", {3: [[TAG, 0, 0]] * 33}),
        "serial-2-53": ("public-interest", "Above the largest integer.", {3: [[TAG, _BIG, 0]]}),
        "tag-15": ("public-interest", "It has 16 bytes.", {3: [[TAG[:15], 0, 0]]}),
        "signature-66": ("all-interest", "It has 65 bytes.", {5: bytes(66)}),
        "interest-32": ("cursor", "There are 32 numbers.", {1: 32}),
        "cursor-65 ": ("cursor", "At most 64 bytes.", {2: bytes(65)}),
        "none": ("offers", "No offer.", {2: b""}),
        "offers-2049": ("offers", "One too many.", {2: bytes(32784)}),
        "offers-17-bytes": ("offers", "Not whole offers.", {2: bytes(17)}),
        "none ": ("answers", "No answer.", {2: b""}),
        "codes-2049": ("answers", "One too many.", {2: bytes(2049)}),
        "code-5": ("answers", "There is no answer 5.", {2: b"\x05"}),
        "bitmap-8193": ("partial", "At most 8192 bytes.", {2: b"\xff" * 8193}),
        "bitmap-zero-at-the-end": ("partial", "Trailing zero bytes are dropped.", {2: b"\xff\x00"}),
        "id-31": ("partial", "It has 32 bytes.", {1: _ID[:31]}),
        "none  ": ("want", "Nothing is wanted.", {1: b""}),
        "wants-2049": ("want", "One too many.", {1: bytes(32784)}),
        "header-95": ("header", "It has 96 bytes.", {2: bytes(95)}),
        "header-97": ("header", "It has 96 bytes.", {2: bytes(97)}),
        "page-1025": ("leaves", "There is no page 1025.", {2: 1025}),
        "none   ": ("leaves", "No hash.", {3: b""}),
        "hashes-65": ("leaves", "One too many in a page.", {3: bytes(2080)}),
        "hashes-65-last-page": ("leaves", "One too many in a page.", {2: 1023, 3: bytes(2080)}),
        "roots-1025": ("leaves", "One page root too many.", {2: 1024, 3: bytes(32800)}),
        "hashes-33-bytes": ("leaves", "Not whole hashes.", {3: bytes(33)}),
        "data-empty": ("block", "No byte.", {3: b""}),
        "data-16385": ("block", "One byte too many.", {3: bytes(16385)}),
        "no-entry": ("ack", "No entry.", {2: []}),
        "entries-513": ("ack", "One too many.", {2: [[n, 0, 0] for n in range(513)]}),
        "status-5": ("ack", "There is no status 5.", {2: [[0, 5, 0]]}),
        "entry-two-fields": ("ack", "A field is missing.", {2: [[0, 0]]}),
        "handle-2-53": ("ack", "Above the largest integer.", {2: [[_BIG, 0, 0]]}),
        "seed-15": ("receipt", "It has 16 bytes.", {2: bytes(15)}),
        "no-id": ("receipt", "No id.", {3: b""}),
        "ids-513": ("receipt", "One too many.", {3: bytes(16416)}),
        "signature-64 ": ("receipt", "It has 65 bytes.", {4: bytes(64)}),
        "opened-31": ("opened", "It has 32 bytes.", {2: bytes(31)}),
        "signature-64  ": ("opened", "It has 65 bytes.", {4: bytes(64)}),
        "purge-key-33": ("purge", "It has 32 bytes.", {2: bytes(33)}),
        "nonce-17": ("stamp", "It has 16 bytes.", {4: bytes(17)}),
        "cells-2049": ("cells", "One too many.", {3: bytes(24588)}),
        "half-a-cell": ("cells", "A cell has 12 bytes.", {3: bytes(18)}),
        "sketch-2049": ("sketch", "At most 2048 follow.", {6: 2049}),
        "bisect-2049": ("bisect", "At most 2048 at once.", {5: 2049}),
        "lack-4097": ("lack", "One too many.", {2: bytes(20485)}),
        "lack-4": ("lack", "Each has 5 bytes.", {2: bytes(4)}),
        "interest-32 ": ("cells", "There are 32 numbers.", {1: 32}),
        "key-15": ("sketch", "It has 16 bytes.", {3: bytes(15)}),
        "fingerprint-31": ("sketch", "It has 32 bytes.", {4: bytes(31)}),
        "bits-33 ": ("bisect", "At most 32.", {2: 33}),
        "prefix-behind-bits  ": ("bisect", "A bit behind the first 4.", {3: b"\xf8\x00\x00\x00"}),
        "envelope-65001": ("card", "One byte too long.", {1: bytes(65001)}),
        "envelope-empty": ("card", "No byte.", {1: b""}),
        "verdict-text": ("error", "A verdict is a number.", {1: "busy"}),
        "detail-257": ("error", "One byte too long.", {2: "a" * 257}),
        "detail-line-feed": ("error", "A line has no line feed.", {2: "a\nb"}),
        "detail-escape": ("error", "A control character.", {2: "\x1b[2J"}),
    }  # fmt: skip
    for name, (frame, comment, changed) in cases.items():
        yield _frame(f"{frame}-{name.strip()}", comment, _with(frame, changed), "malformed")
    yield _frame("interest-class-0", "There is no class 0.", [3, 0, 0], "unknown_kind")
    yield _frame("interest-class-7", "There is no class 7.", [3, 0, 7, 0, bytes(4)], "unknown_kind")


def _types() -> Iterator[Scenario]:
    for number in (0, 25, 127):
        yield _frame(f"type-{number}", "A type that is not in the table.", [number],
                     "unexpected_frame")  # fmt: skip
    for number in (128, 129, 255, 2**31, _MAX):
        yield Scenario("decode_frame", f"type-{number}-ignored", "17", "A type of the future.",
                       {"record": wire.pack([number, "anything", [1]])},
                       output={"ignored": True})  # fmt: skip
    yield _frame("type-2-53", "Above the largest integer.", [_BIG], "malformed")
    yield _frame("no-type", "An empty record.", [], "malformed")
    yield _frame("type-text", "A type is a number.", ["END"], "malformed")
    yield _frame("type-true", "A type is a number.", [True], "malformed")
    for name, comment, data in (
        ("empty-record", "No byte.", b""),
        ("trailing-byte", "A byte behind the end.", wire.pack([22]) + b"\x00"),
        ("ignored-trailing-byte", "What is ignored is a record too.", wire.pack([200]) + b"\x00"),
        ("ignored-with-a-float", "What is ignored is a record too.", b"\x92\xcc\xc8\xca\0\0\0\0"),
        ("not-shortest", "END as a number of two bytes.", b"\x91\xcc\x16"),
    ):
        yield Scenario("decode_frame", name, "17", comment, {"record": data}, "malformed")
    long = wire.pack([200, bytes(65517 - 6)])
    yield Scenario("decode_frame", "record-65517", "17", "The longest frame.", {"record": long},
                   output={"ignored": True})  # fmt: skip
    yield Scenario("decode_frame", "record-65518", "17", "One byte too long.",
                   {"record": wire.pack([200, bytes(65518 - 6)])}, "too_large")  # fmt: skip
