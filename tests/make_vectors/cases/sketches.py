"""Sketches of sets of ids (section 18): short ids, cells, what comes out of them, estimates."""

from collections.abc import Iterator

from tests.make_vectors import wire
from tests.make_vectors.independent import sketch
from tests.make_vectors.scenario import Scenario

_KEY = wire.draw("sketch key", 16)
_SEED = wire.draw("ids of a set")


def _ids(first: int, end: int) -> list[bytes]:
    return [wire.sha256(_SEED, wire.u32(number)) for number in range(first, end)]


def scenarios() -> Iterator[Scenario]:
    """`sketch`, `cell_places`, `peel`, `estimate`."""
    for count, cells in ((0, 4), (1, 20), (2, 20), (1000, 300)):
        ids = _ids(0, count)
        hashes = [sketch.hashed(_KEY, parcel_id) for parcel_id in ids]
        short_ids = [number >> 192 for number in hashes]
        yield Scenario(
            "sketch", f"ids-{count}", "18", f"{count} ids; id i is H(seed || i u32).",
            {"key": _KEY, "seed": _SEED, "count": count, "cells": cells},
            output={"cells": sketch.pack(sketch.cells(short_ids, cells)),
                    "fingerprint": (sum(hashes) % 2**256).to_bytes(32)},
        )  # fmt: skip
    odd = {
        "zero": 0, "one": 1, "2-53": 2**53, "2-53-and-1": 2**53 + 1, "2-63": 2**63,
        "largest": 2**64 - 1, "nearly-the-largest": 2**64 - 1025,
        "some": int.from_bytes(_SEED[:8]),
    }  # fmt: skip
    for name, short_id in odd.items():
        yield Scenario(
            "cell_places", name, "18", "Below 100,000.",
            {"short_id": short_id.to_bytes(8), "end": 100_000},
            output={"places": sketch.places(short_id, 100_000), "check": sketch.check(short_id)},
        )  # fmt: skip
    for there, here, common, cells, comment in (
        (0, 0, 30, 1, "Equal sets."),
        (1, 0, 30, 1, "One that only the other side has."),
        (0, 1, 30, 1, "One that only we have."),
        (20, 15, 100, 90, "Some on both sides."),
        (60, 60, 10, 400, "More cells than are needed."),
        (60, 60, 10, 100, "Fewer cells than are needed."),
    ):
        yield _peeled(there, here, common, cells, comment)
    for count in (0, 1, 300):
        yield Scenario(
            "estimate", f"ids-{count}", "18", f"{count} ids; id i is H(seed || i u32).",
            {"seed": _SEED, "count": count}, output={"estimate": sketch.estimate(_ids(0, count))},
        )  # fmt: skip


def _peeled(there: int, here: int, common: int, cells: int, comment: str) -> Scenario:
    def short(first: int, end: int) -> list[int]:
        return [sketch.hashed(_KEY, parcel_id) >> 192 for parcel_id in _ids(first, end)]

    ours, theirs = short(0, common + here), short(0, common) + short(5000, 5000 + there)
    told = sketch.cells(theirs, cells)
    left = list(told)
    for short_id in ours:
        sketch.add(left, short_id, -1)
    complete, found_there, found_here = sketch.peel(left)
    out: dict[str, object] = {"complete": complete}
    if complete:
        out["there"] = [number.to_bytes(8) for number in found_there]
        out["here"] = [number.to_bytes(8) for number in found_here]
    return Scenario(
        "peel", f"there-{there}-here-{here}-cells-{cells}", "18", comment,
        {"key": _KEY, "seed": _SEED, "count": common + here, "cells": sketch.pack(told)},
        output=out,
    )  # fmt: skip
