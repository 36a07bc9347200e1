"""`python -m benchmarks.overview`: how long the map and the plots of a desk with 100,000 reports
take."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.machine import look_at
from benchmarks.search import PASSPHRASE, Writers, percentile_ms, store
from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.finding import Wish
from qanat_client.desk.places.matching import find_place
from qanat_client.desk.places.overview import overview
from qanat_client.desk.places.table import Place, all_places
from qanat_client.desk.serve.overview import overview_json
from qanat_client.desk.vault import VAULT_NAME, Vault
from qanat_protocol.report import Report

FRAMES: Final = ("{}", "г. {}", "{} қаласы", "{}, у вокзала", "{}, Republic Square")
NOWHERE: Final = ("алаңда", "у моста", "at home", "")
NOWHERE_SHARE: Final = 0.1
MEAN_DELAY_S: Final = 20_000
VILLAGERS: Final = 2_000


class Placed(Writers):
    """Writers who live in Kazakhstan's cities, as many as do."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._cities = [place for place in all_places() if place.country == "KZ"]
        self._people = [city.population + VILLAGERS for city in self._cities]

    def report(self) -> Report:
        """One report that says where and when."""
        made = super().report()
        delay_s = int(self.chance.expovariate(1 / MEAN_DELAY_S))
        return replace(made, where=self._where(), written_s=made.written_s - delay_s)

    def _where(self) -> str:
        if self.chance.random() < NOWHERE_SHARE:
            return self.chance.choice(NOWHERE)
        city: Place = self.chance.choices(self._cities, self._people)[0]
        return self.chance.choice(FRAMES).format(self.chance.choice(list(city.names.values())))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overview", description=__doc__)
    parser.add_argument("--reports", type=int, default=100_000, metavar="N")
    parser.add_argument("--each", type=int, default=20, metavar="N", help="answers of each kind")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    """Make the desk, measure, print."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="qanat-overview-") as folder:
        print(look_at(Path(folder)))
        vault = Vault.create(Path(folder) / VAULT_NAME, PASSPHRASE)
        store(vault, Placed(arguments.seed), arguments.reports)
        catch_up(vault)
        vault.close()
        vault = Vault.open(Path(folder), PASSPHRASE)
        _tell(vault, arguments.each)
        vault.close()
    return 0


def _tell(vault: Vault, each: int) -> None:
    almaty = find_place("Almaty").number
    kinds = {
        "all that are not muted": Wish(is_muted=False),
        "one language": Wish(is_muted=False, languages=("ru",)),
        "one city": Wish(is_muted=False, cities=(almaty,)),
        "a word": Wish(is_muted=False, words="қаласы"),
    }
    print(f"{'':24}  {'reports':>8}  {'median':>7} {'95th':>7} {'longest':>8}  ms by the clock")
    for kind, wish in kinds.items():
        reports = 0
        times_s = []
        for _ in range(each):
            begun_s = time.perf_counter()
            found = overview(vault, wish)
            overview_json(found)
            times_s.append(time.perf_counter() - begun_s)
            reports = found.reports
        print(
            f"{kind:24}  {reports:8,}  {percentile_ms(times_s, 50):7.1f}"
            f" {percentile_ms(times_s, 95):7.1f} {max(times_s) * 1000:8.1f}"
        )


if __name__ == "__main__":
    sys.exit(main())
