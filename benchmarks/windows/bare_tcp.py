"""One TCP connection with nothing on it, for comparison: `bare_tcp.py sink HOST PORT` tells all the
time how many bytes came, `bare_tcp.py source HOST PORT CONTROL` sends without end."""

from __future__ import annotations

import contextlib
import socket
import sys
import time

__all__ = ["TELLS_S", "main"]

TELLS_S = 0.05
"""So often: not for each packet, as nobody reads it before the end, and a pipe holds 64 KiB."""

_PIECE = bytes(16_384)
_TCP_CONGESTION = 13
"""linux/tcp.h; the socket module names it in newer Pythons only."""


def _sink(host: str, port: int) -> None:
    with socket.create_server((host, port)) as server:
        print("listening", flush=True)
        connection, _ = server.accept()
        with connection:
            connection.settimeout(TELLS_S)
            came, told, next_s = 0, 0, 0.0
            while True:
                with contextlib.suppress(TimeoutError):
                    piece = connection.recv(65_536)
                    if not piece:
                        print(came, flush=True)
                        return
                    came += len(piece)
                if came != told and time.monotonic() >= next_s:
                    print(came, flush=True)
                    told, next_s = came, time.monotonic() + TELLS_S


def _source(host: str, port: int, control: str) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, _TCP_CONGESTION, control.encode())
        connection.connect((host, port))
        while True:
            connection.sendall(_PIECE)


def main() -> None:
    """Run one end until it is killed."""
    what, host, port, *rest = sys.argv[1:]
    if what == "sink":
        _sink(host, int(port))
    else:
        _source(host, int(port), *rest)


if __name__ == "__main__":
    main()
