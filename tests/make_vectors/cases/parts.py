"""Parts (section 6)."""

from collections.abc import Iterator

from tests.make_vectors import wire
from tests.make_vectors.documents import EXPIRY, TAG
from tests.make_vectors.scenario import Scenario
from tests.make_vectors.sealed import Parcel, seal_part


def scenarios() -> Iterator[Scenario]:
    """All of the operation `open_part`."""
    picture = wire.draw("picture", 15360)
    preview = wire.draw("preview", 130048)
    full = wire.draw("full part", wire.capacity(16384))
    two = wire.draw("two chunks", wire.capacity(17408))
    for name, comment, data, rendition in (
        ("thumbnail", "The largest thumbnail.", picture, 1),
        ("thumbnail-of-nothing", "A thumbnail of no bytes.", b"", 1),
        ("preview", "The largest preview.", preview, 2),
        ("original-empty", "An empty file.", b"", 3),
        ("original-one-byte", "A file of one byte.", b"\x00", 3),
        ("original-fills-the-body", "No zero stands behind the data.", full, 3),
        ("original-ends-with-zeros", "Zeros of the data are no padding.", b"end\x00\x00\x00", 3),
        ("original-two-chunks", "Data of two chunks.", two, 3),
    ):
        parcel = seal_part(f"part {name}", data, tag=TAG, expiry=EXPIRY, rendition=rendition)
        yield _scenario(name, comment, parcel, data)

    data = b"a small file"
    good = seal_part("part good", data, tag=TAG, expiry=EXPIRY)
    long = seal_part("part long", two, tag=TAG, expiry=EXPIRY)
    other = wire.draw("another content key")
    front = good.header[:64]
    yield _scenario("another-content-key", "The lock is of another content key.", good, data,
                    "bad_lock", content_key=other)  # fmt: skip
    for name, comment, changed in (
        ("tag", "The body under another tag.", front[:16] + bytes(16) + front[32:]),
        ("expiry", "The body under a later expiry.",
         front[:4] + wire.u32(EXPIRY + 7) + front[8:]),
    ):  # fmt: skip
        moved = Parcel(wire.finish_header(changed, good.body), good.body, good.content_key)
        yield _scenario(f"under-another-{name}", comment, moved, data, "cannot_open")
    for name, comment, parcel, offset in (
        ("salt", "A bit of the salt is changed.", good, 0),
        ("commitment", "A bit of the commitment is changed.", good, 30),
        ("chunk", "A bit of the first chunk is changed.", long, 60),
        ("last-chunk", "A bit of the last byte is changed.", long, len(long.body) - 1),
    ):
        body = bytearray(parcel.body)
        body[offset] ^= 1
        damaged = Parcel(
            wire.finish_header(parcel.header[:64], bytes(body)), bytes(body), parcel.content_key
        )
        told = two if parcel is long else data
        yield _scenario(f"damaged-{name}", comment, damaged, told, "cannot_open")
    yield _scenario("hash-of-another", "The hash is of other data.", good, data, "bad_hash",
                    sha256=wire.sha256(b"other data"))  # fmt: skip
    yield _scenario("length-one-less", "The letter tells one byte less than there is.", good, data,
                    "bad_padding", length=len(data) - 1)  # fmt: skip
    yield _scenario("length-one-more", "The letter tells one byte more than there is.", good, data,
                    "bad_hash", length=len(data) + 1)  # fmt: skip
    for name, length in (
        ("one-above-capacity", wire.capacity(16384) + 1),
        ("2-31", 2**31),
        ("2-32", 2**32),
        ("2-53-less-1", 2**53 - 1),
    ):
        yield _scenario(f"length-{name}", "More than the body can hold.", good, data, "malformed",
                        length=length)  # fmt: skip
    for name, padding in (("last", b"\x01"), ("first", b"\x01".ljust(16312 - len(data), b"\x00"))):
        padded = seal_part(f"part padding {name}", data, tag=TAG, expiry=EXPIRY, padding=padding)
        yield _scenario(f"padding-{name}-byte", f"The {name} byte of the padding is not zero.",
                        padded, data, "bad_padding")  # fmt: skip


def _scenario(
    name: str, comment: str, parcel: Parcel, data: bytes, verdict: str = "ok", *,
    length: int | None = None, sha256: bytes | None = None, content_key: bytes | None = None,
) -> Scenario:  # fmt: skip
    given = {
        "header": parcel.header,
        "body": parcel.body,
        "content_key": content_key or parcel.content_key,
        "length": len(data) if length is None else length,
        "sha256": sha256 or wire.sha256(data),
    }
    out = {"bytes": len(data), "sha256": wire.sha256(data)} if verdict == "ok" else {}
    return Scenario("open_part", name, "6", comment, given, verdict, out)
