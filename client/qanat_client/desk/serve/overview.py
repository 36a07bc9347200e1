"""POST /api/overview: what the map, the timeline and the plots show."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from qanat_client.desk.desk import Desk
from qanat_client.desk.places.matching import namesakes
from qanat_client.desk.places.naming import NO_CITY, name_of
from qanat_client.desk.places.overview import Cluster, Overview, overview
from qanat_client.desk.places.table import Place, region_of
from qanat_client.desk.serve.asking import asked
from qanat_client.desk.serve.serving import Serving
from qanat_client.desk.serve.wishes import Filters, read_filters, wish_for

__all__ = ["tell_overview"]

MAX_NAMESAKES = 5


def _region(place: Place) -> str | None:
    region = region_of(place)
    return None if region is None else region.names["en"]


def _cluster_json(cluster: Cluster) -> dict[str, Any]:
    place = cluster.place
    return {
        "place": name_of(place),
        "names": dict(place.names),
        "country": place.country,
        "is_region": place.is_region,
        "lat": place.lat,
        "lon": place.lon,
        "reports": cluster.reports,
        "urgent": cluster.urgent,
        "unsure": cluster.unsure,
        "region": _region(place),
        "namesakes": [
            {"place": name_of(other), "region": _region(other)}
            for other in namesakes(place)[:MAX_NAMESAKES]
        ],
        "newest_s": cluster.newest_s,
    }


def overview_json(found: Overview) -> dict[str, Any]:
    """As the app is told. A delay is in seconds, `hour_s` where a span of `step_s` begins."""
    return {
        "reports": found.reports,
        "clusters": [_cluster_json(cluster) for cluster in found.clusters],
        "unplaced": {
            "place": NO_CITY,
            "n": found.unplaced,
            "places": [{"where": each.where, "n": each.reports} for each in found.unplaced_places],
        },
        "step_s": found.step_s,
        "hours": [
            {"hour_s": span.start_s, "written": span.written, "arrived": span.arrived}
            for span in found.spans
        ],
        "delays": {
            "p50_s": found.delays.p50_s,
            "p90_s": found.delays.p90_s,
            "buckets": [
                {"up_to_s": bucket.up_to_s, "n": bucket.reports} for bucket in found.delays.buckets
            ],
            "early": found.delays.early,
            "absurd": found.delays.absurd,
            "not_said": found.delays.not_said,
        },
    }


def _overview(desk: Desk, filters: Filters) -> dict[str, Any]:
    return overview_json(overview(desk.vault, wish_for(desk, filters)))


async def tell_overview(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/overview."""
    body = await asked(request)
    filters = read_filters(body)
    body.done()
    return await serving.vault_work(_overview, filters)
