"""What the three reporters of the demonstration write. Data only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Written:
    """One report as its writer gives it to `qanat send`; `files` are names made by `media`."""

    reporter: int
    language: str
    what: str
    where: str
    when: str
    text: str
    seen: bool
    figures: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    urgent: bool = False


KAZAKH = Written(
    reporter=0,
    language="kk",
    what="Алаңда атыс, жаралылар бар",
    where="Алматы, Республика алаңы",
    when="5 қаңтар, 23:40",
    text=(
        "Түнгі он бірден бері алаңда атыс естіліп тұр. Екі жедел жәрдем көлігін өз көзіммен "
        "көрдім, олар жаралыларды алып кетті. Жаралылар он алтыдан жиырмаға дейін дейді, өзім "
        "жетеуін санадым. Таңнан бері интернет жоқ, қоңырау анда-санда ғана өтеді. Суретті "
        "сағат 23:40-та көршінің терезесінен түсірдім."
    ),
    seen=True,
    figures=("жаралылар=7..20",),
    files=("photo.jpg",),
    urgent=True,
)
RUSSIAN = Written(
    reporter=1,
    language="ru",
    what="На площади остаются люди, войска у въезда в город",
    where="Актау, площадь Ынтымак",
    when="6 января, утро",
    text=(
        "На площади с ночи около восьми тысяч человек, костры, люди приносят горячий чай. "
        "Обстановка спокойная, полиция стоит на расстоянии и не вмешивается. У въезда в город "
        "я видел колонну: одиннадцать грузовиков и два бронетранспортёра. Магазины закрыты, "
        "банкоматы не работают, связи нет вторые сутки. К сообщению приложено видео, снятое "
        "сегодня утром с моста."
    ),
    seen=True,
    figures=("люди на площади=7000..9000", "грузовики=11"),
    files=("film.y4m",),
)
GERMAN = Written(
    reporter=2,
    language="de",
    what="Schlangen vor den Bäckereien, Verhaftungen in der Nacht",
    where="Nur-Sultan, linkes Ufer",
    when="6. Januar, vormittags",
    text=(
        "Seit gestern Abend geht kein Netz, nur für Minuten kommt es zurück. Vor den Bäckereien "
        "stehen Schlangen, Bargeld gibt es nirgends mehr. Aus unserem Haus wurden in der Nacht "
        "drei Menschen abgeholt, die Nachbarn sagen, im ganzen Viertel seien es etwa vierzig "
        "gewesen. Diese Zahl kenne ich nur vom Hörensagen."
    ),
    seen=False,
    figures=("Verhaftete im Viertel=3..40",),
)
ENGLISH = Written(
    reporter=2,
    language="en",
    what="Hospital asks for blood donors",
    where="Nur-Sultan, hospital no. 2",
    when="6 January, noon",
    text=(
        "A nurse told me at the gate that the surgical ward is full and that blood of group 0 "
        "negative is short. Donors are let in through the rear entrance. She asked me to pass "
        "this on, because nobody can be telephoned."
    ),
    seen=False,
)
CORRECTION = Written(
    reporter=2,
    language="de",
    what="Berichtigung: weniger Verhaftungen als gemeldet",
    where="Nur-Sultan, linkes Ufer",
    when="6. Januar, abends",
    text=(
        "Ich habe inzwischen mit vier Hausverwaltungen gesprochen. Abgeholt wurden im Viertel elf "
        "Menschen, nicht vierzig; zwei von ihnen sind am Nachmittag zurückgekommen."
    ),
    seen=False,
    figures=("Verhaftete im Viertel=11",),
)
REPLY = (
    "Рақмет, хабарыңыз жетті. Суреттің түпнұсқасы да келді. Сақ болыңыз, терезеден алыс тұрыңыз."
)
BULLETIN = (
    "Связь возвращается на несколько минут по утрам, чаще всего между 8:30 и 12:00. "
    "Больница № 2 в столице принимает доноров через задний вход."
)
