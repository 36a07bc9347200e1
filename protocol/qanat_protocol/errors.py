"""The tree of errors. A RemoteError says that the other side did wrong, a LocalError that we did.

Each docstring tells the person at the keyboard what it means for them; a message names the thing
and the limit. Parsers raise RemoteError and nothing else.
"""

from typing import ClassVar

from qanat_protocol.verdicts import Verdict


class QanatError(Exception):
    """Something in Qanat went wrong. The message says what."""


class ProtocolError(QanatError):
    """Bytes or values that the protocol does not allow.

    Without a message of its own an error speaks by the first line of its docstring.
    """

    verdict: ClassVar[Verdict]

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail or (self.__doc__ or "").partition("\n")[0]


class RemoteError(ProtocolError):
    """What was received breaks the protocol. Nothing of it was taken."""

    verdict = Verdict.MALFORMED


class Malformed(RemoteError):
    """It is damaged, or not what it claims to be. Ask for it to be sent again."""

    verdict = Verdict.MALFORMED


class UnknownVersion(RemoteError):
    """It was made by a newer Qanat. Update this program and try again."""

    verdict = Verdict.UNKNOWN_VERSION


class UnknownSuite(RemoteError):
    """It uses cryptography that this version does not have. Update this program and try again."""

    verdict = Verdict.UNKNOWN_SUITE


class UnknownKind(RemoteError):
    """It is of a kind that this version does not know. Update this program and try again."""

    verdict = Verdict.UNKNOWN_KIND


class IllegalFlags(RemoteError):
    """The parcel carries flags that its kind may not have. It was not taken."""

    verdict = Verdict.ILLEGAL_FLAGS


class IllegalSize(RemoteError):
    """The parcel has a size that no honest program gives it. It was not taken."""

    verdict = Verdict.ILLEGAL_SIZE


class TooLarge(RemoteError):
    """It is over a limit of the protocol. Send less, or in several pieces."""

    verdict = Verdict.TOO_LARGE


class Expired(RemoteError):
    """The day until which the parcel is carried has passed. It has to be written again."""

    verdict = Verdict.EXPIRED


class ExpiryTooFar(RemoteError):
    """The parcel asks to be carried for too long. Check the clock of whoever made it."""

    verdict = Verdict.EXPIRY_TOO_FAR


class BadRoot(RemoteError):
    """A block is not what the parcel's header says. It is asked for again from elsewhere.

    `handle` is the transfer that it came in, where there is one.
    """

    verdict = Verdict.BAD_ROOT

    def __init__(self, detail: str = "", *, handle: int | None = None) -> None:
        super().__init__(detail)
        self.handle = handle


class BadLock(RemoteError):
    """A key does not belong to the parcel it was given for. The parcel stays as it is."""

    verdict = Verdict.BAD_LOCK


class CannotOpen(RemoteError):
    """It does not open: sealed for somebody else, under another header, or damaged."""

    verdict = Verdict.CANNOT_OPEN


class BadPadding(RemoteError):
    """There is something where only padding may be. It was not opened."""

    verdict = Verdict.BAD_PADDING


class BadSignature(RemoteError):
    """The signature does not hold. Do not trust what it stands under."""

    verdict = Verdict.BAD_SIGNATURE


class BadKey(RemoteError):
    """A key that no honest program makes. Do not use it; get the card or code anew."""

    verdict = Verdict.BAD_KEY


class WrongRecipient(RemoteError):
    """It was meant for another desk, mailbox or week."""

    verdict = Verdict.WRONG_RECIPIENT


class BadName(RemoteError):
    """A file name that could do harm or cannot be kept. Rename the file."""

    verdict = Verdict.BAD_NAME


class NotCertified(RemoteError):
    """The desk's statement does not vouch for this signing key on that day. Do not trust it."""

    verdict = Verdict.NOT_CERTIFIED


class OlderSerial(RemoteError):
    """A newer one is already here. It was kept, and this older one was not taken."""

    verdict = Verdict.OLDER_SERIAL


class BadChain(RemoteError):
    """It does not continue what is already here. Compare the fingerprint by voice."""

    verdict = Verdict.BAD_CHAIN


class BadCheck(RemoteError):
    """The code has a typing error. Compare it digit by digit."""

    verdict = Verdict.BAD_CHECK


class BadHash(RemoteError):
    """The attachment is not the one that its letter names. It was not kept."""

    verdict = Verdict.BAD_HASH


class BadStamp(RemoteError):
    """The stamp is not worth what it claims, or it is of another week."""

    verdict = Verdict.BAD_STAMP


class UnexpectedFrame(RemoteError):
    """The other side said something that does not belong there. The connection was ended."""

    verdict = Verdict.UNEXPECTED_FRAME


class BadChannel(RemoteError):
    """The connection is not with the relay that the card names, or was tampered with."""

    verdict = Verdict.BAD_CHANNEL


class Cut(RemoteError):
    """The connection or file broke off. What came before is kept; the rest follows next time."""

    verdict = Verdict.CUT


class RefusedFull(RemoteError):
    """The relay has no room. It stays in the queue; try another relay."""

    verdict = Verdict.REFUSED_FULL


class RefusedQuota(RemoteError):
    """This sender's or desk's share of the relay is used up. It stays in the queue."""

    verdict = Verdict.REFUSED_QUOTA


class RefusedSize(RemoteError):
    """The parcel is larger than this relay takes. It stays in the queue; try another relay."""

    verdict = Verdict.REFUSED_SIZE


class RefusedDesk(RemoteError):
    """The relay does not take this program for that desk or peer, or does not carry that desk."""

    verdict = Verdict.REFUSED_DESK


class StampWanted(RemoteError):
    """The relay is crowded and wants a stamp first. It stays in the queue."""

    verdict = Verdict.STAMP_WANTED


class Busy(RemoteError):
    """The relay cannot take it now. It stays in the queue; try again later."""

    verdict = Verdict.BUSY


class Tombstoned(RemoteError):
    """The desk has opened it and freed the space. It need not be sent again."""

    verdict = Verdict.TOMBSTONED


class LocalError(ProtocolError):
    """This program was about to make what the protocol does not allow. Nothing was sent."""

    verdict = Verdict.MALFORMED


class LocalMalformed(LocalError):
    """A value that the protocol cannot carry. Correct the input."""

    verdict = Verdict.MALFORMED


class LocalUnknownKind(LocalError):
    """A kind that does not exist or does not belong there."""

    verdict = Verdict.UNKNOWN_KIND


class LocalIllegalFlags(LocalError):
    """Only a letter or a reply can be urgent."""

    verdict = Verdict.ILLEGAL_FLAGS


class LocalIllegalSize(LocalError):
    """A parcel cannot have this size."""

    verdict = Verdict.ILLEGAL_SIZE


class LocalTooLarge(LocalError):
    """It is over a limit of the protocol. Shorten it, or send it in several pieces."""

    verdict = Verdict.TOO_LARGE


class LocalBadKey(LocalError):
    """A key of the wrong form. Get the card or code anew."""

    verdict = Verdict.BAD_KEY


class LocalBadName(LocalError):
    """This file name cannot be sent. Rename the file."""

    verdict = Verdict.BAD_NAME


class LocalNotCertified(LocalError):
    """The statement does not vouch for this signing key on that day. Certify it first."""

    verdict = Verdict.NOT_CERTIFIED


class LocalOlderSerial(LocalError):
    """A document needs a higher serial than the one before."""

    verdict = Verdict.OLDER_SERIAL


class LocalBadChain(LocalError):
    """A document has to name the one before it."""

    verdict = Verdict.BAD_CHAIN


class LocalUnexpectedFrame(LocalError):
    """This frame may not be sent here."""

    verdict = Verdict.UNEXPECTED_FRAME


_REMOTE: dict[int, type[RemoteError]] = {
    kind.verdict: kind for kind in RemoteError.__subclasses__()
}
_LOCAL: dict[int, type[LocalError]] = {kind.verdict: kind for kind in LocalError.__subclasses__()}


def error_for(verdict: int, detail: str = "") -> RemoteError:
    """The error of a verdict that the other side told (in ACK or ERROR).

    A number that is not in the list is shown as it is and treated as busy (SPEC 20); OK is no error
    and therefore malformed.
    """
    if verdict == Verdict.OK:
        return Malformed(detail or "the other side refused and said that all is well")
    if kind := _REMOTE.get(verdict):
        return kind(detail)
    return Busy(f"verdict {verdict}{detail and ': ' + detail}")


class our_own:
    """Check what we are about to send with the parser that the other side will use.

    A RemoteError inside becomes the LocalError of the same verdict; one that has no local twin is
    passed on.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, RemoteError) and (twin := _LOCAL.get(error.verdict)):
            raise twin(str(error)) from error
