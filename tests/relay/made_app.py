"""A web app of a few lines, laid out as `make app` lays out the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from tests.relay.running_relay import Running, running_relay

from qanat_client.web_app.files import AppFile, read_app

SCRIPT = b"document.body.dataset.ran = 'yes';\n" * 100
FILES = {
    "index.html": b'<!doctype html><html lang="en"><meta charset="utf-8"><title>An app</title>'
    b'<link rel="icon" href="data:,">'
    b'<link rel="stylesheet" href="/assets/app-Bcdefgh1.css"><body><main>Write</main>'
    b'<script type="module" src="/assets/app-Abcdefg1.js"></script>',
    "assets/app-Abcdefg1.js": SCRIPT,
    "assets/app-Bcdefgh1.css": b"main { color: rgb(1, 2, 3); }\n",
    "sw.js": b"self.addEventListener('fetch', () => {});\n",
    "app.webmanifest": b'{"name": "An app", "start_url": "/", "display": "standalone"}\n',
    "icon.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "qanat.html": b"<!doctype html><title>An app in one file</title>",
    "qanat.html.sig": b"-----BEGIN SSH SIGNATURE-----\n",
}


def lay_app(folder: Path) -> Path:
    """Write it into a folder, with files beside it that nobody may be given."""
    for name, data in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / ".made").write_bytes(b"hidden")
    (folder / "assets" / "a file").write_bytes(b"odd name")
    (folder.parent / "secret").write_bytes(b"beside the app")
    (folder / "link.js").symlink_to(folder.parent / "secret")
    return folder


@pytest.fixture
def app(tmp_path: Path) -> Mapping[str, AppFile]:
    """That app, read as a relay reads the real one."""
    return read_app(lay_app(tmp_path / "built"))


@pytest.fixture
async def relay(tmp_path: Path, app: Mapping[str, AppFile]) -> AsyncIterator[Running]:
    """A relay that serves it."""
    async with running_relay(tmp_path / "relay", app=app) as running:
        yield running
