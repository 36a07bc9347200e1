"""What came in overnight: reports in five languages that contradict each other, on two relays.

Nobody pulled yet; whoever wrote stands by, to read answers and to send what is asked for. The line
of one broke off in the middle of a film.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.client.desk.media.samples import recording
from tests.client.relay_process import free_port
from tests.end_to_end.commands import qanat

from qanat_client.demo.gate import Gate
from qanat_client.demo.media import make_photo
from qanat_client.demo.people import Desk, Reporter, Sent
from qanat_client.demo.programs import Relay, run
from qanat_client.demo.reports import Written

__all__ = ["REPORTS", "Night", "night_before"]

FILM: Final = "film.avi"
FILMER: Final = 1
"""Who sent it; the first time no more than its beginning."""

RATE_BYTES_S: Final = 400_000
CUT_AFTER_BYTES: Final = 500_000
"""More than letters take, and less than the film."""

HARMFUL: Final = '=HYPERLINK("https://example.invalid") <img src=x onerror=alert(1)> </script>'

REPORTS: Final[Mapping[str, Written]] = {
    "kk": Written(
        0,
        "kk",
        "Алаңда атыс, жаралылар бар",
        "Алматы, Республика алаңы",
        "5 қаңтар, 23:40",
        "Түнгі он бірден бері атыс естіліп тұр. Терезеден жеті жаралыны санадым, оларды екі "
        "жедел жәрдем көлігі алып кетті.",
        seen=True,
        figures=("жаралылар=7",),
        files=("photo.jpg",),
        urgent=True,
    ),
    "ru": Written(
        1,
        "ru",
        "Раненые на площади",
        "Алматы, площадь Республики",
        "5 января, около полуночи",
        "Говорят, раненых от сорока до пятидесяти. Сам я их не видел, об этом рассказал водитель "
        "скорой помощи. Больницы принимают всех.",
        seen=False,
        figures=("раненые=40..50",),
        files=(FILM,),
    ),
    "en": Written(
        2,
        "en",
        "Shooting on Republic Square",
        "Almaty, Republic Square",
        "5 January, 23:30",
        "I counted nine injured people near the fountain before I had to leave. Soldiers closed "
        "the street to the north.",
        seen=True,
        figures=("injured=9",),
        urgent=True,
    ),
    "de": Written(
        3,
        "de",
        "Schüsse in der Nacht, viele Verletzte",
        "Almaty, Platz der Republik",
        "5. Januar, nachts",
        "In der Straße hinter dem Platz fielen bis zwei Uhr Schüsse. Nachbarn sprechen von "
        "dreihundert Verletzten; gezählt hat sie keiner.",
        seen=False,
        figures=("Verletzte=300",),
    ),
    "fa": Written(
        4,
        "fa",
        "تیراندازی در میدان جمهوری",
        "آلماتی، میدان جمهوری",
        "۵ ژانویه، نیمه‌شب",
        "از پنجره دیدم که سربازان به سوی جمعیت شلیک کردند. کتاب‌فروشی کنار میدان می‌سوزد.",
        seen=True,
        figures=("زخمی=10..12",),
    ),
    "quiet": Written(
        3,
        "de",
        "Ruhige Nacht am linken Ufer",
        "Nur-Sultan, linkes Ufer",
        "6. Januar, morgens",
        "Vor den Bäckereien stehen Schlangen, sonst ist es still.",
        seen=True,
    ),
    "harmful": Written(
        5,
        "en",
        HARMFUL,
        "../../Almaty\u202e",
        "=1+1",
        f"{HARMFUL}\n" + "long" * 2500,
        seen=False,
        figures=("@SUM(1+1)=1",),
    ),
}
CORRECTED: Final = Written(
    0,
    "kk",
    "Түзету: жаралылар тоғыз",
    "Алматы, Республика алаңы",
    "6 қаңтар, 01:10",
    "Тағы екеуін алып келді: барлығы тоғыз жаралы.",
    seen=True,
    figures=("жаралылар=9",),
)


@dataclass
class Night:
    """Two relays that serve, a desk that has not pulled, and who wrote what."""

    relays: tuple[Relay, Relay]
    desk: Desk
    card: Path
    reporters: tuple[Reporter, ...]
    sent: dict[str, Sent]

    async def stop(self) -> None:
        for relay in self.relays:
            await relay.stop()

    async def sync(self, number: int) -> None:
        """A reporter's device meets the network; it fetches answers, too."""
        answer = await self.reporters[number].sync(with_code=True)
        assert answer.code == 0, answer.said


async def break_off(reporter: Reporter) -> None:
    """A line that breaks while the film is on its way."""
    gate = Gate(rate_bytes_s=RATE_BYTES_S)
    await gate.build()
    gate.open()
    try:
        async with asyncio.TaskGroup() as work:
            syncing = work.create_task(reporter.sync(gate.proxy, with_code=True))
            await gate.wait_for(CUT_AFTER_BYTES)
            gate.shut()
            await syncing
    finally:
        gate.remove()


async def night_before(folder: Path) -> Night:
    """Make all of it in `folder` and send every report."""
    media = folder / "media"
    media.mkdir(parents=True)
    make_photo(media / "photo.jpg", seed=5)
    film = recording("avi", "mjpeg", None, seconds=6, size=(640, 480), of=5)
    assert len(film) > 3 * CUT_AFTER_BYTES
    (media / FILM).write_bytes(film)
    relays = (Relay(folder / "one", "one", "DE"), Relay(folder / "two", "two", "NL"))
    for relay in relays:
        port = free_port()
        made = await run(
            "qanat-relay", "init", "--data", relay.data, "--name", relay.name,
            "--country", relay.country, "--address", f"http://127.0.0.1:{port}",
        )  # fmt: skip
        assert made.code == 0, made.said
        await relay.start(port)
    desk = Desk(folder / "desk", folder / "passphrase")
    card = folder / "newsroom.card"
    await desk.prepare(list(relays), card)
    for relay in relays:
        # Relays carry bulletins only of desks that they know.
        made = await run("qanat-relay", "desk", "add", card, "--data", relay.data)
        assert made.code == 0, made.said
    reporters = tuple(
        Reporter(f"reporter {number}", folder / f"home{number}", folder / f"{number}.code")
        for number in range(6)
    )
    for reporter in reporters:
        await reporter.prepare(card)
    sent = {
        name: await reporters[written.reporter].write(written, media)
        for name, written in REPORTS.items()
    }
    corrects = sent["kk"].report_id
    sent["corrected"] = await reporters[0].write(CORRECTED, media, corrects=corrects)
    withdrawn = await qanat(
        reporters[3].home, "send", "--code-file", reporters[3].code_file,
        "--withdraws", sent["quiet"].report_id, text="Es stimmt nicht mehr.",
    )  # fmt: skip
    assert withdrawn.code == 0, withdrawn.said
    night = Night(relays, desk, card, reporters, sent)
    for number in range(len(reporters)):
        if number != FILMER:
            await night.sync(number)
    await break_off(reporters[FILMER])
    return night
