"""A process beside this one that unseals letters, so that a second processor takes its share of a
long pull: `python -m qanat_client.desk.unsealing_process` answers on its standard output.

Keys go to it through a pipe and are forgotten with each answer. It reads and writes nothing else,
and ends with whoever started it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, Any, Final

import msgpack

from qanat_client.desk.unsealing import (
    Claim,
    FoundReport,
    Letter,
    Outcome,
    Spoiled,
    Unsealed,
    unseal,
)
from qanat_client.own_process import guard_process
from qanat_protocol.frames import Opened, Purge
from qanat_protocol.signing import SigningKey
from qanat_protocol.verdicts import Verdict

__all__ = ["UnsealingProcess", "main"]

_LENGTH_BYTES: Final = 4
_END_S: Final = 5.0


class UnsealingProcess:
    """Started with the first letters; where it can't be, or ends, they are unsealed here."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._is_lost = False
        self._one_at_a_time = threading.Lock()

    def unseal(
        self, desk_id: bytes, signing: SigningKey, letters: Sequence[Letter]
    ) -> list[Outcome]:
        """See `unsealing.unseal`; any thread may ask."""
        with self._one_at_a_time:
            if not self._is_lost:
                try:
                    return self._asked(desk_id, signing, letters)
                except OSError:
                    self._is_lost = True
        return unseal(desk_id, signing, letters)

    def close(self) -> None:
        """End it; it may be started again."""
        with self._one_at_a_time:
            process, self.process = self.process, None
            if process is None:
                return
            with contextlib.suppress(OSError):
                process.communicate(timeout=_END_S)
            process.kill()
            process.wait()

    def _asked(
        self, desk_id: bytes, signing: SigningKey, letters: Sequence[Letter]
    ) -> list[Outcome]:
        if self.process is None:
            self.process = subprocess.Popen(
                # Nothing that lies where it is started may be taken for a module of ours.
                [sys.executable, "-P", "-m", "qanat_client.desk.unsealing_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Ctrl-C is for the command, which ends it.
                start_new_session=True,
            )
        to, answers = self.process.stdin, self.process.stdout
        assert to is not None
        assert answers is not None
        _write(to, [desk_id, signing.seed, [(one.header, one.body, one.seed) for one in letters]])
        answer = _read(answers)
        if answer is None:
            raise BrokenPipeError("it ended")
        return [_outcome(packed) for packed in answer]


def _write(stream: IO[bytes], value: object) -> None:
    packed: bytes = msgpack.packb(value)
    stream.write(len(packed).to_bytes(_LENGTH_BYTES) + packed)
    stream.flush()


def _read(stream: IO[bytes]) -> Any:
    """What `_write` wrote; None at the end."""
    length = stream.read(_LENGTH_BYTES)
    data = stream.read(int.from_bytes(length))
    whole = len(length) == _LENGTH_BYTES and len(data) == int.from_bytes(length)
    return msgpack.unpackb(data, use_list=False) if whole else None


def _packed(outcome: Outcome) -> tuple[object, ...]:
    if isinstance(outcome, Spoiled):
        return int(outcome.verdict), outcome.detail
    opened = outcome.opened
    return (
        outcome.parcel_id,
        outcome.urgent,
        outcome.content_key,
        (opened.opened, opened.signing_key, opened.signature, outcome.purge.purge_key),
        outcome.report,
    )


def _outcome(packed: tuple[Any, ...]) -> Outcome:
    if len(packed) == 2:
        return Spoiled(Verdict(packed[0]), packed[1])
    parcel_id, urgent, content_key, (opened, signer, signature, purge_key), found = packed
    report = None
    if found is not None:
        report = FoundReport(*found)._replace(claims=tuple(Claim(*claim) for claim in found[-1]))
    return Unsealed(
        parcel_id,
        urgent,
        content_key,
        Opened(parcel_id, opened, signer, signature),
        Purge(parcel_id, purge_key),
        report,
    )


def main() -> int:
    """Answer until the input ends."""
    guard_process()
    while (asked := _read(sys.stdin.buffer)) is not None:
        desk_id, seed, letters = asked
        outcomes = unseal(desk_id, SigningKey(seed), [Letter(*letter) for letter in letters])
        try:
            _write(sys.stdout.buffer, [_packed(outcome) for outcome in outcomes])
        except BrokenPipeError:
            # Whoever asked is gone, and nothing is left to be said at the end either.
            os.close(sys.stdout.fileno())
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
