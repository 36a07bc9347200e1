"""Epoch secrets: made apart, and gone for good when due."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from tests.client.desk.newsroom import (
    PASSPHRASE,
    Clock,
    Made,
    Newsroom,
    Writer,
    deposit,
    open_directly,
)
from tests.client.desk.test_pull import Relays, desk_on, pulled, relays
from tests.relay.running_relay import running_relay

from qanat_client.desk.card_book import renew_card
from qanat_client.desk.desk import Desk
from qanat_client.desk.epochs import (
    DELETE_AFTER_DAYS,
    agreed_day,
    delete_due_secrets,
    latest_day,
    live_epochs,
    plausible_day,
    secret_of,
)
from qanat_client.desk.inbox import inbox, set_aside
from qanat_client.errors import HomeUnusable
from qanat_protocol.days import last_day
from qanat_protocol.errors import RemoteError
from qanat_protocol.letter import open_letter
from qanat_protocol.report import encode_report
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.verdicts import Verdict

__all__ = ["relays"]

PAGE_BYTES = 4096
SQLITE_ATTACH = 24  # what VACUUM begins with
RESERVED_BYTES = 80  # an IV of 16 and an HMAC of 64 at the end of every page


def decrypted_pages(vault: Path, key: bytes | None = None) -> bytes:
    """Every page of the vault as SQLCipher 4 decrypts it: live, free, and the slack in between.

    With this key; else the passphrase's.
    """
    data = vault.read_bytes()
    key = key or hashlib.pbkdf2_hmac("sha512", PASSPHRASE.encode(), data[:16], 256_000, 32)
    pages = []
    for at in range(0, len(data), PAGE_BYTES):
        start = at + 16 if at == 0 else at
        end = at + PAGE_BYTES - RESERVED_BYTES
        cipher = Cipher(algorithms.AES(key), modes.CBC(data[end : end + 16])).decryptor()
        pages.append(cipher.update(data[start:end]) + cipher.finalize())
    return b"".join(pages)


def secrets_in(plain: bytes, sizes: tuple[int, ...] = (32, 64)) -> Iterator[bytes]:
    """Every run of bytes that could be a seed."""
    for size in sizes:
        for at in range(len(plain) - size + 1):
            yield plain[at : at + size]


def opens(made: Made, seed: bytes) -> bool:
    try:
        open_letter(made.header, made.body, SealingSecret(seed))
    except RemoteError:
        return False
    return True


def forget_everything_old(newsroom: Newsroom) -> tuple[Made, bytes, Desk]:
    """A parcel of the first week that was saved elsewhere, its seed, and the desk long after."""
    newsroom.init("--weeks", "2", "--grace", "1")
    desk = newsroom.open()
    writer = Writer(desk.card, desk.today)
    saved = writer.seal(encode_report(writer.report("Saved by a relay that never deletes.")[0]))
    secret = secret_of(desk.vault, desk.card.first_epoch)
    assert secret is not None
    assert opens(saved, secret.seed)
    newsroom.clock.pass_days(60)
    # New secrets are made among the old ones before these go, as on a desk that is used.
    renew_card(desk)
    return saved, secret.seed, desk


async def test_a_saved_parcel_of_a_deleted_week_opens_with_nothing_that_the_desk_holds(
    newsroom: Newsroom,
) -> None:
    saved, seed, desk = forget_everything_old(newsroom)
    old = [desk.card.first_epoch, desk.card.first_epoch + 1]
    assert seed in decrypted_pages(desk.vault.path)
    first = min(live_epochs(desk.vault))
    assert delete_due_secrets(desk.vault, desk.today) == [first, first + 1]
    assert old[0] in live_epochs(desk.vault)
    desk.vault.close()

    plain = decrypted_pages(newsroom.home / "desk.vault")
    everything = [plain, *newsroom.files().values()]
    for half in (seed, seed[:16], seed[16:]):
        assert not any(half in data or half[::-1] in data for data in everything)
        assert not any(half.hex().encode() in data.lower() for data in everything)
    assert set(newsroom.files()) == {"desk.vault", "desk.card", "root.key"}

    # Every secret that is stored, and every secret that the stored ones could be parts of.
    desk = newsroom.open()
    stored = [row[0] for row in desk.vault.rows("SELECT seed FROM epochs WHERE seed NOTNULL")]
    stored += [row[0] for row in desk.vault.rows("SELECT seed FROM signing_keys")]
    assert stored
    assert not any(opens(saved, candidate) for candidate in stored)

    done = await open_directly(desk, [saved])
    assert (done.reports, done.set_aside) == (0, 1)
    (entry,) = set_aside(desk.vault)
    assert entry.verdict == Verdict.CANNOT_OPEN
    assert "was deleted on" in entry.detail
    desk.vault.close()


def test_no_run_of_bytes_in_the_vault_is_the_seed_of_a_deleted_week(newsroom: Newsroom) -> None:
    _, seed, desk = forget_everything_old(newsroom)
    public = SealingSecret(seed).public
    before = {hashlib.sha256(run).digest() for run in secrets_in(seed, (32,))}
    plain = decrypted_pages(desk.vault.path)
    assert any(hashlib.sha256(run).digest() in before for run in secrets_in(plain, (32,)))
    delete_due_secrets(desk.vault, desk.today)
    plain = decrypted_pages(desk.vault.path)
    assert not any(hashlib.sha256(run).digest() in before for run in secrets_in(plain, (32,)))
    # The public key stays, so that the parcel's week is still known.
    assert public in plain or desk.vault.value("SELECT 1 FROM epochs WHERE public = ?", public)
    desk.vault.close()


def test_a_secret_lives_until_seven_days_behind_its_expiry(newsroom: Newsroom) -> None:
    newsroom.init("--weeks", "2", "--grace", "30")
    desk = newsroom.open()
    first = desk.card.first_epoch
    due = last_day(first) + 30 + DELETE_AFTER_DAYS
    assert delete_due_secrets(desk.vault, due - 1) == []
    assert delete_due_secrets(desk.vault, due) == [first]
    assert live_epochs(desk.vault) == [first + 1]
    desk.vault.close()


def test_secrets_of_different_weeks_have_nothing_in_common(newsroom: Newsroom) -> None:
    newsroom.settle()
    desk = newsroom.open()
    seeds = [row[0] for row in desk.vault.rows("SELECT seed FROM epochs")]
    assert (len(seeds), len(set(seeds)), {len(seed) for seed in seeds}) == (26, 26, {32})
    assert list(desk.card.sealing_keys) == [SealingSecret(seed).public for seed in seeds]
    desk.vault.close()


def test_the_day_that_counts_is_one_that_clock_and_relays_agree_on() -> None:
    assert plausible_day(100, []) is None
    assert plausible_day(100, [100]) == 100
    assert plausible_day(7_000, [100, 101]) == 101
    assert plausible_day(100, [7_000]) == 100
    assert plausible_day(7_000, [100, 7_000, 101]) == 101


def test_a_card_is_made_only_on_a_day_that_most_relays_say_has_come() -> None:
    assert not agreed_day(100, [])
    assert agreed_day(100, [100])
    assert agreed_day(100, [101, 100, 99])
    # One liar of two is not enough, whatever this clock says.
    assert not agreed_day(7_000, [7_000, 100])
    assert not agreed_day(7_000, [100, 7_000, 101])


def test_what_is_kept_back_for_days_is_counted_from_the_later_day() -> None:
    assert latest_day(100, []) == 100
    assert latest_day(7, [100, 100]) == 100
    assert latest_day(100, [7]) == 100
    assert latest_day(7, [100, 7_000, 101]) == 101


def test_a_deletion_that_was_cut_is_finished_by_the_next(newsroom: Newsroom) -> None:
    _, seed, desk = forget_everything_old(newsroom)
    spare = newsroom.home / "desk.vault.before-1"
    spare.write_bytes(desk.vault.path.read_bytes())
    # As a kill would: the week's row is done with, the pages are not rewritten yet.
    desk.vault._connection.set_authorizer(lambda action, *_: int(action == SQLITE_ATTACH))
    with pytest.raises(HomeUnusable):
        delete_due_secrets(desk.vault, desk.today)
    desk.vault._connection.set_authorizer(None)
    assert desk.vault.value("SELECT count(*) FROM epochs WHERE seed ISNULL") == 2
    assert spare.exists()
    before = desk.vault.value("PRAGMA freelist_count")
    desk.vault.run("CREATE TABLE roomy (x)")
    desk.vault.run("INSERT INTO roomy VALUES (zeroblob(100000))")
    desk.vault.run("DROP TABLE roomy")
    assert desk.vault.value("PRAGMA freelist_count") > before
    assert delete_due_secrets(desk.vault, desk.today) == []
    assert desk.vault.value("PRAGMA freelist_count") == 0
    # A copy that a cut upgrade left would open the week as well.
    assert not spare.exists()
    assert seed not in decrypted_pages(desk.vault.path)
    desk.vault.run("CREATE TABLE roomy (x)")
    desk.vault.run("DROP TABLE roomy")
    delete_due_secrets(desk.vault, desk.today)
    assert desk.vault.value("PRAGMA freelist_count") > 0
    desk.vault.close()


async def test_secrets_that_no_relay_lets_go_are_told_as_overdue(
    newsroom: Newsroom, relays: Relays
) -> None:
    relay_clock = Clock(newsroom.clock.now_s)
    async with running_relay(newsroom.home.parent / "one", clock=relay_clock) as one:
        await desk_on(newsroom, one)
        newsroom.clock.pass_days(300)
        done = await pulled(newsroom)
    assert done.code == 0
    assert done.value["deleted_epochs"] == []
    assert len(done.value["overdue_epochs"]) == 26
    assert "deleted when a relay confirms the day" in done.err


async def test_a_desk_that_slept_for_two_years_is_told_how_to_wake(
    newsroom: Newsroom, relays: Relays
) -> None:
    await desk_on(newsroom, await relays.start("one"))
    newsroom.clock.pass_days(2 * 365)
    assert len((await pulled(newsroom)).value["deleted_epochs"]) == 26
    done = await pulled(newsroom)
    assert done.code == 2
    assert "card --certify" in done.err
    renewed = newsroom.run("card", "--renew")
    assert renewed.code == 2, renewed
    newsroom.do("card", "--certify")
    assert (await pulled(newsroom)).code == 0


async def test_a_clock_that_jumped_to_2040_deletes_no_secret(
    newsroom: Newsroom, relays: Relays
) -> None:
    clock = newsroom.clock
    newsroom.clock = Clock(clock.now_s)
    writer = await desk_on(newsroom, await relays.start("one"))
    newsroom.clock.pass_days(18 * 365)
    value = (await pulled(newsroom)).value
    assert value["deleted_epochs"] == []
    entry = newsroom.card.relays[0]
    await deposit(entry, writer.write("It arrives all the same.")[1])
    assert (await pulled(newsroom)).value["reports"] == 1
    desk = newsroom.open()
    assert len(live_epochs(desk.vault)) == 26
    assert len(inbox(desk.vault)) == 1
    desk.vault.close()


async def test_without_a_relay_that_says_the_day_nothing_is_deleted(
    newsroom: Newsroom, relays: Relays
) -> None:
    one = await relays.start("one")
    await desk_on(newsroom, one)
    await one.server.stop()
    newsroom.clock.pass_days(300)
    done = await pulled(newsroom)
    assert done.code == 3
    assert len(done.value["overdue_epochs"]) == 26
    assert "deleted when a relay confirms the day" in done.err
    desk = newsroom.open()
    assert len(live_epochs(desk.vault)) == 26
    desk.vault.close()


async def test_a_pull_deletes_what_is_due_and_takes_later_weeks_on(
    newsroom: Newsroom, relays: Relays
) -> None:
    await desk_on(newsroom, await relays.start("one"))
    first = newsroom.card.first_epoch
    newsroom.clock.pass_days(7 + 90 + 7 + 3)
    value = (await pulled(newsroom)).value
    assert value["deleted_epochs"] == [first, first + 1]
    assert value["renewed_card"] == 2
    desk = newsroom.open()
    assert live_epochs(desk.vault)[0] == first + 2
    assert live_epochs(desk.vault)[-1] == newsroom.card.last_epoch
    desk.vault.close()
