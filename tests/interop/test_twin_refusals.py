"""Python and TypeScript take the same bytes and refuse the same, with the same verdict: inputs of
the shared vectors, changed at random."""

import json
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.fuzz.corpus import read_corpus
from tests.fuzz.mutating import mutate_record
from tests.interop.twin import Twin, TwinError
from tests.make_vectors import wire
from tests.make_vectors.__main__ import VECTORS
from tests.make_vectors.sealed import deflate, seal_letter
from tests.protocol import samples
from tests.protocol.vector_operations import OPERATIONS, STREAMS, Given, read_bytes

from qanat_protocol import frames, public
from qanat_protocol.address import check_addresses
from qanat_protocol.envelope import DocumentType, sign_envelope
from qanat_protocol.errors import Malformed, ProtocolError
from qanat_protocol.frame_codec import decode_frame
from qanat_protocol.record import pack, unpack
from qanat_protocol.report import report_context
from qanat_protocol.signing import SigningKey

seeds = st.integers(0, 2**64 - 1)
some = settings(max_examples=80)

# Operation -> the input that is changed. Letters and documents go by their own tests below.
CHANGED = {
    "unpack_record": "data",
    "parse_header": "header",
    "decode_report": "content",
    "decode_frame": "record",
    "verify_single": "receipt",
    "verify_receipt": "frame",
    "verify_opened": "frame",
    "check_stamp": "frame",
    "verify_reply": "content",
    "parse_statement": "envelope",
    "parse_card": "envelope",
    "parse_relay_card": "envelope",
    "read_bundle": "bundle",
    "client_reads": "data",
}


FRAMES: dict[str, type] = {
    "verify_receipt": frames.Receipt,
    "verify_opened": frames.Opened,
    "check_stamp": frames.Stamp,
}


def is_of_type(record: bytes, wanted: type) -> bool:
    """Whether a record is a frame that the operation is for, or none at all."""
    try:
        return isinstance(decode_frame(record), wanted)
    except ProtocolError:
        return True


@cache
def scenarios(operation: str) -> list[dict[str, Any]]:
    """The inputs of the vectors of an operation."""
    paths = sorted((VECTORS / operation).glob("*.json"))
    return [json.loads(path.read_text())["input"] for path in paths]


def judged(operation: str, given_input: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Verdict and output of qanat_protocol."""
    out: dict[str, Any] = {}
    shown = {
        key: value.hex() if isinstance(value, bytes) else value
        for key, value in given_input.items()
    }
    try:
        OPERATIONS[operation](Given(shown), out)
    except ProtocolError as error:
        return error.verdict.name.lower(), out if operation in STREAMS else {}
    return "ok", out


def spoilt(source: Random) -> Callable[[bytes, int], bytes]:
    """A way to change plain bytes: a few of them, or their number."""

    def change(data: bytes, most: int) -> bytes:
        changed = bytearray(data)
        match source.randrange(4):
            case 0 if changed:
                del changed[source.randrange(len(changed)) :]
            case 1:
                at = source.randrange(len(changed) + 1)
                changed[at:at] = source.randbytes(source.choice((1, 1, 4)))
            case _ if changed:
                for _ in range(source.choice((1, 1, 2, 8))):
                    changed[source.randrange(len(changed))] = source.randrange(256)
        return bytes(changed[:most])

    return change


def mutated(data: bytes, seed: int) -> bytes:
    """Other bytes, mostly still a record where they were one."""
    return mutate_record(data, len(data) + 300, seed, spoilt(Random(seed)))


def in_numbers(value: Any) -> Any:
    """A value as JSON, its integers as JavaScript knows them: above 2^53 the nearest."""
    return json.loads(json.dumps(value), parse_int=lambda digits: int(float(digits)))


def check_alike(twin: Twin, operation: str, given_input: dict[str, Any]) -> None:
    """Both say the same of an input."""
    verdict, out = judged(operation, given_input)
    told, shown = twin.operation(operation, given_input)
    assert told == verdict
    if verdict == "ok" or operation in STREAMS:
        assert in_numbers(shown) == in_numbers(out)


@pytest.mark.parametrize("operation", sorted(CHANGED))
@given(seed=seeds)
@some
def test_both_judge_changed_bytes_alike(twin: Twin, operation: str, seed: int) -> None:
    chosen = Random(seed).choice(scenarios(operation))
    name = CHANGED[operation]
    data = mutated(read_bytes(chosen[name]), seed)
    assume(name != "frame" or is_of_type(data, FRAMES[operation]))
    check_alike(twin, operation, {**chosen, name: data})


DESK = samples.card()
REPLY_KEY = samples.SECRETS[0].public
BIND = wire.label("bind") + bytes(64)


def _letter(label: str, key_name: str) -> Callable[[bytes], dict[str, Any]]:
    """A content as it stands in a letter, its signature as good as its author's key."""

    def signed(content: bytes) -> dict[str, Any]:
        context = report_context(DESK.desk_id, REPLY_KEY, BIND)
        signature = samples.SIGNER.sign(label, context, content)
        given = {"content": content, "signature": signature, "desk_id": DESK.desk_id, "bind": BIND}
        return {**given, key_name: REPLY_KEY}

    return signed


def _public(content: bytes) -> dict[str, Any]:
    sealed = public._seal(samples.SIGNER, content, DESK.desk_id, samples.DAY, bytes(32))
    return {"header": sealed.header.encode(), "body": sealed.body}


def _envelope(document_type: DocumentType, key: SigningKey) -> Callable[[bytes], dict[str, Any]]:
    return lambda content: {"envelope": sign_envelope(document_type, key, content)}


# Operation -> what makes its input of a content: it is signed by whoever may.
SIGNED: dict[str, Callable[[bytes], dict[str, Any]]] = {
    "parse_statement": _envelope(DocumentType.STATEMENT, samples.ROOT),
    "parse_card": _envelope(DocumentType.DESK_CARD, samples.SIGNER),
    "parse_relay_card": _envelope(DocumentType.RELAY_CARD, samples.RELAY),
    "parse_public": _public,
    "verify_reply": _letter("reply", "reply_key"),
    "verify_report": _letter("report", "recipient_key"),
    "unpack_record": lambda data: {"data": data, "max_bytes": len(data)},
    "parse_header": lambda data: {"header": data},
    "decode_frame": lambda data: {"record": data},
    "decode_report": lambda data: {"content": data},
    "read_bundle": lambda data: {"bundle": data},
}


def inside(envelope: bytes) -> bytes:
    """The content of an envelope."""
    content = unpack(envelope, max_bytes=len(envelope))[1]
    assert isinstance(content, bytes)
    return content


@cache
def contents(operation: str) -> list[bytes]:
    """Good contents of what is signed."""
    match operation:
        case "parse_statement":
            return [inside(samples.statement())]
        case "parse_card":
            return [inside(samples.card_envelope())]
        case "parse_public":
            given_inputs = scenarios(operation)
            bodies = [read_bytes(one["body"]) for one in given_inputs if len(str(one)) < 60_000]
            return [inside(body[4 : 4 + int.from_bytes(body[:4])]) for body in bodies[:1]] + [
                pack([1, samples.statement(), 1, 1, bytes(32), samples.DAY, "ru", "", ".",
                      [["image/jpeg", b"picture"]], None]),
                pack([1, samples.statement(), 2, 1, bytes(32), samples.DAY, "ru", "", "", [],
                      samples.card_envelope()]),
            ]  # fmt: skip
        case "parse_relay_card":
            envelopes = [read_bytes(one["envelope"]) for one in scenarios(operation)]
            return [inside(envelope) for envelope in envelopes[-1:]]
        case "verify_reply":
            return [pack([1, samples.statement(), samples.SIGNER.public, bytes(16), samples.DAY, 0,
                          bytes(32), "ru", "Thank you.", [bytes(32)]])]  # fmt: skip
    return [read_bytes(one["content"]) for one in scenarios("decode_report")]


@pytest.mark.parametrize(
    "operation",
    ["parse_statement", "parse_card", "parse_relay_card", "parse_public", "verify_reply",
     "verify_report"],
)  # fmt: skip
@given(seed=seeds)
@some
def test_both_judge_documents_alike_that_were_changed_and_signed_again(
    twin: Twin, operation: str, seed: int
) -> None:
    content = Random(seed).choice(contents(operation))
    check_alike(twin, operation, SIGNED[operation](mutated(content, seed)))


CORPORA = {
    "record": "unpack_record",
    "record-values": "unpack_record",
    "header": "parse_header",
    "frame": "decode_frame",
    "frame-bytes": "decode_frame",
    "report": "decode_report",
    "bundle": "read_bundle",
    "desk-card": "parse_card",
    "relay-card": "parse_relay_card",
    "public": "parse_public",
    "reply": "verify_reply",
}


@pytest.mark.parametrize("corpus", sorted(CORPORA))
def test_both_judge_alike_what_the_fuzzers_found(twin: Twin, corpus: str) -> None:
    operation = CORPORA[corpus]
    for data in read_corpus(corpus):
        check_alike(twin, operation, SIGNED[operation](data))


@given(raw=st.binary(max_size=300), seed=seeds, coding=st.integers(0, 2))
@settings(max_examples=100)
def test_both_judge_letters_alike_whose_inside_was_changed(
    twin: Twin, raw: bytes, seed: int, coding: int
) -> None:
    source = Random(seed)
    content = raw * source.choice((1, 30, 700))
    coded = deflate(content) if coding == 1 else content
    if source.random() < 0.7:
        coded = spoilt(source)(coded, len(coded) + 9)
    coded = coded[:190_000]
    said_n = max(0, len(coded) + source.choice((0, 0, 0, 1, -1, 5000)))
    sealed = seal_letter(
        f"changed {seed}",
        REPLY_KEY,
        source.choice((1, 2, 3, 3, 4)),
        content,
        tag=bytes(16),
        expiry=samples.DAY,
        coding=coding,
        coded=coded,
        said_n=said_n,
    )
    check_alike(
        twin,
        "open_letter",
        {
            "header": sealed.header,
            "body": sealed.body,
            "sealing_seed": samples.SECRETS[0].seed,
        },
    )


hosts = st.one_of(
    st.from_regex(r"[a-z0-9.-]{1,40}", fullmatch=True),
    st.from_regex(r"\[[0-9a-f:.]{2,40}\]", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.sampled_from(["[::1.2.3.4]", "[1::2::3]", "[1:2:3:4:5:6:7::]", "[::1:2:3:4:5:6:7]", "0x7f"]),
)
addresses = st.builds(
    "{}://{}{}".format,
    st.sampled_from(["http", "https", "udp", "ftp", "HTTP"]),
    hosts,
    st.sampled_from(["", ":1", ":443", ":65535", ":65536", ":0", ":01", "/"]),
)


@given(st.lists(addresses, min_size=1, max_size=3))
@settings(max_examples=200)
def test_both_take_the_same_addresses(twin: Twin, given_addresses: list[str]) -> None:
    try:
        check_addresses(given_addresses)
    except Malformed:
        verdict = "malformed"
    else:
        verdict = "ok"
    try:
        twin.call("check_addresses", addresses=given_addresses)
    except TwinError as error:
        told = error.verdict
    else:
        told = "ok"
    assert told == verdict


@given(st.text(st.characters(categories=["Nd", "Zs", "Pd", "Cc", "Zl", "Zp"]), max_size=40))
@settings(max_examples=150)
def test_both_read_the_same_codes(twin: Twin, typed: str) -> None:
    check_alike(twin, "read_code", {"code": typed})
