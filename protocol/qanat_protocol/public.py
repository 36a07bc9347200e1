"""Public documents: bulletins and cards that everybody may read, as parcels (SPEC section 11)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from secrets import token_bytes

from qanat_protocol.attachment import media_type_field
from qanat_protocol.card import DeskCard, parse_card
from qanat_protocol.envelope import DocumentType, open_envelope, sign_envelope
from qanat_protocol.errors import (
    BadPadding,
    Malformed,
    UnknownKind,
    WrongRecipient,
    our_own,
)
from qanat_protocol.fields import array_of, binary, line, nil_or, row, text, uint, version
from qanat_protocol.hashing import sha256
from qanat_protocol.kinds import Kind
from qanat_protocol.labels import label
from qanat_protocol.limits import (
    BLOCK_BYTES,
    HASH_BYTES,
    MAX_CARD_BYTES,
    MAX_PREVIEW_BYTES,
    MAX_PUBLIC_BODY_BYTES,
    MAX_STATEMENT_BYTES,
)
from qanat_protocol.merkle import TreeBuilder, leaf_hash
from qanat_protocol.parcel import Header, bind_of
from qanat_protocol.record import Value, pack, unpack
from qanat_protocol.signing import SigningKey
from qanat_protocol.sizes import public_body_size
from qanat_protocol.statement import Statement, parse_statement
from qanat_protocol.tags import public_tag
from qanat_protocol.tombstone import lock_of

__all__ = [
    "NO_DOCUMENT_BEFORE",
    "DocumentClass",
    "Picture",
    "PublicDocument",
    "SealedPublic",
    "parse_public",
    "seal_public",
]

NO_DOCUMENT_BEFORE = bytes(HASH_BYTES)
"""What stands for the document before the first of its class."""

MAX_LANGUAGE_BYTES = 35
MAX_TITLE_BYTES = 256
MAX_TEXT_BYTES = 65_536
MAX_PICTURES = 4

_CONTENT_KEY_BYTES = 32
_COUNT_BYTES = 4


class DocumentClass(IntEnum):
    """What a public document is. Serials count per desk and class."""

    BULLETIN = 1
    CARD = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a bulletin, at most 130,048 bytes, without metadata."""

    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PublicDocument:
    """A public document whose desk's signature holds; `signer` signed it.

    `previous` is the hash of the document before in its class, or zeros. `card` is there in the
    class CARD alone. `envelope` and `statement_bytes` are as received.
    """

    statement: Statement
    statement_bytes: bytes = field(repr=False)
    signer: bytes
    document_class: DocumentClass
    serial: int
    previous: bytes
    issued_day: int
    language: str
    title: str
    text: str
    pictures: tuple[Picture, ...]
    card: DeskCard | None
    document_hash: bytes
    envelope: bytes = field(repr=False)

    @property
    def desk_id(self) -> bytes:
        """The id (32 bytes) of the desk whose document this is."""
        return self.statement.desk_id


@dataclass(frozen=True, slots=True)
class SealedPublic:
    """A public document as a parcel. The desk keeps the content key (32 bytes), to purge it."""

    header: Header
    body: bytes
    content_key: bytes = field(repr=False)


def seal_public(
    key: SigningKey,
    *,
    statement: bytes,
    document_class: DocumentClass,
    serial: int,
    previous: bytes = NO_DOCUMENT_BEFORE,
    issued_day: int,
    expiry_day: int,
    language: str = "",
    title: str = "",
    text: str = "",
    pictures: Sequence[Picture] = (),
    card: bytes | None = None,
) -> SealedPublic:
    """A public document under the public tag of the statement's desk. Draws the lock's key.

    `card` is a card's envelope, for the class CARD. Raises a `LocalError` for what no reader would
    take, and `WrongRecipient` for another desk's card.
    """
    content = pack(
        [
            1,
            statement,
            int(document_class),
            serial,
            previous,
            issued_day,
            language,
            title,
            text,
            [[picture.media_type, picture.data] for picture in pictures],
            card,
        ]
    )
    with our_own():
        desk_id = parse_statement(statement).desk_id
    sealed = _seal(key, content, desk_id, expiry_day, token_bytes(_CONTENT_KEY_BYTES))
    with our_own():
        parse_public(sealed.header, sealed.body)
    return sealed


def _seal(
    key: SigningKey, content: bytes, desk_id: bytes, expiry_day: int, content_key: bytes
) -> SealedPublic:
    # A signature has one length, so the size is known before the bind that it covers.
    unbound = sign_envelope(DocumentType.PUBLIC, key, content)
    body_size = public_body_size(len(unbound))
    tag, lock = public_tag(desk_id), lock_of(content_key)
    bind = bind_of(
        kind=Kind.PUBLIC,
        urgent=False,
        expiry_day=expiry_day,
        body_size=body_size,
        tag=tag,
        lock=lock,
    )
    envelope = sign_envelope(DocumentType.PUBLIC, key, content, bind)
    body = (len(envelope).to_bytes(_COUNT_BYTES, "big") + envelope).ljust(body_size, b"\x00")
    tree = TreeBuilder()
    for start in range(0, body_size, BLOCK_BYTES):
        tree.add_leaf(leaf_hash(body[start : start + BLOCK_BYTES]))
    header = Header(Kind.PUBLIC, False, expiry_day, body_size, tag, lock, tree.root())
    return SealedPublic(header, body, content_key)


def parse_public(header: Header, body: bytes) -> PublicDocument:
    """The document in a public parcel, its signer certified by the statement inside.

    The body's blocks were verified against the header's root when they came in. Raises a
    `RemoteError`: `UnknownKind`, `Malformed`, `BadPadding`, `WrongRecipient` for a parcel under
    another desk's tag or another desk's card, and what `open_envelope`, `parse_statement`,
    `parse_card` and `Statement.check_certified` raise.
    """
    envelope = _envelope_in(header, body)
    opened = open_envelope(
        envelope, DocumentType.PUBLIC, header.bind, max_bytes=MAX_PUBLIC_BODY_BYTES
    )
    fields = _FIELDS(unpack(opened.content, max_bytes=MAX_PUBLIC_BODY_BYTES))
    _, statement_bytes, document_class, serial, previous, issued_day, *rest = fields
    language, title, body_text, pictures, card_envelope = rest
    statement = parse_statement(statement_bytes)
    if header.tag != public_tag(statement.desk_id):
        raise WrongRecipient("the document lies under another desk's tag")
    statement.check_certified(opened.signer, issued_day)
    return PublicDocument(
        statement=statement,
        statement_bytes=statement_bytes,
        signer=opened.signer,
        document_class=document_class,
        serial=serial,
        previous=previous,
        issued_day=issued_day,
        language=language,
        title=title,
        text=body_text,
        pictures=pictures,
        card=_card(document_class, card_envelope, statement, serial),
        document_hash=sha256(label("document"), opened.content),
        envelope=envelope,
    )


def _envelope_in(header: Header, body: bytes) -> bytes:
    if header.kind is not Kind.PUBLIC:
        raise UnknownKind(f"a {header.kind.name.lower()} is no public document")
    if len(body) != header.body_size:
        raise Malformed(f"a body of {len(body):,} bytes, not {header.body_size:,}")
    end = _COUNT_BYTES + int.from_bytes(body[:_COUNT_BYTES], "big")
    if end > len(body):
        raise Malformed("the document is longer than its body")
    if body.count(0, end) != len(body) - end:
        raise BadPadding("something follows the document")
    return body[_COUNT_BYTES:end]


def _card(
    document_class: DocumentClass, envelope: bytes | None, statement: Statement, serial: int
) -> DeskCard | None:
    if (document_class is DocumentClass.CARD) != (envelope is not None):
        raise Malformed(f"a {document_class.name.lower()} with or without a card")
    if envelope is None:
        return None
    card = parse_card(envelope)
    if card.desk_id != statement.desk_id:
        raise WrongRecipient("the card is another desk's")
    if card.serial != serial:
        raise Malformed(f"card {card.serial} in a document with serial {serial}")
    return card


def _class(value: Value) -> DocumentClass:
    number = uint()(value)
    try:
        return DocumentClass(number)
    except ValueError as error:
        raise UnknownKind(f"a public document of class {number}") from error


def _picture(value: Value) -> Picture:
    return Picture(*row(media_type_field, binary(most=MAX_PREVIEW_BYTES))(value))


_FIELDS = row(
    version(),
    binary(most=MAX_STATEMENT_BYTES),
    _class,
    uint(1),
    binary(HASH_BYTES),
    uint(),
    line(MAX_LANGUAGE_BYTES),
    line(MAX_TITLE_BYTES),
    text(MAX_TEXT_BYTES),
    array_of(_picture, most=MAX_PICTURES),
    nil_or(binary(most=MAX_CARD_BYTES)),
)
