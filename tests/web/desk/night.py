"""What came in overnight: reports in five languages that agree, contradict, correct and repeat."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from tests.client.desk.newsroom import Attached, Newsroom, Writer, open_directly

from qanat_client.demo.media import make_photo
from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.desk import Desk
from qanat_protocol.report import Basis, Figure

HOUR_S = 3_600


def photo(folder: Path, seed: int) -> Attached:
    """A picture of a square at night, and its thumbnail."""
    place = folder / f"{seed}.jpg"
    make_photo(place, seed=seed)
    small = io.BytesIO()
    with Image.open(place) as picture:
        picture.thumbnail((160, 160))
        picture.save(small, "JPEG", quality=60)
    return Attached(
        f"IMG_20220105_{seed:04}.jpg", place.read_bytes(), "image/jpeg", small.getvalue()
    )


@dataclass
class Night:
    """Reports that have come to a desk, by what the tests call them."""

    desk: Desk
    newsroom: Newsroom
    ids: dict[str, str] = field(default_factory=dict)

    async def bring(
        self,
        name: str,
        writer: Writer,
        text: str,
        *,
        ago_h: float,
        took_h: float = 0.5,
        files: Sequence[Attached] = (),
        urgent: bool = False,
        missing: int = 0,
        **fields: Any,
    ) -> str:
        """One report: written and arrived so many hours ago; the last `missing` parcels are not
        here yet."""
        clock = self.newsroom.clock
        now_s = clock.now_s
        clock.now_s = now_s - ago_h * HOUR_S
        fields.setdefault("written_s", int(clock.now_s - took_h * HOUR_S))
        identity, parcels = writer.write(text, files, urgent=urgent, **fields)
        await open_directly(self.desk, parcels[: len(parcels) - missing])
        clock.now_s = now_s
        self.ids[name] = identity.hex()
        return identity.hex()

    def writer(self) -> Writer:
        """Somebody new, who can be answered."""
        return Writer(self.desk.card, self.desk.today).with_box()


async def fall(newsroom: Newsroom, desk: Desk, folder: Path) -> Night:
    """The whole night."""
    night = Night(desk, newsroom)
    aigerim, witness, doctor, driver, loud = (night.writer() for _ in range(5))
    stranger = Writer(desk.card, desk.today)
    for number in range(24):
        await night.bring(
            f"loud {number}",
            loud,
            f"Все на площадь! Сообщение {number + 1}.",
            ago_h=17 - number / 40,
            language="ru",
            where="Алматы",
        )
    await night.bring(
        "square",
        aigerim,
        "Алаңда атыс басталды. Адамдар қашып жатыр, мен терезеден көрдім. "
        "Екі автобус келді, олардан формадағы адамдар түсті.",
        ago_h=14,
        took_h=3,
        urgent=True,
        language="kk",
        what="Алаңда атыс",
        where="Алматы, Республика алаңы",
        when="кешкі сағат жетілерде",
        basis=Basis.SEEN,
        figures=(Figure("жаралы", 5, 10),),
        files=[photo(folder, 11), photo(folder, 12)],
        missing=1,
    )
    await night.bring(
        "hospital",
        doctor,
        "В приёмное отделение привезли не меньше "
        "шестнадцати раненых, двое в тяжёлом состоянии. Света нет с десяти вечера, "
        "работает генератор.",
        ago_h=12.5,
        took_h=5,
        language="ru",
        what="Раненые в городской больнице № 7",
        where="Алматы",
        when="около 22:00",
        basis=Basis.SEEN,
        figures=(Figure("раненые", 16, 20), Figure("погибшие", 0, 2)),
    )
    await night.bring(
        "rumour",
        stranger,
        "Friends say that more than a hundred were killed near the square. I was not there.",
        ago_h=11,
        took_h=1,
        language="en",
        where="Almaty",
        when="last night",
        basis=Basis.HEARD,
        figures=(Figure("killed", 100, 200),),
    )
    first = await night.bring(
        "buses",
        witness,
        "Zwei Busse der Polizei stehen vor dem Akimat, die Straße ist gesperrt.",
        ago_h=10,
        took_h=2,
        language="de",
        what="Straße gesperrt",
        where="Алматы, Akimat",
        when="gegen 23 Uhr",
        basis=Basis.SEEN,
        files=[photo(folder, 13)],
    )
    await night.bring(
        "correction",
        witness,
        "Es sind drei Busse, nicht zwei. Ich habe sie jetzt selbst gezählt.",
        ago_h=8,
        took_h=1,
        language="de",
        what="Drei Busse",
        where="Алматы, Akimat",
        basis=Basis.SEEN,
        corrects=bytes.fromhex(first),
        figures=(Figure("Busse", 3, 3),),
    )
    await night.bring(
        "persian",
        driver,
        "در جاده فرودگاه ایستگاه بازرسی گذاشته‌اند. رانندگان را جستجو می‌کنند و تلفن‌ها را می‌گیرند.",
        ago_h=6,
        took_h=4,
        language="fa",
        where="Шымкент",
        when="نیمه‌شب",
        basis=Basis.SEEN,
        files=[Attached("voice 0231.ogg", b"OggS" + bytes(4_000), "audio/ogg")],
    )
    await night.bring(
        "claim",
        stranger,
        "The report about the buses is false.",
        ago_h=5,
        language="en",
        corrects=bytes.fromhex(first),
    )
    await night.bring(
        "ahead",
        night.writer(),
        "Связь пропала во всём районе, работает только проводной телефон.",
        ago_h=4,
        took_h=-26,
        language="ru",
        where="Актау",
        basis=Basis.SEEN,
    )
    gone = await night.bring(
        "mistaken",
        driver,
        "They are closing the airport now.",
        ago_h=3.5,
        took_h=0.1,
        language="en",
        where="Шымкент",
        basis=Basis.HEARD,
    )
    await night.bring(
        "withdrawal",
        driver,
        "I was wrong about the airport.",
        ago_h=3,
        took_h=0.2,
        language="en",
        withdraws=bytes.fromhex(gone),
    )
    await night.bring(
        "water",
        aigerim,
        "Су екі сағаттан бері жоқ, дүкендер жабық. Көршілер көмектесіп жатыр.",
        ago_h=1.2,
        language="kk",
        what="Су жоқ",
        where="Алматы, 5-ықшамаудан",
        basis=Basis.SEEN,
        files=[photo(folder, 14)],
    )
    await night.bring(
        "arrests",
        night.writer(),
        "На рынке задержали человек десять, среди них подросток. "
        "Увезли на двух автобусах без номеров.",
        ago_h=0.3,
        took_h=0.2,
        urgent=True,
        language="ru",
        what="Задержания на рынке",
        where="Жанаозен",
        when="сегодня утром",
        basis=Basis.SEEN,
        figures=(Figure("задержанные", 8, 12),),
    )
    catch_up(desk.vault)
    return night
