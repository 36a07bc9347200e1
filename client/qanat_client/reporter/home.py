"""The directory that holds all that the reporter's program keeps: for its owner alone.

Made with mode 0700, files with 0600. Nothing in it can be read by whoever takes it, but how much
waits, for whom and since when.
"""

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qanat_client.errors import (
    BadInput,
    ClientError,
    DiskFull,
    HomeBusy,
    HomeReadOnly,
    HomeUnusable,
)

__all__ = [
    "Home",
    "Settings",
    "default_home",
    "make_folder",
    "named_os_error",
    "put_in_place",
    "sync_path",
    "write_durably",
]

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def default_home() -> Path:
    """QANAT_HOME, or `qanat` where this system keeps the data of programs."""
    if named := os.environ.get("QANAT_HOME"):
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "qanat"


def named_os_error(error: OSError, what: str) -> ClientError:
    """The error that the person is shown for one of the system's."""
    reason = (error.strerror or str(error)).lower()
    if error.errno in _READ_ONLY:
        return HomeReadOnly(f"{what} can't be written: {reason}")
    if error.errno in _FULL:
        return DiskFull(f"{what}: {reason}; nothing that was queued before is lost")
    return HomeUnusable(f"{what}: {reason}")


def sync_path(path: Path) -> None:
    """Make safe what a file holds, or a folder's names: what was made, renamed or removed there
    stays so."""
    target = os.open(path, os.O_RDONLY)
    try:
        os.fsync(target)
    finally:
        os.close(target)


def make_folder(path: Path) -> None:
    """Make a folder for its owner alone, and those above it; on the disk when this returns."""
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    # Where one may write and not list, nobody can do more.
    with contextlib.suppress(PermissionError):
        sync_path(path.parent)


def put_in_place(temporary: Path, path: Path) -> None:
    """Give a file that is safe its name, in place of what had it; on the disk when this returns."""
    temporary.replace(path)
    sync_path(path.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that after a power cut there is the old one or the new one, never a half."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise named_os_error(error, str(path)) from error


@dataclass(frozen=True, slots=True)
class Settings:
    """What the person may write into `settings.toml` in the home. Never anything secret."""

    country: str = ""
    """Two capital letters, such as KZ: where "abroad" begins. Empty: relays show theirs."""

    sync_on_send: bool = False
    """Whether `qanat send` goes to the network at once. Off: nothing is sent unasked."""

    original_copies: int = 2
    """How many relays an untouched original is given to, 1 to 16."""

    datagrams: bool = True
    """Whether relays that take datagrams are talked to by them where TCP does not answer at once.
    To whoever watches the line they look like noise, where https looks like any other site."""

    learned_relays: bool = True
    """Whether relays that only other relays name are gone to while none of a desk's own answers."""

    stamp_most_s: int = 120
    """How long one sync works on stamps, in seconds, where relays under a flood ask for them: 0 to
    86,400. What would take longer goes without, by the lane that is free."""

    probe_every_s: int = 0
    """How often `qanat sync --watch` tries by the clock, besides whenever a network comes: seconds,
    10 to 1,000,000, each time up to a quarter later. 0, the default: never. Whoever watches the
    line sees every try. `--every` says it for one watch."""


class Home:
    """The paths in a home, and its locks."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def database(self) -> Path:
        return self.path / "qanat.db"

    @property
    def desks(self) -> Path:
        return self.path / "desks"

    @property
    def settings_file(self) -> Path:
        return self.path / "settings.toml"

    @property
    def app_port_file(self) -> Path:
        """The port of `qanat app`, in digits."""
        return self.path / "app-port"

    @property
    def wipe_mark(self) -> Path:
        """Made as a wipe begins and removed as it ends: one that was cut is finished by it."""
        return self.path / "wiping"

    def is_half_wiped(self) -> bool:
        """Whether a wipe of it was cut."""
        try:
            return self.wipe_mark.exists()
        except OSError:
            return False  # whoever may not look into it is told so by what comes next

    def exists(self) -> bool:
        """Whether there is one; nothing is made by asking."""
        return self.path.is_dir()

    def make(self) -> None:
        """Make what is missing. Raises HomeReadOnly, HomeUnusable."""
        os.umask(0o077)
        try:
            make_folder(self.desks)
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o700)
        except FileExistsError:
            raise HomeUnusable(f"the home {self.path} is not a directory") from None
        except OSError as error:
            raise named_os_error(error, f"the home {self.path}") from error

    def settings(self) -> Settings:
        """What `settings.toml` says, each value checked. Raises BadInput."""
        try:
            text = self.settings_file.read_text("utf-8")
        except FileNotFoundError:
            return Settings()
        except (OSError, ValueError) as error:
            raise BadInput(f"{self.settings_file}: {error}") from None
        import tomllib

        try:
            table = tomllib.loads(text)
        except ValueError as error:
            raise BadInput(f"{self.settings_file}: {error}") from None
        wrong = [
            name
            for name, value in table.items()
            if not {
                "country": lambda v: (
                    isinstance(v, str)
                    and (v == "" or (len(v) == 2 and v.isascii() and v.isalpha() and v.isupper()))
                ),
                "sync_on_send": lambda v: isinstance(v, bool),
                "datagrams": lambda v: isinstance(v, bool),
                "learned_relays": lambda v: isinstance(v, bool),
                "original_copies": lambda v: type(v) is int and 1 <= v <= 16,
                "stamp_most_s": lambda v: type(v) is int and 0 <= v <= 86_400,
                "probe_every_s": lambda v: type(v) is int and (v == 0 or 10 <= v <= 1_000_000),
            }.get(name, lambda _: False)(value)
        ]
        if wrong:
            said = json.dumps(wrong)
            raise BadInput(f"{self.settings_file}: not a setting, or not such a value: {said}")
        return Settings(**table)

    @contextmanager
    def _locked(self, path: Path) -> Iterator[bool]:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise named_os_error(error, str(path)) from error
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                taken = True
            except BlockingIOError:
                taken = False
            yield taken
        finally:
            os.close(file)

    @contextmanager
    def sync_lock(self) -> Iterator[None]:
        """One sync at a time. Raises HomeBusy; the system lets go when the process ends."""
        with self._locked(self.path / "sync.lock") as taken:
            if not taken:
                raise HomeBusy(f"another qanat is syncing in this home ({self.path})")
            yield

    @contextmanager
    def sealing_lock(self, token: str) -> Iterator[None]:
        """Held as long as a report is being sealed, so that nobody clears it away meanwhile."""
        path = self.path / f"sealing-{token}.lock"
        try:
            with self._locked(path):
                yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def abandoned(self, tokens: list[str]) -> list[str]:
        """Those of the sealings whose process has ended."""
        found = []
        for token in tokens:
            path = self.path / f"sealing-{token}.lock"
            with self._locked(path) as taken:
                if taken:
                    found.append(token)
                    path.unlink(missing_ok=True)
        return found
