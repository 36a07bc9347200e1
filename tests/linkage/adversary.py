"""What one who has every relay's disk makes of it: in which orders it shows the parcels.

Looks at all that names a parcel, not at what it is meant to be for: whatever column or page is
added to a store is looked at too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.linkage.disk import Cell, Disk
from tests.relay.made_parcels import Made

from qanat_protocol.merkle import leaf_hash

Place = tuple[int, int]
"""A group, and a place in it: places of two groups say nothing of each other."""

Order = dict[bytes, Place]
"""By parcel id: where something puts it."""

PROBE_BYTES = 8
PROBED_BYTES = 640
"""How far into a body the first page that it fills may begin: behind the rest of its row."""

FRONT = slice(4, 4 + PROBE_BYTES)
"""Where the content of an overflow page begins: behind the number of the next one."""


@dataclass(frozen=True, slots=True)
class Names:
    """By what one knows a parcel again: its id, its blocks, the beginning of its body."""

    by_offer: dict[bytes, bytes]
    by_leaf: dict[bytes, bytes]
    by_front: dict[bytes, bytes]


def names_of(parcels: Sequence[Made]) -> Names:
    """Of parcels that lie on some disk, so that all of this is known."""
    names = Names({}, {}, {})
    for made in parcels:
        parcel_id = made.parcel_id
        names.by_offer[parcel_id[:16]] = parcel_id
        for at in range(0, len(made.body), 16_384):
            names.by_leaf[leaf_hash(made.body[at : at + 16_384])] = parcel_id
        for at in range(PROBED_BYTES):
            names.by_front[made.body[at : at + PROBE_BYTES]] = parcel_id
    return names


def orders_of(disk: Disk, names: Names) -> dict[str, Order]:
    """Every order that a disk shows parcels in, by what shows it."""
    found: defaultdict[str, Order] = defaultdict(dict)
    by_rowid = _rows(disk, names)
    for cell in disk.cells:
        parcel_id = _named(cell, names) or _pointed(cell, disk, by_rowid)
        if parcel_id is None:
            continue
        for name, place in _places(cell, disk.columns[cell.tree]):
            found[name].setdefault(parcel_id, place)
    for number, page in sorted(disk.freed.items()):
        if (parcel_id := names.by_front.get(page[FRONT])) is not None:
            found["freed pages"].setdefault(parcel_id, (0, number))
    for at, frame in enumerate(disk.frames):
        if (parcel_id := names.by_front.get(frame.data[FRONT])) is not None:
            found["log: commits"].setdefault(parcel_id, (0, frame.commit))
            found["log: frames"].setdefault(parcel_id, (0, at))
    return dict(found)


def _rows(disk: Disk, names: Names) -> dict[tuple[str, int], bytes]:
    """By table and rowid, the parcel that the row names."""
    return {
        (cell.tree, cell.rowid): parcel_id
        for cell in disk.cells
        if cell.rowid is not None and (parcel_id := _named(cell, names)) is not None
    }


def _named(cell: Cell, names: Names) -> bytes | None:
    for value in cell.values:
        if isinstance(value, bytes):
            parcel_id = names.by_offer.get(value[:16]) or names.by_leaf.get(value)
            if parcel_id is not None:
                return parcel_id
    return None


def _pointed(cell: Cell, disk: Disk, by_rowid: dict[tuple[str, int], bytes]) -> bytes | None:
    """The parcel of the row that an entry of an index points to."""
    last = cell.values[-1] if cell.values else None
    if cell.rowid is not None or not isinstance(last, int):
        return None
    return by_rowid.get((disk.tables[cell.tree], last))


def _places(cell: Cell, columns: tuple[str, ...]) -> Iterator[tuple[str, Place]]:
    tree = cell.tree
    # Cells are put in from the end of a page to its front, whatever their order by key.
    yield f"{tree}: cells in a page", (cell.page, -cell.offset)
    yield f"{tree}: pages", (0, cell.page)
    if cell.rowid is not None:
        yield f"{tree}: rowid", (0, cell.rowid)
    if cell.overflow:
        yield f"{tree}: overflow pages", (0, cell.overflow)
    for name, value in zip(columns, cell.values, strict=False):
        if isinstance(value, int):
            yield f"{tree}.{name}", (0, value)
        elif isinstance(value, bytes) and value:
            yield f"{tree}.{name}", (hash(value), 0)
