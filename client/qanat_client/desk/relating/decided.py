"""What editors decided, as far as it bears on a comparison: read from the registers in force."""

from __future__ import annotations

from qanat_client.desk.decisions import ReportState, What
from qanat_client.desk.vault import Vault

__all__ = ["gathered_in", "gathered_with", "muted_authors", "rejected_reports"]


def _first_column(vault: Vault, query: str, *values: object) -> set[bytes]:
    return {value for (value,) in vault.rows(query, *values)}


def muted_authors(vault: Vault) -> set[bytes]:
    """The pseudonyms that are left out of lists."""
    query = "SELECT subject FROM registers WHERE what = ? AND number = 1"
    return _first_column(vault, query, int(What.MUTED))


def rejected_reports(vault: Vault) -> set[bytes]:
    """The reports that the desk takes to be wrong."""
    query = "SELECT subject FROM registers WHERE what = ? AND number = ?"
    return _first_column(vault, query, int(What.STATE), int(ReportState.REJECTED))


def gathered_in(vault: Vault, incident: bytes) -> set[bytes]:
    """The reports of an incident."""
    query = "SELECT part FROM registers WHERE what = ? AND subject = ? AND number = 1"
    return _first_column(vault, query, int(What.GATHERED), incident)


def gathered_with(vault: Vault, report_id: bytes) -> set[bytes]:
    """The reports that are in an incident with this one, itself among them."""
    query = (
        "SELECT part FROM registers WHERE what = ?1 AND number = 1 AND subject IN"
        " (SELECT subject FROM registers WHERE what = ?1 AND part = ?2 AND number = 1)"
    )
    return _first_column(vault, query, int(What.GATHERED), report_id)
