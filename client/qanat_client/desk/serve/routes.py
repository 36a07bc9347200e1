"""Every question that `qanat-desk serve` answers, and who answers it.

A handler is given what it works with and the request, and returns the fields of a JSON object or
an answer of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from aiohttp import web

from qanat_client.desk.serve.entering import enter
from qanat_client.desk.serve.overall import tell_desk, tell_live
from qanat_client.desk.serve.overview import tell_overview
from qanat_client.desk.serve.reports import tell_report
from qanat_client.desk.serve.rows import tell_inbox
from qanat_client.desk.serve.serving import Serving

__all__ = ["MEDIA_ROUTES", "ROUTES", "Answer", "Handler", "Route"]

Answer: TypeAlias = "Mapping[str, Any] | web.StreamResponse"
Handler = Callable[[Serving, web.Request], Awaitable[Answer]]
Route = tuple[str, str, Handler]

ROUTES: Final[tuple[Route, ...]] = (
    ("POST", "/api/login", enter),
    ("GET", "/api/desk", tell_desk),
    ("GET", "/api/live", tell_live),
    ("POST", "/api/inbox", tell_inbox),
    ("GET", "/api/reports/{id}", tell_report),
    ("POST", "/api/overview", tell_overview),
)

MEDIA_ROUTES: Final[tuple[Route, ...]] = ()
"""What the other origin answers: nothing of it knows of a session."""
