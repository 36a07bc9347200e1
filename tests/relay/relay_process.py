"""A relay as a process of its own, as an operator starts it."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import trustme

COMMAND = [sys.executable, "-c", "import sys; from qanat_relay.cli import main; sys.exit(main())"]


def environment(**variables: str) -> dict[str, str]:
    """In which the relay's program is found, with these variables and none of its own besides."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("QANAT_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables}


@contextmanager
def serving(
    *arguments: str, variables: Mapping[str, str] | None = None, before: Sequence[str] = ()
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`qanat-relay serve` and the first line that it prints. `before`: a program to start it by."""
    process = subprocess.Popen(
        [*before, *COMMAND, "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**(variables or {})),
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def hang_up(process: subprocess.Popen[str], *words: str) -> list[str]:
    """Let a relay read its settings again; what it logs until a line has one of these words."""
    process.send_signal(signal.SIGHUP)
    return log_until(process, *words)


def log_until(process: subprocess.Popen[str], *words: str) -> list[str]:
    """The lines of its log up to the first that has one of these words."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line.rstrip())
        if any(word in line for word in words):
            return lines
    raise AssertionError(f"the relay ended before it said {words}: {lines}")


def read(url: str, trusted: ssl.SSLContext | None = None) -> bytes:
    """What a GET of this URL is answered."""
    with urllib.request.urlopen(url, timeout=30, context=trusted) as response:  # noqa: S310
        content: bytes = response.read()
    return content


class Authority:
    """A certificate authority of a test, and what trusts it alone."""

    def __init__(self) -> None:
        self._authority = trustme.CA()
        self.trusted = ssl.create_default_context()
        self._authority.configure_trust(self.trusted)

    def write(self, folder: Path, *names: str) -> tuple[str, str]:
        """The files of a new certificate for these names, `chain.pem` and `key.pem`, replaced."""
        certificate = self._authority.issue_cert(*(names or ("localhost", "127.0.0.1")))
        chain, key = folder / "chain.pem", folder / "key.pem"
        for path, content in (
            (key, certificate.private_key_pem.bytes()),
            (chain, b"".join(pem.bytes() for pem in certificate.cert_chain_pems)),
        ):
            path.with_suffix(".new").write_bytes(content)
            path.with_suffix(".new").replace(path)
        return str(chain), str(key)
