"""Labels, days and epochs (section 1); tags and fingerprints (sections 9 and 10)."""

from collections.abc import Iterator

from tests.make_vectors import wire
from tests.make_vectors.documents import DESK_ID, OTHER_DESK_ID
from tests.make_vectors.scenario import Scenario

_SECONDS = {
    "0": 0,
    "last-second-of-day-0": 86399,
    "first-second-of-day-1": 86400,
    "2022-01-06": 1641427200,
    "2-31-less-1": 2**31 - 1,
    "2-31": 2**31,
    "2-32": 2**32,
    "2-53-less-1": 2**53 - 1,
}
_DAYS = [0, 3, 4, 10, 11, 18994, 18995, 18998, 19001, 19002, 2**31 - 1, 2**31, 2**32 - 1]


def scenarios() -> Iterator[Scenario]:
    """`label`, `day`, `epoch`, `fingerprint` and the tags."""
    for name in ("bind", "report-id", "fingerprint-term"):
        out = {"label": wire.label(name)}
        yield Scenario("label", name, "1", "A label ends with a zero.", {"name": name}, output=out)
    for name, unix_s in _SECONDS.items():
        yield Scenario(
            "day", name, "1", f"The day of second {unix_s}.", {"unix_s": unix_s},
            output={"day": unix_s // 86400},
        )  # fmt: skip
    for day in _DAYS:
        epoch = wire.epoch_of(day)
        out_days = {
            "epoch": epoch,
            "first_day": wire.first_day(epoch),
            "last_day": wire.last_day(epoch),
        }
        comment = f"The week of day {day}, Monday to Sunday."
        yield Scenario("epoch", f"day-{day}", "1", comment, {"day": day}, output=out_days)

    yield from _tags()


def _tags() -> Iterator[Scenario]:
    secret = wire.draw("mailbox secret")
    for name, desk_id in (("desk", DESK_ID), ("other-desk", OTHER_DESK_ID), ("zeros", bytes(32))):
        yield Scenario(
            "fingerprint", name, "9", "30 digits in six groups.", {"desk_id": desk_id},
            output={"fingerprint": wire.fingerprint_of(desk_id)},
        )  # fmt: skip
        yield Scenario(
            "public_tag", name, "9", "Where a desk's public documents go.", {"desk_id": desk_id},
            output={"tag": wire.public_tag_of(desk_id)},
        )  # fmt: skip
    for epoch in (0, 1, 2714, 2715, 2**31, 2**32 - 1):
        yield Scenario(
            "desk_tag", f"epoch-{epoch}", "9", "Where a desk's letters of a week go.",
            {"desk_id": DESK_ID, "epoch": epoch},
            output={"tag": wire.desk_tag_of(DESK_ID, epoch)},
        )  # fmt: skip
        yield Scenario(
            "mailbox_prefix", f"epoch-{epoch}", "10", "What a reporter asks for.",
            {"mailbox_secret": secret, "epoch": epoch},
            output={"prefix": wire.mailbox_prefix_of(secret, epoch)},
        )  # fmt: skip
    for epoch, number in ((0, 0), (2714, 0), (2714, 1), (2714, 2**31), (2**32 - 1, 2**32 - 1)):
        yield Scenario(
            "reply_tag", f"epoch-{epoch}-number-{number}", "10",
            "Prefix and tail of a reply's tag.",
            {"mailbox_secret": secret, "epoch": epoch, "number": number},
            output={"tag": wire.reply_tag_of(secret, epoch, number)},
        )  # fmt: skip
    tag = bytes.fromhex("80000001" + "00" * 12)
    for name, prefix, bits, matches in (
        ("bits-0", "00000000", 0, True),
        ("bits-1", "80000000", 1, True),
        ("bits-1-other", "00000000", 1, False),
        ("bits-31", "80000000", 31, True),
        ("bits-32", "80000001", 32, True),
        ("bits-32-other", "80000000", 32, False),
    ):
        yield Scenario(
            "prefix_matches", name, "17", "The first bits of a tag against a prefix.",
            {"tag": tag, "prefix": bytes.fromhex(prefix), "bits": bits},
            output={"matches": matches},
        )  # fmt: skip
