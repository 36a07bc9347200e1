"""Two words for each pseudonym, by which editors speak of a reporter whom they don't know.

They follow from the reporter's key and a secret of this desk: stable here, others elsewhere, and
nobody without the vault can tell whose they are.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from secrets import token_hex
from typing import Final

from qanat_client.desk.alias_words import ADJECTIVES, NOUNS
from qanat_client.desk.vault import Vault, in_portions
from qanat_client.errors import BadInput
from qanat_protocol.labels import label

__all__ = ["alias_of", "aliases_beginning", "aliases_of", "author_named", "give_alias", "words_for"]

_SECRET_SETTING: Final = "alias_secret"  # noqa: S105 - the name of a setting
_SECRET_BYTES: Final = 32
MAX_NUMBER_DIGITS: Final = 9


def words_for(secret: bytes, author: bytes) -> str:
    """The two words of a key (32 bytes) under a desk's secret."""
    digest = hmac.digest(secret, label("alias") + author, "sha256")
    first, second = (int.from_bytes(digest[at : at + 8]) for at in (0, 8))
    return f"{ADJECTIVES[first % len(ADJECTIVES)]}-{NOUNS[second % len(NOUNS)]}"


def _shown(words: str, number: int) -> str:
    return words if number == 1 else f"{words}-{number}"


def give_alias(vault: Vault, author: bytes) -> str:
    """The alias of a pseudonym, given to it with its first report; inside a transaction.

    Who gets two words that another has already is told apart by a number behind them.
    """
    known = vault.row("SELECT words, number FROM aliases WHERE author = ?", author)
    if known is not None:
        return _shown(*known)
    words = words_for(_secret(vault), author)
    number = 1 + int(vault.value("SELECT max(number) FROM aliases WHERE words = ?", words) or 0)
    vault.run("INSERT INTO aliases (author, words, number) VALUES (?, ?, ?)", author, words, number)
    return _shown(words, number)


def _secret(vault: Vault) -> bytes:
    found = vault.setting(_SECRET_SETTING)
    if found is None:
        found = token_hex(_SECRET_BYTES)
        vault.set_setting(_SECRET_SETTING, found)
    return bytes.fromhex(found)


def aliases_of(vault: Vault, authors: Iterable[bytes]) -> dict[bytes, str]:
    """The aliases of these pseudonyms, of those whose reports are catalogued."""
    found: dict[bytes, str] = {}
    for chunk in in_portions(list(set(authors))):
        marks = ", ".join("?" * len(chunk))
        query = f"SELECT author, words, number FROM aliases WHERE author IN ({marks})"  # noqa: S608
        for author, words, number in vault.rows(query, *chunk):
            found[author] = _shown(words, number)
    return found


def alias_of(vault: Vault, author: bytes) -> str | None:
    """One pseudonym's alias; None as long as no report of it is catalogued."""
    return aliases_of(vault, [author]).get(author)


def aliases_beginning(vault: Vault, begins: str, most: int) -> list[str]:
    """Some aliases that begin so, whatever stands between the words."""
    words = "-".join(begins.casefold().replace("-", " ").split())
    rows = vault.rows(
        "SELECT words, number FROM aliases WHERE substr(words, 1, ?) = ?"
        " ORDER BY words, number LIMIT ?",
        len(words),
        words,
        most,
    )
    return [_shown(*row) for row in rows]


def author_named(vault: Vault, alias: str) -> bytes:
    """The key behind an alias, with a space or a hyphen between its words. Raises BadInput."""
    pieces = alias.casefold().replace("-", " ").split()
    number = 1
    if len(pieces) == 3 and pieces[2].isdecimal() and len(pieces[2]) <= MAX_NUMBER_DIGITS:
        number = int(pieces.pop())
    found = vault.value(
        "SELECT author FROM aliases WHERE words = ? AND number = ?", "-".join(pieces), number
    )
    if found is None:
        raise BadInput(f"nobody here is called {alias!r}; `qanat-desk list` shows the aliases")
    return bytes(found)
