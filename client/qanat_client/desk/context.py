"""What every command of `qanat-desk` is given: its arguments, the terminal, the home, the clock."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qanat_client.carriers.settings import CarrierSettings
from qanat_client.desk.card_book import finish_desk
from qanat_client.desk.desk import Clock, Desk, open_desk
from qanat_client.desk.vault import VAULT_NAME
from qanat_client.errors import BadInput
from qanat_client.terminal import Terminal, human_size, read_bytes, read_secret

__all__ = ["PASSPHRASE_VARIABLE", "Context", "default_home", "text_of"]

PASSPHRASE_VARIABLE = "QANAT_PASSPHRASE_FILE"  # noqa: S105 - the name of a variable
MIN_PASSPHRASE_CHARACTERS = 12
"""Shorter ones are found by trying: the vault's key is stretched, but not without end."""
MAX_TEXT_FILE_BYTES = 262_144
_REDRAW_S = 0.2


def default_home() -> Path:
    """QANAT_HOME, or `qanat-desk` where this system keeps the data of programs."""
    if named := os.environ.get("QANAT_HOME"):
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "qanat-desk"


@dataclass(frozen=True, slots=True)
class Context:
    """One run of the program."""

    arguments: argparse.Namespace
    terminal: Terminal
    clock: Clock

    @property
    def home(self) -> Path:
        """The desk's folder."""
        named: Path | None = self.arguments.home
        return named or default_home()

    @property
    def carriers(self) -> CarrierSettings:
        """How relays are reached."""
        return CarrierSettings(
            proxy=getattr(self.arguments, "proxy", None),
            datagrams=not getattr(self.arguments, "no_datagrams", False),
        )

    def passphrase(self, *, is_new: bool = False) -> str:
        """From the file that was named, else from the person; a new one is asked for twice.

        Raises BadInput where there is neither, or a new one in a file is too short.
        """
        given: Path | None = self.arguments.passphrase_file
        secret = read_secret(given, PASSPHRASE_VARIABLE, "the passphrase file")
        if secret is None:
            if not self.terminal.has_person:
                raise BadInput(
                    "a passphrase is needed: name a file that holds it with --passphrase-file"
                    f" or in {PASSPHRASE_VARIABLE}"
                )
            secret = self._new_passphrase() if is_new else self.terminal.ask_secret("passphrase:")
        if not secret:
            raise BadInput("the passphrase is empty")
        # Keyboards and systems write the same letter in different ways.
        secret = unicodedata.normalize("NFC", secret)
        if is_new and len(secret) < MIN_PASSPHRASE_CHARACTERS:
            raise BadInput(
                f"the passphrase in the file has {len(secret)} characters: take at least"
                f" {MIN_PASSPHRASE_CHARACTERS}, such as six words that nobody has said together"
            )
        return secret

    def _new_passphrase(self) -> str:
        terminal = self.terminal
        terminal.warn(
            "The passphrase protects every report, the desk's keys and the root key file. Nobody"
            " can restore it. Take six words or more that nobody has said together."
        )
        while True:
            secret = terminal.ask_secret("passphrase:")
            if len(secret) < MIN_PASSPHRASE_CHARACTERS:
                terminal.warn(
                    f"That is {len(secret)} characters: whoever takes this disk would find it by"
                    f" trying. At least {MIN_PASSPHRASE_CHARACTERS}, please."
                )
            elif terminal.ask_secret("the same once more:") != secret:
                terminal.warn("The two differ.")
            else:
                return secret

    @contextlib.contextmanager
    def desk(self) -> Iterator[Desk]:
        """The desk in the home, opened with the passphrase and closed behind the block."""
        self.check_home()
        with self.desk_by(self.passphrase()) as desk:
            yield desk

    def check_home(self) -> None:
        """Raise BadInput where there is no desk, before anybody is asked for a passphrase."""
        if not (self.home / VAULT_NAME).exists():
            raise BadInput(
                f"{self.home} holds no desk; make one with: qanat-desk --home {self.home} init"
            )

    @contextlib.contextmanager
    def desk_by(self, passphrase: str) -> Iterator[Desk]:
        """The same with a passphrase that is known."""
        desk = open_desk(self.home, passphrase, self.clock)
        try:
            finish_desk(desk)
            yield desk
        finally:
            desk.vault.close()

    @contextlib.contextmanager
    def counting(self, label: str) -> Iterator[Callable[[int], None]]:
        """Tell on the terminal how many bytes are done, where nobody knows how many there are."""
        shown, stream = sys.stderr.isatty(), sys.stderr
        done, drawn_at_s = 0, 0.0

        def advance(size_bytes: int) -> None:
            nonlocal done, drawn_at_s
            done += size_bytes
            now_s = time.monotonic()
            if shown and now_s - drawn_at_s >= _REDRAW_S:
                drawn_at_s = now_s
                stream.write(f"\r{label} {human_size(done)}\x1b[K")
                stream.flush()

        try:
            yield advance
        finally:
            if shown:
                stream.write("\r\x1b[K")
                stream.flush()


def text_of(context: Context) -> str:
    """The text argument, or the one in --text-file (`-` is standard input). Raises BadInput."""
    given, file = context.arguments.text, context.arguments.text_file
    if (given is None) == (file is None):
        raise BadInput("give the text, or a file that holds it with --text-file, one of the two")
    if given is not None:
        return str(given)
    if str(file) == "-":
        data = sys.stdin.buffer.read(MAX_TEXT_FILE_BYTES)
    else:
        data = read_bytes(file, "the text file", max_bytes=MAX_TEXT_FILE_BYTES)
    try:
        return data.decode().replace("\r\n", "\n").rstrip("\n")
    except UnicodeDecodeError as error:
        raise BadInput("the text is not UTF-8") from error
