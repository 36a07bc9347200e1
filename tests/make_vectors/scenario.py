"""One scenario, one file: what goes in, the verdict, what comes out. JSON as it is committed."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scenario:
    """`name` becomes the file's name, `operation` its folder. Bytes are written as hex."""

    operation: str
    name: str
    section: str
    comment: str
    input: Mapping[str, object]
    verdict: str = "ok"
    output: Mapping[str, object] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where it stands below `protocol/vectors`."""
        return f"{self.operation}/{self.name}.json"

    def text(self) -> str:
        """The file."""
        shown = {
            "comment": self.comment,
            "section": self.section,
            "operation": self.operation,
            "input": self.input,
            "verdict": self.verdict,
            "output": self.output,
        }
        return json.dumps(_plain(shown), indent=1, ensure_ascii=True) + "\n"


_LONG_BYTES = 4096
_RUN = re.compile(rb"(.)\1{63,}", re.DOTALL)


def tree(value: object) -> object:
    """A record's value as JSON that keeps binary apart from strings: {"hex": ...}."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, str) or not isinstance(value, Sequence):
        return value
    return [tree(item) for item in value]


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return _shown(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, str) or not isinstance(value, Sequence):
        return value
    return [_plain(item) for item in value]


def _shown(data: bytes) -> object:
    """Hex; long data with runs of one byte as pieces, each with how often it is repeated."""
    if len(data) <= _LONG_BYTES or not _RUN.search(data):
        return data.hex()
    pieces: list[object] = []
    end = 0
    for run in _RUN.finditer(data):
        if run.start() > end:
            pieces.append([data[end : run.start()].hex(), 1])
        pieces.append([run[1].hex(), len(run[0])])
        end = run.end()
    if end < len(data):
        pieces.append([data[end:].hex(), 1])
    return {"pieces": pieces}
