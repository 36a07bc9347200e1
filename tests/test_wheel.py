"""The built wheel, installed apart from this tree, runs as the tree does."""

import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
# Everything but code that a package needs at run time.
CARRIED = {".py", ".sql", ".toml", ".typed"}
WEB_APP = ROOT / "client" / "qanat_client" / "web_app" / "built"


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program to its end and give what it printed; a failure shows all of it."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        timeout=90,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", out, cwd=ROOT)
    (built,) = out.glob("qanat-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment that holds the wheel and the locked libraries.

    The libraries are lent from the environment that runs the tests, by a path file: path files in a
    folder that is itself lent are not read, so the editable install of this tree stays out.
    """
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet")
    run(*pip, "--no-deps", "--no-index", wheel, cwd=home)
    site = Path(
        run(python, "-c", "import sysconfig as s; print(s.get_path('purelib'))", cwd=home).strip()
    )
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "lent.pth").write_text("".join(f"{folder}\n" for folder in sorted(lent)))
    return home / "bin"


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    folders = [
        ROOT / part / f"qanat_{part}" for part in ("protocol", "relay", "client", "simulation")
    ]
    expected = {
        path.relative_to(folder.parent).as_posix()
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in CARRIED
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if name.endswith("/LICENSE")]
    assert expected <= held
    assert {name.split("/")[0] for name in held} == {folder.name for folder in folders}
    assert len(licences) == 1


def test_the_wheel_holds_the_web_app_where_it_was_built(wheel: Path) -> None:
    if not (WEB_APP / "index.html").is_file():
        pytest.skip("the web app is not built: make app")
    files = {path for path in WEB_APP.rglob("*") if path.is_file()}
    assert any(path.parent.name == "assets" for path in files)
    with zipfile.ZipFile(wheel) as archive:
        for path in files:
            name = path.relative_to(ROOT / "client").as_posix()
            assert archive.read(name) == path.read_bytes(), name


def test_the_installed_packages_come_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    for package in ("qanat_protocol", "qanat_relay", "qanat_client", "qanat_simulation"):
        where = run(
            installed / "python", "-c", f"import {package} as p; print(p.__file__)", cwd=tmp_path
        )
        assert Path(where.strip()).is_relative_to(installed.parent), where


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_every_installed_program_explains_itself(
    script: str, installed: Path, tmp_path: Path
) -> None:
    assert script in run(installed / script, "--help", cwd=tmp_path)


def test_the_shared_vectors_pass_against_the_wheel(installed: Path) -> None:
    told = run(
        installed / "python",
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-o",
        "pythonpath=",
        "-q",
        "-k",
        "vector",
        "tests/protocol",
        cwd=ROOT,
    )
    assert " passed" in told
