"""A host of its own on this machine: a network namespace with one TUN device in it. Whatever runs
there ends with it. Linux, root."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Namespace", "remove_forgotten", "what_is_missing"]

_TUN = Path("/dev/net/tun")
_NAMED = Path("/run/netns")
_PREFIX = "qanat"
_DEVICE = "lab0"
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000
_MTU = 1400
"""What is left of 1500 bytes where a mobile network tunnels."""
_END_S = 5.0


def what_is_missing() -> str | None:
    """Why there can be no namespaces here; None where there can."""
    if sys.platform != "linux":
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root: sudo env PATH=$PATH make windows"
    if shutil.which("ip") is None:
        return "there is no `ip` (sudo apt install iproute2)"
    if not _TUN.exists():
        return f"there is no {_TUN} (sudo modprobe tun)"
    return None


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def remove_forgotten() -> None:
    """Remove namespaces of runs that were killed before they could do so themselves."""
    for path in _NAMED.glob(f"{_PREFIX}-*-*"):
        owner = path.name.split("-")[1]
        if owner.isdigit() and not _is_alive(int(owner)):
            _remove(path.name)


def _processes(name: str) -> list[int]:
    """Those in there. One that was ended and not yet waited for has no namespace any more."""
    told = subprocess.run(
        ["ip", "netns", "pids", name], check=False, capture_output=True, text=True
    )
    return [int(word) for word in told.stdout.split() if int(word) != os.getpid()]


def _remove(name: str) -> None:
    until_s = time.monotonic() + _END_S
    while (left := _processes(name)) and time.monotonic() < until_s:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


class Namespace:
    """A host. `tun` is the descriptor from which its packets are read, and written to reach it."""

    def __init__(self, host: str, address: str, network_bits: int = 24) -> None:
        self.name = f"{_PREFIX}-{os.getpid()}-{host}"
        self.address = address
        self.tun = -1
        self._bits = network_bits

    def make(self) -> None:
        """Raises OSError or CalledProcessError where the system allows none."""
        _ip("netns", "add", self.name)
        self.tun = self._open_tun()
        _ip("-n", self.name, "addr", "add", f"{self.address}/{self._bits}", "dev", _DEVICE)
        _ip("-n", self.name, "link", "set", "lo", "up")
        _ip("-n", self.name, "link", "set", _DEVICE, "mtu", str(_MTU))
        self.connect()

    def connect(self) -> None:
        """The device comes up: programs in there hear that a network is there."""
        _ip("-n", self.name, "link", "set", _DEVICE, "up")

    def disconnect(self) -> None:
        """The device goes down."""
        _ip("-n", self.name, "link", "set", _DEVICE, "down")

    def command(self, words: Sequence[str | Path]) -> list[str | Path]:
        """The argument list that runs a program in there."""
        ip = shutil.which("ip")
        assert ip is not None
        return [ip, "netns", "exec", self.name, *words]

    def _open_tun(self) -> int:
        opened: list[int | OSError] = []

        def enter_and_open() -> None:
            # A thread is moved alone, and this one ends in there.
            try:
                with (_NAMED / self.name).open("rb") as namespace:
                    libc = ctypes.CDLL(None, use_errno=True)
                    if libc.setns(namespace.fileno(), _CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                tun = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
                flags = _IFF_TUN | _IFF_NO_PI
                fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH", _DEVICE.encode(), flags))
                opened.append(tun)
            except OSError as error:
                opened.append(error)

        thread = threading.Thread(target=enter_and_open)
        thread.start()
        thread.join()
        (found,) = opened
        if isinstance(found, OSError):
            raise found
        return found

    def remove(self) -> None:
        """End what still runs in there, and it."""
        if self.tun >= 0:
            os.close(self.tun)
            self.tun = -1
        _remove(self.name)
