"""Opening the link in the person's browser, without its token in any process's arguments, which
every user of a machine can list: the browser is given a file that only its owner can read.
"""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import Final

from qanat_client.desk.vault import disk_faults

__all__ = ["Opening"]

NAME: Final = "open.html"
PAGE: Final = (
    '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
    '<meta http-equiv="refresh" content="0; url={link}"><title>Qanat</title>'
)


class Opening:
    """Of one run of the program; the file lies in the desk's folder until `close`."""

    def __init__(self, home: Path) -> None:
        self._path = home.absolute() / NAME

    def open(self, link: str) -> bool:
        """Whether there is a browser that was asked to open it. Raises HomeUnusable and its
        kinds."""
        with disk_faults(str(self._path)):
            self._path.unlink(missing_ok=True)
            target = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(target, "w") as file:
                file.write(PAGE.format(link=link))
        return webbrowser.open(self._path.as_uri())

    def close(self) -> None:
        """Remove the file: its link was used, or is good no more."""
        with disk_faults(str(self._path)):
            self._path.unlink(missing_ok=True)
