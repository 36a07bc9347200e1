"""Bundles (section 19)."""

from collections.abc import Iterator

from tests.make_vectors import wire
from tests.make_vectors.documents import EXPIRY, TAG
from tests.make_vectors.scenario import Scenario
from tests.make_vectors.sealed import Parcel, seal_part


def framed(*records: bytes) -> bytes:
    """Frames as they stand in a packet or a bundle."""
    return b"".join(wire.u16(len(record)) + record for record in records)


def frames_of(handle: int, parcel: Parcel) -> list[bytes]:
    """The records of one parcel of at most 64 blocks."""
    leaves = wire.leaves_of(parcel.body)
    records = [wire.pack([9, handle, parcel.header])]
    if len(leaves) > 1:
        records.append(wire.pack([10, handle, 0, b"".join(leaves)]))
    for index in range(len(leaves)):
        block = parcel.body[index * 16384 : (index + 1) * 16384]
        records.append(wire.pack([11, handle, index, block]))
    return records


def bundle_of(parcels: list[Parcel], *others: bytes) -> bytes:
    """A whole bundle, with other frames before its END."""
    entries, frames = [], b""
    start = 12 + 56 * len(parcels)
    for handle, parcel in enumerate(parcels):
        offset = start + len(frames)
        size = len(parcel.body)
        entries.append(
            parcel.parcel_id + parcel.header[2:3] + bytes(7) + wire.u64(size) + wire.u64(offset)
        )
        frames += framed(*frames_of(handle, parcel))
    frames += framed(*others, wire.pack([22]))
    return b"QNTB\x01\0\0\0" + wire.u32(len(parcels)) + b"".join(entries) + frames


def _entries(bundle: bytes) -> list[list[int | bytes]]:
    count = int.from_bytes(bundle[8:12], "big")
    rows = [bundle[12 + 56 * n : 68 + 56 * n] for n in range(count)]
    return [
        [row[:32], row[32], int.from_bytes(row[40:48], "big"), int.from_bytes(row[48:], "big")]
        for row in rows
    ]


def scenarios() -> Iterator[Scenario]:
    """All of the operation `read_bundle`."""
    body = wire.draw("bundle: body", 4096)
    front = wire.header_front(1, expiry=EXPIRY, size=4096, tag=TAG, lock=bytes(32))
    small = Parcel(wire.finish_header(front, body), body, bytes(32))
    data = wire.draw("bundle: data", 17000)
    large = seal_part("bundle: part", data, tag=TAG, expiry=EXPIRY)
    purge = wire.pack([15, small.parcel_id, bytes(32)])
    stamp = wire.pack([16, small.parcel_id, 2714, 1, bytes(16)])
    good = bundle_of([small, large], purge, stamp)
    types = [9, 11, 9, 10, 11, 11, 15, 16, 22]
    index = _entries(good)

    def case(
        name: str,
        comment: str,
        data: bytes,
        verdict: str = "ok",
        told: tuple[list[list[int | bytes]], list[int]] | None = None,
    ) -> Scenario:
        out = {} if told is None else {"index": told[0], "frame_types": told[1]}
        return Scenario("read_bundle", name, "19", comment, {"bundle": data}, verdict, out)

    empty = bundle_of([])
    yield case(
        "two-parcels", "A letter, a part, a purge key and a stamp.", good, "ok", (index, types)
    )
    yield case("empty", "No parcel; END.", empty, "ok", ([], [22]))
    start = 12 + 56 * 2
    first_end = start + len(framed(*frames_of(0, small)))
    yield case(
        "cut-behind-a-parcel",
        "The second parcel is missing, and END.",
        good[:first_end],
        "cut",
        (index, [9, 11]),
    )
    yield case(
        "cut-in-a-frame", "One byte of END is missing.", good[:-1], "cut", (index, types[:-1])
    )
    yield case(
        "cut-in-a-length",
        "One byte of END's length is there.",
        good[:-3],
        "cut",
        (index, types[:-1]),
    )
    yield case("cut-before-end", "END is missing.", good[:-4], "cut", (index, types[:-1]))
    yield case(
        "cut-in-the-index", "The second entry is cut.", good[: start - 1], "cut", (index[:1], [])
    )
    yield case("cut-in-the-opening", "The count is cut.", good[:11], "cut", ([], []))
    yield case("nothing", "No byte.", b"", "cut", ([], []))
    damaged = good[:12] + wire.draw("damaged index", 56) + good[68:]
    yield case(
        "index-damaged",
        "The first entry is noise: the frames are believed.",
        damaged,
        "ok",
        (_entries(damaged), types),
    )
    unlisted = good[:8] + wire.u32(0) + good[start:]
    yield case(
        "index-empty", "Nothing is listed: the frames are believed.", unlisted, "ok", ([], types)
    )
    yield case("magic", "Another file.", b"PK\x03\x04" + good[4:], "malformed")
    yield case(
        "version-0", "There is no version 0.", good[:4] + b"\x00" + good[5:], "unknown_version"
    )
    yield case(
        "version-2", "A version of the future.", good[:4] + b"\x02" + good[5:], "unknown_version"
    )
    yield case(
        "zeros-of-the-opening",
        "The three bytes are zero.",
        good[:5] + b"\x01" + good[6:],
        "malformed",
    )
    yield case(
        "count-65537", "One entry too many.", good[:8] + wire.u32(65537) + good[12:], "too_large"
    )
    yield case(
        "count-2-32-less-1",
        "A count beyond all reason.",
        good[:8] + b"\xff" * 4 + good[12:],
        "too_large",
    )
    hello = empty[:12] + framed(wire.pack([1, [1]]), wire.pack([22]))
    yield case(
        "frame-of-a-session", "HELLO has no place in a bundle.", hello, "unexpected_frame", ([], [])
    )
    future = empty[:12] + framed(wire.pack([128, "new"]), wire.pack([22]))
    yield case("frame-of-the-future", "Type 128 is ignored.", future, "ok", ([], [22]))
    unknown = empty[:12] + framed(wire.pack([25]), wire.pack([22]))
    yield case(
        "frame-unknown", "Type 25 is not in the table.", unknown, "unexpected_frame", ([], [])
    )
    broken = empty[:12] + framed(wire.pack([15, bytes(31), bytes(32)]), wire.pack([22]))
    yield case("frame-malformed", "An id is short.", broken, "malformed", ([], []))
    long = empty[:12] + wire.u16(65518) + bytes(65518)
    yield case("frame-65518", "A frame longer than any may be.", long, "too_large", ([], []))
    yield case(
        "behind-end",
        "Something stands behind END.",
        good + framed(wire.pack([22])),
        "malformed",
        (index, types),
    )
