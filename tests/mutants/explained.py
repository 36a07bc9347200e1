"""Why a mutant survives, read from explained.toml. A survivor is known by its module, its function
and the text that it changes, so that an explanation holds for as long as the line does."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.making import Mutant

_FILE = Path(__file__).with_name("explained.toml")

__all__ = ["Explanation", "explain", "read_explanations"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One survivor and the reason why no test kills it."""

    module: str
    function: str
    before: str
    after: str
    reason: str


def read_explanations() -> list[Explanation]:
    """All of them: the file holds reasons, each with the survivors that it stands for."""
    told = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return [
        Explanation(module, function, before, after, reason["why"])
        for reason in told.get("reason", [])
        for module, function, before, after in reason["survivors"]
    ]


def explain(mutant: Mutant, explanations: Sequence[Explanation]) -> Explanation | None:
    """The explanation of a survivor, if there is one."""
    wanted = (mutant.module, mutant.function, mutant.before, mutant.after)
    for explanation in explanations:
        named = (explanation.module, explanation.function, explanation.before, explanation.after)
        if named == wanted:
            return explanation
    return None
