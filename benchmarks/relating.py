"""`python -m benchmarks.relating`: how long the suggestions for a report and its figures beside
those of others take at a desk with 100,000 reports of two days in four towns."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.machine import look_at
from benchmarks.search import PASSPHRASE, Writers, percentile_ms, store
from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.relating.figures import figures_of
from qanat_client.desk.relating.suggestions import related
from qanat_client.desk.vault import VAULT_NAME, Vault
from qanat_protocol.report import Figure, Report

TOWNS: Final = ("Алматы", "Almaty", "Астана", "Шымкент")
COUNTED: Final = ("wounded", "раненых", "жараланғандар", "dead", "погибших", "burnt cars")
TWO_DAYS_S: Final = 2 * 86_400


class Witnesses(Writers):
    """The writers of the search's benchmark, all in a few towns within two days."""

    def report(self) -> Report:
        """One report; every third counts something."""
        made = super().report()
        figures: tuple[Figure, ...] = ()
        if self.chance.random() < 1 / 3:
            least = self.chance.randrange(50)
            most = least + self.chance.randrange(20)
            figures = (Figure(self.chance.choice(COUNTED), least, most),)
        return replace(
            made,
            where=f"{self.chance.choice(TOWNS)}, {made.where}",
            written_s=made.written_s - self.chance.randrange(TWO_DAYS_S),
            figures=figures,
        )


def _times(
    ask: Callable[[Vault, bytes], object], vault: Vault, ids: list[bytes]
) -> list[list[float]]:
    """The seconds of each by the clock, and by the processor."""
    taken_s = []
    for report_id in ids:
        begun_s, used_s = time.perf_counter(), time.process_time()
        ask(vault, report_id)
        taken_s.append((time.perf_counter() - begun_s, time.process_time() - used_s))
    return list(map(list, zip(*taken_s, strict=True)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relating", description=__doc__)
    parser.add_argument("--reports", type=int, default=100_000, metavar="N")
    parser.add_argument("--each", type=int, default=300, metavar="N", help="questions of each kind")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    """Make the desk, ask, print."""
    arguments = _arguments()
    witnesses = Witnesses(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="qanat-relating-") as folder:
        print(look_at(Path(folder)))
        vault = Vault.create(Path(folder) / VAULT_NAME, PASSPHRASE)
        store(vault, witnesses, arguments.reports)
        begun_s = time.process_time()
        catch_up(vault)
        catalogued_ms = (time.process_time() - begun_s) / arguments.reports * 1000
        vault.close()
        vault = Vault.open(Path(folder), PASSPHRASE)
        everybody = [row[0] for row in vault.rows("SELECT report_id FROM catalogue")]
        counting = [
            row[0]
            for row in vault.rows(
                "SELECT c.report_id FROM catalogue c WHERE c.number IN"
                " (SELECT number FROM catalogue_figures)"
            )
        ]
        print(
            f"{arguments.reports:,} reports, catalogued in {catalogued_ms:.2f} ms each."
            f" In milliseconds, of {arguments.each} each; the clock also counts what else ran:"
        )
        print(f"{'':12}  {'by the clock':>24}  {'by the processor':>24}")
        print(f"{'':12}" + f"  {'median':>7} {'95th':>7} {'longest':>8}" * 2)
        for name, ask, ids in (("related", related, everybody), ("figures", figures_of, counting)):
            chosen = witnesses.chance.sample(ids, arguments.each)
            columns = "".join(
                f"  {percentile_ms(times_s, 50):7.1f} {percentile_ms(times_s, 95):7.1f}"
                f" {max(times_s) * 1000:8.1f}"
                for times_s in _times(ask, vault, chosen)
            )
            print(f"{name:12}{columns}")
        vault.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
