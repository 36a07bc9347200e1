"""Reports (section 7): every field's rule, and signatures that stand or were moved."""

from collections.abc import Iterator

from tests.make_vectors import wire
from tests.make_vectors.documents import (
    AUTHOR,
    AUTHOR_KEY,
    DAY,
    DESK_ID,
    OTHER_DESK_ID,
    OTHER_SEED,
    SMALL_ORDER,
    attachment,
    key,
    part,
    report,
    report_context,
)
from tests.make_vectors.independent import torsion
from tests.make_vectors.scenario import Scenario, tree
from tests.make_vectors.wire import Value

_BIND = wire.label("bind") + wire.draw("header front of a report", 64)


def scenarios() -> Iterator[Scenario]:
    """`decode_report` and `verify_report`."""
    yield from _good()
    yield from _bad()
    yield from _signatures()


def _decode(name: str, comment: str, fields: list[Value], verdict: str = "ok") -> Scenario:
    content = wire.pack(fields)
    out = {}
    if verdict == "ok":
        report_id = wire.sha256(wire.label("report-id"), content)
        out = {"report_id": report_id, "fields": tree(fields[:16]) if len(content) < 8192 else None}
    return Scenario("decode_report", name, "7", comment, {"content": content}, verdict, out)


def _renditions(files: int) -> list[Value]:
    return [
        part(file, rendition, number=3 * file + rendition) if rendition < 3
        else part(file, 3, number=3 * file + 3)
        for file in range(files)
        for rendition in (1, 2, 3)
    ]  # fmt: skip


def _good() -> Iterator[Scenario]:
    box = [key("reporter").public, wire.draw("mailbox secret")]
    file, one = attachment(), part()
    cases: dict[str, tuple[str, list[Value]]] = {
        "text-only": ("A text.", report()),
        "everything": ("Every field is set.", report(
            figures=[["people", 2000, 3000]], files=[file], parts=[one],
            refers=[1, wire.draw("report id")], reply_box=box,
            checkpoint=[DAY, wire.draw("document hash")])),
        "withdrawal-without-text": ("A withdrawal says nothing else.",
                                    report(text="", refers=[2, wire.draw("report id")])),
        "correction-without-text": ("Field 13 is set.",
                                    report(text="", refers=[1, wire.draw("report id")])),
        "file-without-text": ("A file says it.", report(text="", files=[file], parts=[one])),
        "text-65536": ("The longest text.", report(text="a" * 65536)),
        "text-tab-and-line-feed": ("A text may have tabs and line feeds.", report(text="a\tb\nc")),
        "text-right-to-left": ("Any script.", report(text="گزارش \u200e از آلماتی")),
        "language-35": ("The longest language.", report(language="a" * 35)),
        "language-empty": ("No language.", report(language="")),
        "what-512": ("The longest headline.", report(what="a" * 512, where="b" * 512)),
        "when-128": ("The longest when.", report(when="a" * 128)),
        "lines-empty": ("What, where and when may be empty.", report(what="", where="", when="")),
        "figures-32": ("Most figures.", report(figures=[["x", n, n] for n in range(32)])),
        "figure-bounds": ("The widest figure.", report(figures=[["a" * 256, 0, 2**53 - 1]])),
        "files-32": ("Most files and most parts.",
                     report(files=[attachment()] * 32, parts=_renditions(32))),
        "name-255": ("The longest name.",
                     report(files=[attachment("a" * 255)], parts=[one])),
        "name-three-dots": ("Three dots are a name.",
                            report(files=[attachment("...")], parts=[one])),
        "media-type-3": ("The shortest media type.",
                         report(files=[attachment(media_type="a/b")], parts=[one])),
        "media-type-127": ("The longest media type.",
                           report(files=[attachment(media_type="a/" + "b" * 125)], parts=[one])),
        "file-empty": ("An empty file.", report(files=[attachment(data=b"")],
                                                parts=[part(data=b"")])),
        "checkpoint-bounds": ("The last day.", report(checkpoint=[2**53 - 1, bytes(32)])),
        "longer-array": ("A field that this version does not know.", report(more=["new", [1]])),
    }  # fmt: skip
    for basis in (0, 1, 2):
        cases[f"basis-{basis}"] = ("Not said, seen, heard.", report(basis=basis))
    for name, number in (("0", 0), ("2-31", 2**31), ("2-32", 2**32), ("2-53-less-1", 2**53 - 1)):
        cases[f"written-{name}"] = ("Seconds by the writer's clock.", report(written=number))
    for name, (comment, fields) in cases.items():
        yield _decode(name, comment, fields)


def _bad() -> Iterator[Scenario]:
    file, one = attachment(), part()
    row = attachment()

    def with_file(**changed: Value) -> list[Value]:
        return report(files=[attachment(**changed)], parts=[one])  # type: ignore[arg-type]

    def with_parts(*parts: list[Value], files: int = 1) -> list[Value]:
        return report(files=[file] * files, parts=list(parts))

    two_ids = part(1, number=1, parcel_id=wire.draw("part 0: parcel id"))
    two_keys = part(1, number=1, content_key=wire.draw("part 0: content key"))
    malformed: dict[str, tuple[str, list[Value]]] = {
        "nothing": ("No field.", []),
        "too-few-fields": ("The last field is missing.", report()[:-1]),
        "nonce-15": ("The nonce is short.", report(nonce=bytes(15))),
        "nonce-17": ("The nonce is long.", report(nonce=bytes(17))),
        "nonce-string": ("A string where a binary belongs.", report(nonce="a" * 16)),
        "written-2-53": ("An integer above 2^53 - 1.", report(written=2**53)),
        "written-true": ("A boolean is no integer.", report(written=True)),
        "written-nil": ("Nil is no integer.", report(written=None)),
        "language-36": ("One byte too long.", report(language="a" * 36)),
        "language-line-feed": ("A line has no line feed.", report(language="k\nk")),
        "text-65537": ("One byte too long.", report(text="a" * 65537)),
        "text-65536-characters": ("Length counts bytes, not characters.",
                                  report(text="ә" * 32769)),
        "text-binary": ("A binary where a text belongs.", report(text=b"text")),
        "text-empty": ("Neither text nor file nor reference.", report(text="")),
        "text-carriage-return": ("U+000D.", report(text="a\rb")),
        "text-nul": ("U+0000.", report(text="a\x00")),
        "text-escape": ("U+001B.", report(text="a\x1b[2J")),
        "text-delete": ("U+007F.", report(text="a\x7f")),
        "text-u-0080": ("U+0080.", report(text="a\x80")),
        "text-u-009f": ("U+009F.", report(text="a\x9f")),
        "what-513": ("One byte too long.", report(what="a" * 513)),
        "what-tab": ("A line has no tab.", report(what="a\tb")),
        "where-513": ("One byte too long.", report(where="a" * 513)),
        "where-line-feed": ("A line has no line feed.", report(where="a\nb")),
        "when-129": ("One byte too long.", report(when="a" * 129)),
        "basis-3": ("There is no basis 3.", report(basis=3)),
        "basis-2-53": ("No integer of a record.", report(basis=2**53)),
        "figures-33": ("One too many.", report(figures=[["x", 0, 1]] * 33)),
        "figures-nil": ("An array, if empty.", report(figures=None)),
        "figure-min-above-max": ("min > max.", report(figures=[["x", 2, 1]])),
        "figure-257": ("One byte too long.", report(figures=[["a" * 257, 0, 1]])),
        "figure-two-fields": ("A field is missing.", report(figures=[["x", 1]])),
        "figure-max-2-53": ("Above the largest integer.", report(figures=[["x", 0, 2**53]])),
        "files-33": ("One too many.", report(files=[file] * 33, parts=_renditions(33)[:96])),
        "file-without-part": ("No original.", report(files=[file])),
        "part-without-file": ("No such file.", report(parts=[one])),
        "part-of-file-1": ("There is one file, number 0.", with_parts(one, part(1, number=1))),
        "file-size-2-53": ("Above the largest integer.",
                           report(files=[[*row[:2], 2**53, row[3]]], parts=[one])),
        "file-hash-31": ("A hash is short.",
                         report(files=[[*row[:3], bytes(31)]], parts=[one])),
        "media-type-empty": ("Too short.", with_file(media_type="")),
        "media-type-2": ("Too short.", with_file(media_type="a/")),
        "media-type-128": ("One byte too long.", with_file(media_type="a/" + "b" * 126)),
        "media-type-no-slash": ("No slash.", with_file(media_type="image")),
        "media-type-two-slashes": ("Two slashes.", with_file(media_type="a/b/c")),
        "media-type-not-ascii": ("Not ASCII.", with_file(media_type="сурет/jpeg")),
        "part-media-type-no-slash": ("No slash.", with_parts(part(media_type="jpeg"))),
        "rendition-0": ("There is no rendition 0.", with_parts(part(0, 0), part(number=1))),
        "rendition-4": ("There is no rendition 4.", with_parts(one, part(0, 4, number=1))),
        "only-a-thumbnail": ("No original.", with_parts(part(0, 1))),
        "two-originals": ("Two originals of one file.", with_parts(one, part(number=1))),
        "two-thumbnails": ("Two thumbnails of one file.",
                           with_parts(part(0, 1, number=1), part(0, 1, number=2), one)),
        "parts-rendition-order": ("The original before the thumbnail.",
                                  with_parts(one, part(0, 1, number=1))),
        "parts-file-order": ("File 1 before file 0.",
                             with_parts(part(1, number=1), one, files=2)),
        "original-length": ("The original is as long as the file.", with_parts(part(length=8))),
        "original-hash": ("The original is the file.",
                          with_parts(part(sha256=wire.sha256(b"other")))),
        "parcel-id-twice": ("A part belongs to one file.", with_parts(one, two_ids, files=2)),
        "content-key-twice": ("A content key is used once.", with_parts(one, two_keys, files=2)),
        "parcel-id-31": ("An id is short.", with_parts(part(parcel_id=bytes(31)))),
        "content-key-33": ("A key is long.", with_parts(part(content_key=bytes(33)))),
        "refers-0": ("There is no reference 0.", report(refers=[0, bytes(32)])),
        "refers-3": ("There is no reference 3.", report(refers=[3, bytes(32)])),
        "refers-short-id": ("An id is short.", report(refers=[1, bytes(31)])),
        "refers-empty": ("Nil or two fields.", report(refers=[])),
        "reply-key-1215": ("A key is short.", report(reply_box=[bytes(1215), bytes(32)])),
        "mailbox-secret-31": ("A secret is short.",
                              report(reply_box=[key("reporter").public, bytes(31)])),
        "reply-box-one-field": ("A field is missing.", report(reply_box=[key("reporter").public])),
        "checkpoint-short-hash": ("A hash is short.", report(checkpoint=[DAY, bytes(31)])),
        "checkpoint-day-2-53": ("Above the largest integer.",
                                report(checkpoint=[2**53, bytes(32)])),
        "unknown-field-2-53": ("A field that is not known is still of a record.",
                               report(more=[2**53])),
    }  # fmt: skip
    for name, (comment, fields) in malformed.items():
        yield _decode(name, comment, fields, "malformed")
    for name, bad_name in {
        "empty": "", "slash": "a/b.jpg", "backslash": "a\\b.jpg", "dot": ".", "two-dots": "..",
        "256": "a" * 256, "line-feed": "a\nb", "tab": "a\tb", "nul": "a\x00.jpg",
        "escape": "\x1b[31m", "absolute": "/etc/passwd", "upwards": "../../x",
        "256-bytes-of-128-letters": "ә" * 128,
    }.items():  # fmt: skip
        yield _decode(f"name-{name}", "Not a file's name.", with_file(name=bad_name), "bad_name")
    for version in (0, 2, 2**53 - 1):
        yield _decode(f"version-{version}", "Only version 1 is known.", report(version=version),
                      "unknown_version")  # fmt: skip
    for index, encoded in enumerate(torsion.small_order_encodings()):
        yield _decode(f"author-small-order-{index}", "A key of small order, or its other encoding.",
                      report(author=encoded), "bad_key")  # fmt: skip
    for size in (0, 31, 33):
        yield _decode(f"author-{size}-bytes", "A key has 32 bytes.", report(author=bytes(size)),
                      "bad_key")  # fmt: skip
    for name, comment, reply_key in (
        ("x25519-zero", "X25519's key is the point of order 1.",
         key("reporter").public[:1184] + bytes(32)),
        ("not-reduced", "A coefficient of ML-KEM's key is 4095: above q.",
         b"\xff" * 3 + key("reporter").public[3:]),
    ):  # fmt: skip
        fields = report(reply_box=[reply_key, bytes(32)])
        yield _decode(f"reply-key-{name}", comment, fields, "bad_key")
    off_curve = (2).to_bytes(32, "little")
    yield _decode("author-off-the-curve", "No point has this y.", report(author=off_curve),
                  "bad_key")  # fmt: skip
    above_p = (2**255 - 19 + 3).to_bytes(32, "little")
    yield _decode("author-not-canonical", "y is p + 3.", report(author=above_p), "bad_key")
    content = wire.pack(report())
    yield Scenario("decode_report", "trailing-byte", "7", "One byte behind the end.",
                   {"content": content + b"\xc0"}, "malformed")  # fmt: skip
    yield Scenario("decode_report", "truncated", "7", "The last byte is missing.",
                   {"content": content[:-1]}, "malformed")  # fmt: skip


def _signatures() -> Iterator[Scenario]:
    content, recipient = wire.pack(report()), key("desk").public
    longer = wire.pack(report(more=["new", [1]]))
    good = wire.sign(AUTHOR, "report", report_context(_BIND), content)

    def case(name: str, comment: str, verdict: str = "ok", **changed: bytes) -> Scenario:
        given = {"content": content, "signature": good, "desk_id": DESK_ID,
                 "recipient_key": recipient, "bind": _BIND} | changed  # fmt: skip
        out = {}
        if verdict == "ok":
            report_id = wire.sha256(wire.label("report-id"), given["content"])
            out = {"author": AUTHOR_KEY, "report_id": report_id}
        return Scenario("verify_report", name, "7", comment, given, verdict, out)

    signed_longer = wire.sign(AUTHOR, "report", report_context(_BIND), longer)
    yield case("good", "A report as it was signed.")
    yield case("longer-array", "The bytes as received are what is signed.", content=longer,
               signature=signed_longer)  # fmt: skip
    yield case("moved-to-another-desk", "The signature is for another desk.", "bad_signature",
               desk_id=OTHER_DESK_ID)  # fmt: skip
    yield case("moved-to-another-key", "The signature is for another week's key.", "bad_signature",
               recipient_key=key("desk, next week").public)  # fmt: skip
    yield case("moved-to-another-parcel", "The signature is for another header.", "bad_signature",
               bind=_BIND[:-1] + bytes([_BIND[-1] ^ 1]))  # fmt: skip
    yield case("content-changed", "One letter is another.", "bad_signature",
               content=wire.pack(report(where="Астана")))  # fmt: skip
    yield case("unknown-field-cut", "A field that is not known was cut off.", "bad_signature",
               signature=signed_longer)  # fmt: skip
    yield case(
        "signed-by-another",
        "The signature is another key's.",
        "bad_signature",
        signature=wire.sign(OTHER_SEED, "report", report_context(_BIND), content),
    )
    yield case("signed-as-reply", "The label is another document's.", "bad_signature",
               signature=wire.sign(AUTHOR, "reply", report_context(_BIND), content))  # fmt: skip
    yield case("signature-changed", "One bit of the signature.", "bad_signature",
               signature=good[:-1] + bytes([good[-1] ^ 1]))  # fmt: skip
    yield case("signature-zeros", "65 bytes of which 64 are zero.", "bad_signature",
               signature=b"\x01" + bytes(64))  # fmt: skip
    s = int.from_bytes(good[33:], "little") + 2**252 + 27742317777372353535851937790883648493
    yield case("s-plus-l", "S and the group's order.", "bad_signature",
               signature=good[:33] + s.to_bytes(32, "little"))  # fmt: skip
    yield case("r-of-small-order", "R has small order.", "bad_signature",
               signature=b"\x01" + SMALL_ORDER + good[33:])  # fmt: skip
    yield case("algorithm-0", "There is no algorithm 0.", "unknown_suite",
               signature=b"\x00" + good[1:])  # fmt: skip
    yield case("algorithm-2", "There is no algorithm 2.", "unknown_suite",
               signature=b"\x02" + good[1:])  # fmt: skip
    yield case("small-order-author", "The author's key has small order.", "bad_key",
               content=wire.pack(report(author=SMALL_ORDER)))  # fmt: skip
