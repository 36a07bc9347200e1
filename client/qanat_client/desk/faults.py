"""What can go wrong on the desk's own disk, beside what every program of Qanat can meet.

Each docstring tells the editor what to do next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from qanat_client.errors import BadInput, HomeUnusable

__all__ = [
    "BodyDamaged",
    "ForeignDecision",
    "NotADesk",
    "UnknownBulletin",
    "UnknownReport",
    "VaultDamaged",
    "WrongPassphrase",
    "readable",
]

_Given = ParamSpec("_Given")
_Value = TypeVar("_Value")
_Default = TypeVar("_Default")


class NotADesk(BadInput):
    """There is no desk in this folder: run `qanat-desk init`, or name another with --home."""


class WrongPassphrase(BadInput):
    """The passphrase does not open this: try again; nothing was changed."""


class BodyDamaged(HomeUnusable):
    """A sealed body is gone from this disk or not what it was: pull, and relays are asked again."""


class ForeignDecision(BadInput):
    """Somebody decided here who is no editor of this desk: nothing of it was taken."""


class UnknownBulletin(BadInput):
    """No bulletin has this number: `qanat-desk outgoing` shows those that are on their way."""


class UnknownReport(BadInput):
    """No report has this id: `qanat-desk list` shows those that are here."""


class VaultDamaged(HomeUnusable):
    """A page of the vault is damaged: `qanat-desk check` says what is on it; restore the whole
    folder from a copy."""


def readable(
    default: _Default,
    read: Callable[_Given, _Value],
    *arguments: _Given.args,
    **named: _Given.kwargs,
) -> _Value | _Default:
    """What a function reads, and the default where a damaged page stands in the way. Never inside
    a transaction."""
    try:
        return read(*arguments, **named)
    except VaultDamaged:
        return default
