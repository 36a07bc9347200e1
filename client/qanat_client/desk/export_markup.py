"""An edition as HTML and as an Atom feed, built as trees: what strangers wrote is only ever text.

The page loads nothing and runs nothing; its own style is all that its policy lets through.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree as Tree

from qanat_client.desk.edition import ID, Edition, facts_of, line, title_of, writing
from qanat_client.desk.words import time_words

__all__ = ["PAGE_POLICY", "atom_of", "html_of"]

_STYLE: Final = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
article { border-top: 1px solid; margin-top: 2rem; padding-top: 1rem; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; }
dd { margin: 0; overflow-wrap: anywhere; }
img, video { max-width: 100%; height: auto; }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
PAGE_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src 'self'; media-src 'self';"
    " base-uri 'none'; form-action 'none'"
)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_ATOM: Final = "http://www.w3.org/2005/Atom"
_SHOWN: Final = ("image/jpeg", "image/png", "image/webp")
_PLAYED: Final = {"video/webm": "video", "audio/webm": "audio"}

AddressOf = Callable[[str], str | None]


def _under(parent: Tree.Element, tag: str, text: str = "", **attributes: str) -> Tree.Element:
    made = Tree.SubElement(parent, tag, attributes)
    made.text = text
    return made


def _language(value: Mapping[str, Any]) -> dict[str, str]:
    found = _LANGUAGE.fullmatch(value["language"])
    return {"lang": found[0]} if found else {}


def _article(body: Tree.Element, value: Mapping[str, Any], address_of: AddressOf) -> None:
    article = _under(body, "article")
    _under(article, "h2", title_of(value), dir="auto", **_language(value))
    if value["state"] in ("withdrawn", "corrected"):
        _under(_under(article, "p"), "strong", f"{value['state'].capitalize()} by its author.")
    text = writing(value["text"])
    if text:
        _under(article, "p", text, **{"class": "text", "dir": "auto"}, **_language(value))
    facts = _under(article, "dl")
    for name, said in facts_of(value):
        if name != ID:
            _under(facts, "dt", name)
            _under(facts, "dd", said, dir="auto")
    for file in value["files"]:
        for each in file.get("exported", ()):
            _file(article, line(file["name"]), file["media_type"], address_of(each["path"]))


def _file(article: Tree.Element, name: str, media_type: str, address: str | None) -> None:
    figure = _under(article, "figure")
    caption = _under(figure, "figcaption")
    if address is None:
        caption.text = name
        return
    _under(caption, "a", name, href=address, dir="auto")
    if media_type in _SHOWN:
        figure.insert(0, Tree.Element("img", src=address, alt=""))
    elif media_type in _PLAYED:
        attributes = {"src": address, "controls": "controls", "preload": "none"}
        figure.insert(0, Tree.Element(_PLAYED[media_type], attributes))


def html_of(edition: Edition, address_of: AddressOf = quote) -> str:
    """One page that needs nothing but the files beside it. `address_of`: where the page finds a
    file by its path; None where it only names it."""
    page = Tree.Element("html", {"lang": "en"})
    head = _under(page, "head")
    Tree.SubElement(head, "meta", {"charset": "utf-8"})
    policy = {"http-equiv": "Content-Security-Policy", "content": PAGE_POLICY}
    Tree.SubElement(head, "meta", policy)
    Tree.SubElement(head, "meta", {"name": "referrer", "content": "no-referrer"})
    size = "width=device-width, initial-scale=1"
    Tree.SubElement(head, "meta", {"name": "viewport", "content": size})
    _under(head, "title", edition.heading)
    _under(head, "style", _STYLE)
    body = _under(page, "body")
    _under(body, "h1", edition.heading, dir="auto")
    _under(body, "p", f"Exported {time_words(edition.exported_s)}.")
    for value in edition.reports:
        _article(body, value, address_of)
    return "<!DOCTYPE html>\n" + Tree.tostring(page, encoding="unicode", method="html") + "\n"


def _instant(unix_s: int) -> str:
    """RFC 3339."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _entry(feed: Tree.Element, value: Mapping[str, Any], at_s: int) -> None:
    entry = _under(feed, "entry")
    _under(entry, "id", value["id"])
    _under(entry, "title", title_of(value), type="text")
    _under(entry, "published", _instant(at_s))
    _under(entry, "updated", _instant(at_s))
    said = [f"{name}: {said}" for name, said in facts_of(value) if name != ID]
    if value["state"] == "corrected":
        said.insert(0, "Corrected by its author.")
    text = "\n\n".join(filter(None, [writing(value["text"]), "\n".join(said)]))
    language = _language(value).get("lang")
    attributes = {"type": "text"} | ({"xml:lang": language} if language else {})
    _under(entry, "content", text, **attributes)


def atom_of(edition: Edition) -> str:
    """A feed (RFC 4287) of what is published, the newest first."""
    feed = Tree.Element("feed", {"xmlns": _ATOM})
    _under(feed, "id", edition.urn)
    _under(feed, "title", line(edition.desk_name), type="text")
    # Of the same reports it is the same feed, whenever it is written.
    _under(feed, "updated", _instant(max(edition.published_s, default=edition.exported_s)))
    _under(_under(feed, "author"), "name", line(edition.desk_name))
    _under(feed, "generator", "Qanat")
    dated = zip(edition.reports, edition.published_s, strict=True)
    for value, at_s in sorted(dated, key=lambda each: (-each[1], each[0]["id"])):
        _entry(feed, value, at_s)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + Tree.tostring(feed, encoding="unicode") + "\n"
    )
