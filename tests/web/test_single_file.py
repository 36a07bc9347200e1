"""The app in one file: the same bytes whoever builds it, and a signature that tells it apart."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from tests.web_source import WEB

from qanat_client.web_app.files import BUILT, SIGNATURE, SINGLE_FILE, AppFile, fingerprint_of

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "web-app.md"

pytestmark = pytest.mark.timeout(600)


def run(*command: str | Path, cwd: Path, code: int = 0, given: bytes = b"") -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, input=given, capture_output=True, check=False
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == code, said
    return said


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != SIGNATURE
    }


def test_two_builds_in_two_places_give_the_same_bytes(
    built_app: Mapping[str, AppFile], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "another place"
    shutil.copytree(WEB, elsewhere, ignore=shutil.ignore_patterns("node_modules", "dist", "test"))
    (elsewhere / "node_modules").symlink_to(WEB / "node_modules")
    run("npm", "run", "--silent", "build", cwd=elsewhere)
    assert contents(elsewhere / "dist" / "app") == contents(BUILT)
    assert (elsewhere / "dist" / SINGLE_FILE).read_bytes() == built_app[SINGLE_FILE].data


def test_a_signed_file_is_believed_and_one_that_was_changed_is_not(
    built_app: Mapping[str, AppFile], tmp_path: Path
) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("there is no ssh-keygen. On Debian and Ubuntu: sudo apt install openssh-client")
    key = tmp_path / "key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key, cwd=tmp_path)
    app, dist = tmp_path / "app", tmp_path / "dist"
    shutil.copytree(BUILT, app)
    for path in app.rglob("*"):
        path.touch()
    said = run("make", "app-html", f"KEY={key}", f"APP={app}", f"DIST={dist}", cwd=ROOT)
    assert fingerprint_of(built_app[SINGLE_FILE].data) in said
    assert (dist / SINGLE_FILE).read_bytes() == built_app[SINGLE_FILE].data
    # The relay gives out the same two.
    assert (app / SIGNATURE).read_bytes() == (dist / SIGNATURE).read_bytes()

    # As the guide tells whoever gets the file.
    (line,) = re.findall(r"^ssh-keygen -Y verify .*$", GUIDE.read_text(), re.MULTILINE)
    (dist / "qanat.signers").write_text(f"qanat {key.with_suffix('.pub').read_text()}")
    assert "Good" in run("sh", "-c", line, cwd=dist)
    single = dist / SINGLE_FILE
    whole = single.read_bytes()
    for place in (0, len(whole) // 2, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1
        single.write_bytes(changed)
        assert "Good" not in run("sh", "-c", line, cwd=dist, code=255)
    single.write_bytes(whole + b"\n")
    assert "Good" not in run("sh", "-c", line, cwd=dist, code=255)
    # And by another key, though it has the same name.
    single.write_bytes(whole)
    other = tmp_path / "other"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", other, cwd=tmp_path)
    (dist / "qanat.signers").write_text(f"qanat {other.with_suffix('.pub').read_text()}")
    assert "Good" not in run("sh", "-c", line, cwd=dist, code=255)


def test_without_a_key_there_is_no_signature_left_of_an_older_file(
    built_app: Mapping[str, AppFile], tmp_path: Path
) -> None:
    app, dist = tmp_path / "app", tmp_path / "dist"
    shutil.copytree(BUILT, app)
    for path in app.rglob("*"):
        path.touch()
    dist.mkdir()
    for folder in (app, dist):
        (folder / SIGNATURE).write_bytes(b"of an older file")
    run("make", "app-html", f"APP={app}", f"DIST={dist}", cwd=ROOT)
    assert not (app / SIGNATURE).exists()
    assert [path.name for path in dist.iterdir()] == [SINGLE_FILE]
    assert (dist / SINGLE_FILE).read_bytes() == built_app[SINGLE_FILE].data
