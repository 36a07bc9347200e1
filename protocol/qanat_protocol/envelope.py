"""Envelopes: signed public documents (SPEC section 9). Knows who signed, never whether they may."""

from dataclasses import dataclass
from enum import IntEnum

from qanat_protocol.errors import UnknownKind
from qanat_protocol.fields import binary, row, uint
from qanat_protocol.limits import SIGNATURE_BYTES, SIGNING_KEY_BYTES
from qanat_protocol.record import pack, unpack
from qanat_protocol.signing import SigningKey, verify_signature

__all__ = [
    "DocumentType",
    "Envelope",
    "open_envelope",
    "sign_envelope",
]


class DocumentType(IntEnum):
    """What an envelope holds."""

    STATEMENT = 4
    DESK_CARD = 5
    RELAY_CARD = 6
    PUBLIC = 7

    @property
    def label_name(self) -> str:
        """The name of the label that a signature of this type begins with."""
        return _LABEL_NAMES[self]


_LABEL_NAMES = {
    DocumentType.STATEMENT: "statement",
    DocumentType.DESK_CARD: "desk-card",
    DocumentType.RELAY_CARD: "relay-card",
    DocumentType.PUBLIC: "public",
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """A document whose signature holds. `signer` is 32 bytes; `content` is as it was received."""

    type: DocumentType
    content: bytes
    signer: bytes


def sign_envelope(
    document_type: DocumentType, key: SigningKey, content: bytes, context: bytes = b""
) -> bytes:
    """The bytes of an envelope around `content`, signed by `key`."""
    signature = key.sign(document_type.label_name, context, content)
    return pack([int(document_type), content, key.public, signature])


def open_envelope(
    data: bytes, expected: DocumentType, context: bytes = b"", *, max_bytes: int
) -> Envelope:
    """The envelope in `data`, its signature verified.

    Raises `TooLarge` over `max_bytes`, `Malformed`, `UnknownKind` for another type than `expected`,
    and what `verify_signature` raises.
    """
    fields = row(uint(), binary(most=max_bytes), binary(SIGNING_KEY_BYTES), binary(SIGNATURE_BYTES))
    number, content, signer, signature = fields(unpack(data, max_bytes=max_bytes))
    if number != expected:
        raise UnknownKind(f"a document of type {number} where {expected.label_name} belongs")
    verify_signature(signer, signature, expected.label_name, context, content)
    return Envelope(expected, content, signer)
