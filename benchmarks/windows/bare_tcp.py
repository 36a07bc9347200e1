"""One TCP connection with nothing on it, for comparison: `bare_tcp.py sink HOST PORT` counts what
comes and tells after each piece, `bare_tcp.py source HOST PORT CONTROL` sends without end."""

from __future__ import annotations

import socket
import sys

__all__ = ["main"]

_PIECE = bytes(16_384)
_TCP_CONGESTION = 13
"""linux/tcp.h; the socket module names it in newer Pythons only."""


def _sink(host: str, port: int) -> None:
    with socket.create_server((host, port)) as server:
        print("listening", flush=True)
        connection, _ = server.accept()
        with connection:
            came = 0
            while piece := connection.recv(65_536):
                came += len(piece)
                print(came, flush=True)


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
