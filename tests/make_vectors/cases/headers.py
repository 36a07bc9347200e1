"""Headers, legal sizes and expiry (section 3)."""

from collections.abc import Iterator

from tests.make_vectors import wire
from tests.make_vectors.documents import DAY, EXPIRY, TAG
from tests.make_vectors.scenario import Scenario

_LOCK = wire.lock_of(wire.draw("header: content key"))
_ROOT = wire.draw("header: root")
_KINDS = {"letter": wire.LETTER, "part": wire.PART, "public": wire.PUBLIC, "reply": wire.REPLY}
_LARGEST = {"letter": 262144, "part": 1 << 30, "public": 1 << 20, "reply": 262144}


def scenarios() -> Iterator[Scenario]:
    """`parse_header`, `check_expiry`, `padme`, `legal_sizes`, `body_size`."""
    yield from _good_headers()
    yield from _bad_headers()
    yield from _expiry()
    yield from _sizes()


def _header(
    kind: int = wire.LETTER,
    size: int = 4096,
    *,
    expiry: int = EXPIRY,
    urgent: bool = False,
    tag: bytes = TAG,
    lock: bytes = _LOCK,
    root: bytes = _ROOT,
) -> bytes:
    front = wire.header_front(kind, expiry=expiry, size=size, tag=tag, lock=lock, urgent=urgent)
    return front + root


def _rank(kind: int, size: int, urgent: bool) -> int:
    if kind == wire.PART:
        return {16384: 2, 131072: 3}.get(size, 4)
    return 0 if urgent else 1


def _good_headers() -> Iterator[Scenario]:
    cases = {
        "letter": _header(),
        "letter-urgent": _header(urgent=True),
        "reply": _header(wire.REPLY),
        "reply-urgent": _header(wire.REPLY, urgent=True),
        "public": _header(wire.PUBLIC),
        "part-thumbnail": _header(wire.PART, 16384),
        "part-preview": _header(wire.PART, 131072),
        "expiry-0": _header(expiry=0),
        "expiry-2-31": _header(expiry=2**31),
        "expiry-2-32-less-1": _header(expiry=2**32 - 1),
        "all-zero-values": _header(tag=bytes(16), lock=bytes(32), root=bytes(32)),
        "all-one-values": _header(tag=b"\xff" * 16, lock=b"\xff" * 32, root=b"\xff" * 32),
    }
    for name, kind in _KINDS.items():
        sizes = wire.legal_sizes(kind, _LARGEST[name])
        for size in (*sizes[:4], sizes[-2], sizes[-1]):
            cases[f"{name}-size-{size}"] = _header(kind, size)
    for name, header in cases.items():
        kind, urgent = header[2], header[3] == 1
        size = int.from_bytes(header[8:16], "big")
        parcel_id = wire.parcel_id_of(header)
        out = {
            "kind": kind,
            "urgent": urgent,
            "expiry": int.from_bytes(header[4:8], "big"),
            "body_size": size,
            "tag": header[16:32],
            "lock": header[32:64],
            "root": header[64:],
            "parcel_id": parcel_id,
            "offer": parcel_id[:16],
            "bind": wire.bind_of(header),
            "rank": _rank(kind, size, urgent),
        }
        yield Scenario("parse_header", name, "3", "A header that stands.", {"header": header},
                       output=out)  # fmt: skip


def _bad_headers() -> Iterator[Scenario]:
    good = _header()

    def put(offset: int, value: int, header: bytes = good) -> bytes:
        return header[:offset] + bytes([value]) + header[offset + 1 :]

    cases = {
        "nothing": ("No byte.", b"", "malformed"),
        "length-95": ("One byte is missing.", good[:-1], "malformed"),
        "length-97": ("One byte too many.", good + b"\x00", "malformed"),
        "version-0": ("There is no version 0.", put(0, 0), "unknown_version"),
        "version-2": ("A version of the future.", put(0, 2), "unknown_version"),
        "version-255": ("A version of the future.", put(0, 255), "unknown_version"),
        "suite-0": ("There is no suite 0.", put(1, 0), "unknown_suite"),
        "suite-2": ("A suite of the future.", put(1, 2), "unknown_suite"),
        "kind-0": ("There is no kind 0.", put(2, 0), "unknown_kind"),
        "kind-5": ("There is no kind 5.", put(2, 5), "unknown_kind"),
        "kind-255": ("There is no kind 255.", put(2, 255), "unknown_kind"),
        "flag-1": ("Bit 1 is not used.", put(3, 2), "illegal_flags"),
        "flag-7": ("Bit 7 is not used.", put(3, 128), "illegal_flags"),
        "flags-urgent-and-other": ("Urgent, and a bit not used.", put(3, 3), "illegal_flags"),
        "part-urgent": ("A part is never urgent.", _header(wire.PART, 16384, urgent=True),
                        "illegal_flags"),
        "public-urgent": ("A public document is never urgent.", _header(wire.PUBLIC, urgent=True),
                          "illegal_flags"),
        "order-version-first": ("All is wrong; the version is told.",
                                b"\x02\x02\x09\xff" + put(15, 1)[4:], "unknown_version"),
        "order-suite-second": ("Suite, kind, flags and size are wrong.",
                               b"\x01\x02\x09\xff" + put(15, 1)[4:], "unknown_suite"),
        "order-kind-third": ("Kind, flags and size are wrong.",
                             b"\x01\x01\x09\xff" + put(15, 1)[4:], "unknown_kind"),
        "order-flags-fourth": ("Flags and size are wrong.",
                               b"\x01\x01\x01\xff" + put(15, 1)[4:], "illegal_flags"),
        "order-length-before-all": ("Wrong length, wrong version.", b"\x02" + good[1:-1],
                                    "malformed"),
    }  # fmt: skip
    for name, kind in _KINDS.items():
        largest = _LARGEST[name]
        sizes = {0, 1, 4095, 4097, 8191, 16383, 16385, largest + 1, 2 * largest, 2**31, 2**31 + 1,
                 2**32, 2**32 + 1, 2**53, 2**64 - 1, *_impossible(kind)}  # fmt: skip
        if kind == wire.PART:
            sizes |= {4096, 8192}
        for size in sorted(sizes):
            comment = f"A {name} never has {size} bytes."
            header = _header(kind, size)
            cases[f"{name}-size-{size}"] = (comment, header, "illegal_size")
    for name, (comment, header, verdict) in cases.items():
        yield Scenario("parse_header", name, "3", comment, {"header": header}, verdict)


def _impossible(kind: int) -> list[int]:
    """Sizes that Padme allows and chunked encryption cannot have."""
    largest = 262144 if kind != wire.PART else 1 << 24
    every = set(wire.legal_sizes(wire.PUBLIC, min(largest, 1 << 20)))
    return sorted(every - set(wire.legal_sizes(kind, largest)) - {4096, 8192})[:2]


def _expiry() -> Iterator[Scenario]:
    cases = {
        "today": (DAY, DAY, "ok"),
        "yesterday": (DAY - 1, DAY, "expired"),
        "560-days-ahead": (DAY + 560, DAY, "ok"),
        "561-days-ahead": (DAY + 561, DAY, "expiry_too_far"),
        "day-0": (0, 0, "ok"),
        "day-0-tomorrow": (0, 1, "expired"),
        "last-u32": (2**32 - 1, DAY, "expiry_too_far"),
        "last-u32-on-its-day": (2**32 - 1, 2**32 - 1, "ok"),
        "2-31": (2**31, 2**31, "ok"),
    }
    for name, (expiry, today, verdict) in cases.items():
        comment = f"Expiry {expiry} against day {today}."
        given = {"header": _header(expiry=expiry), "today": today}
        yield Scenario("check_expiry", name, "3", comment, given, verdict)


def _sizes() -> Iterator[Scenario]:
    sizes = sorted(
        {2, 3, 4, 7, 8, 9, 255, 256, 257, 1000, 16384, 16385, 100000, 131072, 131073, 262143,
         2**30 - 1, 2**30, 2**30 + 1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32, 2**40 + 1}
    )  # fmt: skip
    out = {"padded": [wire.padme(size) for size in sizes]}
    yield Scenario("padme", "table", "3", "Padme, size by size.", {"sizes": sizes}, output=out)
    for name, kind in _KINDS.items():
        legal = wire.legal_sizes(kind, _LARGEST[name])
        yield Scenario(
            "legal_sizes", name, "3",
            "Every legal size of a kind; no other size between them, before or behind is legal.",
            {"kind": kind}, output={"sizes": legal},
        )  # fmt: skip
    for name, kind in _KINDS.items():
        contents = {0, 1, 15360, 16312, 16313}
        for size in wire.legal_sizes(kind, _LARGEST[name])[:12]:
            held = {"part": wire.capacity(size), "public": size - 4}.get(
                name, wire.capacity(max(size - 1168, 72)) - 71
            )
            contents |= {held, held + 1}
        largest = wire.legal_sizes(kind, _LARGEST[name])[-1]
        asked = sorted(contents)
        extra = 71 if name in {"letter", "reply"} else 0
        yield Scenario(
            "body_size", name, "3",
            "The smallest legal body for so many bytes: coded content of a letter, data of an "
            "original, envelope of a public document.",
            {"kind": kind, "content_bytes": asked},
            output={"sizes": [wire.smallest_size(kind, size + extra) for size in asked]},
        )  # fmt: skip
        most = {"part": wire.capacity(largest), "public": largest - 4}.get(
            name, wire.capacity(max(largest - 1168, 72)) - 71
        )
        yield Scenario(
            "body_size", f"{name}-largest", "3", "What the largest body holds.",
            {"kind": kind, "content_bytes": [most]}, output={"sizes": [largest]},
        )  # fmt: skip
        yield Scenario(
            "body_size", f"{name}-too-large", "3", "One byte more than the largest body holds.",
            {"kind": kind, "content_bytes": [most + 1]}, "too_large",
        )  # fmt: skip
