"""A parser for one subcommand: options stand anywhere, and a mistake shows this command's usage."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Subcommand"]


class Subcommand(argparse.ArgumentParser):
    """For `parser_class` of add_subparsers.

    What a plain parser takes only in one piece may have options in between (`reply ID --want TEXT`)
    and what it does not know is told with the usage of the subcommand, not of the whole program.
    """

    fill: Callable[[argparse.ArgumentParser], None] | None = None
    """Adds the arguments when they are needed, once: what they load no other command has to."""

    _is_parsing = False

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """As the parent's; ends the program where anything is left over."""
        fill, self.fill = self.fill, None
        if fill is not None:
            fill(self)
        if self._is_parsing or self._subparsers is not None:
            # The intermixed parse below goes through this method, once for each kind of argument;
            # what has commands of its own leaves it to them.
            return super().parse_known_args(args, namespace)
        self._is_parsing = True
        try:
            found, extra = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_parsing = False
        if extra:
            self.error(f"unrecognized arguments: {' '.join(extra)}")
        return found, extra
