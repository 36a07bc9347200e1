"""What the process that pulls is told by the one that serves: one line, over a pipe."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from qanat_client.carriers.settings import CarrierSettings
from qanat_client.desk.desk import Clock, Desk, open_desk
from qanat_client.errors import BadInput

__all__ = ["ASK", "PullWish", "parse_pull_wish"]

ASK: Final = b"ask"
"""The line that asks all relays at once."""


@dataclass(frozen=True, slots=True)
class PullWish:
    """Which desk, and how its relays are reached. `relays`: only those with these addresses."""

    home: str
    passphrase: str = field(repr=False)
    every_s: float
    proxy: str | None = None
    datagrams: bool = True
    relays: tuple[str, ...] = ()

    @property
    def carriers(self) -> CarrierSettings:
        """How relays are reached."""
        return CarrierSettings(proxy=self.proxy, datagrams=self.datagrams)

    @contextlib.contextmanager
    def desk(self, clock: Clock) -> Iterator[Desk]:
        """The desk, closed behind the block. Raises what `open_desk` raises."""
        desk = open_desk(Path(self.home), self.passphrase, clock)
        try:
            yield desk
        finally:
            desk.vault.close()

    def line(self) -> bytes:
        """As it goes over the pipe."""
        return json.dumps(asdict(self)).encode() + b"\n"


def parse_pull_wish(line: bytes) -> PullWish:
    """Raises BadInput for anything else: the process is not for people to start."""
    try:
        given = json.loads(line)
        return PullWish(**(given | {"relays": tuple(given["relays"])}))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BadInput("this process is started by `qanat-desk serve`") from None
