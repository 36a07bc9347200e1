"""Every question that `qanat-desk serve` answers, and who answers it.

A handler is given what it works with and the request, and returns the fields of a JSON object or
an answer of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from aiohttp import web

from qanat_client.desk.media.showing import (
    black_out,
    show_media,
    show_medium,
    tell_forms,
    tell_metadata,
)
from qanat_client.desk.serve.deciding import decide
from qanat_client.desk.serve.entering import enter, prove
from qanat_client.desk.serve.exporting import export_reports
from qanat_client.desk.serve.handing import give_card, give_link
from qanat_client.desk.serve.incidents import begin_incident, tell_incident, tell_incidents
from qanat_client.desk.serve.overall import ask_relays, tell_desk, tell_live
from qanat_client.desk.serve.overview import tell_overview
from qanat_client.desk.serve.publishing import publish, publish_card, tell_bulletins
from qanat_client.desk.serve.relating import tell_figures, tell_related
from qanat_client.desk.serve.replying import reply, tell_outgoing
from qanat_client.desk.serve.reports import tell_report
from qanat_client.desk.serve.rows import tell_inbox
from qanat_client.desk.serve.serving import Serving
from qanat_client.desk.serve.shelves import (
    tell_alarms,
    tell_aliases,
    tell_offers,
    tell_set_aside,
    tell_tags,
)

__all__ = ["MEDIA_ROUTES", "ROUTES", "Answer", "Handler", "Route"]

Answer: TypeAlias = "Mapping[str, Any] | web.StreamResponse"
Handler = Callable[[Serving, web.Request], Awaitable[Answer]]
Route = tuple[str, str, Handler]

ROUTES: Final[tuple[Route, ...]] = (
    ("POST", "/api/login", enter),
    ("POST", "/api/proof", prove),
    ("GET", "/api/desk", tell_desk),
    ("GET", "/api/live", tell_live),
    ("POST", "/api/pull", ask_relays),
    ("POST", "/api/inbox", tell_inbox),
    ("GET", "/api/reports/{id}", tell_report),
    ("GET", "/api/reports/{id}/related", tell_related),
    ("GET", "/api/reports/{id}/figures", tell_figures),
    ("POST", "/api/overview", tell_overview),
    ("POST", "/api/reports/{id}/reply", reply),
    ("GET", "/api/reports/{id}/files/{file}/metadata", tell_metadata),
    ("GET", "/api/reports/{id}/files/{file}/forms", tell_forms),
    ("POST", "/api/media", show_media),
    ("POST", "/api/media/black-out", black_out),
    ("POST", "/api/decide", decide),
    ("GET", "/api/incidents", tell_incidents),
    ("POST", "/api/incidents", begin_incident),
    ("GET", "/api/incidents/{id}", tell_incident),
    ("POST", "/api/export", export_reports),
    ("GET", "/api/outgoing", tell_outgoing),
    ("GET", "/api/bulletins", tell_bulletins),
    ("POST", "/api/bulletins", publish),
    ("POST", "/api/card", publish_card),
    ("GET", "/api/set-aside", tell_set_aside),
    ("GET", "/api/alarms", tell_alarms),
    ("GET", "/api/tags", tell_tags),
    ("GET", "/api/aliases", tell_aliases),
    ("GET", "/api/offers", tell_offers),
    ("GET", "/api/card", give_card),
    ("POST", "/api/card/link", give_link),
)

MEDIA_ROUTES: Final[tuple[Route, ...]] = (("GET", "/m/{capability}", show_medium),)
"""What the other origin answers: nothing of it knows of a session."""
