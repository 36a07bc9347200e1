"""A program by somebody who has read SPEC.md and nothing else: a sender, and a desk.

Run as a process of its own. Never imports qanat_protocol; its errors are Python's.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import msgpack
from tests.make_vectors import wire
from tests.make_vectors.cases import channels
from tests.make_vectors.cases.bundles import framed
from tests.make_vectors.independent import ed25519, merkle, xwing
from tests.make_vectors.sealed import Key, Parcel, open_letter, open_part, seal_letter, seal_part

DAY = 20500
GRACE_DAYS = 90


def draw(_: str, size_bytes: int) -> bytes:
    """Randomness."""
    return os.urandom(size_bytes)


def unpack(record: bytes) -> Any:
    """The values of a record."""
    return msgpack.unpackb(record, raw=False, strict_map_key=True)


def verified(envelope: bytes, number: int, name: str) -> tuple[bytes, bytes]:
    """(content, signer) of a signed document."""
    told, content, signer, signature = unpack(envelope)
    check(signer, signature, name, b"", content)
    if told != number:
        raise ValueError(f"a document of type {told}")
    return content, signer


def check(signer: bytes, signature: bytes, name: str, context: bytes, content: bytes) -> None:
    """ValueError unless the signature stands."""
    message = wire.label(name) + context + content
    error = ed25519.strict_error(signer, signature[1:], message)
    if signature[0] != 1 or error is not None:
        raise ValueError(f"{name}: {error}")


def found_desk(folder: Path) -> None:
    """Keys and a card of a new desk."""
    root, signing, sealing = (os.urandom(32) for _ in range(3))
    successor = wire.sha256(wire.label("successor"), wire.public_of(os.urandom(32)))
    rows: wire.Value = [[wire.public_of(signing), DAY - 10, DAY + 300]]
    statement = envelope(
        4, "statement", root, wire.pack([1, 1, DAY - 10, rows, [], successor, None])
    )
    keys: wire.Value = [xwing.public_key(sealing)]
    name, epoch = "A stranger's desk", wire.epoch_of(DAY)
    card: wire.Value = [1, statement, 1, bytes(32), DAY, name, ["en"], "", GRACE_DAYS, epoch, keys,
                        [], []]  # fmt: skip
    (folder / "card").write_bytes(envelope(5, "desk-card", signing, wire.pack(card)))
    (folder / "sealing").write_bytes(sealing)
    (folder / "desk-id").write_bytes(wire.desk_id_of(wire.public_of(root)))


def envelope(number: int, name: str, seed: bytes, content: bytes) -> bytes:
    """A signed document."""
    signature = wire.sign(seed, name, b"", content)
    return wire.pack([number, content, wire.public_of(seed), signature])


def seal(card_file: Path, text: str, file: Path, bundle: Path) -> None:
    """A report with one file, as a bundle."""
    content, signer = verified(card_file.read_bytes(), 5, "desk-card")
    fields = unpack(content)
    statement, root_key = verified(fields[1], 4, "statement")
    rows = unpack(statement)[3]
    if not any(key == signer and first <= fields[4] <= last for key, first, last in rows):
        raise ValueError("the card is signed by nobody who may")
    desk_id = wire.desk_id_of(root_key)
    first_epoch, keys = fields[9], fields[10]
    epoch = max(first_epoch, min(wire.epoch_of(fields[4]), first_epoch + len(keys) - 1))
    recipient = keys[epoch - first_epoch]
    tag, expiry = wire.desk_tag_of(desk_id, epoch), wire.last_day(epoch) + fields[8]

    data = file.read_bytes()
    part = seal_part("", data, tag=tag, expiry=expiry, random=draw)
    hashed = wire.sha256(data)
    media_type = "application/octet-stream"
    author = os.urandom(32)
    report = wire.pack(
        [1, wire.public_of(author), os.urandom(16), DAY * 86400, "en", text, "", "", "", 1, [],
         [[file.name, media_type, len(data), hashed]],
         [[0, 3, media_type, len(data), hashed, part.parcel_id, part.content_key]],
         None, None, None, "a field of a later version"]
    )  # fmt: skip

    def sign(bind: bytes) -> bytes:
        return wire.sign(author, "report", desk_id + wire.sha256(recipient) + bind, report)

    letter = seal_letter(
        "", recipient, 1, report, tag=tag, expiry=expiry, urgent=True, sign=sign, random=draw
    )
    bundle.write_bytes(bundle_of([part, letter]))


def bundle_of(parcels: list[Parcel]) -> bytes:
    """The parcels without an index, each page's blocks from the last to the first."""
    records = [wire.pack([130, "of a later version"])]
    for handle, parcel in enumerate(parcels):
        records += frames_of(handle, parcel)
    return b"QNTB\x01" + bytes(7) + framed(*records, wire.pack([22]))


def frames_of(handle: int, parcel: Parcel) -> list[bytes]:
    """HEADER, lists and blocks."""
    leaves = wire.leaves_of(parcel.body)
    roots = wire.page_roots_of(leaves)
    records = [wire.pack([9, handle, parcel.header])]
    if len(roots) > 1:
        records.append(wire.pack([10, handle, wire.PAGE_ROOTS, b"".join(roots)]))
    for page in range(len(roots)):
        first = page * wire.PAGE_LEAVES
        indices = range(first, min(first + wire.PAGE_LEAVES, len(leaves)))
        if len(leaves) > 1:
            hashes = b"".join(leaves[index] for index in indices)
            records.append(wire.pack([10, handle, page, hashes]))
        for index in reversed(indices):
            block = parcel.body[index * 16384 : (index + 1) * 16384]
            records.append(wire.pack([11, handle, index, block]))
    return records


def parcels_in(bundle: bytes) -> dict[bytes, tuple[bytes, bytes]]:
    """Header and body by parcel id; what does not hash to its root is a ValueError."""
    count = int.from_bytes(bundle[8:12], "big")
    at = 12 + 56 * count
    headers: dict[int, bytes] = {}
    blocks: dict[int, dict[int, bytes]] = {}
    number = 0
    while number != 22:
        size = int.from_bytes(bundle[at : at + 2], "big")
        number, *fields = unpack(bundle[at + 2 : at + 2 + size])
        at += 2 + size
        if number == 9:
            headers[fields[0]], blocks[fields[0]] = fields[1], {}
        elif number == 11:
            blocks[fields[0]][fields[1]] = fields[2]
    found = {}
    for handle, header in headers.items():
        body = b"".join(data for _, data in sorted(blocks[handle].items()))
        if merkle.root(wire.leaves_of(body)) != header[64:]:
            raise ValueError("a body that its header does not know")
        found[wire.parcel_id_of(header)] = (header, body)
    return found


def open_all(folder: Path, bundle: Path) -> dict[str, Any]:
    """What the one report in a bundle says, its signature and its files checked."""
    seed = (folder / "sealing").read_bytes()
    key = Key(seed, xwing.public_key(seed))
    parcels = parcels_in(bundle.read_bytes())
    ((header, body),) = (parcel for parcel in parcels.values() if parcel[0][2] == 1)
    letter = open_letter(header, body, key)
    if letter.letter_type != 1:
        raise ValueError("no report")
    report = unpack(letter.content)
    context = (folder / "desk-id").read_bytes() + wire.sha256(key.public) + wire.bind_of(header)
    check(report[1], letter.signature, "report", context, letter.content)
    files = {}
    for file, _, _, length, hashed, parcel_id, content_key in report[12]:
        data = open_part(*parcels[parcel_id], content_key, length)
        if wire.sha256(data) != hashed:
            raise ValueError("another file")
        files[report[11][file][0]] = hashed.hex()
    report_id = wire.sha256(wire.label("report-id"), letter.content)
    return {"text": report[5], "author": report[1].hex(), "id": report_id.hex(), "files": files}


def talk(relay_key_file: Path, bundle: Path, secret_file: Path, out: Path) -> None:
    """All that a client sends in a session in which it hands a bundle's frames over."""
    relay_key, secret = relay_key_file.read_bytes(), os.urandom(32)
    preamble = channels.preamble_of(relay_key, secret, os.urandom(64))
    direction = channels.outgoing(secret, channels.channel_hash_of(relay_key, preamble))
    frames = bundle.read_bytes()[12:]
    sent = preamble + direction.seal(framed(wire.pack([1, [1]])))
    while frames:
        size = 2 + int.from_bytes(frames[:2], "big")
        sent += direction.seal(frames[:size])
        frames = frames[size:]
    secret_file.write_bytes(secret + preamble)
    out.write_bytes(sent)


def hear(relay_key_file: Path, secret_file: Path, answer_file: Path) -> list[Any]:
    """The types of the frames that a relay sent back."""
    known, answer = secret_file.read_bytes(), answer_file.read_bytes()
    secret, preamble = known[:32], known[32:]
    channel_hash = channels.channel_hash_of(relay_key_file.read_bytes(), preamble)
    direction = channels.incoming(secret, channel_hash, answer[4:36])
    packets, types = answer[36:], []
    while packets:
        size = 2 + int.from_bytes(packets[:2], "big")
        plain, packets = direction.open(packets[:size]), packets[size:]
        while plain:
            end = 2 + int.from_bytes(plain[:2], "big")
            types.append(unpack(plain[2:end])[0])
            plain = plain[end:]
    return types


def main() -> int:
    """One command, then its files; what is found out is printed as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=("found", "seal", "open", "talk", "hear"))
    parser.add_argument("arguments", nargs="+")
    given = parser.parse_args()
    paths = [Path(argument) for argument in given.arguments]
    told: Any = None
    match given.command:
        case "found":
            found_desk(paths[0])
        case "seal":
            seal(paths[0], given.arguments[1], paths[2], paths[3])
        case "open":
            told = open_all(paths[0], paths[1])
        case "talk":
            talk(*paths)
        case "hear":
            told = hear(*paths)
    assert not any(name.startswith("qanat_") for name in sys.modules)
    sys.stdout.write(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
