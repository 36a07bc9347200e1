"""Parts that are broken on purpose, so that it shows that runs find them. One is applied to a run,
and to nothing else, by `--breakage`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.simulation.doors import replace

__all__ = ["BREAKAGES", "apply"]


def _relay_acknowledges_before_it_is_on_disk() -> None:
    from qanat_relay.store import files

    connect = files.connect

    def connect_carelessly(path: Path, **options: Any) -> Any:
        connection = connect(path, **options)
        # Of a write-ahead log this loses what was last committed, and damages nothing.
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    replace(files, "connect", connect_carelessly)


def _reporter_says_queued_before_it_is_on_disk() -> None:
    from qanat_client.reporter import database, send

    def connect_carelessly(home: Any) -> Any:
        connection = database.connect(home)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    replace(send, "connect", connect_carelessly)


def _reporter_keeps_what_was_written() -> None:
    from qanat_client.reporter import send

    seal_report: Any = vars(send)["seal_report"]

    def seal_and_keep(home: Any, *values: Any, draft: Any, **options: Any) -> Any:
        (home.path / "draft").write_text(draft.text)
        return seal_report(home, *values, draft=draft, **options)

    replace(send, "seal_report", seal_and_keep)


def _desk_tells_before_it_is_on_disk() -> None:
    from qanat_client.desk.vault import Vault

    run = Vault.run

    def run_carelessly(vault: Vault, statement: str, *parameters: object) -> int:
        return run(vault, statement.replace("= EXTRA", "= OFF"), *parameters)

    replace(Vault, "run", run_carelessly)


BREAKAGES: dict[str, Callable[[], None]] = {
    function.__name__.strip("_"): function
    for function in (
        _relay_acknowledges_before_it_is_on_disk,
        _reporter_says_queued_before_it_is_on_disk,
        _reporter_keeps_what_was_written,
        _desk_tells_before_it_is_on_disk,
    )
}


def apply(name: str) -> None:
    """Break this part for the rest of the process."""
    BREAKAGES[name]()
