"""Letters (section 5): sealed, opened, and everything that is not a letter to this key."""

from collections.abc import Callable, Iterator

from tests.make_vectors import wire
from tests.make_vectors.documents import (
    AUTHOR,
    DESK_ID,
    DESK_SEED,
    EPOCH,
    EXPIRY,
    TAG,
    key,
    part,
    reply_fields,
    report,
    report_context,
    stored,
)
from tests.make_vectors.documents import attachment as a_file
from tests.make_vectors.independent import chunked, hpke
from tests.make_vectors.scenario import Scenario
from tests.make_vectors.sealed import SEALED_KEY_BYTES, Parcel, deflate, seal_letter

_MAX_CONTENT = 196608


def _sign_report(content: bytes) -> Callable[[bytes], bytes]:
    return lambda bind: wire.sign(AUTHOR, "report", report_context(bind), content)


def _seal(name: str, content: bytes = b"", **options: object) -> Parcel:
    options = {"tag": TAG, "expiry": EXPIRY, "letter_type": 3, "name": f"letter {name}",
               "recipient": key("desk").public, "content": content} | options  # fmt: skip
    return seal_letter(**options)  # type: ignore[arg-type]


def _scenario(
    name: str, comment: str, parcel: Parcel, verdict: str = "ok", *, to: str = "desk",
    **output: object,
) -> Scenario:  # fmt: skip
    given = {"header": parcel.header, "body": parcel.body, "sealing_seed": key(to).seed}
    return Scenario("open_letter", name, "5", comment, given, verdict, output)


def scenarios() -> Iterator[Scenario]:
    """All of the operation `open_letter`."""
    yield from _good()
    yield from _bad()


def _good() -> Iterator[Scenario]:
    short = wire.pack(report(text="SOS", what="", where="", when="", figures=[]))
    long = wire.pack(report(text="Байланыс жоқ. " * 40))
    files = wire.pack(report(files=[a_file()], parts=[part()]))
    secret = wire.draw("mailbox secret")
    reply = wire.pack(reply_fields())

    def sign_reply(bind: bytes) -> bytes:
        context = DESK_ID + wire.sha256(key("reporter").public) + bind
        return wire.sign(DESK_SEED, "reply", context, reply)

    zero_note = _seal("dummy", tag=wire.draw("random tag", 16), kind=wire.REPLY)
    cases: list[tuple[str, str, Parcel, int, bytes, str]] = [
        ("report-coding-0", "A short report, stored as it is.",
         _seal("r0", short, letter_type=1, sign=_sign_report(short), coding=0), 1, short, "desk"),
        ("report-coding-1", "A report that deflates.",
         _seal("r1", long, letter_type=1, sign=_sign_report(long), coding=1), 1, long, "desk"),
        ("report-urgent", "Urgent, with a file.",
         _seal("ru", files, letter_type=1, sign=_sign_report(files), urgent=True), 1, files,
         "desk"),
        ("report-coding-1-longer", "Coding 1 where coding 0 is shorter is not refused.",
         _seal("r2", short, letter_type=1, sign=_sign_report(short), coding=1,
               coded=stored(short)), 1, short, "desk"),
        ("report-8192", "A body of 8192 bytes.",
         _seal("r8", wire.draw("8192", 4000), size=8192), 3, wire.draw("8192", 4000), "desk"),
        ("note-larger-than-needed", "A body larger than needed is not refused.",
         _seal("larger", b"", size=8192), 3, b"", "desk"),
        ("reply", "A reply to a mailbox.",
         _seal("reply", reply, letter_type=2, kind=wire.REPLY, sign=sign_reply,
               recipient=key("reporter").public,
               tag=wire.reply_tag_of(secret, EPOCH, 0), expiry=wire.last_day(EPOCH) + 30),
         2, reply, "reporter"),
        ("note-dummy", "A dummy: nothing in it, 65 zero bytes for a signature.", zero_note, 3, b"",
         "desk"),
        ("coded-fills-the-body", "No zero stands behind the content.",
         _seal("full", wire.draw("full", wire.capacity(4096 - 1168) - 71), coding=0), 3,
         wire.draw("full", wire.capacity(4096 - 1168) - 71), "desk"),
        ("coding-1-of-nothing", "DEFLATE of no bytes.",
         _seal("empty", b"", coding=1, coded=deflate(b"")), 3, b"", "desk"),
        ("content-196608-deflated", "The longest content.",
         _seal("longest", bytes(_MAX_CONTENT)), 3, bytes(_MAX_CONTENT), "desk"),
        ("two-chunks", "A content of two chunks.",
         _seal("chunks", wire.draw("chunks", 17000), coding=0), 3, wire.draw("chunks", 17000),
         "desk"),
    ]  # fmt: skip
    for name, comment, parcel, letter_type, content, to in cases:
        signers = {1: _sign_report(content), 2: sign_reply}
        signature = signers[letter_type](parcel.bind) if letter_type in signers else bytes(65)
        yield _scenario(
            name, comment, parcel, to=to, type=letter_type, content_bytes=len(content),
            content_sha256=wire.sha256(content), content_key=parcel.content_key,
            signature=signature,
        )  # fmt: skip


def _bad() -> Iterator[Scenario]:
    good = _seal("good", b"a note", coding=0)
    chunks = _seal("damaged", wire.draw("damaged", 17000), coding=0)

    def flip(parcel: Parcel, offset: int) -> Parcel:
        body = bytearray(parcel.body)
        body[offset] ^= 1
        return Parcel(
            wire.finish_header(parcel.header[:64], bytes(body)), bytes(body), parcel.content_key
        )

    def under(changed: bytes, parcel: Parcel = good) -> Parcel:
        return Parcel(wire.finish_header(changed, parcel.body), parcel.body, parcel.content_key)

    front = good.header[:64]
    other_lock = _seal("lock", b"a note", lock=wire.lock_of(wire.draw("another content key")))
    room = wire.capacity(4096 - 1168) - 71
    bomb = deflate(bytes(_MAX_CONTENT + 1))
    huge = deflate(bytes(1 << 24))
    yield _scenario("another-key", "Sealed to another desk's key.", good, "cannot_open", to="other")
    yield _scenario("lock-of-another-key", "The lock is of another content key.", other_lock,
                    "bad_lock")  # fmt: skip
    for name, comment, changed in (
        ("another-tag", "The body under another tag.", front[:16] + bytes(16) + front[32:]),
        ("another-expiry", "The body under a later expiry.",
         front[:4] + wire.u32(EXPIRY + 7) + front[8:]),
        ("another-kind", "A letter's body under the header of a reply.",
         front[:2] + b"\x04" + front[3:]),
        ("made-urgent", "The body under an urgent header.", front[:3] + b"\x01" + front[4:]),
        ("another-lock", "The body under another lock: the sealed key does not open.",
         front[:32] + other_lock.header[32:64]),
    ):  # fmt: skip
        yield _scenario(f"under-{name}", comment, under(changed), "cannot_open")
    for name, comment, parcel in (
        ("ml-kem", "A bit of ML-KEM's ciphertext is changed.", flip(good, 0)),
        ("x25519", "A bit of the ephemeral key is changed.", flip(good, 1100)),
        ("sealed-key", "A bit of the sealed content key is changed.", flip(good, 1130)),
        ("salt", "A bit of the salt is changed.", flip(good, SEALED_KEY_BYTES)),
        ("commitment", "A bit of the commitment is changed.", flip(good, SEALED_KEY_BYTES + 24)),
        ("chunk", "A bit of the first chunk is changed.", flip(good, SEALED_KEY_BYTES + 60)),
        ("last-tag", "A bit of the last byte is changed.", flip(good, 4095)),
        ("second-chunk", "A bit of the second chunk is changed.",
         flip(chunks, len(chunks.body) - 1)),
        ("kem-of-zeros", "The ephemeral X25519 key is the point of order 1.",
         under(front, Parcel(good.header, good.body[:1088] + bytes(32) + good.body[1120:], b""))),
    ):  # fmt: skip
        yield _scenario(f"damaged-{name}", comment, parcel, "cannot_open")
    swapped = chunks.body[: SEALED_KEY_BYTES + 56]
    first, rest = (chunks.body[len(swapped) : len(swapped) + 16400],
                   chunks.body[len(swapped) + 16400 :])  # fmt: skip
    yield _scenario(
        "chunks-swapped", "The chunks have changed places.",
        under(chunks.header[:64], Parcel(chunks.header, swapped + rest + first, b"")),
        "cannot_open",
    )  # fmt: skip
    yield _scenario("context-of-nothing", "Content encrypted without its context.",
                    _without_context(), "cannot_open")  # fmt: skip
    for name, comment, options, verdict in (
        ("n-one-too-large", "n is one more than the room.",
         {"coding": 0, "content": b"x" * room, "said_n": room + 1}, "malformed"),
        ("n-2-31", "n is 2^31.", {"said_n": 2**31, "coding": 0}, "malformed"),
        ("n-2-32-less-1", "n is 2^32 - 1.", {"said_n": 2**32 - 1, "coding": 0}, "malformed"),
        ("padding-last-byte", "The last byte is not zero.", {"padding": b"\x01"}, "bad_padding"),
        ("padding-first-byte", "The first byte behind the content is not zero.",
         {"padding": b"\x80".ljust(room, b"\x00")}, "bad_padding"),
        ("n-one-too-small", "n ends before the content does.",
         {"coding": 0, "content": b"ab", "said_n": 1}, "bad_padding"),
        ("coding-2", "There is no coding 2.", {"coding": 2, "coded": b"x"}, "malformed"),
        ("coding-255", "There is no coding 255.", {"coding": 255, "coded": b"x"}, "malformed"),
        ("inflated-196609", "One byte more than a content may have.",
         {"coding": 1, "coded": bomb}, "too_large"),
        ("deflate-bomb", "16 KiB that inflate to 16 MiB.", {"coding": 1, "coded": huge},
         "too_large"),
        ("deflate-trailing-zero", "A zero byte behind the end of the stream, counted in n.",
         {"coding": 1, "coded": deflate(b"note" * 9) + b"\x00"}, "malformed"),
        ("deflate-trailing-stream", "A second stream behind the first.",
         {"coding": 1, "coded": deflate(b"note" * 9) * 2}, "malformed"),
        ("deflate-cut", "The stream does not end.",
         {"coding": 1, "coded": deflate(b"note" * 9)[:-1]}, "malformed"),
        ("deflate-of-nothing", "Coding 1 and n = 0.", {"coding": 1, "coded": b""}, "malformed"),
        ("deflate-block-type-3", "A block type that DEFLATE does not have.",
         {"coding": 1, "coded": b"\x07\x00\x00"}, "malformed"),
        ("deflate-with-zlib-header", "A zlib stream, not a raw one.",
         {"coding": 1, "coded": b"\x78\xda" + deflate(b"note" * 9)}, "malformed"),
        ("content-196609-coding-0", "One byte more than a content may have, not deflated.",
         {"coding": 0, "content": bytes(_MAX_CONTENT + 1)}, "too_large"),
        ("type-0", "There is no type 0.", {"letter_type": 0}, "unknown_kind"),
        ("type-4", "There is no type 4: documents of section 9 are no letters.",
         {"letter_type": 4}, "unknown_kind"),
        ("type-255", "There is no type 255.", {"letter_type": 255}, "unknown_kind"),
        ("order-padding-before-coding", "Padding and coding are wrong.",
         {"coding": 9, "coded": b"x", "padding": b"\x01"}, "bad_padding"),
        ("order-coding-before-type", "Coding and type are wrong.",
         {"coding": 9, "coded": b"x", "letter_type": 9}, "malformed"),
    ):  # fmt: skip
        parcel = _seal(f"bad {name}", **options)
        yield _scenario(name, comment, parcel, verdict)


def _without_context() -> Parcel:
    name = "letter without context"
    content_key, recipient = wire.draw(f"{name}: content key"), key("desk").public
    front = wire.header_front(
        wire.LETTER, expiry=EXPIRY, size=4096, tag=TAG, lock=wire.lock_of(content_key)
    )
    bind = wire.label("bind") + front
    body = hpke.seal(recipient, bind + wire.sha256(recipient), content_key,
                     eseed=wire.draw(f"{name}: eseed", 64))  # fmt: skip
    plain = bytes([3, 0]) + bytes(wire.capacity(4096 - 1168) - 2)
    body += chunked.encrypt(content_key, b"", plain, salt=wire.draw(f"{name}: salt", 24))
    return Parcel(wire.finish_header(front, body), body, content_key)
