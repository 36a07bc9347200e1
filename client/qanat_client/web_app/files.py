"""The files of the web app as `make app` has built them. Reads the folder once, talks no HTTP."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

__all__ = [
    "BUILT",
    "FRONT",
    "MISSING",
    "SIGNATURE",
    "SINGLE_FILE",
    "AppFile",
    "fingerprint_of",
    "read_app",
]

BUILT = Path(__file__).with_name("built")
"""Where `make app` puts what it builds."""

FRONT = "index.html"
"""What is given at /."""

SINGLE_FILE = "qanat.html"
"""All of the app in one file, to be carried on."""

SIGNATURE = "qanat.html.sig"
"""Its detached signature by whoever publishes it, as `ssh-keygen -Y sign` writes one; if any."""

MISSING = (
    "The web app is not part of this installation. It is built by `make app` in a clone of Qanat,"
    " before `pip install`."
)

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
# What Vite names after its content: another content has another name.
_HASHED = re.compile(r"assets/[^/]+-[A-Za-z0-9_-]{8}\.[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class AppFile:
    """One file."""

    name: str
    data: bytes
    media_type: str
    tag: str
    """Another one for any other content."""
    is_forever: bool
    """Whether its name says its content, so that a browser need not ask again."""

    @property
    def packed(self) -> bytes | None:
        """The same in gzip, or None where that is no smaller. Made when it is first asked for: a
        start of a relay does not wait for it."""
        return _pack(self.data)


@cache
def read_app(folder: Path = BUILT) -> Mapping[str, AppFile]:
    """The files by their names below `folder`, with / between; empty where no app was built.

    What `make app` does not make (hidden files, odd names) is left out.
    """
    if not (folder / FRONT).is_file():
        return {}
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink() and _NAME.fullmatch(name):
            found[name] = _read(name, path.read_bytes())
    return found


def _read(name: str, data: bytes) -> AppFile:
    return AppFile(
        name,
        data,
        _TYPES.get(Path(name).suffix, "application/octet-stream"),
        sha256(data).hexdigest()[:32],
        _HASHED.fullmatch(name) is not None,
    )


@cache
def _pack(data: bytes) -> bytes | None:
    packed = gzip.compress(data, 9, mtime=0)
    return packed if len(packed) < len(data) else None


def fingerprint_of(data: bytes) -> str:
    """SHA-256 in sixteen groups of four hexadecimal digits, to be compared by voice."""
    digits = sha256(data).hexdigest()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
