"""One batch into the store, and who has to know what came of it: the counts, the gate, the news.

Acknowledges nothing: whoever brought it may be gone, and others wait for it all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qanat_protocol.frames import AckStatus
from qanat_protocol.verdicts import Verdict
from qanat_relay.arrivals import Charge
from qanat_relay.batch import Handed
from qanat_relay.events import Event
from qanat_relay.logs import tell
from qanat_relay.node import Node
from qanat_relay.store.errors import StoreError, StoreFull
from qanat_relay.store.interface import Outcome, PutBlocks, PutRun, parcels_in

TAG = slice(16, 32)
"""Where a header has it (SPEC section 3)."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What the store said. verdict: why it did nothing of it, None where it did."""

    outcomes: list[Outcome]
    verdict: Verdict | None = None


async def commit(node: Node, source: bytes | None, handed: Handed) -> Committed:
    """Write it; `source` is the peer that it came from. On the disk when this returns, or not."""
    committed = await _write(node, handed)
    outcomes = committed.outcomes
    if any(outcome.status is AckStatus.STORED for outcome in outcomes):
        node.news.tell(source)
    parcels = len(outcomes) - len(handed.batch.marks)
    node.counts.note_parcels(outcomes[:parcels])
    node.counts.note_marks(outcomes[parcels:])
    wholes: set[bytes] = set()
    halves: set[bytes] = set()
    for write, charge, said in _each(handed, outcomes):
        if isinstance(write, PutRun):
            told = zip(write.headers, said, strict=True)
            wholes.update(header[TAG] for header, one in told if one.status is AckStatus.STORED)
        elif said[0].status is AckStatus.STORED:
            wholes.add(write.header.tag)
        elif said[0].status is AckStatus.PARTIAL and write.blocks:
            halves.add(write.header.tag)
        if idle_bytes := charge.size_bytes - _kept_bytes(write, charge, said):
            node.gate.give_back(charge.lane, idle_bytes)
    if wholes or halves:
        node.news.tell_desks(wholes, halves)
    return committed


def _each(
    handed: Handed, outcomes: Sequence[Outcome]
) -> Iterator[tuple[PutRun | PutBlocks, Charge, Sequence[Outcome]]]:
    at = 0
    for came in handed.batch.runs:
        count = len(came.run.ids)
        yield came.run, came.charge, outcomes[at : at + count]
        at += count
    for put, charge in zip(handed.puts, handed.charges, strict=True):
        yield put, charge, outcomes[at : at + 1]
        at += 1


def _kept_bytes(write: PutRun | PutBlocks, charge: Charge, said: Sequence[Outcome]) -> int:
    """What of a charge is for something that the store keeps and did not have."""
    if isinstance(write, PutRun):
        stored = sum(outcome.status is AckStatus.STORED for outcome in said)
        return charge.size_bytes * stored // len(said)
    if said[0].status not in (AckStatus.STORED, AckStatus.PARTIAL) or not write.blocks:
        return 0
    fresh = len(write.blocks) - said[0].known_blocks
    return charge.size_bytes * fresh // len(write.blocks)


async def _write(node: Node, handed: Handed) -> Committed:
    writes = handed.writes
    if not writes:
        return Committed([])
    try:
        return Committed(await node.store.write(writes, today=node.today()))
    except StoreFull:
        verdict = Verdict.REFUSED_FULL
    except StoreError as error:
        tell(Event.COMMIT_REFUSED, error_kind=type(error).__name__)
        verdict = Verdict.BUSY
    nothing = [Outcome(AckStatus.REFUSED, verdict)] * sum(map(parcels_in, writes))
    return Committed(nothing, verdict)
