"""The steps of a Dockerfile, taken without an engine: what it copies and runs, in a folder that
stands for the image's root. Users, layers and base images are left to an engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """What one FROM begins: its steps as (instruction, rest), in their order."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str:
        """What the last such instruction says."""
        return [rest for word, rest in self.steps if word == instruction][-1]

    def variables(self) -> dict[str, str]:
        """What ENV sets; PATH without what the base has."""
        said = " ".join(rest for word, rest in self.steps if word == "ENV")
        return dict(pair.split("=", 1) for pair in shlex.split(said))


def stages(text: str) -> list[Stage]:
    """A Dockerfile's stages."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    found: list[Stage] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name))
        else:
            found[-1].steps.append((word, " ".join(rest.split())))
    return found


def lay_context(root: Path, files: list[str], target: Path) -> None:
    """Copy what .dockerignore lets through: nothing (`*`) but what stands behind a `!`."""
    lines = [line for line in (root / ".dockerignore").read_text().splitlines() if line]
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "*", "everything is left out but what is named"
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    for name in files:
        if any(name == rule or name.startswith(f"{rule}/") for rule in kept):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)


def take(stage: Stage, context: Path, image: Path) -> None:
    """Copy and run what the stage says, with /src, /build and /opt of the image below `image`."""
    source = image / "src"
    for word, rest in stage.steps:
        if word == "COPY":
            *names, target = rest.split()
            for name in names:
                _copy(context / name, source / target)
        elif word == "RUN":
            command = re.sub(r"(?<=\s)/(?=build|opt)", f"{image}/", f" {rest}")
            variables = {**os.environ, **stage.variables()}
            done = subprocess.run(
                ["sh", "-ec", command],
                cwd=source,
                env=variables,
                check=False,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        elif word == "WORKDIR":
            source.mkdir(parents=True, exist_ok=True)


def _copy(source: Path, target: Path) -> None:
    assert source.exists(), f".dockerignore leaves out {source.name}, which is copied"
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
        return
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def words(said: str) -> list[str]:
    """The arguments of an instruction in its JSON form."""
    listed: list[str] = json.loads(said[said.index("[") :])
    return listed
