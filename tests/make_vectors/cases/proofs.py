"""Opening and purging (section 12), custody receipts (13), stamps (14)."""

from collections.abc import Iterator
from itertools import count as numbers

from tests.make_vectors import wire
from tests.make_vectors.documents import (
    DAY,
    DESK_KEY,
    DESK_SEED,
    EPOCH,
    OTHER_KEY,
    OTHER_SEED,
    RELAY_KEY,
    RELAY_SEED,
    SMALL_ORDER,
)
from tests.make_vectors.independent import merkle
from tests.make_vectors.scenario import Scenario
from tests.make_vectors.wire import Value

_ID = wire.draw("parcel id")


def scenarios() -> Iterator[Scenario]:
    """`lock`, `check_opened`, `check_purge`, `verify_opened`, `verify_receipt`, `verify_single`,
    `check_stamp`."""
    yield from _locks()
    yield from _opened()
    yield from _receipts()
    yield from _singles()
    yield from _stamps()


def _locks() -> Iterator[Scenario]:
    secret = wire.draw("opened: content key")
    for name, content_key in (("drawn", secret), ("zeros", bytes(32)), ("ones", b"\xff" * 32)):
        out = {
            "purge_key": wire.purge_key_of(content_key),
            "opened": wire.opened_of(content_key),
            "lock": wire.lock_of(content_key),
        }
        yield Scenario("lock", name, "12", "From content key to lock.",
                       {"content_key": content_key}, output=out)  # fmt: skip
    lock, opened, purge = (
        wire.lock_of(secret), wire.opened_of(secret), wire.purge_key_of(secret),
    )  # fmt: skip
    for operation, field, good, other in (
        ("check_opened", "opened", opened, purge),
        ("check_purge", "purge_key", purge, opened),
    ):
        for name, comment, value, verdict in (
            ("good", "It matches the lock.", good, "ok"),
            ("the-other-value", "One step of the chain too many or too few.", other, "bad_lock"),
            ("the-lock-itself", "The lock proves nothing.", lock, "bad_lock"),
            ("zeros", "Zeros.", bytes(32), "bad_lock"),
            ("one-bit", "One bit is another.", bytes([good[0] ^ 1]) + good[1:], "bad_lock"),
        ):
            given = {"lock": lock, field: value}
            yield Scenario(operation, name, "12", comment, given, verdict)


def _opened() -> Iterator[Scenario]:
    opened = wire.opened_of(wire.draw("opened: content key"))
    signature = wire.sign(DESK_SEED, "opened-by", _ID, opened)

    def case(name: str, comment: str, verdict: str = "ok", *, parcel_id: bytes = _ID,
             value: bytes = opened, signing_key: bytes = DESK_KEY,
             signed: bytes = signature) -> Scenario:  # fmt: skip
        frame = wire.pack([14, parcel_id, value, signing_key, signed])
        return Scenario("verify_opened", name, "12", comment, {"frame": frame}, verdict)

    yield case("good", "The desk has opened this parcel.")
    yield case("another-parcel", "Moved to another parcel.", "bad_signature",
               parcel_id=wire.draw("another id"))  # fmt: skip
    yield case("another-value", "Another value.", "bad_signature", value=bytes(32))
    yield case("another-key", "Another key is named.", "bad_signature", signing_key=OTHER_KEY)
    yield case("another-label", "Signed as a stamp.", "bad_signature",
               signed=wire.sign(DESK_SEED, "stamp", _ID, opened))  # fmt: skip
    yield case("small-order", "The key has small order.", "bad_key", signing_key=SMALL_ORDER)
    yield case("algorithm-2", "There is no algorithm 2.", "unknown_suite",
               signed=b"\x02" + signature[1:])  # fmt: skip


def _leaves(ids: list[bytes], seed: bytes) -> tuple[list[bytes], list[bytes]]:
    nonces = [
        wire.sha256(wire.label("custody-nonce"), seed, wire.u32(index))[:16]
        for index in range(len(ids))
    ]
    leaves = [
        wire.sha256(b"\x00", wire.sha256(wire.label("custody-leaf"), parcel_id, nonce))
        for parcel_id, nonce in zip(ids, nonces, strict=True)
    ]
    return nonces, leaves


def _sign(ids: list[bytes], seed: bytes, day: int, signer: bytes = RELAY_SEED) -> bytes:
    root = merkle.root(_leaves(ids, seed)[1])
    signed = wire.u32(day) + wire.u32(len(ids)) + root
    return wire.sign(signer, "custody", wire.public_of(signer), signed)


def _receipts() -> Iterator[Scenario]:
    seed = wire.draw("custody seed", 16)
    ids = [wire.draw(f"custody id {n}") for n in range(512)]

    def case(name: str, comment: str, verdict: str = "ok", *, held: list[bytes], day: int = DAY,
             signature: bytes | None = None, relay_key: bytes = RELAY_KEY,
             told_seed: bytes = seed) -> Scenario:  # fmt: skip
        signed = signature or _sign(held, seed, day)
        given = {
            "relay_key": relay_key,
            "frame": wire.pack([13, day, told_seed, b"".join(held), signed]),
        }
        out: dict[str, object] = {}
        if verdict == "ok":
            out = {"root": merkle.root(_leaves(held, seed)[1]), "count": len(held)}
        return Scenario("verify_receipt", name, "13", comment, given, verdict, out)

    for held in (1, 2, 3, 4, 7, 512):
        yield case(f"parcels-{held}", f"Custody of {held} parcels.", held=ids[:held])
    for name, day in (("0", 0), ("2-31", 2**31), ("2-32-less-1", 2**32 - 1)):
        yield case(f"day-{name}", f"Day {day}.", held=ids[:2], day=day)
    good = _sign(ids[:3], seed, DAY)
    yield case("another-relay", "Another relay's word.", "bad_signature", held=ids[:3],
               relay_key=OTHER_KEY)  # fmt: skip
    yield case("another-day", "The day before.", "bad_signature", held=ids[:3], day=DAY - 1,
               signature=good)  # fmt: skip
    yield case("an-id-more", "One id too many.", "bad_signature", held=ids[:4], signature=good)
    yield case("an-id-less", "One id too few.", "bad_signature", held=ids[:2], signature=good)
    yield case("ids-swapped", "The order of the frame is the order of the leaves.",
               "bad_signature", held=[ids[1], ids[0], ids[2]], signature=good)  # fmt: skip
    yield case("another-seed", "Another seed.", "bad_signature", held=ids[:3],
               told_seed=bytes(16))  # fmt: skip
    yield case("algorithm-2", "There is no algorithm 2.", "unknown_suite", held=ids[:3],
               signature=b"\x02" + good[1:])  # fmt: skip
    yield case("small-order-relay", "The relay's key has small order.", "bad_key", held=ids[:3],
               relay_key=SMALL_ORDER)  # fmt: skip


def _singles() -> Iterator[Scenario]:
    seed = wire.draw("custody seed", 16)
    ids = [wire.draw(f"custody id {n}") for n in range(5)]
    signature = _sign(ids, seed, DAY)
    nonces, leaves = _leaves(ids, seed)

    def fields(which: int, **changed: Value) -> list[Value]:
        path = b"".join(merkle.inclusion_proof(which, leaves))
        whole: dict[str, Value] = {
            "version": 1, "relay_key": RELAY_KEY, "day": DAY, "count": 5, "index": which,
            "id": ids[which], "nonce": nonces[which], "path": path, "signature": signature,
        }  # fmt: skip
        return list((whole | changed).values())

    def case(name: str, comment: str, record: list[Value], verdict: str = "ok",
             **output: object) -> Scenario:  # fmt: skip
        given = {"receipt": wire.pack(record)}
        return Scenario("verify_single", name, "13", comment, given, verdict, output)

    for index in range(5):
        yield case(f"index-{index}", f"Parcel {index} of 5.", fields(index), parcel_id=ids[index],
                   relay_key=RELAY_KEY, day=DAY)  # fmt: skip
    one = _sign(ids[:1], seed, DAY)
    yield case("only-one", "The only parcel: an empty path.",
               fields(0, count=1, path=b"", signature=one), parcel_id=ids[0],
               relay_key=RELAY_KEY, day=DAY)  # fmt: skip
    path = b"".join(merkle.inclusion_proof(1, leaves))
    malformed = {
        "index-5": ("There is no index 5 of 5.", fields(1, index=5)),
        "count-0": ("A receipt is of one parcel at least.", fields(0, count=0)),
        "count-513": ("A receipt is of 512 parcels at most.", fields(0, count=513)),
        "path-too-short": ("A hash is missing.", fields(1, path=path[:-32])),
        "path-too-long": ("A hash too many.", fields(1, path=path + bytes(32))),
        "path-33": ("Not whole hashes.", fields(1, path=path[:33])),
        "index-2-53": ("Above the largest integer.", fields(1, index=2**53)),
        "nonce-15": ("A nonce is short.", fields(1, nonce=bytes(15))),
    }
    for name, (comment, record) in malformed.items():
        yield case(name, comment, record, "malformed")
    forged = {
        "another-id": ("The id of another parcel.", fields(1, id=ids[2])),
        "another-index": ("Another index.", fields(1, index=2)),
        "another-day": ("Another day.", fields(1, day=DAY + 1)),
        "another-count": ("Another count of the same depth.", fields(1, count=6)),
        "another-relay": ("Another relay's key.", fields(1, relay_key=OTHER_KEY)),
        "nonce-zeros": ("Another nonce.", fields(1, nonce=bytes(16))),
        "signed-by-another": ("Another relay's signature.",
                              fields(1, signature=_sign(ids, seed, DAY, OTHER_SEED))),
    }  # fmt: skip
    for name, (comment, record) in forged.items():
        yield case(name, comment, record, "bad_signature")
    yield case("version-2", "A version of the future.", fields(1, version=2), "unknown_version")


def _stamps() -> Iterator[Scenario]:
    def digest(nonce: bytes, effort: int, epoch: int) -> int:
        packed = nonce + wire.u64(effort) + wire.u32(epoch) + _ID + wire.label("stamp")
        return int.from_bytes(wire.sha256(packed)[:8], "big")

    def find(effort: int, epoch: int, *, valid: bool = True) -> bytes:
        for number in numbers():
            nonce = number.to_bytes(16, "big")
            if (digest(nonce, effort, epoch) * effort < 2**64) is valid:
                return nonce
        raise AssertionError

    def case(
        name: str,
        comment: str,
        verdict: str = "ok",
        *,
        effort: int = 1000,
        epoch: int = EPOCH,
        nonce: bytes | None = None,
        day: int = DAY,
    ) -> Scenario:
        found = find(effort, epoch) if nonce is None else nonce
        frame = wire.pack([16, _ID, epoch, effort, found])
        valid = (
            1 <= effort <= 2**40
            and wire.epoch_of(day) - 1 <= epoch <= wire.epoch_of(day)
            and digest(found, effort, epoch) * effort < 2**64
        )
        assert valid is (verdict == "ok"), name
        return Scenario("check_stamp", name, "14", comment, {"frame": frame, "day": day}, verdict)

    good = find(1000, EPOCH)
    yield case("good", "A stamp of this week.")
    yield case("last-week", "A stamp of last week.", epoch=EPOCH - 1)
    yield case("last-day-of-next-week", "Still valid on the Sunday of the week after.",
               day=wire.last_day(EPOCH + 1))  # fmt: skip
    yield case("effort-1", "Any digest satisfies effort 1.", effort=1, nonce=b"\xff" * 16)
    yield case("effort-2", "Half of all digests do.", effort=2)
    yield case("effort-2-fails", "The other half.", "bad_stamp", effort=2,
               nonce=find(2, EPOCH, valid=False))  # fmt: skip
    yield case("effort-0", "No effort is no stamp.", "bad_stamp", effort=0, nonce=bytes(16))
    yield case("effort-claimed", "A larger effort than was spent: it is in the hash.", "bad_stamp",
               effort=1001, nonce=good)  # fmt: skip
    for name, effort in (("2-31", 2**31), ("2-32", 2**32), ("2-40", 2**40)):
        yield case(f"effort-{name}", "Not spent.", "bad_stamp", effort=effort, nonce=bytes(16))
    for name, effort in (("2-40-and-1", 2**40 + 1), ("2-53-less-1", 2**53 - 1)):
        yield case(f"effort-{name}", "More than there is.", "bad_stamp", effort=effort,
                   nonce=bytes(16))  # fmt: skip
    yield case("one-bit-off", "One bit of the nonce.", "bad_stamp",
               nonce=good[:-1] + bytes([good[-1] ^ 1]))  # fmt: skip
    yield case("too-old", "A stamp of the week before last.", "bad_stamp", epoch=EPOCH - 2)
    yield case("next-week", "A stamp of next week.", "bad_stamp", epoch=EPOCH + 1)
    for name, epoch in (("0", 0), ("2-31", 2**31), ("2-32-less-1", 2**32 - 1)):
        yield case(f"epoch-{name}", "A week far away.", "bad_stamp", epoch=epoch, effort=1,
                   nonce=bytes(16))  # fmt: skip
    yield case("day-0", "The first week of all.", epoch=0, day=0)
