"""Ten thousand reports of one pseudonym: one row, every one of them found, windows stay quick."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.client.desk.newsroom import Newsroom, Writer
from tests.client.desk.serve.test_lists import bring
from tests.client.desk.serve.window import listening_to, window_on

from qanat_client.desk.desk import Desk
from qanat_protocol.report import Report, encode_report, report_id
from qanat_protocol.signing import SigningKey

MANY = 10_000


def store(desk: Desk, author: bytes, count: int) -> list[str]:
    """Put reports of one pseudonym into the vault as if they had been opened; their ids."""
    ids = []
    with desk.vault.transaction():
        for number in range(count):
            report = Report(author=author, nonce=number.to_bytes(16), text=f"Number {number}.")
            content = encode_report(report)
            identity = report_id(content)
            ids.append(identity.hex())
            desk.vault.run(
                "INSERT INTO parcels (id, offer, header, kind, state, bitmap, blocks_held, relay,"
                " arrived_s, expiry_day) VALUES (?1, ?1, x'', 1, 'opened', x'', 1, x'', 0, 1)",
                identity,
            )
            desk.vault.run(
                "INSERT INTO reports (id, parcel_id, author, content, signature, urgent,"
                " arrived_s) VALUES (?1, ?1, ?2, ?3, x'', 0, ?4)",
                identity,
                author,
                content,
                1 + number,
            )
    return ids


@pytest.mark.timeout(600)
async def test_ten_thousand_reports_of_one_pseudonym_take_one_row_and_none_is_lost(
    newsroom: Newsroom,
) -> None:
    newsroom.settle()
    async with window_on(newsroom) as window, listening_to(window) as heard:
        quiet = Writer(window.desk.card, window.desk.today)
        (first,) = await bring(window.desk, quiet, ["The quiet one."])
        loud = store(window.desk, SigningKey.generate().public, MANY)
        # While they are made ready for lists, windows are answered.
        waits_s = []
        while (await window.get("/api/desk"))["counts"]["waiting"]:
            begun_s = time.monotonic()
            await window.post("/api/inbox", {})
            waits_s.append(time.monotonic() - begun_s)
            await asyncio.sleep(0.2)
        assert len(waits_s) > 5
        counts = (await heard.until("changed", lambda said: not said["counts"]["waiting"]))[
            "counts"
        ]
        assert (counts["reports"], counts["unread"]) == (MANY + 1, MANY + 1)

        page = await window.post("/api/inbox", {})
        assert [row["id"] for row in page["rows"]] == [loud[-1], first]
        assert (page["total"], page["next"]) == (MANY + 1, None)
        group = page["rows"][0]["group"]
        assert group["more"] == MANY - 1
        seen: list[str] = []
        before = None
        while True:
            wish = {"alias": group["alias"], "limit": 200, "before": before}
            found = await window.post("/api/inbox", wish)
            seen += [row["id"] for row in found["rows"]]
            before = found["next"]
            if before is None:
                break
        assert seen == loud[::-1]

        mute = {"what": "muted", "report": loud[0], "value": True}
        await window.post("/api/decide", {"changes": [mute]})
        page = await window.post("/api/inbox", {})
        assert [row["id"] for row in page["rows"]] == [first]
        assert (page["total"], page["muted"]) == (1, MANY)
        muted = await window.post("/api/inbox", {"muted": True})
        assert (muted["rows"][0]["group"]["more"], muted["total"]) == (MANY - 1, MANY)
        report = await window.get(f"/api/reports/{loud[0]}")
        assert (report["muted"], report["same_pseudonym_total"]) == (True, MANY - 1)
        assert report["same_pseudonym"] == loud[:-51:-1]
        await window.post("/api/decide", {"changes": [mute | {"value": False}]})
        assert (await window.post("/api/inbox", {}))["total"] == MANY + 1
