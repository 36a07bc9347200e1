"""Suggestions and figures as an editor reads them on a terminal, and as machine-readable values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qanat_client.desk.aliases import aliases_of
from qanat_client.desk.relating.figures import Comparison, Range, Said
from qanat_client.desk.relating.suggestions import Suggestion
from qanat_client.desk.vault import Vault
from qanat_client.desk.words import BASIS_WORDS, counted
from qanat_client.terminal import printable_line
from qanat_protocol.report import Basis

__all__ = [
    "aliases_in",
    "figures_json",
    "figures_lines",
    "range_words",
    "reasons_line",
    "suggestion_json",
]

Aliases = Mapping[bytes, str]


def aliases_in(vault: Vault, compared: Iterable[Comparison]) -> dict[bytes, str]:
    """The aliases of all who are compared."""
    return aliases_of(vault, (said.item.report.author for row in compared for said in row.others))


def suggestion_json(suggestion: Suggestion) -> dict[str, Any]:
    """For programs; every key is documented in docs/editors.md."""
    return {
        "score": suggestion.score,
        "reasons": [
            {"kind": reason.kind.value, "words": reason.words, "weight": round(reason.weight, 4)}
            for reason in suggestion.reasons
        ],
    }


def reasons_line(suggestion: Suggestion) -> str:
    """`71%: shares fountain, storming; written 20 minutes apart`."""
    reasons = "; ".join(reason.words for reason in suggestion.reasons)
    return f"{round(100 * suggestion.score)}%: {reasons}"


def _range_json(span: Range | None) -> dict[str, int] | None:
    return None if span is None else {"minimum": span.minimum, "maximum": span.maximum}


def _said_json(said: Said, aliases: Aliases) -> dict[str, Any]:
    report = said.item.report
    return {
        "report": said.item.report_id.hex(),
        "short_id": said.item.short_id,
        "author": report.author.hex(),
        "alias": aliases.get(report.author),
        "what": said.what,
        "basis": BASIS_WORDS[report.basis],
        "minimum": said.range.minimum,
        "maximum": said.range.maximum,
        "written_s": report.written_s or None,
        "arrived_s": said.item.arrived_s,
        "where": report.where,
        "counts": said.why_not is None,
        "why_not": said.why_not,
        "agrees": said.agrees,
    }


def figures_json(compared: Sequence[Comparison], aliases: Aliases) -> dict[str, Any]:
    """For programs; every key is documented in docs/editors.md."""
    return {
        "rows": [
            {
                "what": row.what,
                "mine": row.mine and _range_json(row.mine.range),
                "mine_counts": row.mine is not None and row.mine.why_not is None,
                "others": [_said_json(said, aliases) for said in row.others],
                "lowest": row.lowest,
                "highest": row.highest,
                "overlap": _range_json(row.overlap),
                "sources": row.sources,
                "sources_agreeing": row.agreeing,
                "first_hand": row.first_hand,
                "rumour": row.rumour,
                "more": row.is_cut,
            }
            for row in compared
        ]
    }


def range_words(span: Range) -> str:
    """`16`, `16 to 20`."""
    if span.minimum == span.maximum:
        return f"{span.minimum:,}"
    return f"{span.minimum:,} to {span.maximum:,}"


def _said_line(said: Said, aliases: Aliases, *, is_compared: bool, has_most: bool) -> str:
    report = said.item.report
    if said.why_not is not None:
        verdict = f"{said.why_not}, does not count"
    elif is_compared:
        verdict = "agrees" if said.agrees else "CONTRADICTS"
    else:
        # Only who is outside of what most allow does.
        verdict = "STANDS APART" if has_most and not said.agrees else ""
    basis = {Basis.SEEN: "seen", Basis.HEARD: "heard", Basis.NOT_SAID: "-"}[report.basis]
    place = printable_line(report.where) or "-"
    line = (
        f"  {range_words(said.range):<16} {basis:<6} {said.item.short_id}"
        f"  {aliases.get(report.author) or '-'}  {place}  {verdict}"
    )
    return line.rstrip()


def figures_lines(compared: Sequence[Comparison], aliases: Aliases) -> list[str]:
    """A heading for each thing that is counted, and a line for each who counts it."""
    lines = []
    for row in compared:
        lines.append(printable_line(row.what))
        if row.mine is not None:
            why_not = f" ({row.mine.why_not}, does not count)" if row.mine.why_not else ""
            lines.append(f"  {range_words(row.mine.range):<16} this report{why_not}")
        has_most = any(said.agrees for said in row.others if said.why_not is None)
        lines += [
            _said_line(said, aliases, is_compared=row.mine is not None, has_most=has_most)
            for said in row.others
        ]
        lines.append(f"  {_together_words(row)}")
        if row.is_cut:
            lines.append("  there may be more reports, written at other times of this day")
    return lines


def _together_words(row: Comparison) -> str:
    if row.lowest is None or row.highest is None:
        return "nothing of it counts"
    common = "nothing in common" if row.overlap is None else f"common {range_words(row.overlap)}"
    return (
        f"{counted(row.sources, 'source')} ({row.first_hand} first-hand, {row.rumour} rumour):"
        f" {range_words(Range(row.lowest, row.highest))}, {common}"
    )
