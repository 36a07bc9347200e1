"""How a relay is doing, as numbers and as words. Reads; works while the relay serves."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from qanat_protocol.days import iso
from qanat_protocol.statement import fingerprint
from qanat_relay.config import Config
from qanat_relay.store.interface import Stats
from qanat_relay.viewing import StoreView


@dataclass(frozen=True, slots=True)
class Status:
    """What `qanat-relay status` tells. `free_bytes`: what may still come, by disk and capacity.
    `key`: the fingerprint of the relay's signing key, which desks compare with the operator."""

    stats: Stats
    incarnation: str
    capacity_bytes: int
    free_bytes: int
    desks: int
    key: str

    def to_json(self) -> dict[str, object]:
        """The numbers by name."""
        numbers = asdict(self.stats)
        swept = numbers.pop("swept_day")
        return {
            **numbers,
            "last_sweep": None if swept is None else iso(swept),
            "incarnation": self.incarnation,
            "capacity_bytes": self.capacity_bytes,
            "free_bytes": self.free_bytes,
            "desks": self.desks,
            "key": self.key,
        }

    def to_words(self) -> str:
        """The same for a person."""
        stats = self.stats
        swept = "never" if stats.swept_day is None else iso(stats.swept_day)
        lines = [
            ("letters", f"{stats.letters:,}"),
            ("replies", f"{stats.replies:,}"),
            ("attachments", f"{stats.parts:,}"),
            ("public documents", f"{stats.public:,}"),
            ("half there", f"{stats.partial:,} ({_size(stats.partial_bytes)})"),
            ("opened by desks", f"{stats.opened:,}"),
            ("purged", f"{stats.purged:,}"),
            ("evicted", f"{stats.evicted:,}"),
            ("tombstones", f"{stats.tombstones:,}"),
            ("in use", f"{_size(stats.used_bytes)} of {_size(self.capacity_bytes)}"),
            ("room for", _size(self.free_bytes)),
            ("last sweep", swept),
            ("desks carried", f"{self.desks:,}"),
            ("incarnation", self.incarnation),
            ("key", self.key),
        ]
        return "\n".join(f"{name + ':':<18}{value}" for name, value in lines)


def read_status(
    view: StoreView, data: Path, config: Config, desks: int, signing_key: bytes
) -> Status:
    """The status of the store in the data folder."""
    stats = view.read_stats()
    disk = os.statvfs(data)
    # Pages that are free inside the file are taken before the file grows.
    on_disk = disk.f_bavail * disk.f_frsize + max(0, stats.file_bytes - stats.used_bytes)
    return Status(
        stats=stats,
        incarnation=view.read_incarnation().hex()[:8],
        capacity_bytes=config.capacity_bytes,
        free_bytes=max(0, min(on_disk, config.capacity_bytes - stats.used_bytes)),
        desks=desks,
        key=fingerprint(signing_key),
    )


def _size(size_bytes: int) -> str:
    if size_bytes < 1024:
        return f"{size_bytes} B"
    units = ("KiB", "MiB", "GiB", "TiB")
    step = min((size_bytes.bit_length() - 1) // 10, len(units))
    return f"{size_bytes / 1024**step:.1f} {units[step - 1]}"
