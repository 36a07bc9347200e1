"""`python -m benchmarks.search`: how long a search takes at a desk with 100,000 reports, and what
its catalogue costs a report beside opening it."""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from benchmarks.letters import letter_comparisons
from benchmarks.machine import look_at
from qanat_client.desk.aliases import aliases_of
from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.decision_log import DecisionLog
from qanat_client.desk.decisions import ReportState, mark_read, set_state
from qanat_client.desk.finding import EVERYTHING, Wish, count, find
from qanat_client.desk.inbox import items_of
from qanat_client.desk.vault import VAULT_NAME, Vault
from qanat_protocol.report import Basis, Report, decode_report, encode_report, report_id
from qanat_protocol.signing import SigningKey

PASSPHRASE: Final = "a passphrase of a measurement"
SHOWN: Final = 50
WORDS_OF_A_LANGUAGE: Final = 20_000
WORDS_OF_A_REPORT: Final = 70
PSEUDONYMS: Final = 500
OPENINGS: Final = 5
# Consonants, vowels, and what is put behind a word.
LANGUAGES: Final = {
    "kk": ("бгғджзкқлмнңпрстш", "аәеиоөуұүыі", ["", "да", "дан", "ға", "ның", "лар", "ларда"]),
    "ru": ("бвгджзклмнпрстфхцчш", "аеёиоуыэюя", ["", "а", "ы", "ов", "ами", "ого", "ская"]),
    "en": ("bcdfghklmnprstvw", "aeiou", ["", "s", "ed", "ing", "er"]),
    "de": ("bdfghklmnprstwz", "aeiouäöü", ["", "en", "er", "ung", "te"]),
    "fa": ("بپتجچخدرزسشفقکگلمن", "اوی", ["", "ها", "های", "\u200cها"]),
}


class Writers:
    """Makes reports whose words come as often as words do: the n-th most frequent 1/n as often."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._words = {tag: list(self._made(*shape)) for tag, shape in LANGUAGES.items()}
        self._weights = list(
            itertools.accumulate(1 / (rank + 2) for rank in range(WORDS_OF_A_LANGUAGE))
        )
        self._authors = [SigningKey(self.chance.randbytes(32)).public for _ in range(PSEUDONYMS)]

    def _made(self, consonants: str, vowels: str, _endings: list[str]) -> Iterator[str]:
        for _ in range(WORDS_OF_A_LANGUAGE):
            yield "".join(
                self.chance.choice(consonants) + self.chance.choice(vowels)
                for _ in range(self.chance.choice((1, 2, 2, 3, 3, 4)))
            )

    def words(self, tag: str, count: int) -> list[str]:
        """So many words of a language, most with something behind them."""
        bare = self.chance.choices(self._words[tag], cum_weights=self._weights, k=count)
        return [word + self.chance.choice(LANGUAGES[tag][2]) for word in bare]

    def rare_word(self, tag: str) -> str:
        """Any word of a language, whether it is frequent or not."""
        return self.chance.choice(self._words[tag])

    def report(self) -> Report:
        """One report of some hundred characters."""
        tag = self.chance.choice(list(LANGUAGES))
        return Report(
            author=self.chance.choice(self._authors),
            nonce=self.chance.randbytes(16),
            written_s=1_641_470_400,
            language=tag,
            text=" ".join(self.words(tag, WORDS_OF_A_REPORT)),
            what=" ".join(self.words(tag, 4)),
            where=" ".join(self.words(tag, 2)),
            basis=self.chance.choice((Basis.SEEN, Basis.HEARD)),
        )


def store(vault: Vault, writers: Writers, count: int) -> float:
    """Put reports into the vault as opening does, but for the opening; seconds for each."""
    taken_s = 0.0
    for begin in range(0, count, 64):
        made = [writers.report() for _ in range(min(64, count - begin))]
        contents = [(report, encode_report(report)) for report in made]
        begun_s = time.process_time()
        with vault.transaction():
            for report, content in contents:
                identity = report_id(content)
                vault.run(
                    "INSERT INTO parcels (id, offer, header, kind, state, bitmap, blocks_held,"
                    " relay, arrived_s, expiry_day) VALUES (?, ?, x'', 1, 'opened', x'', 1, x'',"
                    " 0, 1)",
                    identity,
                    identity[:16],
                )
                vault.run(
                    "INSERT INTO reports (id, parcel_id, author, content, signature, urgent,"
                    " arrived_s) VALUES (?, ?, ?, ?, x'', 0, 1641470400)",
                    identity,
                    identity,
                    report.author,
                    content,
                )
        taken_s += time.process_time() - begun_s
    return taken_s / count


def _decide(vault: Vault, share: float, chance: random.Random) -> None:
    """Editors have been at work: some reports are read, and their states differ."""
    ids = [row[0] for row in vault.rows("SELECT report_id FROM catalogue")]
    chosen = chance.sample(ids, int(len(ids) * share))
    states = list(ReportState)
    log = DecisionLog(vault, b"d" * 32, time.time)
    log.record(
        change
        for report in chosen
        for change in (mark_read(report), set_state(report, chance.choice(states)))
    )


def _query_kinds(vault: Vault, writers: Writers) -> dict[str, Callable[[], Wish]]:
    chance = writers.chance
    newest = int(vault.value("SELECT max(number) FROM catalogue"))

    def some_content() -> bytes:
        return bytes(
            vault.value(
                "SELECT content FROM reports WHERE id ="
                " (SELECT report_id FROM catalogue WHERE number = ?)",
                chance.randint(1, newest),
            )
        )

    def some_words(count: int) -> list[str]:
        return chance.sample(decode_report(some_content()).text.split(), count)

    def beginning(letters: int) -> str:
        return some_words(1)[0][:letters]

    return {
        "a word of some report": lambda: Wish(words=some_words(1)[0]),
        "two words of one report": lambda: Wish(words=" ".join(some_words(2))),
        "three words of one report": lambda: Wish(words=" ".join(some_words(3))),
        "its first two letters": lambda: Wish(words=beginning(2)),
        "its first three letters": lambda: Wish(words=beginning(3)),
        "its first five letters": lambda: Wish(words=beginning(5)),
        "a rare word": lambda: Wish(words=writers.rare_word(chance.choice(list(LANGUAGES)))),
        "two words of two languages": lambda: Wish(
            words=f"{writers.rare_word('kk')} {writers.rare_word('en')}"
        ),
        "a word, unread, one language": lambda: Wish(
            words=some_words(1)[0], is_unread=True, languages=(chance.choice(list(LANGUAGES)),)
        ),
        "a word, first-hand, one state": lambda: Wish(
            words=some_words(1)[0],
            is_first_hand=True,
            states=frozenset({ReportState.CORROBORATED}),
        ),
        "no word; one state": lambda: Wish(states=frozenset({chance.choice(list(ReportState))})),
        "no word; one pseudonym": lambda: Wish(author=decode_report(some_content()).author),
        "no word; unread, one language": lambda: Wish(
            is_unread=True, languages=(chance.choice(list(LANGUAGES)),)
        ),
    }


def percentile_ms(times_s: list[float], percent: int) -> float:
    """The time below which so many of a hundred are, in milliseconds."""
    return statistics.quantiles(times_s, n=100)[percent - 1] * 1000


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--reports", type=int, default=100_000, metavar="N")
    parser.add_argument("--each", type=int, default=100, metavar="N", help="queries of each kind")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    """Make the desk, measure, print."""
    arguments = _arguments()
    writers = Writers(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="qanat-search-") as folder:
        print(look_at(Path(folder)))
        vault = Vault.create(Path(folder) / VAULT_NAME, PASSPHRASE)
        stored_s = store(vault, writers, arguments.reports)
        size_before = (Path(folder) / VAULT_NAME).stat().st_size
        begun_s = time.process_time()
        catch_up(vault)
        catalogued_s = (time.process_time() - begun_s) / arguments.reports
        size_behind = (Path(folder) / VAULT_NAME).stat().st_size
        _decide(vault, 0.5, writers.chance)
        vault.close()
        _tell_cost(arguments.reports, stored_s, catalogued_s, size_behind - size_before)
        vault = Vault.open(Path(folder), PASSPHRASE)
        _tell_pages(vault, arguments.each)
        _tell_queries(vault, writers, arguments.each)
        vault.close()
    return 0


def _tell_cost(reports: int, stored_s: float, catalogued_s: float, size_bytes: int) -> None:
    opening = letter_comparisons(100)[1]
    opening.ours()
    used_s = time.process_time()
    for _ in range(OPENINGS):
        opening.ours()
    opened_s = (time.process_time() - used_s) / OPENINGS / opening.amount
    print(
        f"{reports:,} reports. The processor's time for each:"
        f" opening and verifying {opened_s * 1e3:.2f} ms,"
        f" its row in the vault {stored_s * 1e3:.2f} ms,"
        f" the catalogue {catalogued_s * 1e3:.2f} ms"
        f" ({catalogued_s / (opened_s + stored_s):.2f} of the other two)"
        f" and {size_bytes / reports:,.0f} bytes"
    )


def _tell_pages(vault: Vault, pages: int) -> None:
    log = DecisionLog(vault, b"d" * 32, time.time)
    taken_s = []
    for _ in range(pages):
        begun_s = time.perf_counter()
        found = find(vault, EVERYTHING, limit=SHOWN)
        items = items_of(vault, found)
        aliases_of(vault, {item.report.author for item in items})
        log.standing_of(found)
        count(vault, EVERYTHING)
        taken_s.append(time.perf_counter() - begun_s)
    first_ms = taken_s[0] * 1000
    print(
        f"A page of the newest {SHOWN} with what was decided of them, their aliases and how many"
        f" there are: {first_ms:.0f} ms the first time, then {percentile_ms(taken_s, 50):.0f} ms"
        f" (95th percentile {percentile_ms(taken_s, 95):.0f} ms)"
    )


def _tell_queries(vault: Vault, writers: Writers, each: int) -> None:
    wishes = [
        (kind, make()) for kind, make in _query_kinds(vault, writers).items() for _ in range(each)
    ]
    writers.chance.shuffle(wishes)
    by_kind: dict[str, list[tuple[float, float]]] = {}
    for kind, wish in wishes:
        begun_s, used_s = time.perf_counter(), time.process_time()
        find(vault, wish, limit=SHOWN)
        taken = time.perf_counter() - begun_s, time.process_time() - used_s
        by_kind.setdefault(kind, []).append(taken)
    print(
        f"The newest {SHOWN} found, in milliseconds. The processor's time is the program's alone;"
        " the clock also counts what else ran on this machine."
    )
    print(f"{'':32}  {'by the clock':>24}  {'by the processor':>24}")
    print(f"{'':32}" + f"  {'median':>7} {'95th':>7} {'longest':>8}" * 2)
    everything = [taken for times in by_kind.values() for taken in times]
    for kind, times in [*sorted(by_kind.items()), ("all of them", everything)]:
        columns = "".join(
            f"  {percentile_ms(taken_s, 50):7.1f} {percentile_ms(taken_s, 95):7.1f}"
            f" {max(taken_s) * 1000:8.1f}"
            for taken_s in map(list, zip(*times, strict=True))
        )
        print(f"{kind:32}{columns}")


if __name__ == "__main__":
    sys.exit(main())
