"""Targets of the documents of SPEC 7 and 9 to 15: contents that are signed here, and plain bytes.

A mutated document would stop at its signature; so each input is read as it is and, as a content
that a genuine key has signed.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from tests.fuzz.target import Shape, Target
from tests.fuzz.vectors import binaries, scenarios
from tests.protocol import samples
from tests.protocol.samples import DAY, RELAY, ROOT, SECRETS, SIGNER, parses_or_refuses

from qanat_protocol.card import DeskCard, check_replaces, parse_card, sign_card
from qanat_protocol.days import iso
from qanat_protocol.envelope import DocumentType, open_envelope, sign_envelope
from qanat_protocol.errors import LocalError, RemoteError
from qanat_protocol.kinds import Kind
from qanat_protocol.limits import MAX_PUBLIC_BODY_BYTES
from qanat_protocol.parcel import Header
from qanat_protocol.public import PublicDocument, _seal, parse_public, seal_public
from qanat_protocol.receipt import verify_single
from qanat_protocol.record import pack, unpack
from qanat_protocol.relay_card import RelayCard, parse_relay_card, sign_relay_card
from qanat_protocol.relay_entry import packed_relay, relay_field
from qanat_protocol.reply import Reply, decode_reply, encode_reply, reply_context, verify_reply
from qanat_protocol.report import (
    Report,
    decode_report,
    encode_report,
    report_context,
    report_id,
    verify_report,
)
from qanat_protocol.statement import Statement, fingerprint, parse_statement, sign_statement
from qanat_protocol.tags import desk_tag

__all__ = ["TARGETS"]

_CARD = samples.card()
_BIND = b"bind"


def _fields(content: bytes) -> list[Any] | None:
    values: list[Any] | None = parses_or_refuses(partial(unpack, max_bytes=1 << 20), content)
    return values


def _content_of(envelope: bytes) -> bytes | None:
    """What is inside, if it looks like an envelope."""
    values = _fields(envelope)
    if values is not None and len(values) > 1 and isinstance(values[1], bytes):
        return values[1]
    return None


def _is_the_same(content: bytes, again: bytes) -> None:
    """What was read and is written anew lacks at most the fields that this version ignores."""
    assert len(again) <= len(content)
    assert again == content or len(again) < len(content)


def _signed(type_: DocumentType, key: Any, data: bytes) -> Iterator[bytes]:
    """The input as an envelope, and as the content of a genuine one."""
    yield data
    try:
        yield sign_envelope(type_, key, data)
    except LocalError:
        return


def _envelope(data: bytes) -> None:
    """An envelope opens or is refused, under every type, and only one type can hold."""
    opened = [
        parses_or_refuses(partial(open_envelope, expected=expected, max_bytes=65_536), data)
        for expected in DocumentType
    ]
    found = [each for each in opened if each is not None]
    assert len(found) <= 1
    for each in found:
        assert _content_of(data) == each.content


def _report(data: bytes) -> None:
    """A report is the same when it is written anew; its signature covers every bit of it."""
    report: Report | None = parses_or_refuses(decode_report, data)
    place: dict[str, bytes] = {
        "desk_id": bytes(32),
        "recipient_key": SECRETS[0].public,
        "bind": _BIND,
    }
    context = report_context(bytes(32), SECRETS[0].public, _BIND)
    signature = SIGNER.sign("report", context, data)
    verified = parses_or_refuses(
        lambda data: verify_report(data, signature, **place),
        data,
    )
    if report is None:
        assert verified is None
        return
    assert (verified is not None) == (report.author == SIGNER.public)
    again = encode_report(report)
    assert decode_report(again) == report
    _is_the_same(data, again)
    assert len(report_id(data)) == 32
    if report.checkpoint is not None:
        iso(report.checkpoint[0])


def _reply(data: bytes) -> None:
    """A reply is the same when it is written anew; verified, it is of the desk that was asked."""
    reply: Reply | None = parses_or_refuses(decode_reply, data)
    context = reply_context(_CARD.desk_id, SECRETS[1].public, _BIND)
    signature = SIGNER.sign("reply", context, data)
    verified = parses_or_refuses(
        lambda data: verify_reply(
            data, signature, desk_id=_CARD.desk_id, reply_key=SECRETS[1].public, bind=_BIND
        ),
        data,
    )
    if reply is None:
        assert verified is None
        return
    ours = reply.statement.desk_id == _CARD.desk_id and reply.signing_key == SIGNER.public
    assert (verified is not None) == ours
    again = encode_reply(reply)
    assert decode_reply(again) == reply
    _is_the_same(data, again)


def _statement(data: bytes) -> None:
    """A statement says the same when its desk signs it anew."""
    for envelope in _signed(DocumentType.STATEMENT, ROOT, data):
        known: Statement | None = parses_or_refuses(parse_statement, envelope)
        if known is None:
            continue
        assert len(fingerprint(known.desk_id)) == 35
        for row in known.certified:
            assert known.certifies(row.signing_key, row.first_day) == (
                row.signing_key not in known.revoked
            )
        again = sign_statement(
            ROOT,
            serial=known.serial,
            issued_day=known.issued_day,
            certified=known.certified,
            revoked=known.revoked,
            successor=known.successor,
            predecessor=known.predecessor,
        )
        assert dataclasses.replace(parse_statement(again), root_key=known.root_key) == known


def _use_card(card: DeskCard) -> None:
    for day in (0, card.issued_day, card.last_day, card.last_day + 1000, DAY):
        epoch = card.epoch_for(day)
        Header(
            Kind.LETTER,
            False,
            card.expiry_day(epoch),
            4096,
            desk_tag(card.desk_id, epoch),
            bytes(32),
            bytes(32),
        )
        assert len(card.sealing_key(epoch)) == 1216


def _card(data: bytes) -> None:
    """Whoever takes a card can seal by it on any day; it says the same when it is signed anew."""
    for envelope in _signed(DocumentType.DESK_CARD, SIGNER, data):
        card: DeskCard | None = parses_or_refuses(parse_card, envelope)
        if card is None:
            continue
        _use_card(card)
        for old, new in ((_CARD, card), (card, _CARD), (card, card)):
            with contextlib.suppress(RemoteError):
                check_replaces(old, new)
        if card.signer != SIGNER.public:
            continue
        again = sign_card(
            SIGNER,
            statement=card.statement_bytes,
            serial=card.serial,
            previous=card.previous,
            issued_day=card.issued_day,
            name=card.name,
            languages=card.languages,
            note=card.note,
            grace_days=card.grace_days,
            first_epoch=card.first_epoch,
            sealing_keys=card.sealing_keys,
            relays=card.relays,
            sources=card.sources,
        )
        content, signed = _content_of(envelope), _content_of(again)
        assert content is not None
        assert signed is not None
        _is_the_same(content, signed)


def _relay_card(data: bytes) -> None:
    """A relay's card says the same when it is signed anew; the cards of desks take its entries."""
    for envelope in _signed(DocumentType.RELAY_CARD, RELAY, data):
        card: RelayCard | None = parses_or_refuses(parse_relay_card, envelope)
        if card is None:
            continue
        again = sign_relay_card(
            RELAY,
            serial=card.serial,
            issued_day=card.issued_day,
            name=card.name,
            addresses=card.addresses,
            sealing_key=card.sealing_key,
            country=card.country,
            largest_body=card.largest_body,
            others=card.others,
        )
        content, signed = _content_of(envelope), _content_of(again)
        assert content is not None
        assert signed is not None
        _is_the_same(content, signed)
        if card.addresses:
            samples.card_envelope(relays=[card.entry(), *card.others[:15]])


def _relay_entry(data: bytes) -> None:
    """A row of a card is the same when it is packed anew."""
    values = _fields(data)
    entry = parses_or_refuses(relay_field, values)  # type: ignore[arg-type]
    if entry is not None:
        again = pack(packed_relay(entry))
        assert relay_field(unpack(again, max_bytes=65_536)) == entry
        _is_the_same(data, again)


def _public(data: bytes) -> None:
    """A public document says the same when it is sealed anew, to the header's kind and size."""
    body = data.ljust(4096, b"\0")
    header = Header(Kind.PUBLIC, False, DAY + 90, 4096, b"t" * 16, bytes(32), bytes(32))
    parses_or_refuses(lambda body: parse_public(header, body[:4096]), body)
    # Only a content that fits is sealed; the tag is that of the statement inside, where it has one.
    values = _fields(data)
    inner = values[1] if values is not None and len(values) > 1 else None
    statement = parses_or_refuses(parse_statement, inner) if isinstance(inner, bytes) else None
    desk_id = _CARD.desk_id if statement is None else statement.desk_id
    sealed = _seal(SIGNER, data, desk_id, DAY + 90, bytes(32))
    document: PublicDocument | None = parses_or_refuses(
        lambda body: parse_public(sealed.header, body), sealed.body
    )
    if document is None:
        return
    again = seal_public(
        SIGNER,
        statement=document.statement_bytes,
        document_class=document.document_class,
        serial=document.serial,
        previous=document.previous,
        issued_day=document.issued_day,
        expiry_day=DAY + 90,
        language=document.language,
        title=document.title,
        text=document.text,
        pictures=document.pictures,
        card=None if document.card is None else document.card.envelope,
    )
    content = _content_of(parse_public(again.header, again.body).envelope)
    assert content is not None
    _is_the_same(data, content)
    assert len(sealed.body) <= MAX_PUBLIC_BODY_BYTES


def _single(data: bytes) -> None:
    """A single receipt is its relay's word or is refused; a signature of ours changes nothing."""
    values = _fields(data)
    whole = [data]
    if values is not None and len(values) >= 9 and isinstance(values[5], bytes):
        values[8] = RELAY.sign("custody", b"", values[5])
        whole.append(pack(values))
    for each in whole:
        parses_or_refuses(verify_single, each)


def _contents(operation: str, name: str, max_bytes: int) -> Iterable[bytes]:
    for envelope in binaries(operation, name, max_bytes=max_bytes):
        content = _content_of(envelope)
        yield envelope
        if content is not None:
            yield content


def _card_seeds() -> Iterable[bytes]:
    yield from _contents("parse_card", "envelope", 8000)
    yield _content_of(samples.card_envelope()) or b""


def _reply_seeds() -> Iterable[bytes]:
    yield from binaries("verify_reply", "content", max_bytes=4096)
    reply = Reply(
        _CARD.statement, _CARD.statement_bytes, SIGNER.public, bytes(16), DAY, 0, text="да"
    )
    yield encode_reply(reply)


def _public_seeds() -> Iterable[bytes]:
    for given, _ in scenarios("parse_public"):
        body = given.binary("body")
        envelope = body[4 : 4 + int.from_bytes(body[:4], "big")]
        if len(envelope) < 8000:
            yield body[: 4 + len(envelope)]
            yield _content_of(envelope) or b""
    for fields in ({"title": "Заголовок", "text": "да"}, {"card": samples.card_envelope()}):
        sealed = seal_public(
            SIGNER,
            statement=samples.statement(),
            document_class=2 if "card" in fields else 1,  # type: ignore[arg-type]
            serial=1,
            issued_day=DAY,
            expiry_day=DAY + 90,
            **fields,
        )
        yield _content_of(parse_public(sealed.header, sealed.body).envelope) or b""


def _report_seeds() -> Iterable[bytes]:
    yield from binaries("decode_report", "content", max_bytes=4096)
    yield encode_report(Report(SIGNER.public, bytes(16), text="да"))


def _entry_seeds() -> Iterable[bytes]:
    yield pack(packed_relay(samples.relay_entry()))
    yield pack(packed_relay(samples.relay_entry(country="", pin=None)))


def _target(name: str, law: Callable[[bytes], None], seeds: Callable[[], Iterable[bytes]],
            max_bytes: int, brief_runs: int) -> Target:  # fmt: skip
    return Target(name, law, seeds, Shape.RECORD, max_bytes, brief_runs=brief_runs)


TARGETS = (
    _target("envelope", _envelope,
            lambda: _contents("parse_statement", "envelope", 2000), 2048, 500),
    _target("report", _report, _report_seeds, 6000, 700),
    _target("reply", _reply, _reply_seeds, 4096, 600),
    _target("statement", _statement,
            lambda: _contents("parse_statement", "envelope", 4096), 4096, 300),
    _target("desk-card", _card, _card_seeds, 8192, 250),
    _target("relay-card", _relay_card,
            lambda: _contents("parse_relay_card", "envelope", 4000), 6000, 300),
    _target("relay-entry", _relay_entry, _entry_seeds, 4096, 2000),
    _target("public", _public, _public_seeds, 12_000, 300),
    _target("single-receipt", _single,
            lambda: binaries("verify_single", "receipt", max_bytes=1024), 1200, 500),
)  # fmt: skip
