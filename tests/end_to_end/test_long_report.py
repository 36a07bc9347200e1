"""A report of the length that people really write, in German, from hand to hand."""

from __future__ import annotations

from tests.end_to_end.abroad import Abroad

from qanat_client.demo.reports import Written

TEXT = """\
Ich schreibe das am Abend des sechsten Januar auf, weil seit gestern früh kein Netz mehr geht \
und niemand weiß, wann es wiederkommt. Vielleicht kann jemand diese Zeilen weitertragen.

Was ich selbst gesehen habe: Gegen 22:40 Uhr standen am Rand des Platzes noch etwa zweihundert \
Menschen, die meisten jung, viele mit Masken wegen des Rauchs. Sie hatten keine Waffen, soweit \
ich das erkennen konnte. Von der Straße am Theater kamen drei Lastwagen ohne Kennzeichen, \
dahinter zwei gepanzerte Fahrzeuge. Zuerst gab es Blitze und Knallen, dann Schüsse, erst \
einzelne, später lange Serien. Ich habe mich hinter die Mauer der Apotheke gelegt und bin dort \
etwa zwanzig Minuten geblieben. Als es ruhiger wurde, lagen auf der Fahrbahn Menschen; ich habe \
vier gezählt, die sich nicht bewegten. Zwei Männer trugen eine Frau zu einem weißen Kleinbus.

Was mir andere gesagt haben: Eine Pflegerin aus dem Krankenhaus Nr. 7 sagt, dass in der Nacht \
mehr als sechzig Verletzte gebracht wurden, darunter Kinder. Blut der Gruppe 0 negativ fehle. \
Vor dem Eingang stehe Polizei und schreibe die Namen derer auf, die ihre Angehörigen suchen. \
Deshalb kommen manche gar nicht erst. Ein Nachbar, der bei der Bahn arbeitet, erzählt, dass am \
Güterbahnhof ausländische Soldaten ausgeladen wurden. Das habe ich nicht überprüfen können.

Bei uns im Haus fehlen seit gestern zwei Personen. Der Sohn der Familie aus dem dritten Stock, \
neunzehn Jahre alt, wollte Brot holen. Der Lehrer aus dem Erdgeschoss ist von vier Männern in \
Zivil abgeholt worden; sie haben seinen Rechner und sein Telefon mitgenommen und auch das \
Telefon seiner Tochter. Wer ein Telefon mit Bildern vom Platz bei sich hat, wird bei den \
Kontrollen an den Brücken festgehalten.

Geschäfte: Brot gibt es am Morgen für eine Stunde, nur gegen Bargeld, und die Automaten sind \
leer. Wasser und Strom gehen. Das Festnetz geht innerhalb der Stadt manchmal, ins Ausland nie.

Bitte nennen Sie meinen Namen nicht, auch nicht die Hausnummer. Wenn Sie das veröffentlichen, \
dann mit dem Hinweis, welche Zahlen gezählt und welche nur gehört sind. Ich melde mich, sobald \
es geht. Wer draußen Verwandte bei uns hat: Den meisten geht es gut, sie können nur nicht \
anrufen.
"""

REPORT = Written(
    reporter=0,
    language="de",
    what="Schüsse am Platz, Verletzte, Festnahmen im Viertel",
    where="Almaty, Platz der Republik und Umgebung",
    when="5. Januar 22:40 Uhr bis 6. Januar abends",
    text=TEXT.strip(),
    seen=True,
    figures=("Reglose auf der Fahrbahn=4", "Verletzte im Krankenhaus Nr. 7=60..90"),
)


async def test_a_long_german_report_arrives_as_it_was_written(abroad: Abroad) -> None:
    assert 2_000 < len(TEXT.encode()) < 4_000
    reporter = await abroad.reporter()
    sent = await reporter.write(REPORT, abroad.folder)
    synced = await reporter.sync()
    assert synced.code == 0, synced.said
    found = (await abroad.arrived())[sent.report_id]
    assert found["text"] == REPORT.text
    assert (found["what"], found["where"], found["when"]) == (
        REPORT.what,
        REPORT.where,
        REPORT.when,
    )
    assert found["basis"] == "seen"
    assert found["figures"] == [
        {"what": "Reglose auf der Fahrbahn", "minimum": 4, "maximum": 4},
        {"what": "Verletzte im Krankenhaus Nr. 7", "minimum": 60, "maximum": 90},
    ]
    (line,) = await reporter.outbox()
    assert line["state"] == "held"
    await reporter.sync()
    (line,) = await reporter.outbox()
    assert line["state"] == "opened"
