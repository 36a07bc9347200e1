"""The relay's image: its steps as far as they go without an engine, and what comes of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.relay.relay_process import log_until, read
from tests.relay.running.image_steps import Stage, lay_context, stages, take, words

IS_CONTAINED = os.getuid() == 0 and all(map(shutil.which, ("unshare", "setpriv")))
"""Whether another user, without rights and with nothing to write to, can be had: by root alone."""

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = ROOT / "relay" / "Dockerfile"


@pytest.fixture(scope="module")
def parts() -> tuple[Stage, Stage]:
    builder, last = stages(DOCKERFILE.read_text())
    return builder, last


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder into which everybody may look, as into an image."""
    with tempfile.TemporaryDirectory(prefix="qanat-image-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def image(parts: tuple[Stage, Stage], place: Path) -> Path:
    """The folder that stands for the image's root, once the builder has run."""
    context, image = place / "context", place / "image"
    context.mkdir()
    image.mkdir()
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    lay_context(ROOT, listed.stdout.splitlines(), context)
    take(parts[0], context, image)
    return image


def test_the_image_is_small_and_its_program_runs_as_nobody_in_particular(
    parts: tuple[Stage, Stage],
) -> None:
    builder, last = parts
    assert builder.base == last.base == "python:3.11-slim"
    assert [rest for word, rest in last.steps if word == "COPY"] == [
        "--from=builder /opt/qanat /opt/qanat"
    ]
    assert last.last("USER") == "qanat"
    assert "--uid 10001" in last.last("RUN")
    assert last.last("VOLUME") == "/data"
    installs = re.findall(r"pip install[^&]*", DOCKERFILE.read_text())
    assert len(installs) == 3
    assert all("--require-hashes" in each or "--no-index" in each for each in installs)


@pytest.mark.timeout(900)
def test_what_the_image_holds_serves_is_healthy_and_writes_to_its_volume_alone(
    parts: tuple[Stage, Stage], image: Path, place: Path
) -> None:
    _, last = parts
    user = int(re.findall(r"--uid (\d+)", last.last("RUN"))[0])
    variables = last.variables()
    path = (
        variables.pop("PATH").replace("/opt", f"{image}/opt").replace("$PATH", os.environ["PATH"])
    )
    data = place / "data"
    data.mkdir(mode=0o700)
    open_to_all = place / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    if IS_CONTAINED:
        os.chown(data, user, user)
    within = contained(data, place, user) if IS_CONTAINED else []
    settings = {"QANAT_HOME": str(data), "QANAT_RELAY_LISTEN": "127.0.0.1:0"}
    assert settings.keys() <= variables.keys()
    environment = {"HOME": "/nonexistent", **variables, **settings, "PATH": path}
    command = [*words(last.last("ENTRYPOINT")), *words(last.last("CMD"))]
    before = everything_below(image)
    process = subprocess.Popen(
        [*within, *command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        url = line.split()[1]
        check = words(last.last("HEALTHCHECK"))
        check[-1] = check[-1].replace("http://127.0.0.1:8080", url)
        inside = [*within, *check]
        assert subprocess.run(inside, env=environment, check=False, timeout=60).returncode == 0
        assert (data / "relay.card").read_bytes() == read(f"{url}/v1/relay")
        status = [*within, "qanat-relay", "status", "--health"]
        assert subprocess.check_output(status, env=environment, timeout=60) == b"ok\n"
        if IS_CONTAINED:
            assert uids_and_rights(process.pid) == ({user}, 0)
            for where, code in ((data, 0), (open_to_all, 1)):
                written = [*within, "touch", str(where / "written")]
                assert subprocess.run(written, check=False, capture_output=True).returncode == code
            assert {path.stat().st_uid for path in data.rglob("*")} == {user}
        process.terminate()
        log_until(process, "stopped")
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
    assert everything_below(image) == before
    health = subprocess.run(inside, env=environment, check=False, capture_output=True, timeout=60)
    assert health.returncode != 0


def everything_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def uids_and_rights(process: int) -> tuple[set[int], int]:
    """As whom a process runs, and which of root's rights it has or could get."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    said = {name: words for name, _, words in (line.partition(":") for line in lines)}
    rights = [int(said[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
    assert said["NoNewPrivs"].strip() == "1"
    return {int(word) for word in said["Uid"].split()}, max(rights)


def contained(data: Path, place: Path, user: int) -> list[str]:
    """A program by which another one runs as in docker-compose.yml: as this user, without a right,
    and where nothing but this folder can be written."""
    steps = ["mount --make-rprivate /", *readable_python(place / "python")]
    for folder in (place, data):
        steps.append(f"mount --bind {folder} {folder}")
    steps += [f"mount -o remount,ro,bind {folder}" for folder in (place, "/")]
    drop = "--clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all"
    steps.append(f'exec setpriv --reuid {user} --regid {user} {drop} "$@"')
    return ["unshare", "--mount", "sh", "-ec", " && ".join(steps), "sh"]


def readable_python(spare: Path) -> list[str]:
    """Steps by which everybody can run the interpreter where it lies in somebody's own folder."""
    base = Path(sys.base_prefix)
    hidden = [each for each in reversed(base.parents) if not each.stat().st_mode & 0o001]
    if not hidden:
        return []
    spare.mkdir(exist_ok=True)
    return [
        f"mount --bind {base} {spare}",
        f"mount -t tmpfs -o mode=755 tmpfs {hidden[0]}",
        f"mkdir -p {base}",
        f"mount --bind {spare} {base}",
    ]
