"""What Python seals TypeScript opens, and the other way; given the same randomness, both write the
same bytes."""

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.interop.twin import Twin, TwinError
from tests.make_vectors import wire
from tests.make_vectors.independent import chunked
from tests.make_vectors.sealed import seal_letter as seal_by_spec
from tests.protocol import samples
from tests.protocol.made_bodies import TWO_PAGES, block_of

from qanat_protocol import bundle, code, stamp, tags
from qanat_protocol.errors import LocalError
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import Opened, Purge, Stamp
from qanat_protocol.kinds import Kind, Rendition
from qanat_protocol.letter import LetterType, open_letter, seal_letter
from qanat_protocol.merkle import block_count, leaf_hash, page_roots, root_of
from qanat_protocol.parcel import Header, parse_header
from qanat_protocol.part import PartOpener, PartSealer
from qanat_protocol.public import DocumentClass, Picture, seal_public
from qanat_protocol.receipt import sign_receipt
from qanat_protocol.record import pack
from qanat_protocol.reply import Reply, encode_reply, reply_context
from qanat_protocol.report import Report, encode_report, verify_report
from qanat_protocol.statement import parse_statement
from qanat_protocol.tombstone import lock_of, sign_opened

DESK = samples.card()
SECRET = samples.SECRETS[0]
TAG = tags.desk_tag(DESK.desk_id, samples.EPOCH)
EXPIRY = DESK.expiry_day(samples.EPOCH)
few = settings(max_examples=15)
some = settings(max_examples=60)

words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200)
# So many times the words: bodies from the smallest to some that are deflated or have many blocks.
texts = st.builds(
    lambda text, times: "." + (text * times)[:16_000], words, st.sampled_from([1, 90])
)
raw = st.builds(
    lambda seed, size: hashlib.shake_256(seed).digest(size),
    st.binary(min_size=8, max_size=8),
    st.sampled_from([0, 1, 2700, 9000, 30_000, 196_608]),
)
lengths = st.sampled_from([0, 1, 16_311, 16_312, 16_384, 40_000, 500_000])
seeds = st.binary(min_size=32, max_size=32)


def report(text: str) -> bytes:
    return encode_report(Report(author=samples.SIGNER.public, nonce=bytes(16), text=text))


def sealed_by_twin(twin: Twin, content: bytes, **more: Any) -> tuple[Header, bytes]:
    told = twin.call(
        "seal_report",
        signing_seed=samples.SIGNER.seed,
        desk_id=DESK.desk_id,
        recipient=SECRET.public,
        content=content,
        tag=TAG,
        expiry=EXPIRY,
        **{"kind": Kind.LETTER, "type": LetterType.REPORT, "urgent": False, **more},
    )
    return parse_header(bytes.fromhex(told["header"])), bytes.fromhex(told["body"])


def part_by_twin(twin: Twin, chunks: list[bytes], length: int, **more: Any) -> Any:
    rendition = more.pop("rendition", Rendition.ORIGINAL)
    return twin.call(
        "seal_part", tag=TAG, expiry=EXPIRY, chunks=chunks, length=length, rendition=rendition,
        **more,
    )  # fmt: skip


@given(texts, st.booleans())
@few
def test_a_report_that_typescript_sealed_is_opened_and_verified(
    twin: Twin, text: str, urgent: bool
) -> None:
    content = report(text)
    header, body = sealed_by_twin(twin, content, urgent=urgent)
    assert header.root == root_of(
        [leaf_hash(body[at : at + 16_384]) for at in range(0, len(body), 16_384)]
    )
    opened = open_letter(header, body, SECRET)
    assert opened.content == content
    read = verify_report(
        opened.content,
        opened.signature,
        desk_id=DESK.desk_id,
        recipient_key=SECRET.public,
        bind=header.bind,
    )
    assert read.text == text
    assert (header.urgent, header.tag, header.expiry_day) == (urgent, TAG, EXPIRY)


@given(raw)
@few
def test_contents_of_every_size_are_opened(twin: Twin, content: bytes) -> None:
    header, body = sealed_by_twin(twin, content)
    assert open_letter(header, body, SECRET).content == content


@given(raw | texts.map(str.encode))
@few
def test_a_letter_that_python_sealed_is_opened(twin: Twin, content: bytes) -> None:
    letter = seal_letter(
        kind=Kind.REPLY,
        urgent=False,
        tag=TAG,
        expiry_day=EXPIRY,
        recipient=SECRET.public,
        letter_type=LetterType.REPLY,
        content=content,
        sign=lambda bind: samples.SIGNER.sign("reply", bind, content),
    )
    verdict, out = twin.operation(
        "open_letter",
        {"header": letter.header.encode(), "body": letter.body, "sealing_seed": SECRET.seed},
    )
    assert verdict == "ok"
    assert out["content_sha256"] == hashlib.sha256(content).hexdigest()


@given(raw, st.binary(min_size=8, max_size=8))
@few
def test_with_the_same_randomness_a_letter_has_the_bytes_that_spec_gives_it(
    twin: Twin, content: bytes, seed: bytes
) -> None:
    drawn = {
        "content_key": hashlib.shake_256(seed + b"key").digest(32),
        "encapsulation": hashlib.shake_256(seed + b"eseed").digest(64),
        "salt": hashlib.shake_256(seed + b"salt").digest(24),
    }
    names = {"letter: content key": "content_key", "letter: eseed": "encapsulation"}
    context = wire.sha256(SECRET.public)
    by_spec = seal_by_spec(
        "letter",
        SECRET.public,
        LetterType.REPORT,
        content,
        tag=TAG,
        expiry=EXPIRY,
        coding=0,
        sign=lambda bind: samples.SIGNER.sign("report", DESK.desk_id + context + bind, content),
        random=lambda name, _: drawn[names.get(name, "salt")],
    )
    header, body = sealed_by_twin(twin, content, **drawn)
    assert header.encode() == by_spec.header
    assert body == by_spec.body


@given(lengths, st.integers(1, 70_000))
@few
def test_a_part_that_typescript_sealed_is_opened(twin: Twin, length: int, step: int) -> None:
    data = hashlib.shake_256(b"part").digest(length)
    told = part_by_twin(
        twin,
        length=length,
        chunks=[data[at : at + step] for at in range(0, length, step)],
    )
    body = bytes.fromhex(told["body"])
    key, digest = bytes.fromhex(told["content_key"]), bytes.fromhex(told["sha256"])
    opener = PartOpener(parse_header(bytes.fromhex(told["header"])), key, length, digest)
    blocks = [body[at : at + 16_384] for at in range(0, len(body), 16_384)]
    assert b"".join(opener.data(blocks)) == data


@given(lengths)
@few
def test_a_part_that_python_sealed_is_opened(twin: Twin, length: int) -> None:
    data = hashlib.shake_256(b"part").digest(length)
    sealer = PartSealer(tag=TAG, expiry_day=EXPIRY, length=length, rendition=Rendition.ORIGINAL)
    body = b"".join(block.data for block in sealer.blocks([data]))
    verdict, out = twin.operation(
        "open_part",
        {
            "header": sealer.header.encode(),
            "body": body,
            "content_key": sealer.content_key,
            "length": length,
            "sha256": sealer.sha256,
        },
    )
    assert verdict == "ok"
    assert out == {"bytes": length, "sha256": sealer.sha256.hex()}


@given(lengths, seeds)
@few
def test_with_the_same_randomness_a_part_has_the_bytes_that_spec_gives_it(
    twin: Twin, length: int, key: bytes
) -> None:
    data, salt = hashlib.shake_256(key).digest(length), key[:24]
    told = part_by_twin(
        twin,
        length=length,
        chunks=[data],
        content_key=key,
        salt=salt,
    )
    header = parse_header(bytes.fromhex(told["header"]))
    plain = data.ljust(wire.capacity(header.body_size), b"\x00")
    context = wire.label("content") + header.bind
    assert bytes.fromhex(told["body"]) == chunked.encrypt(key, context, plain, salt=salt)
    assert header.lock == lock_of(key)


def test_what_python_would_not_seal_typescript_does_not_either(twin: Twin) -> None:
    with pytest.raises(TwinError, match="too_large"):
        sealed_by_twin(twin, bytes(196_609))
    with pytest.raises(TwinError, match="unknown_kind"):
        sealed_by_twin(twin, b"", kind=Kind.PART)
    for length, chunks in ((3, [b"ab"]), (1, [b"ab"])):
        with pytest.raises(TwinError, match="malformed"):
            part_by_twin(twin, length=length, rendition=1,
                      chunks=chunks)  # fmt: skip
    with pytest.raises(TwinError, match="too_large") as refused:
        part_by_twin(twin, length=15_361, rendition=1, chunks=[])
    assert not refused.value.remote


@given(texts, st.integers(0, 2**32 - 1), st.lists(seeds, max_size=3))
@few
def test_a_reply_that_python_wrote_is_verified(
    twin: Twin, text: str, number: int, wanted: list[bytes]
) -> None:
    statement = samples.statement()
    written = Reply(
        parse_statement(statement), statement, samples.SIGNER.public, bytes(16), samples.DAY,
        number, None, "ru", text[:4000], tuple(wanted),
    )  # fmt: skip
    content = encode_reply(written)
    bind = wire.label("bind") + bytes(64)
    context = reply_context(DESK.desk_id, SECRET.public, bind)
    verdict, out = twin.operation(
        "verify_reply",
        {
            "content": content,
            "signature": samples.SIGNER.sign("reply", context, content),
            "desk_id": DESK.desk_id,
            "reply_key": SECRET.public,
            "bind": bind,
        },
    )
    assert verdict == "ok"
    assert out["fields"][8] == written.text
    assert out["fields"][9] == [{"hex": one.hex()} for one in wanted]


@given(texts, st.binary(max_size=30_000), st.booleans())
@few
def test_public_documents_that_python_sealed_are_read(
    twin: Twin, text: str, picture: bytes, is_card: bool
) -> None:
    sealed = seal_public(
        samples.SIGNER,
        statement=samples.statement(),
        document_class=DocumentClass.CARD if is_card else DocumentClass.BULLETIN,
        serial=1,
        issued_day=samples.DAY,
        expiry_day=EXPIRY,
        text=text,
        pictures=[Picture("image/jpeg", picture)],
        card=samples.card_envelope() if is_card else None,
    )
    verdict, out = twin.operation(
        "parse_public", {"header": sealed.header.encode(), "body": sealed.body}
    )
    assert verdict == "ok"
    assert out["fields"][8] == text
    assert out["fields"][9] == [["image/jpeg", {"hex": picture.hex()}]]


@given(st.lists(seeds, min_size=1, max_size=40, unique=True))
@few
def test_receipts_that_python_signed_are_verified(twin: Twin, ids: list[bytes]) -> None:
    receipt = sign_receipt(samples.RELAY, samples.DAY, ids)
    given_input = {"relay_key": samples.RELAY.public, "frame": encode_frame(receipt)}
    verdict, out = twin.operation("verify_receipt", given_input)
    assert (verdict, out["count"]) == ("ok", len(ids))


@given(seeds, seeds)
@few
def test_opened_that_python_signed_is_verified(twin: Twin, parcel: bytes, opened: bytes) -> None:
    frame = encode_frame(sign_opened(samples.SIGNER, parcel, opened))
    assert twin.operation("verify_opened", {"frame": frame})[0] == "ok"
    spoilt = samples.with_last_bit_flipped(frame)
    assert twin.operation("verify_opened", {"frame": spoilt})[0] == "bad_signature"


@given(seeds, st.integers(1, 300), st.integers(0, 2**128 - 1))
@some
def test_both_find_the_same_stamps(twin: Twin, parcel: bytes, effort: int, first: int) -> None:
    start = first.to_bytes(16)
    found = stamp.find_stamp(parcel, samples.EPOCH, effort, start=start, tries=400)
    told = twin.call("find_stamp", parcel_id=parcel, epoch=samples.EPOCH, effort=effort,
                     start=start, tries=400)  # fmt: skip
    assert told == (None if found is None else encode_frame(found).hex())
    if found is not None:
        frame = decode_frame(bytes.fromhex(told))
        assert isinstance(frame, Stamp)
        stamp.check_stamp(frame, samples.DAY)


def test_codes_that_typescript_made_are_good_and_make_the_same_person(twin: Twin) -> None:
    made = [twin.call("new_code") for _ in range(50)]
    assert len(set(made)) == 50
    assert all(len(code.normalise(one)) == 24 for one in made)
    _, out = twin.operation("derive_identity", {"code": made[0], "desk_id": DESK.desk_id})
    ours = code.identity(made[0], DESK.desk_id)
    assert out["signing_seed"] == ours.signing.seed.hex()
    assert out["reply_seed"] == ours.reply.seed.hex()
    assert out["mailbox_secret"] == ours.mailbox_secret.hex()


values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2**53 + 1)
    | st.binary(max_size=300)
    | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=20),
    max_leaves=30,
)


@given(st.lists(values, max_size=20))
@settings(max_examples=100)
def test_both_pack_records_alike(twin: Twin, fields: list[Any]) -> None:
    def tree(value: Any) -> Any:
        if isinstance(value, bytes):
            return {"hex": value.hex()}
        return [tree(item) for item in value] if isinstance(value, list) else value

    try:
        packed = pack(fields).hex()
    except LocalError:
        packed = "refused"
    try:
        told = twin.call("pack", values=[tree(field) for field in fields])
    except TwinError as error:
        told = "taken for another's fault" if error.remote else "refused"
    assert told == packed


SIZES = [(Kind.LETTER, 4096), (Kind.PART, 16_384), (Kind.PART, 131_072), (Kind.PART, TWO_PAGES)]


@given(
    st.lists(st.sampled_from(SIZES), max_size=4),
    st.lists(
        st.builds(Opened, seeds, seeds, seeds, st.just(bytes(65)))
        | st.builds(Purge, seeds, seeds)
        | st.builds(Stamp, seeds, st.just(1), st.just(2), st.just(bytes(16))),
        max_size=3,
    ),
)
@few
def test_both_write_the_same_bundle(
    twin: Twin, sizes: list[tuple[Kind, int]], notes: list[bundle.Note]
) -> None:
    parcels, headers, bodies = [], [], []
    for kind, size in sizes:
        blocks = [block_of(size, index) for index in range(block_count(size))]
        leaves = [leaf_hash(block) for block in blocks]
        header = Header(kind, False, EXPIRY, size, TAG, bytes(32), root_of(leaves))
        roots = page_roots(leaves) if len(leaves) > 64 else []
        parcels.append(bundle.Bundled(header, roots, leaves, blocks))
        headers.append(header.encode())
        bodies.append(b"".join(blocks))
    written = b"".join(bundle.write_bundle(parcels, notes))
    told = twin.call(
        "write_bundle", headers=headers, bodies=bodies, notes=[encode_frame(note) for note in notes]
    )
    assert bytes.fromhex(told) == written
