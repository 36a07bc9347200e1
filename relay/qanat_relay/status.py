"""How a relay is doing, as numbers and as words. Reads; works while the relay serves."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from qanat_protocol.days import iso
from qanat_protocol.statement import fingerprint
from qanat_relay.config import Config
from qanat_relay.sizes import in_words
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

    @property
    def parcels(self) -> int:
        """Complete ones that are held, of every kind."""
        stats = self.stats
        return stats.letters + stats.replies + stats.parts + stats.public

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
            ("half there", f"{stats.partial:,} ({in_words(stats.partial_bytes)})"),
            ("opened by desks", f"{stats.opened:,}"),
            ("purged", f"{stats.purged:,}"),
            ("evicted", f"{stats.evicted:,}"),
            ("tombstones", f"{stats.tombstones:,}"),
            ("in use", f"{in_words(stats.used_bytes)} of {in_words(self.capacity_bytes)}"),
            ("room for", in_words(self.free_bytes)),
            ("last sweep", swept),
            ("desks carried", f"{self.desks:,}"),
            ("incarnation", self.incarnation or "none before it is served"),
            ("key", self.key),
        ]
        return "\n".join(f"{name + ':':<18}{value}" for name, value in lines)


def read_status(view: StoreView, config: Config, desks: int, signing_key: bytes) -> Status:
    """The status of a relay with this store."""
    stats = view.read_stats()
    return Status(
        stats=stats,
        incarnation=view.read_incarnation().hex()[:8],
        capacity_bytes=config.capacity_bytes,
        free_bytes=stats.free_bytes(config.capacity_bytes),
        desks=desks,
        key=fingerprint(signing_key),
    )
