"""Records a program, cuts its power at many points, and has what the disk holds then checked.

To lay out again what a failed case had: python -m tests.power_cuts.cutting CASE CUT SEED FOLDER
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from shutil import copytree, rmtree
from tempfile import TemporaryDirectory

import msgpack
from tests.power_cuts.disk import Disk, Remains

__all__ = ["REPOSITORY", "Case", "Check", "environment"]

REPOSITORY = Path(__file__).resolve().parents[2]
_MEMORY = Path("/dev/shm")
"""Where what a cut left is laid out, if there is such a place: nobody cuts that power again."""

Check = Callable[[Path, list[str]], None]
"""Given a folder as it is after a cut and the lines that were said before it; raises if it is not
as it must be."""


def environment() -> dict[str, str]:
    """What a process is given that finds the packages, and writes nothing beside them."""
    paths = os.pathsep.join(str(REPOSITORY / name) for name in ("protocol", "relay", "client"))
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}


class Case:
    """One run of a program on a folder, in `place`: `before`, `folder`, and the `log`."""

    def __init__(self, place: Path) -> None:
        self._place = place
        records = msgpack.unpackb((place / "log").read_bytes())
        self.disk = Disk(Remains.of(place / "before"), records)
        self.cuts = len(records)

    @classmethod
    def record(cls, place: Path, command: list[str | Path]) -> "Case":
        """Run Python with these arguments on `place/folder`, which is there, and note what it does.

        Raises AssertionError if what was noted does not account for every byte that lies there.
        """
        copytree(place / "folder", place / "before")
        recorder = [sys.executable, "-m", "tests.power_cuts.recording"]
        ran = subprocess.run(
            [*recorder, place / "log", place / "folder", sys.executable, *command],
            cwd=REPOSITORY,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr.decode()
        case = cls(place)
        assert case.disk.unharmed() == Remains.of(place / "folder"), "the record is not whole"
        return case

    def some_cuts(self, count: int, seed: int) -> list[int]:
        """So many cuts, drawn by a seed; the first and the last are among them."""
        drawn = Random(seed).sample(range(self.cuts + 1), min(count, self.cuts + 1))
        return sorted({0, self.cuts, *drawn})

    def check(self, check: Check, cuts: Iterable[int], seed: int) -> None:
        """Check what is left after each cut. What `check` raises gets a note that says which."""
        where = _MEMORY if os.access(_MEMORY, os.W_OK) else self._place
        with TemporaryDirectory(dir=where, prefix="qanat-cuts-") as place:
            for cut in cuts:
                folder = Path(place, "after")
                self.remains(cut, seed).lay_out(folder)
                try:
                    check(folder, self.disk.said(cut))
                except BaseException as error:
                    error.add_note(
                        f"cut {cut} of {self.cuts}, seed {seed}; to have it again:"
                        f" python -m tests.power_cuts.cutting {self._place} {cut} {seed} FOLDER"
                    )
                    raise
                rmtree(folder)

    def check_all(self, check: Check, seeds: Iterable[int]) -> None:
        """Check what is left after every cut, with each of these seeds."""
        for seed in seeds:
            self.check(check, range(self.cuts + 1), seed)

    def remains(self, cut: int, seed: int) -> Remains:
        """What one cut with one seed leaves: the same each time."""
        return self.disk.after(cut, Random(f"{seed} {cut}"))


if __name__ == "__main__":
    Case(Path(sys.argv[1])).remains(int(sys.argv[2]), int(sys.argv[3])).lay_out(Path(sys.argv[4]))
