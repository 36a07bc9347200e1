"""`python -m benchmarks.browser_sealing`: a film sealed by the web app in Chromium, beside what
WebCrypto's AES-GCM alone does with as many blocks. Needs Chromium and `make app`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from base64 import b64encode
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from benchmarks.browser import Missing, browsing, measured, relay_serving
from qanat_client.demo.people import Desk
from qanat_client.web_app.files import read_app

_PATIENCE_MS = 1_800_000
_SAMPLE_S = 0.05
_AIM = 0.4
_AIM_MB = 150

_ENGINE = """async ([name, card]) => {
  const worker = new Worker(name);
  const waiting = new Map();
  worker.onmessage = ({data}) => {
    const [done, failed] = waiting.get(data.id) ?? [];
    if (data.type === "done") done(data.value);
    if (data.type === "failed") failed(new Error(`${data.code}: ${data.message}`));
  };
  worker.postMessage({type: "begin", page: null});
  let id = 0;
  window.call = (method, ...values) => new Promise((done, failed) => {
    id += 1;
    waiting.set(id, [done, failed]);
    worker.postMessage({type: "call", id, method, values});
  });
  const bytes = Uint8Array.from(atob(card), (sign) => sign.charCodeAt(0));
  const {id: desk} = await window.call("addDesk", bytes);
  window.desk = desk;
  const input = document.createElement("input");
  input.type = "file";
  input.id = "film";
  document.body.append(input);
}"""

_SEAL = """async () => {
  const data = document.getElementById("film").files[0];
  const file = {data, name: "film.mp4", mediaType: "video/mp4", thumbnail: null, preview: null};
  const draft = {desk: window.desk, text: "A film.", what: "", where: "", when: "", basis: 0,
                 figures: [], language: "", urgent: false, files: [file], code: null, today: null};
  const began = performance.now();
  await window.call("seal", draft);
  return (performance.now() - began) / 1000;
}"""

_ALONE = """async (bytes) => {
  const key = await crypto.subtle.generateKey({name: "AES-GCM", length: 256}, false, ["encrypt"]);
  const blocks = crypto.getRandomValues(new Uint8Array(16384 * 4));
  const iv = new Uint8Array(12);
  const began = performance.now();
  for (let number = 0; number < bytes / 16384; number++) {
    new DataView(iv.buffer).setUint32(8, number);
    const at = 16384 * (number % 4);
    await crypto.subtle.encrypt({name: "AES-GCM", iv}, key, blocks.subarray(at, at + 16384));
  }
  return (performance.now() - began) / 1000;
}"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """`alone_s`: the same amount by AES-GCM alone, half of it before and half of it behind.
    `more_bytes`: what the tab's processes had resident at most, above what they had when idle."""

    size_bytes: int
    sealed_s: float
    alone_s: float
    more_bytes: int

    @property
    def ratio(self) -> float:
        return self.alone_s / self.sealed_s


async def seal(folder: Path, size_bytes: int) -> Sealed:
    """Seal a film of that size in a fresh profile of Chromium."""
    film, profile = folder / "film.mp4", folder / "profile"
    with film.open("wb") as file:
        for _ in range(size_bytes // 1_000_000):
            file.write(os.urandom(1_000_000))
    (worker,) = (name for name in read_app() if name.startswith("assets/worker-"))
    async with relay_serving(folder) as relay, browsing(profile) as context:
        desk = Desk(folder / "desk", folder / "passphrase")
        await desk.prepare([relay], folder / "card")
        card = (folder / "card").read_bytes()
        page = await context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        await page.goto(relay.url)
        await page.evaluate(_ENGINE, [worker, b64encode(card).decode()])
        await page.set_input_files("#film", film)
        alone_s = await page.evaluate(_ALONE, size_bytes / 2)
        sealed_s, more_bytes = await _watched(page, profile)
        alone_s += await page.evaluate(_ALONE, size_bytes / 2)
    return Sealed(size_bytes, sealed_s, alone_s, more_bytes)


async def _watched(page: Page, profile: Path) -> tuple[float, int]:
    """The seconds that sealing takes, and how many bytes more the tab has at most meanwhile."""
    idle = most = _resident_bytes(profile)
    sealing = asyncio.ensure_future(page.evaluate(_SEAL))
    while not sealing.done():
        most = max(most, _resident_bytes(profile))
        await asyncio.wait([sealing], timeout=_SAMPLE_S)
    seconds: Any = await sealing
    return float(seconds), most - idle


def _resident_bytes(profile: Path) -> int:
    """What the renderers of the browser with this profile have in memory."""
    parents: dict[int, int] = {}
    lines: dict[int, bytes] = {}
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            number = int(process.name)
            stat = (process / "stat").read_text()
            parents[number] = int(stat.rpartition(")")[2].split()[1])
            lines[number] = (process / "cmdline").read_bytes()
    browsers = {pid for pid, line in lines.items() if os.fsencode(profile) in line}
    renderers = [
        pid
        for pid, line in lines.items()
        if b"--type=renderer" in line and _is_of(pid, parents, browsers)
    ]
    return sum(map(_resident_of, renderers))


def _is_of(pid: int, parents: dict[int, int], browsers: set[int]) -> bool:
    while pid in parents:
        if pid in browsers:
            return True
        pid = parents[pid]
    return False


def _resident_of(pid: int) -> int:
    with suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def main() -> int:
    """Measure and print; 1 where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--megabytes", type=int, default=200, help="the film's size (200)")
    arguments = parser.parse_args()
    size_bytes = arguments.megabytes * 1_000_000
    try:
        found, machine = measured(lambda folder: seal(folder, size_bytes))
    except Missing as missing:
        print(missing)
        return 1
    if arguments.json:
        print(json.dumps(asdict(found) | {"ratio": found.ratio}))
        return 0
    megabytes = found.size_bytes / 1e6
    print(f"{machine}\na film of {megabytes:.0f} MB, sealed in Chromium")
    print(f"sealed           {megabytes / found.sealed_s:7.1f} MB/s")
    print(f"AES-GCM alone    {megabytes / found.alone_s:7.1f} MB/s")
    print(f"ratio            {found.ratio:7.2f}       (aim {_AIM})")
    print(f"more memory      {found.more_bytes / 1e6:7.1f} MB    (aim below {_AIM_MB})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
