"""What each operation of protocol/vectors means in calls of qanat_protocol.

An operation fills `out` as far as it comes; what it raises is the verdict.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from qanat_protocol import (
    bundle,
    card,
    channel,
    code,
    datagram,
    days,
    estimate,
    frame_codec,
    frames,
    interest,
    kinds,
    labels,
    letter,
    merkle,
    parcel,
    part,
    peeling,
    public,
    receipt,
    record,
    relay_card,
    reply,
    report,
    sealing,
    sizes,
    sketch,
    stamp,
    statement,
    tags,
    tombstone,
    transfer,
)
from qanat_protocol.attachment import File, PartRef
from qanat_protocol.relay_entry import RelayEntry

Out: TypeAlias = dict[str, Any]


class Given:
    """The input of a scenario."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def binary(self, name: str) -> bytes:
        """A binary: hex, or pieces of which each is repeated."""
        return read_bytes(self._values[name])

    def binaries(self, name: str) -> list[bytes]:
        """A list of binaries."""
        return [read_bytes(value) for value in self._values[name]]

    def number(self, name: str) -> int:
        """An integer."""
        value = self._values[name]
        assert type(value) is int
        return value

    def numbers(self, name: str) -> list[int]:
        """A list of integers."""
        values = self._values[name]
        assert all(type(value) is int for value in values)
        return list(values)

    def string(self, name: str) -> str:
        """A string."""
        value = self._values[name]
        assert type(value) is str
        return value


def read_bytes(value: Any) -> bytes:
    """The bytes that a vector shows."""
    if isinstance(value, str):
        return bytes.fromhex(value)
    return b"".join(bytes.fromhex(piece) * times for piece, times in value["pieces"])


def tree(value: Any) -> Any:
    """A record's value as the vectors show it."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list | tuple):
        return [tree(item) for item in value]
    return value


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _unpack_record(given: Given, out: Out) -> None:
    data = given.binary("data")
    values = record.unpack(data, max_bytes=given.number("max_bytes"))
    assert record.pack(values) == data
    out["values"] = tree(values)


def _label(given: Given, out: Out) -> None:
    out["label"] = labels.label(given.string("name")).hex()


def _day(given: Given, out: Out) -> None:
    out["day"] = days.day_of(given.number("unix_s"))


def _epoch(given: Given, out: Out) -> None:
    epoch = days.epoch_of(given.number("day"))
    out |= {"epoch": epoch, "first_day": days.first_day(epoch), "last_day": days.last_day(epoch)}


def _fingerprint(given: Given, out: Out) -> None:
    out["fingerprint"] = statement.fingerprint(given.binary("desk_id"))


def _public_tag(given: Given, out: Out) -> None:
    out["tag"] = tags.public_tag(given.binary("desk_id")).hex()


def _desk_tag(given: Given, out: Out) -> None:
    out["tag"] = tags.desk_tag(given.binary("desk_id"), given.number("epoch")).hex()


def _mailbox_prefix(given: Given, out: Out) -> None:
    secret = given.binary("mailbox_secret")
    out["prefix"] = tags.mailbox_prefix(secret, given.number("epoch")).hex()


def _reply_tag(given: Given, out: Out) -> None:
    secret = given.binary("mailbox_secret")
    out["tag"] = tags.reply_tag(secret, given.number("epoch"), given.number("number")).hex()


def _prefix_matches(given: Given, out: Out) -> None:
    out["matches"] = tags.prefix_matches(
        given.binary("tag"), given.binary("prefix"), given.number("bits")
    )


def _parse_header(given: Given, out: Out) -> None:
    data = given.binary("header")
    header = parcel.parse_header(data)
    assert header.encode() == data
    out |= {
        "kind": header.kind,
        "urgent": header.urgent,
        "expiry": header.expiry_day,
        "body_size": header.body_size,
        "tag": header.tag.hex(),
        "lock": header.lock.hex(),
        "root": header.root.hex(),
        "parcel_id": header.parcel_id.hex(),
        "offer": header.offer.hex(),
        "bind": header.bind.hex(),
        "rank": parcel.rank_of(header),
    }


def _check_expiry(given: Given, out: Out) -> None:
    parcel.check_expiry(parcel.parse_header(given.binary("header")), given.number("today"))


def _padme(given: Given, out: Out) -> None:
    out["padded"] = [sizes.padme(size) for size in given.numbers("sizes")]


def _legal_sizes(given: Given, out: Out) -> None:
    # Every size up to 2^17, and around every power of two and every Padme value above it.
    kind = kinds.Kind(given.number("kind"))
    asked = set(range(1 << 17))
    for power in range(17, 34):
        step = 1 << (power - power.bit_length())
        for size in range(1 << power, 2 << power, step):
            asked |= {size - 1, size, size + 1}
    out["sizes"] = sorted(size for size in asked if sizes.is_legal(kind, size))


def _body_size(given: Given, out: Out) -> None:
    kind = kinds.Kind(given.number("kind"))

    def size_of(content_bytes: int) -> int:
        if kind is kinds.Kind.PART:
            return sizes.part_body_size(content_bytes, kinds.Rendition.ORIGINAL)
        if kind is kinds.Kind.PUBLIC:
            return sizes.public_body_size(content_bytes)
        return sizes.letter_body_size(content_bytes)

    out["sizes"] = [size_of(size) for size in given.numbers("content_bytes")]


def _merkle_root(given: Given, out: Out) -> None:
    seed = given.binary("seed")
    leaves = [
        hashlib.sha256(seed + index.to_bytes(4, "big")).digest()
        for index in range(given.number("count"))
    ]
    builder = merkle.TreeBuilder()
    for leaf in leaves:
        builder.add_leaf(leaf)
    assert builder.root() == merkle.root_of(leaves)
    out["root"] = merkle.root_of(leaves).hex()
    out["page_roots"] = [root.hex() for root in merkle.page_roots(leaves)]


def _inclusion(given: Given, out: Out) -> None:
    out["included"] = merkle.verify_inclusion(
        given.binary("leaf"),
        given.number("index"),
        given.number("count"),
        given.binaries("path"),
        given.binary("root"),
    )


def _receive_transfer(given: Given, out: Out) -> None:
    intake = transfer.Intake()
    blocks = out["blocks"] = []
    for data in given.binaries("frames"):
        frame = frame_codec.decode_frame(data)
        match frame:
            case frames.HeaderFrame():
                intake.open(frame)
            case frames.Leaves():
                intake.leaves(frame)
            case frames.Block():
                verified = intake.block(frame)
                assert verified is not None
                blocks.append([verified.handle, verified.index])
            case _:
                raise AssertionError(frame)


def _open_letter(given: Given, out: Out) -> None:
    secret = sealing.SealingSecret(given.binary("sealing_seed"))
    header = parcel.parse_header(given.binary("header"))
    opened = letter.open_letter(header, given.binary("body"), secret)
    content = opened.content
    out |= {
        "type": opened.letter_type,
        "content_bytes": len(content),
        "content_sha256": _sha256(content),
        "signature": opened.signature.hex(),
        "content_key": opened.content_key.hex(),
    }


def _open_part(given: Given, out: Out) -> None:
    body = given.binary("body")
    opener = part.PartOpener(
        parcel.parse_header(given.binary("header")),
        given.binary("content_key"),
        given.number("length"),
        given.binary("sha256"),
    )
    blocks = [body[start : start + 16384] for start in range(0, len(body), 16384)]
    data = b"".join(opener.data(blocks))
    out |= {"bytes": len(data), "sha256": _sha256(data)}


def _report_fields(value: report.Report) -> list[Any]:
    def row(item: report.Figure | File | PartRef) -> list[Any]:
        return [getattr(item, field.name) for field in dataclasses.fields(item)]

    refers: list[Any] | None = None
    if value.corrects is not None:
        refers = [1, value.corrects]
    elif value.withdraws is not None:
        refers = [2, value.withdraws]
    box = value.reply_box
    return [
        1, value.author, value.nonce, value.written_s, value.language, value.text, value.what,
        value.where, value.when, value.basis, [row(figure) for figure in value.figures],
        [row(file) for file in value.files], [row(item) for item in value.parts], refers,
        None if box is None else [box.reply_key, box.mailbox_secret],
        None if value.checkpoint is None else list(value.checkpoint),
    ]  # fmt: skip


def _decode_report(given: Given, out: Out) -> None:
    content = given.binary("content")
    decoded = report.decode_report(content)
    out["report_id"] = report.report_id(content).hex()
    out["fields"] = tree(_report_fields(decoded))
    # What this version writes lacks only the fields that it does not know.
    known = record.unpack(content, max_bytes=len(content))[:16]
    assert report.encode_report(decoded) == record.pack(known)


def _verify_report(given: Given, out: Out) -> None:
    content = given.binary("content")
    verified = report.verify_report(
        content,
        given.binary("signature"),
        desk_id=given.binary("desk_id"),
        recipient_key=given.binary("recipient_key"),
        bind=given.binary("bind"),
    )
    out |= {"author": verified.author.hex(), "report_id": report.report_id(content).hex()}


def _read_code(given: Given, out: Out) -> None:
    digits = code.normalise(given.string("code"))
    out |= {
        "code": digits,
        "shown": " ".join(digits[start : start + 4] for start in range(0, 24, 4)),
    }


def _derive_identity(given: Given, out: Out) -> None:
    identity = code.identity(given.string("code"), given.binary("desk_id"))
    out |= {
        "signing_seed": identity.signing.seed.hex(),
        "signing_key": identity.signing.public.hex(),
        "reply_seed": identity.reply.seed.hex(),
        "reply_key_sha256": _sha256(identity.reply.public),
        "mailbox_secret": identity.mailbox_secret.hex(),
    }


def _parse_statement(given: Given, out: Out) -> None:
    parsed = statement.parse_statement(given.binary("envelope"))
    rows = [[row.signing_key, row.first_day, row.last_day] for row in parsed.certified]
    out |= {
        "desk_id": parsed.desk_id.hex(),
        "root_key": parsed.root_key.hex(),
        "fields": tree(
            [1, parsed.serial, parsed.issued_day, rows, parsed.revoked, parsed.successor,
             parsed.predecessor]
        ),
    }  # fmt: skip


def _check_certified(given: Given, out: Out) -> None:
    parsed = statement.parse_statement(given.binary("envelope"))
    parsed.check_certified(given.binary("signing_key"), given.number("day"))


def _is_successor(given: Given, out: Out) -> None:
    old, new = (statement.parse_statement(given.binary(name)) for name in ("old", "new"))
    out["successor"] = statement.is_successor(old, new)


def _parse_card(given: Given, out: Out) -> None:
    parsed = card.parse_card(given.binary("envelope"))
    out |= {
        "desk_id": parsed.desk_id.hex(),
        "card_hash": parsed.card_hash.hex(),
        "serial": parsed.serial,
        "previous": parsed.previous.hex(),
        "issued": parsed.issued_day,
        "name": parsed.name,
        "languages": list(parsed.languages),
        "note": parsed.note,
        "grace": parsed.grace_days,
        "first_epoch": parsed.first_epoch,
        "sealing_keys_sha256": _sha256(b"".join(parsed.sealing_keys)),
        "addresses": [list(relay.addresses) for relay in parsed.relays],
        "sources": list(parsed.sources),
    }


def _replace_card(given: Given, out: Out) -> None:
    old, new = (card.parse_card(given.binary(name)) for name in ("old", "new"))
    out["gap"] = card.check_replaces(old, new).missing


def _choose_epoch(given: Given, out: Out) -> None:
    parsed = card.parse_card(given.binary("envelope"))
    epoch = parsed.epoch_for(given.number("day"))
    out |= {
        "epoch": epoch,
        "expiry": parsed.expiry_day(epoch),
        "sealing_key_sha256": _sha256(parsed.sealing_key(epoch)),
        "tag": tags.desk_tag(parsed.desk_id, epoch).hex(),
    }


def _verify_reply(given: Given, out: Out) -> None:
    parsed = reply.verify_reply(
        given.binary("content"),
        given.binary("signature"),
        desk_id=given.binary("desk_id"),
        reply_key=given.binary("reply_key"),
        bind=given.binary("bind"),
    )
    out["fields"] = tree(
        [1, parsed.statement_bytes, parsed.signing_key, parsed.nonce, parsed.issued_day,
         parsed.number, parsed.answers, parsed.language, parsed.text, parsed.wanted]
    )  # fmt: skip


def _parse_public(given: Given, out: Out) -> None:
    header = parcel.parse_header(given.binary("header"))
    parsed = public.parse_public(header, given.binary("body"))
    pictures = [[picture.media_type, picture.data] for picture in parsed.pictures]
    inner = None if parsed.card is None else parsed.card.envelope
    out |= {
        "desk_id": parsed.desk_id.hex(),
        "signer": parsed.signer.hex(),
        "document_hash": parsed.document_hash.hex(),
        "fields": tree(
            [1, parsed.statement_bytes, parsed.document_class, parsed.serial, parsed.previous,
             parsed.issued_day, parsed.language, parsed.title, parsed.text, pictures, inner]
        ),
    }  # fmt: skip


def _relay_row(entry: RelayEntry) -> list[Any]:
    return [entry.addresses, entry.signing_key, entry.sealing_key, entry.country, entry.pin]


def _parse_relay_card(given: Given, out: Out) -> None:
    parsed = relay_card.parse_relay_card(given.binary("envelope"))
    others = [_relay_row(entry) for entry in parsed.others]
    out |= {
        "signing_key": parsed.signing_key.hex(),
        "fields": tree(
            [1, parsed.serial, parsed.issued_day, parsed.name, parsed.addresses,
             parsed.sealing_key, parsed.country, parsed.largest_body, others]
        ),
    }  # fmt: skip


def _lock(given: Given, out: Out) -> None:
    content_key = given.binary("content_key")
    out |= {
        "purge_key": tombstone.purge_key(content_key).hex(),
        "opened": tombstone.opened_value(content_key).hex(),
        "lock": tombstone.lock_of(content_key).hex(),
    }


def _check_opened(given: Given, out: Out) -> None:
    tombstone.check_opened(given.binary("lock"), given.binary("opened"))


def _check_purge(given: Given, out: Out) -> None:
    tombstone.check_purge(given.binary("lock"), given.binary("purge_key"))


def _verify_opened(given: Given, out: Out) -> None:
    frame = frame_codec.decode_frame(given.binary("frame"))
    assert isinstance(frame, frames.Opened)
    tombstone.verify_opened(frame)


def _verify_receipt(given: Given, out: Out) -> None:
    relay_key = given.binary("relay_key")
    frame = frame_codec.decode_frame(given.binary("frame"))
    assert isinstance(frame, frames.Receipt)
    receipt.verify_receipt(relay_key, frame)
    out |= {
        "root": receipt.custody_root(frame.ids, frame.seed).hex(),
        "count": len(frame.ids),
    }
    singles = [receipt.verify_single(data) for data in receipt.single_receipts(relay_key, frame)]
    assert [single.parcel_id for single in singles] == list(frame.ids)


def _verify_single(given: Given, out: Out) -> None:
    single = receipt.verify_single(given.binary("receipt"))
    out |= {
        "parcel_id": single.parcel_id.hex(),
        "relay_key": single.relay_key.hex(),
        "day": single.day,
    }


def _check_stamp(given: Given, out: Out) -> None:
    frame = frame_codec.decode_frame(given.binary("frame"))
    assert isinstance(frame, frames.Stamp)
    stamp.check_stamp(frame, given.number("day"))


class _KnownClient(channel.ClientChannel):
    """A client whose secret and preamble are given, which otherwise it draws itself."""

    def __init__(self, relay_sealing_key: bytes, secret: bytes, preamble: bytes) -> None:
        super().__init__(relay_sealing_key)
        known = {
            "_secret": secret,
            "preamble": preamble,
            "channel_hash": channel._channel_hash(relay_sealing_key, preamble),
        }
        for name, value in known.items():
            setattr(self, name, value)


def _read_channel(side: channel.ClientChannel | channel.RelayChannel, data: bytes,
                  out: Out) -> None:  # fmt: skip
    plains: list[str] = []
    try:
        for start in range(0, len(data), 7001):
            plains += [plain.hex() for plain in side.feed(data[start : start + 7001])]
        side.finish()
    finally:
        out["plains"] = plains


def _relay_reads(given: Given, out: Out) -> None:
    side = channel.RelayChannel(sealing.SealingSecret(given.binary("sealing_seed")))
    try:
        _read_channel(side, given.binary("data"), out)
    finally:
        if side.is_open:
            out["channel_hash"] = side.channel_hash.hex()


def _client_reads(given: Given, out: Out) -> None:
    side = _KnownClient(
        given.binary("relay_sealing_key"), given.binary("secret"), given.binary("preamble")
    )
    try:
        _read_channel(side, given.binary("data"), out)
    finally:
        if side.is_open:
            out["session_hash"] = side.session_hash.hex()


def _read_datagram(given: Given, out: Out) -> None:
    mask = datagram.Mask(given.binary("relay_sealing_key"), to_relay=bool(given.number("to_relay")))
    read = mask.read(given.binary("datagram"))
    acks = read.acks
    ranges = [] if acks is None else [list(each) for each in acks.ranges]
    out.update(
        connection=read.connection.hex(),
        number=read.number,
        acks=[] if acks is None else [acks.delay_ms, acks.limit, ranges],
        offset=read.offset,
        data=[] if read.data is None else read.data.hex(),
        last=read.is_last,
        close=read.closes,
    )


def _flat(frame: frames.Frame) -> list[Any]:
    """A frame's fields as they stand in its record: what is one binary there is joined."""
    values: list[Any] = []
    for field in dataclasses.fields(frame):
        value = getattr(frame, field.name)
        if field.name in {"offers", "hashes", "ids", "prefixes", "heads"}:
            value = b"".join(value)
        elif field.name == "codes":
            value = bytes(value)
        elif field.name in {"wants", "entries"}:
            value = [list(dataclasses.astuple(row)) for row in value]
        values.append(value)
    match frame:
        case (
            frames.Idle(heard=0)
            | frames.DeskInterest(estimate=None)
            | frames.OpenedInterest(since=0)
        ):
            del values[-1]
    name = type(frame).__name__
    if name.endswith("Interest"):
        kind = frames.InterestClass[name.removesuffix("Interest").upper()]
        return [frames.FrameType.INTEREST, values[0], kind, *values[1:]]
    return [frames.FrameType[name.removesuffix("Frame").upper()], *values]


def _decode_frame(given: Given, out: Out) -> None:
    data = given.binary("record")
    frame = frame_codec.decode_frame(data)
    if frame is None:
        out["ignored"] = True
        return
    out["fields"] = tree(_flat(frame))
    assert frame_codec.decode_frame(frame_codec.encode_frame(frame)) == frame


def _verify_desk_interest(given: Given, out: Out) -> None:
    frame = frame_codec.decode_frame(given.binary("frame"))
    assert isinstance(frame, frames.DeskInterest)
    session_hash = given.binary("session_hash")
    asking = interest.verify_desk_interest(frame, session_hash, given.number("day"))
    out["desk_id"] = asking.desk_id.hex()


def _verify_peer_interest(given: Given, out: Out) -> None:
    frame = frame_codec.decode_frame(given.binary("frame"))
    assert isinstance(frame, frames.AllInterest)
    interest.verify_peer_interest(frame, given.binary("session_hash"))


def _ids(given: Given) -> bytes:
    seed = given.binary("seed")
    return b"".join(
        hashlib.sha256(seed + index.to_bytes(4)).digest() for index in range(given.number("count"))
    )


def _sketch(given: Given, out: Out) -> None:
    keyed = sketch.Sketched(given.binary("key"), _ids(given))
    cells = sketch.sum_cells(keyed.short_ids, given.number("cells"))
    out["cells"] = sketch.pack_cells(cells).hex()
    out["fingerprint"] = keyed.fingerprint.hex()


def _cell_places(given: Given, out: Out) -> None:
    short_ids = np.frombuffer(given.binary("short_id"), ">u8").astype(np.uint64)
    out["places"] = sketch.places_of(short_ids, given.number("end"))[1].tolist()
    out["check"] = int(sketch.mixed(short_ids)[0])


def _peel(given: Given, out: Out) -> None:
    ours = sketch.Sketched(given.binary("key"), _ids(given)).short_ids
    found = peeling.Peeling(ours)
    found.feed(sketch.read_cells(given.binary("cells")))
    out["complete"] = found.is_complete
    if found.is_complete:
        out["there"] = [number.to_bytes(8).hex() for number in sorted(found.there.tolist())]
        out["here"] = [number.to_bytes(8).hex() for number in sorted(found.here.tolist())]


def _estimate(given: Given, out: Out) -> None:
    out["estimate"] = estimate.pack_balance(estimate.balance_of(_ids(given))).hex()


def _read_bundle(given: Given, out: Out) -> None:
    data = given.binary("bundle")
    index, types = out["index"], out["frame_types"] = [], []
    for item in bundle.iter_bundle([data[:5], data[5:1000], data[1000:]]):
        if isinstance(item, bundle.IndexEntry):
            index.append([item.parcel_id.hex(), item.kind, item.body_size, item.offset])
        else:
            types.append(_flat(item)[0])


OPERATIONS: Mapping[str, Callable[[Given, Out], None]] = {
    function.__name__.removeprefix("_"): function
    for function in (
        _unpack_record, _label, _day, _epoch, _fingerprint, _public_tag, _desk_tag,
        _mailbox_prefix, _reply_tag, _prefix_matches, _parse_header, _check_expiry, _padme,
        _legal_sizes, _body_size, _merkle_root, _inclusion, _receive_transfer, _open_letter,
        _open_part, _decode_report, _verify_report, _read_code, _derive_identity,
        _parse_statement, _check_certified, _is_successor, _parse_card, _replace_card,
        _choose_epoch, _verify_reply, _parse_public, _parse_relay_card, _lock, _check_opened,
        _check_purge, _verify_opened, _verify_receipt, _verify_single, _check_stamp,
        _relay_reads, _client_reads, _decode_frame,
        _verify_desk_interest, _verify_peer_interest, _sketch, _cell_places,
        _peel, _estimate, _read_bundle, _read_datagram,
    )
}  # fmt: skip
STREAMS: Sequence[str] = ("receive_transfer", "relay_reads", "client_reads", "read_bundle")
