"""Why a store could not do what it was asked, each with what the operator does next."""

from __future__ import annotations

from qanat_protocol.errors import QanatError


class StoreError(QanatError):
    """The store could not do it. Nothing of the failed call was acknowledged."""


class StoreFull(StoreError):
    """The disk, or the file's own limit, has no room. Free some; the store goes on by itself."""


class StoreBusy(StoreError):
    """Another program holds the database. Stop it; the store goes on by itself."""


class StoreBroken(StoreError):
    """The disk failed or the database is damaged. Look at the disk; then stop the relay and run
    `qanat-relay check --heal`."""


class StoreForbidden(StoreError):
    """The system does not let this user use the store. Nothing in it is damaged: run the command as
    the user that the relay runs as, or give that user its files."""


class StoreTooNew(StoreError):
    """The database was written by a newer version. Update qanat-relay, or use the copy it left."""


class StoreTooOld(StoreError):
    """The database is of an older version. `qanat-relay serve` upgrades it; to have a backup of
    before, make it with the version that wrote it."""


class StoreInUse(StoreError):
    """Another process serves this store. Stop it first; two never share one."""


class StoreClosed(StoreError):
    """The store was closed, or its writer ended by a mistake of ours. Start qanat-relay again."""


class NotHeld(StoreError):
    """The body is not there (never was, or was evicted or purged meanwhile). Ask elsewhere."""


class Damaged(NotHeld):
    """What is here of the body does not match its root any more, and is given to nobody. Peers are
    asked for it again after the next sweep."""
