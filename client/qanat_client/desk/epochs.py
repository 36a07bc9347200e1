"""The weekly sealing secrets: made apart from each other, and deleted for good when due.

A secret is deleted on the expiry of its week + 7 (SPEC section 9), never because one clock says
so: the day that counts is the earlier one of this machine's clock and the middle of what the
relays of this pull say. A clock that jumped ahead deletes nothing, nor does one lying relay.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from qanat_client.desk.vault import Vault
from qanat_protocol.days import last_day
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.tags import desk_tag

__all__ = [
    "DELETE_AFTER_DAYS",
    "agreed_day",
    "delete_due_secrets",
    "due_secrets",
    "epoch_of_tag",
    "latest_day",
    "live_epochs",
    "make_secrets",
    "plausible_day",
    "public_keys",
    "secret_of",
]

DELETE_AFTER_DAYS = 7
_TO_REWRITE = "vault-to-rewrite"


def make_secrets(vault: Vault, first_epoch: int, count: int, grace_days: int) -> None:
    """Make the secrets of these weeks that are not there yet; the caller holds the transaction."""
    for epoch in range(first_epoch, first_epoch + count):
        if vault.value("SELECT 1 FROM epochs WHERE epoch = ?", epoch) is None:
            secret = SealingSecret.generate()
            vault.run(
                "INSERT INTO epochs (epoch, public, seed, expiry_day) VALUES (?, ?, ?, ?)",
                epoch,
                secret.public,
                secret.seed,
                last_day(epoch) + grace_days,
            )


def public_keys(vault: Vault, first_epoch: int, count: int) -> list[bytes]:
    """The public sealing keys of these weeks, in order."""
    found = vault.rows(
        "SELECT public FROM epochs WHERE epoch >= ? AND epoch < ? ORDER BY epoch",
        first_epoch,
        first_epoch + count,
    )
    return [row[0] for row in found]


def live_epochs(vault: Vault) -> list[int]:
    """The weeks whose secrets are still here, ascending."""
    return [r[0] for r in vault.rows("SELECT epoch FROM epochs WHERE seed NOTNULL ORDER BY epoch")]


def epoch_of_tag(vault: Vault, desk_id: bytes, tag: bytes) -> int | None:
    """The week whose desk tag this is, also when its secret is gone; None if it is not ours."""
    for (epoch,) in vault.rows("SELECT epoch FROM epochs ORDER BY epoch DESC"):
        if _tag(desk_id, epoch) == tag:
            return int(epoch)
    return None


# Asked for each parcel, and each time for half a year of weeks.
_tag = lru_cache(maxsize=1024)(desk_tag)


def secret_of(vault: Vault, epoch: int) -> SealingSecret | None:
    """The secret of a week, or None when it was deleted."""
    seed = vault.value("SELECT seed FROM epochs WHERE epoch = ?", epoch)
    return None if seed is None else SealingSecret(seed)


def plausible_day(clock_day: int, relay_days: Sequence[int]) -> int | None:
    """The day on which something may be deleted for good, or None while no relay has said one."""
    if not relay_days:
        return None
    return min(clock_day, sorted(relay_days)[len(relay_days) // 2])


def latest_day(clock_day: int, relay_days: Sequence[int]) -> int:
    """The day from which what is kept back for some days is counted: late rather than early.

    A clock that was behind when a parcel was opened must not shorten its days.
    """
    return max([clock_day, *sorted(relay_days)[len(relay_days) // 2 :][:1]])


def agreed_day(clock_day: int, relay_days: Sequence[int]) -> bool:
    """Whether more than half of the relays say that this day has come."""
    return 2 * sum(day >= clock_day for day in relay_days) > len(relay_days)


def due_secrets(vault: Vault, day: int) -> list[int]:
    """The weeks whose secrets are due for deletion on this day."""
    found = vault.rows(
        "SELECT epoch FROM epochs WHERE seed NOTNULL AND expiry_day + ? <= ?",
        DELETE_AFTER_DAYS,
        day,
    )
    return [row[0] for row in found]


def delete_due_secrets(vault: Vault, day: int) -> list[int]:
    """Delete what is due; returns the weeks. No byte of them stays in the vault.

    What a kill or a full disk left undone is done by the next call.
    """
    due = due_secrets(vault, day)
    if due:
        with vault.transaction():
            vault.set_setting(_TO_REWRITE, "1")
            vault.run(
                "UPDATE epochs SET seed = NULL, deleted_day = ?"
                " WHERE seed NOTNULL AND expiry_day + ? <= ?",
                day,
                DELETE_AFTER_DAYS,
                day,
            )
    if vault.setting(_TO_REWRITE) is not None:
        # Pages that were split earlier may hold stale copies in their slack: all are rewritten.
        vault.run("VACUUM")
        vault.remove_spares()
        with vault.transaction():
            vault.run("DELETE FROM settings WHERE name = ?", _TO_REWRITE)
    return due
