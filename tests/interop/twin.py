"""The protocol in TypeScript as a process: calls go in by lines, answers come out by lines."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from tests.web_source import WEB, build

HARNESS = WEB / "dist" / "harness" / "harness.js"


class TwinError(Exception):
    """The twin refused; `verdict` by its name, `remote` where the other side was wrong."""

    def __init__(self, verdict: str, *, remote: bool) -> None:
        super().__init__(verdict)
        self.verdict = verdict
        self.remote = remote


class Twin:
    """A running harness. Bytes in arguments become hex on their way; answers are as they come."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(HARNESS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def call(self, name: str, /, **values: Any) -> Any:
        """What the call gives; TwinError where the protocol refuses it."""
        sent, received = self._process.stdin, self._process.stdout
        assert sent is not None
        assert received is not None
        sent.write(json.dumps([name, _shown(values)]) + "\n")
        sent.flush()
        line = received.readline()
        assert line, "the twin has ended: what it says stands above"
        answer = json.loads(line)
        if "error" in answer:
            raise TwinError(answer["error"], remote=answer["remote"])
        return answer["ok"]

    def operation(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Verdict and output of an operation of the vectors."""
        answer = self.call("operation", name=name, input=given)
        return answer["verdict"], answer["output"]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(timeout=60) == 0
        assert self._process.stdout is not None
        self._process.stdout.close()


def _shown(value: Any) -> Any:
    match value:
        case bytes() | bytearray():
            return value.hex()
        case dict():
            return {key: _shown(item) for key, item in value.items() if item is not None}
        case list() | tuple():
            return [_shown(item) for item in value]
    return value


def running() -> Iterator[Twin]:
    """A twin for the tests of a module."""
    build("harness", HARNESS)
    twin = Twin()
    yield twin
    twin.close()
