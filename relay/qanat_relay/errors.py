"""What can go wrong in a relay outside the protocol. Each error tells the operator what to do."""

from qanat_protocol.errors import QanatError


class ConfigError(QanatError):
    """A setting is wrong or contradicts another. The message names it: correct it, start again."""


class DataError(QanatError):
    """A file is missing, unreadable or not what it should be. The message names it."""


class WorkFailed(QanatError):
    """A part of the relay's work ended by a mistake of ours and is begun anew. The message names
    it; the log has more."""


class LinkLost(QanatError):
    """The connection is gone or makes no progress. Nothing to do: the other side resumes later."""
