"""What `qanat-desk serve` writes to its log: who said something, and of an error its kind and its
places. Never a message: libraries put addresses and values in them.
"""

from __future__ import annotations

import logging
import sys
import traceback

from aiohttp.http_exceptions import HttpProcessingError

__all__ = ["keep_private"]


class PlacesFormatter(logging.Formatter):
    """One line for what was said, and one for each place of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """The name of who said it, the kind of error, where it came from."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return f"{record.name}: {record.levelname.lower()}"
        places = [
            f"  {frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        return "\n".join([f"{record.name}: {type(error).__name__}", *places])


def _is_our_fault(record: logging.LogRecord) -> bool:
    """The library tells of requests that are not even HTTP by a traceback, too."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


def keep_private() -> None:
    """Send what any library logs through this, from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlacesFormatter())
    handler.addFilter(_is_our_fault)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
