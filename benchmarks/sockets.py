"""Loopback: a free port, and how fast bytes go through TCP with nothing around it."""

from __future__ import annotations

import socket
import threading
import time

__all__ = ["free_port", "loopback_s"]

_AT_ONCE_BYTES = 65_536


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def loopback_s(size_bytes: int) -> float:
    """Seconds until so many bytes, 64 KiB at once, are at the other end of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=_send, args=(server.getsockname(), size_bytes))
        sender.start()
        connection, _ = server.accept()
        with connection:
            begun = time.perf_counter()
            buffer, left = bytearray(_AT_ONCE_BYTES), size_bytes
            while left:
                taken = connection.recv_into(buffer)
                assert taken
                left -= taken
            taken_s = time.perf_counter() - begun
        sender.join()
        return taken_s


def _send(address: tuple[str, int], size_bytes: int) -> None:
    with socket.create_connection(address) as connection:
        data = memoryview(bytes(_AT_ONCE_BYTES))
        for at in range(0, size_bytes, _AT_ONCE_BYTES):
            connection.sendall(data[: size_bytes - at])
