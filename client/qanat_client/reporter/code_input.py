"""The person's code as it comes in: from a file that was named, or from the terminal."""

from __future__ import annotations

import argparse

from qanat_client.errors import BadInput
from qanat_client.terminal import Terminal, read_secret
from qanat_protocol.code import normalise
from qanat_protocol.errors import BadCheck, Malformed

__all__ = ["ask_code", "checked_code", "given_code"]


def given_code(arguments: argparse.Namespace) -> str | None:
    """The code in the file that was named, or None."""
    return read_secret(arguments.code_file, "QANAT_CODE_FILE", "the code file")


def checked_code(code: str | None) -> str | None:
    """The code as 24 digits. Raises BadInput, without any of it, for one that is wrong."""
    if code is None:
        return None
    try:
        return normalise(code)
    except (BadCheck, Malformed):
        raise BadInput("the code is not right: `qanat code check` tells more") from None


def ask_code(terminal: Terminal, question: str) -> str:
    """A code from the person, checked; asked again after a typing error. Empty: none."""
    while True:
        typed = terminal.ask_secret(question)
        if not typed.strip():
            return ""
        try:
            return normalise(typed)
        except (BadCheck, Malformed) as error:
            terminal.warn(f"{error}; once more")
