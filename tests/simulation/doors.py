"""The doors through which a program meets chance, time, threads and cost: each is led to the
simulation. Nothing of Qanat is replaced; only what it calls outside of itself.

`install` comes before any import of Qanat, in a process of its own. HPKE and chunked encryption
draw their randomness inside a library, so both go through the independent implementations of
tests/make_vectors, whose randomness is an argument and whose output the library opens.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import importlib
import os
import pkgutil
import queue
import random
import signal
import ssl
import sys
import threading
import time
from pathlib import Path
from random import Random
from typing import Any

import cryptography.cobblestone
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.kdf import argon2
from tests.make_vectors.independent import chunked
from tests.make_vectors.independent import hpke as independent_hpke
from tests.simulation import threads
from tests.simulation.processes import Console, current_process
from tests.simulation.virtual_time import VirtualLoop

__all__ = ["BEGIN_S", "begin", "import_all", "install", "replace"]

BEGIN_S = 1_772_409_600
"""Monday, 2 March 2026, midnight UTC: what a right clock says when a run begins."""

_CHEAP_STRETCHING = "PRAGMA kdf_iter = 1000"
"""For the vault's key: the cost of guessing a passphrase is nothing that a fault can change."""

_Suite = hpke.Suite
_PublicKey = hpke.MLKEM768X25519PublicKey
_Argon2id = argon2.Argon2id
_chance = Random(0)


def _draw(size_bytes: int) -> bytes:
    return _chance.randbytes(size_bytes)


class _SealedKey:
    """A public key that remembers its bytes."""

    def __init__(self, mlkem: Any, x25519: Any) -> None:
        self.key = _PublicKey(mlkem, x25519)
        self.raw = mlkem.public_bytes_raw() + x25519.public_bytes_raw()


class _SeededSuite:
    """`hpke.Suite` for suite 1, its encapsulation drawn from the seed."""

    def __init__(self, *parts: Any) -> None:
        self._real = _Suite(*parts)

    def encrypt(self, plaintext: bytes, public_key: _SealedKey, info: bytes) -> bytes:
        return independent_hpke.seal(public_key.raw, info, plaintext, eseed=_draw(64))

    def decrypt(self, sealed: bytes, private_key: Any, info: bytes) -> bytes:
        return self._real.decrypt(sealed, private_key, info)


class _SeededEncryptor:
    """`Cobblestone256Encryptor` with a salt from the seed; all comes out at the end."""

    def __init__(self, key: bytes, context: bytes) -> None:
        self._key, self._context = key, context
        self._plain: list[bytes] = []

    def update(self, data: bytes | bytearray | memoryview) -> bytes:
        self._plain.append(bytes(data))
        return b""

    def finalize(self) -> bytes:
        return chunked.encrypt(self._key, self._context, b"".join(self._plain), salt=_draw(24))


@functools.cache
def _stretched(secret: bytes, options: tuple[tuple[str, Any], ...]) -> bytes:
    return _Argon2id(**dict(options)).derive(secret)


class _RememberedArgon2id:
    """`Argon2id`: each answer is worked out once."""

    def __init__(self, **options: Any) -> None:
        self._options = tuple(sorted(options.items()))

    def derive(self, secret: bytes) -> bytes:
        return _stretched(bytes(secret), self._options)


def _watch_stores() -> None:
    """Let the machine on which a relay's store is opened know of it."""
    from qanat_relay.store.sqlite import SqliteStore

    began = SqliteStore.__init__

    def begin_store(store: SqliteStore, *values: Any, **options: Any) -> None:
        began(store, *values, **options)
        process = current_process()
        if process is not None:
            process.machine.opened = store

    replace(SqliteStore, "__init__", begin_store)


def _clock() -> float:
    process = current_process()
    return BEGIN_S if process is None else process.machine.clock_s()


def _process_number() -> int:
    process = current_process()
    return 1 if process is None else process.machine.number


def replace(owner: Any, name: str, value: Any) -> None:
    """Put something else where programs look for it."""
    assert hasattr(owner, name), f"{owner} has no {name} to be replaced"
    setattr(owner, name, value)


def install() -> None:
    """Lead every door to the simulation, for the rest of this operating system's process."""
    assert not any(name.startswith("qanat_") for name in sys.modules), "Qanat is imported already"
    # Before any import: clocks stand in defaults of arguments.
    replace(time, "time", _clock)
    replace(os, "urandom", _draw)
    replace(random, "_urandom", _draw)
    replace(hpke, "Suite", _SeededSuite)
    replace(hpke, "MLKEM768X25519PublicKey", _SealedKey)
    replace(cryptography.cobblestone, "Cobblestone256Encryptor", _SeededEncryptor)
    replace(argon2, "Argon2id", _RememberedArgon2id)
    replace(ssl, "create_default_context", functools.cache(ssl.create_default_context))
    _install_cheap_vault()


def _install_cheap_vault() -> None:
    from sqlcipher3 import dbapi2

    class Connection(dbapi2.Connection):  # type: ignore[misc]
        def execute(self, statement: str, *parameters: Any) -> Any:
            done = super().execute(statement, *parameters)
            if statement.startswith("PRAGMA key"):
                super().execute(_CHEAP_STRETCHING)
            return done

    real = dbapi2.connect

    def connect(*values: Any, **options: Any) -> Any:
        return real(*values, factory=Connection, **options)

    replace(dbapi2, "connect", connect)


def import_all() -> None:
    """Import every module that takes part, once for all runs that are forked from here."""
    for name in ("qanat_protocol", "qanat_relay", "qanat_client"):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.startswith("qanat_client.demo"):
                importlib.import_module(module.name)


def _from_outside(module: Any) -> bool:
    return module is not None and module.__name__.partition(".")[0] in (
        "qanat_client",
        "qanat_relay",
        "qanat_protocol",
    )


def begin(seed: str, loop: VirtualLoop) -> None:
    """Begin a run: chance, time and threads are those of this seed and loop from now on.

    Called once in a process, when all of Qanat that takes part is imported.
    """
    _watch_stores()
    _chance.seed(f"{seed} systems")
    random.seed(f"{seed} libraries")
    threads.use(loop, Random(f"{seed} disks"))
    replaced = {
        threading.Thread: threads.Thread,
        queue.SimpleQueue: threads.Queue,
        concurrent.futures.ThreadPoolExecutor: threads.Pool,
    }
    for module in [module for module in sys.modules.values() if _from_outside(module)]:
        for name, value in list(vars(module).items()):
            if isinstance(value, type) and value in replaced:
                setattr(module, name, replaced[value])
    replace(threading, "Thread", threads.Thread)
    replace(queue, "SimpleQueue", threads.Queue)
    replace(concurrent.futures, "ThreadPoolExecutor", threads.Pool)
    replace(loop, "run_in_executor", functools.partial(threads.run_in_executor, loop))
    replace(asyncio, "run", threads.block_on)
    replace(time, "monotonic", loop.time)
    replace(time, "sleep", threads.sleep)
    replace(os, "getpid", _process_number)
    replace(signal, "signal", lambda *_: signal.SIG_DFL)
    replace(sys, "stdin", Path(os.devnull).open())  # noqa: SIM115 - as long as the process
    replace(sys, "stdout", Console(is_error=False))
    replace(sys, "stderr", Console(is_error=True))
