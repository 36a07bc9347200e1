"""Datagrams (section 23): the bytes of one below its mask, and the mask."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from tests.make_vectors import wire
from tests.make_vectors.scenario import Scenario

_KEY = wire.draw("datagram relay key", 1216)
_CONNECTION = wire.draw("datagram connection", 8)
_NUMBERS = {"0": 0, "2-31": 2**31, "2-32-less-1": 2**32 - 1}
_OFFSETS = {"0": 0, "2-31": 2**31, "2-32": 2**32, "2-48-less-5": 2**48 - 5}

Ranges = Sequence[tuple[int, int]]


def datagram_of(key: bytes, *, to_relay: bool, below: bytes) -> bytes:
    """The tag, and what stands below its mask."""
    seed = wire.sha256(key) + bytes([to_relay])
    tag = hashlib.shake_128(wire.label("datagram-tag") + seed + below).digest(8)
    stream = hashlib.shake_128(wire.label("datagram") + seed + tag).digest(len(below))
    return tag + bytes(one ^ other for one, other in zip(below, stream, strict=True))


def acks_of(ranges: Ranges, *, delay: int = 25, limit: int = 2**20) -> bytes:
    """Acknowledgements as they stand in a head; a range is its last number and its length."""
    told = b"".join(wire.u32(last) + wire.u16(length) for last, length in ranges)
    return bytes([len(ranges)]) + wire.u16(delay) + limit.to_bytes(6, "big") + told


def _head(flags: int, number: int = 9) -> bytes:
    return _CONNECTION + wire.u32(number) + bytes([flags])


def _data(offset: int, data: bytes) -> bytes:
    return offset.to_bytes(6, "big") + data


def _case(
    name: str,
    comment: str,
    below: bytes,
    verdict: str = "ok",
    *,
    to_relay: bool = True,
    **out: object,
) -> Scenario:
    datagram = datagram_of(_KEY, to_relay=to_relay, below=below)
    return _read(name, comment, datagram, verdict, to_relay=to_relay, out=out)


def _read(
    name: str,
    comment: str,
    datagram: bytes,
    verdict: str,
    *,
    to_relay: bool = True,
    key: bytes = _KEY,
    out: Mapping[str, object] | None = None,
) -> Scenario:
    given = {"relay_sealing_key": key, "to_relay": int(to_relay), "datagram": datagram}
    bare = {
        "connection": _CONNECTION, "number": 9, "acks": [], "offset": 0, "data": [],
        "last": False, "close": False,
    }  # fmt: skip
    return Scenario("read_datagram", name, "23", comment, given, verdict,
                    {**bare, **(out or {})} if verdict == "ok" else {})  # fmt: skip


def _told(ranges: Ranges, delay: int = 25, limit: int = 2**20) -> list[object]:
    return [delay, limit, [[last - length, last] for last, length in ranges]]


def scenarios() -> Iterator[Scenario]:
    """`read_datagram`."""
    yield from _good()
    for name, comment, below in _bad():
        yield _case(name, comment, below, "malformed")
    yield from _foreign()


def _good() -> Iterator[Scenario]:
    three = [(50, 10), (30, 10), (7, 0)]
    yield _case("bare", "Nothing but a number.", _head(0))
    yield _case("close", "A close and nothing else.", _head(8), close=True)
    yield _case("from-relay", "The relay's direction.", _head(8), to_relay=False, close=True)
    yield _case("data", "A piece.", _head(2) + _data(3, b"data"), offset=3, data=b"data")
    yield _case("last", "The end, with nothing.", _head(6) + _data(9, b""), offset=9, data=b"",
                last=True)  # fmt: skip
    yield _case("acks", "Three ranges.", _head(1) + acks_of(three), acks=_told(three))
    yield _case(
        "all", "All that there can be.", _head(15) + acks_of(three) + _data(3, b"data"),
        acks=_told(three), offset=3, data=b"data", last=True, close=True,
    )  # fmt: skip
    whole = wire.draw("datagram data", 1323)
    yield _case(
        "longest", "1350 bytes, all of them masked.", _head(2) + _data(0, whole), data=whole
    )
    for name, number in _NUMBERS.items():
        yield _case(f"number-{name}", "A number.", _head(0, number), number=number)
    for name, offset in _OFFSETS.items():
        yield _case(f"offset-{name}", "An offset.", _head(2) + _data(offset, b"data"),
                    offset=offset, data=b"data")  # fmt: skip
    sixteen = [(30 - 2 * place, 0) for place in range(16)]
    yield _case("sixteen-ranges", "As many as there may be.", _head(1) + acks_of(sixteen),
                acks=_told(sixteen))  # fmt: skip
    ends = [(2**32 - 1, 65535), (65535, 65535)]
    yield _case(
        "longest-ranges", "The longest ranges, delay and limit.",
        _head(1) + acks_of(ends, delay=65535, limit=2**48 - 1), acks=_told(ends, 65535, 2**48 - 1),
    )  # fmt: skip


def _bad() -> Iterator[tuple[str, str, bytes]]:
    one = acks_of([(50, 10)])
    yield "empty", "A tag and nothing else.", b""
    yield "short", "A byte less than a head.", _head(0)[:-1]
    yield "too-long", "1351 bytes.", _head(2) + _data(0, bytes(1324))
    yield "flag-16", "A flag that means nothing.", _head(16)
    yield "behind-bare", "A byte behind a head without data.", _head(0) + b"!"
    yield "behind-acks", "A byte behind acknowledgements without data.", _head(1) + one + b"!"
    yield "last-without-data", "An end without a place.", _head(4)
    yield "cut-offset", "An offset of 5 bytes.", _head(2) + bytes(5)
    yield "data-beyond-2-48", "The data ends at 2^48.", _head(2) + _data(2**48 - 1, b"!")
    yield "no-acks", "Acknowledgements are told of and missing.", _head(1)
    yield "no-ranges", "No range at all.", _head(1) + acks_of([])
    yield (
        "seventeen-ranges",
        "One range too many.",
        _head(1) + acks_of([(40 - 2 * place, 0) for place in range(17)]),
    )
    yield "cut-range", "A range of 5 bytes.", _head(1) + one[:-1]
    yield "range-below-0", "A range that begins at -1.", _head(1) + acks_of([(50, 51)])
    for name, second in {"touch": (39, 0), "overlap": (45, 0), "rise": (60, 0)}.items():
        yield (
            f"ranges-{name}",
            "Ranges not apart, or not in order.",
            _head(1) + acks_of([(50, 10), second]),
        )


def _foreign() -> Iterator[Scenario]:
    written = datagram_of(_KEY, to_relay=True, below=_head(2) + _data(3, b"data"))
    other = wire.draw("datagram another key", 1216)
    for name, comment, datagram, way in (
        ("changed-tag", "A bit of the tag is another.", bytes([written[0] ^ 1]) + written[1:],
         True),
        ("changed-data", "A bit of the data is another.", written[:-1] + bytes([written[-1] ^ 1]),
         True),
        ("cut", "The last byte is missing.", written[:-1], True),
        ("longer", "A byte behind the end.", written + b"!", True),
        ("other-direction", "Of the other direction.", written, False),
    ):  # fmt: skip
        yield _read(name, comment, datagram, "malformed", to_relay=way)
    yield _read("other-relay", "Of another relay.", written, "malformed", key=other)
