"""`python -m benchmarks.first_visit`: the web app's first visit over an emulated 2G line on a slow
phone, and the next one without a network. Needs Chromium and `make app`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from playwright.async_api import Page

from benchmarks.browser import Missing, browsing, measured, relay_serving

DOWN_BITS_S, UP_BITS_S, LATENCY_MS = 250_000, 50_000, 300
SLOWER = 6
_PATIENCE_MS = 300_000


@dataclass(frozen=True, slots=True)
class Visit:
    """Until the Write screen is there, with a network and then without; the bytes that the page
    itself took until then. What its workers load goes past the emulated line, and is not in it."""

    first_s: float
    offline_s: float
    first_bytes: int


async def visit(folder: Path) -> Visit:
    """Visit a relay for the first time, and again when it is gone."""
    async with relay_serving(folder) as relay, browsing(folder / "profile") as context:
        page = await context.new_page()
        devtools = await context.new_cdp_session(page)
        came: list[int] = []
        devtools.on("Network.loadingFinished", lambda told: came.append(told["encodedDataLength"]))
        await devtools.send("Network.enable")
        await devtools.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": LATENCY_MS,
                "downloadThroughput": DOWN_BITS_S / 8,
                "uploadThroughput": UP_BITS_S / 8,
            },
        )
        await devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        first_s = await _until_ready(page, relay.url)
        first_bytes = sum(came)
        await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        await relay.stop()
        offline_s = await _until_ready(page, relay.url)
    return Visit(first_s, offline_s, int(first_bytes))


async def _until_ready(page: Page, url: str) -> float:
    began_s = time.monotonic()
    await page.goto(url, wait_until="commit", timeout=_PATIENCE_MS)
    # Looked for and not asked of the page, whose policy lets it run no text as a script.
    await page.locator("main h1").first.wait_for(timeout=_PATIENCE_MS)
    return time.monotonic() - began_s


def main() -> int:
    """Measure and print; 1 where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        found, machine = measured(visit)
    except Missing as missing:
        print(missing)
        return 1
    if arguments.json:
        print(json.dumps(asdict(found)))
        return 0
    line = f"{DOWN_BITS_S // 1000}/{UP_BITS_S // 1000} kbit/s, {LATENCY_MS} ms"
    print(f"{machine}\n{line}, CPU at a {SLOWER}th of its speed")
    print(f"first visit   {found.first_s:6.1f} s  {found.first_bytes:8,} bytes")
    print(f"offline       {found.offline_s:6.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
