"""Records (section 1): the one encoding, and what must be refused."""

from collections.abc import Iterator

from tests.make_vectors.scenario import Scenario, tree
from tests.make_vectors.wire import Value, pack, u16, u32, u64

MAX_BYTES = 1 << 17
_INTEGERS = {
    "0": 0, "127": 127, "128": 128, "255": 255, "256": 256, "65535": 65535, "65536": 65536,
    "2-31-less-1": 2**31 - 1, "2-31": 2**31, "2-32-less-1": 2**32 - 1, "2-32": 2**32,
    "2-53-less-1": 2**53 - 1,
}  # fmt: skip
_NESTED: Value = [[[]]]


def scenarios() -> Iterator[Scenario]:
    """All of the operation `unpack_record`."""
    for name, number in _INTEGERS.items():
        yield _good(f"integer-{name}", f"The integer {number} in its shortest encoding.", [number])
    for size in (0, 1, 255, 256, 65535, 65536):
        yield _good(f"binary-{size}", f"A binary of {size} bytes.", [bytes(size)])
    for size in (0, 31, 32, 255, 256, 65535, 65536):
        yield _good(f"string-{size}", f"A string of {size} bytes.", ["a" * size])
    for count in (0, 1, 15, 16, 4095, 4096):
        yield _good(f"array-{count}", f"An array of {count} zeros at the top.", [0] * count)
    yield _good("kinds", "One of each type.", [0, b"\x00", "қанат", True, False, None, []])
    yield _good("depth-4", "Arrays nest four deep, the top one counted.", [_NESTED])
    yield _good("values-4096", "4096 values in two arrays.", [[0] * 4000, [0] * 94])
    yield _good("string-emoji", "UTF-8 of four bytes.", ["\U0001f54a"])
    yield _good(
        "string-nul", "A record may hold U+0000; a text or line of a table may not.", ["\0"]
    )

    bad = {
        "integer-2-53": ("2^53 is one more than the largest.", pack([2**53])),
        "integer-2-64-less-1": ("The largest integer of 64 bits.", pack([2**64 - 1])),
        "integer-127-in-2": ("127 in two bytes.", b"\x91\xcc\x7f"),
        "integer-255-in-3": ("255 in three bytes.", b"\x91\xcd\x00\xff"),
        "integer-65535-in-5": ("65535 in five bytes.", b"\x91\xce\x00\x00\xff\xff"),
        "integer-2-32-less-1-in-9": ("2^32 - 1 in nine bytes.", b"\x91\xcf" + u64(2**32 - 1)),
        "integer-signed-8": ("The positive 1 as a signed byte.", b"\x91\xd0\x01"),
        "integer-signed-64": ("2^40 as signed 64 bits.", b"\x91\xd3" + u64(2**40)),
        "integer-negative-1": ("-1, the negative fixint.", b"\x91\xff"),
        "integer-negative-32": ("-32, the negative fixint.", b"\x91\xe0"),
        "integer-negative-33": ("-33 as a signed byte.", b"\x91\xd0\xdf"),
        "integer-negative-2-31": ("-2^31 as signed 32 bits.", b"\x91\xd2\x80\x00\x00\x00"),
        "binary-255-in-bin16": ("A binary of 255 bytes with two bytes of length.",
                                b"\x91\xc5\x00\xff" + bytes(255)),
        "binary-65535-in-bin32": ("A binary of 65535 bytes with four bytes of length.",
                                  b"\x91\xc6" + u32(65535) + bytes(65535)),
        "string-31-in-str8": ("A string of 31 bytes with a length byte.",
                              b"\x91\xd9\x1f" + b"a" * 31),
        "string-255-in-str16": ("A string of 255 bytes with two bytes of length.",
                                b"\x91\xda\x00\xff" + b"a" * 255),
        "string-65535-in-str32": ("A string of 65535 bytes with four bytes of length.",
                                  b"\x91\xdb" + u32(65535) + b"a" * 65535),
        "array-15-in-array16": ("15 elements with two bytes of count.",
                                b"\xdc\x00\x0f" + bytes(15)),
        "array-4096-in-array32": ("4096 elements with four bytes of count.",
                                   b"\xdd" + u32(4096) + bytes(4096)),
        "map-empty": ("A map inside.", b"\x91\x80"),
        "map-at-the-top": ("A map at the top.", b"\x81\x00\x00"),
        "map-16": ("A map with two bytes of count.", b"\x91\xde\x00\x00"),
        "float-32": ("A float of 32 bits.", b"\x91\xca\x00\x00\x00\x00"),
        "float-64": ("A float of 64 bits.", b"\x91\xcb" + bytes(8)),
        "extension-1": ("An extension of one byte.", b"\x91\xd4\x00\x00"),
        "extension-timestamp": ("The timestamp extension.", b"\x91\xd6\xff\x00\x00\x00\x00"),
        "extension-8": ("An extension with a length byte.", b"\x91\xc7\x00\x00"),
        "never-used": ("0xC1 is never used.", b"\x91\xc1"),
        "integer-at-the-top": ("A record is an array at the top.", b"\x00"),
        "nil-at-the-top": ("A record is an array at the top.", b"\xc0"),
        "nothing": ("No byte at all.", b""),
        "values-4097": ("One value more than a record holds.", pack([0] * 4097)),
        "values-4097-nested": ("4097 values in two arrays.", pack([[0] * 4000, [0] * 95])),
        "array-65536": ("Far more values than a record holds.", pack([0] * 65536)),
        "depth-5": ("Arrays nest five deep.", pack([[_NESTED]])),
        "depth-5-late": ("Five deep, behind other fields.", pack([0, [0, [0, [0, [0]]]]])),
        "depth-200": ("Arrays nest two hundred deep.", b"\x91" * 200 + b"\x90"),
        "trailing-nil": ("One value behind the end.", pack([1]) + b"\xc0"),
        "trailing-record": ("A second record behind the first.", pack([1]) + pack([1])),
        "truncated-count": ("Two elements are promised, one is there.", b"\x92\x00"),
        "truncated-integer": ("An integer of nine bytes, cut after five.",
                              b"\x91\xcf\x00\x01\x00\x00"),
        "truncated-binary": ("A binary of four bytes, cut after three.", b"\x91\xc4\x04abc"),
        "truncated-string": ("A string of four bytes, cut after three.", b"\x91\xa4abc"),
        "truncated-length": ("The length itself is cut.", b"\x91\xc6\x00\x01"),
        "huge-binary": ("A binary that claims 2^32 - 1 bytes.", b"\x91\xc6\xff\xff\xff\xffx"),
        "huge-string": ("A string that claims 2^32 - 1 bytes.", b"\x91\xdb\xff\xff\xff\xffx"),
        "huge-array": ("An array that claims 2^32 - 1 elements.", b"\x91\xdd\xff\xff\xff\xff\x00"),
        "huge-array-at-the-top": ("The top claims 2^32 - 1 elements.", b"\xdd\xff\xff\xff\xff\x00"),
        "huge-array-16": ("The top claims 65535 elements.", b"\xdc" + u16(65535) + b"\x00"),
        "string-not-utf-8": ("A byte that UTF-8 never has.", b"\x91\xa1\xff"),
        "string-overlong": ("U+0000 in two bytes.", b"\x91\xa2\xc0\x80"),
        "string-surrogate": ("U+D800 has no UTF-8.", b"\x91\xa3\xed\xa0\x80"),
        "string-above-unicode": ("Above U+10FFFF.", b"\x91\xa4\xf4\x90\x80\x80"),
        "string-cut-character": ("A character is cut at the end of its string.", b"\x91\xa1\xd0"),
    }  # fmt: skip
    for name, (comment, data) in bad.items():
        yield _bad(name, comment, data)


def _good(name: str, comment: str, values: list[Value]) -> Scenario:
    given = {"data": pack(values), "max_bytes": MAX_BYTES}
    # What is long is only taken and repacked: showing it would make the file longer still.
    shown = tree(values) if len(pack(values)) < 4096 else None
    return Scenario("unpack_record", name, "1", comment, given, output={"values": shown})


def _bad(name: str, comment: str, data: bytes) -> Scenario:
    given = {"data": data, "max_bytes": MAX_BYTES}
    return Scenario("unpack_record", name, "1", comment, given, "malformed")
