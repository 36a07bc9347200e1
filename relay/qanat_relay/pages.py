"""The pages of the desks that the operator added: their bulletins, for any browser.

Text and pictures alone: no script, nothing from elsewhere, nothing that a browser keeps.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape

from aiohttp import web

from qanat_protocol.card import DeskCard
from qanat_protocol.days import iso
from qanat_protocol.merkle import block_count
from qanat_protocol.public import DocumentClass, PublicDocument, parse_public
from qanat_protocol.statement import fingerprint
from qanat_protocol.tags import public_tag
from qanat_relay.node import Node
from qanat_relay.store.interface import Entry

AT_ONCE = 10
"""Bulletins on a page: each may have half a megabyte of pictures, and is checked anew."""

KEPT_PAGES = 16
"""Pages that are not made again until something on them changes, each of a megabyte at most."""

PICTURES = {"image/jpeg": b"\xff\xd8\xff"}
"""Media types that are shown, and how such a file begins. A desk makes its pictures anew as these
(`qanat-desk bulletin`); whatever else a document holds is named and not shown."""

_STYLE = (
    "body{max-width:40em;margin:1em auto;padding:0 1em;font:1em/1.5 sans-serif}"
    "p{white-space:pre-wrap;overflow-wrap:anywhere}img{max-width:100%}small{color:#555}"
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'sha256-"
    + base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_AGES = {0: "of today", 1: "of yesterday"}


@dataclass(frozen=True, slots=True)
class _Kept:
    """A page, and what it was made of."""

    made_of: tuple[object, ...]
    html: str


class Pages:
    """Of one relay. Each method is a route; what is not there is a 404."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._kept: dict[tuple[bytes, int], _Kept] = {}
        self._making = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """To be served beside the sessions."""
        return [
            web.get("/desks", self._desks),
            web.get("/desks/", self._desks),
            web.get(r"/desks/{key:\d{30}}", self._newest),
            web.get(r"/desks/{key:\d{30}}/{page:\d{1,6}}", self._older),
            web.get(r"/desks/{key:\d{30}}/{place:\d{1,6}}/{picture:[0-3]}.jpg", self._picture),
        ]

    async def _desks(self, _: web.Request) -> web.StreamResponse:
        return self.desks()

    def desks(self) -> web.Response:
        """The list of the desks. Raises HTTPNotFound where none is shown."""
        cards = self._cards()
        if not cards:
            raise web.HTTPNotFound
        rows = [
            f'<li><a href="/desks/{_key(card)}"><bdi>{escape(card.name)}</bdi></a>'
            f"<br><small>{fingerprint(card.desk_id)}</small></li>"
            for card in cards
        ]
        return answer_page("Desks", ["<ul>", *rows, "</ul>", f"<p>{_COMPARE}</p>"])

    async def _newest(self, request: web.Request) -> web.StreamResponse:
        return await self._page(request, 0)

    async def _older(self, request: web.Request) -> web.StreamResponse:
        return await self._page(request, int(request.match_info["page"]))

    async def _page(self, request: web.Request, page: int) -> web.StreamResponse:
        card = self._card(request)
        entries = await self._entries(card)
        last = len(entries) - page * AT_ONCE
        if last <= 0 and page:
            raise web.HTTPNotFound
        first = max(0, last - AT_ONCE)
        # One more: what is missing before the oldest of these is told, too.
        some = entries[max(0, first - 1) : last]
        made_of = (self._node.today(), card.card_hash, first, *(e.header.parcel_id for e in some))
        place = (card.desk_id, page)
        async with self._making:
            kept = self._kept.get(place)
            if kept is None or kept.made_of != made_of:
                documents = [await self._read(entry) for entry in some]
                html = _document(card.name, self._told(card, documents, first, page))
                kept = self._kept[place] = _Kept(made_of, html)
                while len(self._kept) > KEPT_PAGES:
                    del self._kept[next(iter(self._kept))]
        return web.Response(text=kept.html, content_type="text/html", headers=_HEADERS)

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        card, place = self._card(request), int(request.match_info["place"])
        entries = await self._entries(card)
        if place >= len(entries):
            raise web.HTTPNotFound
        async with self._making:
            document = await self._read(entries[place])
        number = int(request.match_info["picture"])
        if document.signer in card.statement.revoked or number not in _shown(document):
            raise web.HTTPNotFound
        picture = document.pictures[number]
        return web.Response(body=picture.data, content_type=picture.media_type, headers=_HEADERS)

    def _cards(self) -> list[DeskCard]:
        return self._node.desks.carried() if self._node.config.pages else []

    def _card(self, request: web.Request) -> DeskCard:
        key = request.match_info["key"]
        found = [card for card in self._cards() if _key(card) == key]
        if not found:
            raise web.HTTPNotFound
        return found[0]

    async def _entries(self, card: DeskCard) -> list[Entry]:
        tag = public_tag(card.desk_id)
        return await self._node.store.list_public(tag, DocumentClass.BULLETIN, 0)

    async def _read(self, entry: Entry) -> PublicDocument:
        header = entry.header
        count = block_count(header.body_size)
        blocks = await self._node.store.blocks(header.parcel_id, range(count))
        return await asyncio.to_thread(parse_public, header, b"".join(blocks))

    def _told(
        self, card: DeskCard, documents: Sequence[PublicDocument], first: int, page: int
    ) -> list[str]:
        """The page's lines, the newest bulletin first. `first`: the place of the oldest one."""
        shown = documents[1:] if first else documents
        before = (documents if first else [None, *documents])[: len(shown)]
        lines = [f"<small>{fingerprint(card.desk_id)}</small>", f"<p>{_COMPARE}</p>"]
        if not shown:
            lines.append("<p>No bulletin is here.</p>")
        places = range(first, first + len(shown))
        for place, document, older in reversed(list(zip(places, shown, before, strict=True))):
            if document.signer in card.statement.revoked:
                lines.append("<p><small>One that is not shown: its key was revoked.</small></p>")
                continue
            lines += self._bulletin(card, document, place)
            missing = document.serial - 1 - (older.serial if older is not None else 0)
            if missing > 0:
                lines.append(f"<p><small>{missing} missing before this one.</small></p>")
        if first:
            lines.append(f'<p><a href="/desks/{_key(card)}/{page + 1}">Older</a></p>')
        return lines

    def _bulletin(self, card: DeskCard, document: PublicDocument, place: int) -> list[str]:
        days = self._node.today() - document.issued_day
        age = f"{days} days old" if days > 1 else _AGES.get(days, "dated in the future")
        title = escape(document.title) or f"Number {document.serial}"
        shown = _shown(document)
        images = [
            f'<img src="/desks/{_key(card)}/{place}/{number}.jpg" alt="">' for number in shown
        ]
        hidden = len(document.pictures) - len(shown)
        if hidden:
            images.append(f"<p><small>{hidden} of its pictures can't be shown.</small></p>")
        return [
            f'<h2 dir="auto">{title}</h2>',
            f"<small>number {document.serial}, {iso(document.issued_day)} ({age})</small>",
            f'<p dir="auto" lang="{escape(document.language)}">{escape(document.text)}</p>',
            *images,
        ]


_COMPARE = (
    "Whoever runs this relay can leave bulletins out and could show others. The app checks each by"
    " the desk's signature; compare the thirty digits with the desk."
)


def _shown(document: PublicDocument) -> list[int]:
    """The numbers of the pictures that are shown."""
    return [
        number
        for number, picture in enumerate(document.pictures)
        if (begins := PICTURES.get(picture.media_type)) and picture.data.startswith(begins)
    ]


def _key(card: DeskCard) -> str:
    return fingerprint(card.desk_id).replace(" ", "")


def _document(title: str, lines: Sequence[str]) -> str:
    return (
        '<!doctype html><html lang=""><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f'<h1 dir="auto">{escape(title)}</h1>' + "\n".join(lines)
    )


def answer_page(title: str, lines: Sequence[str], *, status: int = 200) -> web.Response:
    """A page of ours: lines of HTML, with a policy that lets nothing else in."""
    text = _document(title, lines)
    return web.Response(status=status, text=text, content_type="text/html", headers=_HEADERS)
