"""What a disk may hold after a power cut, given the log of what a program did to its files.

The model. A write or a change of length is safe once an fsync of the file that began after it has
returned. Until then each one is there, or not, or (a write) there in some of its sectors of 512
bytes, whatever became of those before and behind it. Names - made, renamed, removed - become safe
in the order in which they were changed, and only by an fsync of the folder that they stand in;
until then any first part of a folder's changes is there. A sector holds its old or its new bytes.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.power_cuts.recording import Record

__all__ = ["Disk", "Remains"]

SECTOR_BYTES = 512
_NEVER = 2**63
_ON_DATA = {"write", "truncate"}
_ON_NAMES = {"create", "rename", "unlink", "mkdir", "rmdir"}


@dataclass(slots=True)
class Remains:
    """Files and folders as they are found: path -> bytes, and paths."""

    files: dict[str, bytes] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path) -> "Remains":
        """What lies in a folder now; -shm files are memory and left out."""
        found = cls()
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_dir():
                found.folders.append(name)
            elif not name.endswith("-shm"):
                found.files[name] = path.read_bytes()
        return found

    def lay_out(self, folder: Path) -> None:
        """Put them into a folder, which is made."""
        folder.mkdir(mode=0o700)
        for name in sorted(self.folders):
            (folder / name).mkdir(mode=0o700)
        for name, data in self.files.items():
            path = folder / name
            path.write_bytes(data)
            path.chmod(0o600)


class Disk:
    """A folder as it was `before` a program ran, and all that it did. A cut is a number of records:
    from 0, before the first, to `len(records)`, behind the last."""

    def __init__(self, before: Remains, records: list[Record]) -> None:
        self.records = records
        self._before = before
        self._safe_at = [_NEVER] * len(records)
        waiting: dict[int | str, list[int]] = {}
        for at, (what, *values) in enumerate(self.records):
            if what in _ON_DATA:
                waiting.setdefault(values[0], []).append(at)
            elif what in _ON_NAMES:
                waiting.setdefault(_folder_of(values), []).append(at)
            elif what in ("sync", "sync_names"):
                synced, begun = values
                for one in waiting.get(synced, []):
                    if one < begun:
                        self._safe_at[one] = at
                waiting[synced] = [one for one in waiting.get(synced, []) if one >= begun]

    def said(self, cut: int) -> list[str]:
        """The lines that the program had said before a cut."""
        return "".join(text for what, text, *_ in self.records[:cut] if what == "said").split("\n")[
            :-1
        ]

    def after(self, cut: int, chance: Random) -> Remains:
        """What is there after a cut, as chance has it. Some disks lose all that was not synced,
        some nothing, most some of it."""
        kept_share = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        torn_share = chance.choice((0.0, 0.3, 1.0))
        unsafe = Counter(
            _folder_of(values)
            for at, (what, *values) in enumerate(self.records[:cut])
            if what in _ON_NAMES and self._safe_at[at] >= cut
        )
        names_kept = {
            folder: chance.randint(0, count) if 0 < kept_share < 1 else round(count * kept_share)
            for folder, count in unsafe.items()
        }
        return self._replay(cut, chance, kept_share, torn_share, names_kept)

    def unharmed(self) -> Remains:
        """What is there when the program has ended and nothing is lost."""
        every = {_folder_of(values): _NEVER for what, *values in self.records if what in _ON_NAMES}
        return self._replay(len(self.records), Random(0), 1.0, 0.0, every)

    def _replay(
        self,
        cut: int,
        chance: Random,
        kept_share: float,
        torn_share: float,
        names_kept: dict[str, int],
    ) -> Remains:
        # Numbered as the recorder does it.
        names = {path: number for number, path in enumerate(sorted(self._before.files, key=Path))}
        data = {number: bytearray(self._before.files[name]) for name, number in names.items()}
        folders = list(self._before.folders)
        for at in range(cut):
            what, *values = self.records[at]
            safe = self._safe_at[at] < cut
            if what in _ON_DATA:
                body = data.setdefault(values[0], bytearray())
                kept = safe or chance.random() < kept_share
                if what == "truncate" and kept:
                    _set_length(body, values[1])
                elif what == "write" and kept:
                    _put(body, values[1], values[2])
                elif what == "write" and chance.random() < torn_share:
                    for offset, sector in _sectors(values[1], values[2]):
                        if chance.random() < 0.5:
                            _put(body, offset, sector)
            elif what in _ON_NAMES:
                if not safe:
                    names_kept[_folder_of(values)] -= 1
                if safe or names_kept[_folder_of(values)] >= 0:
                    _change_names(names, folders, what, values)
        # Whoever loses the name of a folder loses all that is below it.
        there = {"."}
        for folder in sorted(folders, key=lambda name: name.count("/")):
            if _folder_of([folder]) in there:
                there.add(folder)
        return Remains(
            {
                name: bytes(data.get(file, b""))
                for name, file in names.items()
                if _folder_of([name]) in there
            },
            sorted(there - {"."}),
        )


def _folder_of(values: list[Any]) -> str:
    """The folder that a change of names is in; a rename is within one."""
    return Path(values[0]).parent.as_posix()


def _change_names(names: dict[str, int], folders: list[str], what: str, values: list[Any]) -> None:
    if what == "create":
        names[values[0]] = values[1]
    elif what == "rename":
        names[values[1]] = names.pop(values[0])
    elif what == "unlink":
        del names[values[0]]
    elif what == "mkdir":
        folders.append(values[0])
    else:
        folders.remove(values[0])
        for name in [name for name in names if _folder_of([name]) == values[0]]:
            del names[name]


def _set_length(body: bytearray, size: int) -> None:
    del body[size:]
    body.extend(bytes(size - len(body)))


def _put(body: bytearray, offset: int, data: bytes) -> None:
    if len(body) < offset:
        body.extend(bytes(offset - len(body)))
    body[offset : offset + len(data)] = data


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        end = at + SECTOR_BYTES - (offset + at) % SECTOR_BYTES
        yield offset + at, data[at:end]
        at = end
