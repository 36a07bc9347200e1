"""nginx, run by the repository's own files in front of a relay of the tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.relay.relay_process import Authority

FOLDER = Path(__file__).resolve().parents[3] / "relay" / "nginx"
LISTENS = {
    "80 default_server": False,
    "443 ssl default_server": True,
    "179 ssl default_server": True,
    "3785 ssl default_server": True,
}


@dataclass(frozen=True)
class Proxy:
    """It answers at these URLs until the end of the block; `log` is all that it has written."""

    http: str
    https: tuple[str, ...]
    log: Path
    authority: Authority


def is_installed() -> bool:
    return (
        shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") is not None
    )


@contextmanager
def running_proxy(folder: Path, relay: str) -> Iterator[Proxy]:
    """nginx before the relay at HOST:PORT, by nginx.conf and relay.conf with other places alone."""
    authority = Authority()
    folder.mkdir()
    chain, key = authority.write(folder)
    ports = dict.fromkeys(LISTENS, 0)
    site = (FOLDER / "relay.conf").read_text()
    for listen in LISTENS:
        ports[listen] = _free_port()
        words = listen.replace(listen.split()[0], f"127.0.0.1:{ports[listen]}")
        site = _replaced(site, f"    listen {listen};", f"    listen {words};")
        site = _replaced(site, f"    listen [::]:{listen};\n", "")
    site = _replaced(site, "/etc/nginx/certificates/chain.pem", chain)
    site = _replaced(site, "/etc/nginx/certificates/key.pem", key)
    whole = _replaced((FOLDER / "nginx.conf").read_text(), " /tmp/", f" {folder}/")
    whole = _replaced(whole, "server relay:8080;", f"server {relay};")
    whole = _replaced(whole, "/etc/nginx/qanat/relay.conf", str(folder / "relay.conf"))
    (folder / "relay.conf").write_text(site)
    (folder / "nginx.conf").write_text(whole)
    command = ["/usr/sbin/nginx", "-e", "stderr", "-c", str(folder / "nginx.conf")]
    log = folder / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*command, "-g", "daemon off;"], stdout=written, stderr=subprocess.STDOUT
        )
    try:
        for port in ports.values():
            _wait_for(port, process, log)
        places = {listen: f"127.0.0.1:{port}" for listen, port in ports.items()}
        yield Proxy(
            f"http://{places['80 default_server']}",
            tuple(f"https://{places[listen]}" for listen, is_tls in LISTENS.items() if is_tls),
            log,
            authority,
        )
    finally:
        process.terminate()
        process.wait(30)


def _replaced(text: str, old: str, new: str) -> str:
    assert old in text, f"nginx's files no longer say {old!r}"
    return text.replace(old, new)


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port: int = taken.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    while process.poll() is None:
        with closing(socket.socket()) as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nginx ended: {log.read_text()}")
