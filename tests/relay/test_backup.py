"""A relay as a file, and a relay made of one: by the command line, beside relays that run."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from tests.relay.made_parcels import TODAY, make, part
from tests.relay.made_peers import befriend, card_of, hold, reach, states
from tests.relay.relay_process import serving
from tests.relay.running_relay import Desk, running_relay
from tests.relay.small_disk import small_disk

from qanat_protocol.frames import AckStatus
from qanat_relay.backup import APPLICATION_ID
from qanat_relay.belongings import MARK
from qanat_relay.cli import main
from qanat_relay.keys import load_keys
from qanat_relay.store.errors import StoreBroken
from qanat_relay.store.files import DATABASE
from qanat_relay.store.interface import State
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore
from qanat_relay.sweep import sweep_once

Told = pytest.CaptureFixture[str]


async def fill(data: Path, *, letters: int = 20) -> None:
    """A relay with letters, a film and half of another."""
    assert main(["init", "--data", str(data), "--name", "one"]) == 0
    store = await SqliteStore.open(data / "store", StoreLimits())
    writes = [make(number).put() for number in range(letters)]
    await store.write([*writes, part(1).put(), part(2).put(0, 5)], today=TODAY)
    await store.close()


async def backed_up(place: Path, *how: str) -> tuple[Path, Path]:
    """The data folder of a relay, and its backup."""
    data, backup = place / "relay", place / "it.backup"
    await fill(data)
    assert main(["backup", str(backup), *how, "--data", str(data)]) == 0
    return data, backup


async def incarnation_of(data: Path) -> bytes:
    store = await SqliteStore.open(data / "store", StoreLimits())
    await store.close()
    return store.incarnation


async def assert_there(data: Path, *, letters: int = 20) -> None:
    store = await SqliteStore.open(data / "store", StoreLimits())
    for made in [*map(make, range(letters)), part(1)]:
        blocks = await store.blocks(made.parcel_id, range(len(made.blocks)))
        assert b"".join(blocks) == made.body
    (half,) = await store.look_up([part(2).header.offer])
    assert half is not None
    assert half.held is not None
    assert list(half.held) == [0, 5]
    assert [problem async for problem in store.check()] == []
    await store.close()


async def test_a_restored_relay_is_the_same_relay_and_its_store_another_incarnation(
    tmp_path: Path, capsys: Told
) -> None:
    data, backup, back = tmp_path / "relay", tmp_path / "it.backup", tmp_path / "new" / "relay"
    await fill(data)
    (desk := tmp_path / "desk.card").write_bytes(Desk.made().card())
    assert main(["desk", "add", str(desk), "--data", str(data)]) == 0
    assert main(["backup", str(backup), "--with-keys", "--data", str(data)]) == 0
    assert "can be this relay" in capsys.readouterr().out
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk.card", "it.backup", "relay"]
    assert main(["restore", str(backup), "--data", str(back)]) == 0
    for name in ("signing.seed", "sealing.seed", "relay.card", "relay.toml"):
        assert (back / name).read_bytes() == (data / name).read_bytes()
        assert stat.S_IMODE((back / name).stat().st_mode) == 0o600
    assert [path.name for path in (back / "desks").iterdir()] == [
        path.name for path in (data / "desks").iterdir()
    ]
    assert not (back / MARK).exists()
    assert main(["check", "--data", str(back)]) == 0
    await assert_there(back)
    first = await incarnation_of(back)
    assert first != await incarnation_of(data)
    # One restored twice is not the same store either.
    again = tmp_path / "again"
    assert main(["restore", str(backup), "--data", str(again), "--json"]) == 0
    assert await incarnation_of(again) not in (first, await incarnation_of(data))


async def test_a_backup_is_made_while_the_relay_takes_letters(tmp_path: Path) -> None:
    backup = tmp_path / "it.backup"
    async with running_relay(tmp_path / "relay") as relay:
        await hold(relay, *map(make, range(50)))
        assert main(["backup", str(backup), "--data", str(relay.data)]) == 0
        await hold(relay, *map(make, range(50, 60)))
        keys = str(relay.data)
        assert main(["restore", str(backup), "--data", str(tmp_path / "b"), "--keys", keys]) == 0
        async with running_relay(tmp_path / "b") as other:
            assert set(await states(other, list(map(make, range(50))))) == {State.HELD}
            assert set(await states(other, list(map(make, range(50, 60))))) == {None}


async def test_a_restored_relay_gets_what_came_and_what_was_purged_since_from_its_peers(
    tmp_path: Path,
) -> None:
    letters = [make(number) for number in range(30)]
    backup, data = str(tmp_path / "it.backup"), str(tmp_path / "other")
    async with running_relay(tmp_path / "one") as one:
        async with running_relay(tmp_path / "other") as other:
            befriend(one, other)
            await hold(one, *letters[:10])
            await hold(other, *letters[10:20])
            assert await reach(one, other)
            assert main(["backup", backup, "--with-keys", "--data", data]) == 0
            # Since the backup: what came here alone is lost with it, what a peer has is not.
            await hold(one, *letters[20:])
            await one.store.write([letters[0].purged(), letters[12].purged()], today=TODAY)
            await other.store.write([letters[13].opened(), letters[13].purged()], today=TODAY)
            one.node.news.tell(None)
            assert await reach(one, other)
        shutil.rmtree(data)
        assert main(["restore", backup, "--data", data]) == 0
        async with running_relay(tmp_path / "other") as other:
            one.node.peers.take(card_of(other, serial=2))
            assert set(await states(other, letters[20:])) == {None}
            assert set(await states(other, letters[:20])) == {State.HELD}
            assert await reach(one, other)
            gone = [letters[0], letters[12], letters[13]]
            kept = [letter for letter in letters if letter not in gone]
            for relay in (one, other):
                assert set(await states(relay, gone)) == {State.PURGED}
                assert set(await states(relay, kept)) == {State.HELD}
            assert [problem async for problem in other.store.check()] == []


async def test_a_backup_of_weeks_ago_loses_nothing_to_a_clock_that_has_gone_on(
    tmp_path: Path,
) -> None:
    data, backup, back = tmp_path / "relay", tmp_path / "it.backup", tmp_path / "back"
    await fill(data)
    store = await SqliteStore.open(data / "store", StoreLimits())
    await store.sweep(TODAY)
    await store.close()
    assert main(["backup", str(backup), "--with-keys", "--data", str(data)]) == 0
    assert main(["restore", str(backup), "--data", str(back)]) == 0
    later = TODAY + 40
    async with running_relay(back, clock=lambda: later * 86_400.0) as relay:
        # That the clock went on by forty days is doubted for weeks; what comes is taken at once.
        assert await sweep_once(relay.node)
        new = make(1000, expiry_day=later + 90)
        (outcome,) = await relay.store.write([new.put()], today=later)
        assert outcome.status is AckStatus.STORED
        assert set(await states(relay, [*map(make, range(20)), new])) == {State.HELD}
        assert not (await relay.store.sweep(later + 1)).expired
        assert set(await states(relay, [*map(make, range(20)), new])) == {State.HELD}


# The keys


async def test_a_seized_backup_holds_no_key_unless_it_was_asked_to(
    tmp_path: Path, capsys: Told
) -> None:
    data, backup = await backed_up(tmp_path)
    assert "does not hold the relay's keys" in capsys.readouterr().out
    seeds = [(data / name).read_bytes() for name in ("signing.seed", "sealing.seed")]
    assert not any(seed in backup.read_bytes() for seed in seeds)
    back = tmp_path / "back"
    assert main(["restore", str(backup), "--data", str(back)]) == 2
    assert "--keys" in capsys.readouterr().err
    assert not back.exists()
    stranger = tmp_path / "stranger"
    assert main(["init", "--data", str(stranger)]) == 0
    assert main(["restore", str(backup), "--data", str(back), "--keys", str(stranger)]) == 2
    assert "of another relay" in capsys.readouterr().err
    kept = tmp_path / "kept"
    kept.mkdir()
    for name in ("signing.seed", "sealing.seed"):
        shutil.copy(data / name, kept)
    assert main(["restore", str(backup), "--data", str(back), "--keys", str(kept)]) == 0
    assert load_keys(back).signing.public == load_keys(data).signing.public


async def test_with_its_keys_lost_a_relay_goes_on_as_another_one(tmp_path: Path) -> None:
    data, backup = await backed_up(tmp_path)
    back = tmp_path / "back"
    assert main(["restore", str(backup), "--data", str(back), "--new-keys"]) == 0
    assert load_keys(back).signing.public != load_keys(data).signing.public
    assert not (back / "relay.card").exists()
    with serving("--data", str(back), "--listen", "127.0.0.1:0") as (_, line):
        assert line.startswith("listening")
    await assert_there(back)


async def test_restored_keys_leave_no_trace_in_the_store(tmp_path: Path) -> None:
    data, backup = await backed_up(tmp_path, "--with-keys")
    back = tmp_path / "back"
    seed = (data / "signing.seed").read_bytes()
    assert seed in backup.read_bytes()
    assert main(["restore", str(backup), "--data", str(back)]) == 0
    assert not any(seed in path.read_bytes() for path in (back / "store").iterdir())


# What is refused


async def test_nothing_is_overwritten_without_being_told_to(tmp_path: Path, capsys: Told) -> None:
    data, backup = tmp_path / "relay", tmp_path / "it.backup"
    await fill(data)
    backup.write_bytes(b"an older one")
    assert main(["backup", str(backup), "--data", str(data)]) == 2
    assert "there already" in capsys.readouterr().err
    assert backup.read_bytes() == b"an older one"
    assert main(["backup", str(backup), "--force", "--data", str(data)]) == 0
    assert main(["backup", str(data / "store" / DATABASE), "--force", "--data", str(data)]) == 2
    assert "would be lost with it" in capsys.readouterr().err
    for folder in (data, tmp_path):
        assert main(["restore", str(backup), "--new-keys", "--data", str(folder)]) == 2
        assert "not empty" in capsys.readouterr().err
    await assert_there(data)


async def test_a_folder_in_use_is_not_restored_into(tmp_path: Path, capsys: Told) -> None:
    _, backup = await backed_up(tmp_path)
    async with running_relay(tmp_path / "other"):
        other = str(tmp_path / "other")
        assert main(["restore", str(backup), "--new-keys", "--data", other]) == 1
        assert "running" in capsys.readouterr().err


async def test_what_is_no_backup_is_named(tmp_path: Path, capsys: Told) -> None:
    data = tmp_path / "relay"
    await fill(data)
    (tmp_path / "text").write_text("no database at all" * 1000)
    files = {"none": "no such file", "text": "no backup", f"relay/store/{DATABASE}": "no backup"}
    for name, said in files.items():
        back = str(tmp_path / "back")
        assert main(["restore", str(tmp_path / name), "--new-keys", "--data", back]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert "Traceback" not in told
    assert not (tmp_path / "back").exists()


async def test_a_backup_that_names_a_file_elsewhere_writes_none(
    tmp_path: Path, capsys: Told
) -> None:
    _, backup = await backed_up(tmp_path)
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute("INSERT INTO relay_file VALUES ('../elsewhere.card', x'00')")
    assert main(["restore", str(backup), "--new-keys", "--data", str(tmp_path / "back")]) == 2
    assert "no relay has" in capsys.readouterr().err


async def test_a_backup_by_a_newer_program_is_refused_by_name(tmp_path: Path, capsys: Told) -> None:
    data, backup = await backed_up(tmp_path)
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("PRAGMA user_version = 99")
    back = str(tmp_path / "back")
    assert main(["restore", str(backup), "--new-keys", "--data", back]) == 1
    assert "version 99" in capsys.readouterr().err
    # What is half there is not served for the relay, and is no hindrance for a good backup.
    assert main(["serve", "--listen", "127.0.0.1:0", "--data", back]) == 2
    assert "was cut off" in capsys.readouterr().err
    assert main(["backup", str(backup), "--force", "--data", str(data)]) == 0
    assert main(["restore", str(backup), "--new-keys", "--data", back]) == 0
    await assert_there(tmp_path / "back")


async def test_a_damaged_store_is_not_backed_up_over_a_good_backup(
    tmp_path: Path, capsys: Told
) -> None:
    data, backup = await backed_up(tmp_path)
    good = backup.read_bytes()
    with closing(sqlite3.connect(data / "store" / DATABASE)) as connection, connection:
        connection.execute("UPDATE parcel SET body = zeroblob(length(body)) WHERE arrival = 3")
    assert main(["backup", str(backup), "--force", "--data", str(data)]) == 1
    told = capsys.readouterr()
    assert "does not match the root" in told.out
    assert "--heal" in told.err
    assert backup.read_bytes() == good
    assert len(list(tmp_path.iterdir())) == 2


async def test_a_backup_that_rotted_is_restored_as_far_as_it_goes_and_says_so(
    tmp_path: Path, capsys: Told
) -> None:
    _, backup = await backed_up(tmp_path)
    back = tmp_path / "back"
    content = bytearray(backup.read_bytes())
    at = content.index(make(7).body[1000:1100])
    content[at] ^= 1
    backup.write_bytes(content)
    assert main(["restore", str(backup), "--new-keys", "--data", str(back)]) == 1
    assert "check --heal" in capsys.readouterr().out
    assert main(["check", "--heal", "--json", "--data", str(back)]) == 0
    *_, healed = map(json.loads, capsys.readouterr().out.splitlines())
    assert healed["lost"]["parcels"] == 1


async def test_a_disk_without_room_is_named_before_anything_is_written(
    tmp_path: Path, capsys: Told
) -> None:
    data, small = tmp_path / "relay", tmp_path / "small"
    await fill(data)
    with small_disk(small, "2m"):
        assert main(["backup", str(small / "it.backup"), "--data", str(data)]) == 1
        assert "free" in capsys.readouterr().err
        assert list(small.iterdir()) == []


async def test_a_backup_is_a_file_of_its_own_kind(tmp_path: Path) -> None:
    data, backup = await backed_up(tmp_path)
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    shutil.copy(backup, data / "store" / DATABASE)
    for end in ("-wal", "-shm"):
        Path(f"{data}/store/{DATABASE}{end}").unlink(missing_ok=True)
    with pytest.raises(StoreBroken, match="not a store"):
        await SqliteStore.open(data / "store", StoreLimits())
