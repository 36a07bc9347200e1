"""The application channel (section 16), read by the relay and read by the client."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.make_vectors import wire
from tests.make_vectors.documents import key
from tests.make_vectors.independent import hpke
from tests.make_vectors.scenario import Scenario

_SECRET = wire.draw("channel secret")
_SALT = wire.draw("channel salt")


class Direction:
    """Packets of one direction."""

    def __init__(self, key_and_iv: bytes) -> None:
        self._cipher = AESGCM(key_and_iv[:32])
        self._iv = key_and_iv[32:]
        self._counter = 0

    def seal(self, plain: bytes) -> bytes:
        """The next packet."""
        n = wire.u16(len(plain) + 16)
        return n + self._cipher.encrypt(self._nonce(), plain, n)

    def open(self, packet: bytes) -> bytes:
        """The next packet's plain."""
        return self._cipher.decrypt(self._nonce(), packet[2:], packet[:2])

    def _nonce(self) -> bytes:
        nonce = int.from_bytes(self._iv, "big") ^ self._counter
        self._counter += 1
        return nonce.to_bytes(12, "big")


def preamble_of(relay_key: bytes, secret: bytes, eseed: bytes) -> bytes:
    """What a client says first."""
    info = wire.label("channel") + wire.sha256(relay_key)
    return b"QNT\x01\x01" + hpke.seal(relay_key, info, secret, eseed=eseed)


def channel_hash_of(relay_key: bytes, preamble: bytes) -> bytes:
    """Which the client alone makes."""
    return wire.sha256(wire.label("channel-hash"), relay_key, preamble)


def session_hash_of(channel_hash: bytes, salt: bytes) -> bytes:
    """What both sides sign."""
    return wire.sha256(wire.label("session-hash"), channel_hash, salt)


def outgoing(secret: bytes, channel_hash: bytes) -> Direction:
    """Client to relay."""
    return Direction(wire.expand(secret, wire.label("channel-out") + channel_hash, 44))


def incoming(secret: bytes, channel_hash: bytes, salt: bytes) -> Direction:
    """Relay to client."""
    return Direction(wire.expand(secret, wire.label("channel-in") + channel_hash + salt, 44))


def scenarios() -> Iterator[Scenario]:
    """`relay_reads` and `client_reads`."""
    relay = key("relay").public
    preamble = preamble_of(relay, _SECRET, wire.draw("channel eseed", 64))
    channel_hash = channel_hash_of(relay, preamble)
    plains = [b"\x00\x05" + wire.pack([1, [1]]) + b"\x00", b"\x00\x02" + wire.pack([22]),
              b"x", wire.draw("packet", 1000)]  # fmt: skip
    largest = wire.draw("largest packet", 65519)

    def packets(direction: Direction, told: list[bytes]) -> list[bytes]:
        return [direction.seal(plain) for plain in told]

    def out(told: list[bytes] = plains) -> list[bytes]:
        return packets(outgoing(_SECRET, channel_hash), told)

    def back(told: list[bytes] = plains) -> list[bytes]:
        return packets(incoming(_SECRET, channel_hash, _SALT), told)

    def relay_reads(name: str, comment: str, data: bytes, verdict: str = "ok",
                    told: list[bytes] | None = None) -> Scenario:  # fmt: skip
        given = {"sealing_seed": key("relay").seed, "data": data}
        return Scenario(
            "relay_reads",
            name,
            "16",
            comment,
            given,
            verdict,
            {"channel_hash": channel_hash, "plains": told} if told is not None else {},
        )

    def client_reads(name: str, comment: str, data: bytes, verdict: str = "ok",
                     told: list[bytes] | None = None) -> Scenario:  # fmt: skip
        given = {"relay_sealing_key": relay, "secret": _SECRET, "preamble": preamble, "data": data}
        session_hash = session_hash_of(channel_hash, data[4:36])
        return Scenario(
            "client_reads",
            name,
            "16",
            comment,
            given,
            verdict,
            {"session_hash": session_hash, "plains": told} if told is not None else {},
        )

    answer = b"QNT\x01" + _SALT
    sides = ((relay_reads, preamble, out), (client_reads, answer, back))
    for reads, opening, seal in sides:
        first, second, third, _ = sealed = seal()
        yield reads("packets", "Four packets.", opening + b"".join(sealed), told=plains)
        yield reads("no-packet", "An opening and nothing else.", opening, told=[])
        yield reads("largest-packet", "65,535 bytes with the tag.", opening + seal([largest])[0],
                    told=[largest])  # fmt: skip
        damaged = bytearray(second)
        damaged[5] ^= 1
        yield reads("damaged", "One bit of the second packet.", opening + first + damaged + third,
                    "bad_channel", plains[:1])  # fmt: skip
        longer = wire.u16(int.from_bytes(first[:2], "big") + 1) + first[2:] + b"\x00"
        yield reads("length-changed", "n is one more, and a byte is there for it.",
                    opening + longer, "bad_channel", [])  # fmt: skip
        yield reads("out-of-order", "The second packet comes first.", opening + second + first,
                    "bad_channel", [])  # fmt: skip
        yield reads("replayed", "The first packet comes twice.", opening + first + first,
                    "bad_channel", plains[:1])  # fmt: skip
        yield reads("left-out", "The second packet is missing.", opening + first + third,
                    "bad_channel", plains[:1])  # fmt: skip
        for n in (0, 1, 15, 16):
            yield reads(
                f"n-{n}",
                f"n is {n}: less than a tag and a byte.",
                opening + first + wire.u16(n) + bytes(n),
                "bad_channel",
                plains[:1],
            )
        yield reads("cut-in-a-packet", "The bytes end in a packet.",
                    opening + first + second[:-1], "cut", plains[:1])  # fmt: skip
        yield reads("cut-in-a-length", "The bytes end in a length.", opening + first + second[:1],
                    "cut", plains[:1])  # fmt: skip
        yield reads("cut-in-the-opening", "The bytes end in the opening.", opening[:-1], "cut")
        yield reads("nothing", "No byte.", b"", "cut")
        yield reads("magic", "Something else.", b"HTTP" + opening[4:] + first, "bad_channel")

    yield relay_reads(
        "version-2",
        "A version of the future.",
        preamble[:3] + b"\x02" + preamble[4:] + out()[0],
        "unknown_version",
    )
    yield relay_reads(
        "version-0",
        "There is no version 0.",
        preamble[:3] + b"\x00" + preamble[4:] + out()[0],
        "unknown_version",
    )
    yield relay_reads(
        "suite-2",
        "A suite of the future.",
        preamble[:4] + b"\x02" + preamble[5:] + out()[0],
        "unknown_suite",
    )
    broken = bytearray(preamble)
    broken[-1] ^= 1
    yield relay_reads("preamble-changed", "One bit of the preamble.", bytes(broken) + out()[0],
                      "bad_channel")  # fmt: skip
    other = preamble_of(key("other").public, _SECRET, wire.draw("channel eseed", 64))
    yield relay_reads("preamble-for-another", "Sealed to another relay.", other + out()[0],
                      "bad_channel")  # fmt: skip
    yield relay_reads("packets-of-the-other-direction", "The relay's packets come back to it.",
                      preamble + back()[0], "bad_channel", [])  # fmt: skip
    yield client_reads("packets-of-the-other-direction", "The client's packets come back to it.",
                       answer + out()[0], "bad_channel", [])  # fmt: skip
    yield client_reads("another-salt", "The salt is changed on the way.",
                       b"QNT\x01" + bytes(32) + back()[0], "bad_channel", [])  # fmt: skip
    yield client_reads("refusal-one-version", "The relay speaks version 2 alone.",
                       b"QNT\x00\x01\x02", "unknown_version")  # fmt: skip
    yield client_reads("refusal-versions", "The relay speaks versions 2 and 7.",
                       b"QNT\x00\x02\x02\x07", "unknown_version")  # fmt: skip
    yield client_reads("refusal-cut", "The list of versions is cut.", b"QNT\x00\x02\x02", "cut")
