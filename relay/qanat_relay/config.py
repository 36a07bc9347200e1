"""A relay's settings: one frozen value, each setting documented where it is declared.

What is out of range or contradicts something else is refused. Never reads a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from typing import Any

from qanat_protocol.address import check_addresses
from qanat_protocol.errors import Malformed
from qanat_protocol.limits import MAX_LETTER_BODY_BYTES, MAX_PART_BODY_BYTES
from qanat_protocol.stamp import MAX_EFFORT
from qanat_relay.errors import ConfigError
from qanat_relay.store.limits import StoreLimits

FILE_NAME = "relay.toml"
FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")
TLS_PREFIX = "tls://"
_GIB = 2**30
_RANGES = (
    ("largest_body_bytes", MAX_LETTER_BODY_BYTES, MAX_PART_BODY_BYTES),
    ("capacity_bytes", 1, 2**53),
    ("partial_bytes", 1, 2**53),
    ("partial_days", 1, 560),
    ("stamp_effort", 0, MAX_EFFORT),
    ("tag_share", 1, 1000),
    ("sessions_max", 1, 100_000),
    ("idle_s", 1, 86_400),
    ("stall_s", 1, 86_400),
    ("stop_s", 0, 600),
    ("sweep_s", 1, 86_400),
    ("peer_s", 1, 86_400),
    ("peer_retry_s", 1, 86_400),
)


def _setting(default: Any, meaning: str, *, needs_restart: bool = False) -> Any:
    if needs_restart:
        meaning += " A change needs a restart."
    return field(default=default, metadata={"meaning": meaning, "needs_restart": needs_restart})


@dataclass(frozen=True, slots=True)
class Config:
    """What the operator chooses. Sizes are in bytes, times in seconds unless the name says days."""

    listen: tuple[str, ...] = _setting(
        ("127.0.0.1:8080",),
        "Where to listen: HOST:PORT is plain http, tls://HOST:PORT shows the certificate of"
        " tls_cert. IPv6 as [HOST]:PORT; port 0 takes any free one. Several ports at once are worth"
        " it: when a country is cut off a few odd ones may stay open.",
    )
    listen_udp: tuple[str, ...] = _setting(
        (),
        "Where to take datagrams (UDP) too, as HOST:PORT. They carry a session without any"
        " handshake, which on a bad line is worth seconds; `addresses` has to name them."
        " On a machine with several addresses name the one that is meant, not 0.0.0.0.",
        needs_restart=True,
    )
    addresses: tuple[str, ...] = _setting(
        (),
        "Where the world reaches this relay, as http:// or https:// with host and optional port,"
        " or behind one of these as udp:// with the same host and a port. At most 8; they stand in"
        " the relay's card.",
    )
    name: str = _setting("", "What this relay is called in its card, at most 128 bytes.")
    country: str = _setting("", "The country that it stands in: two capital letters, or empty.")
    tls_cert: str = _setting(
        "",
        "A certificate chain in PEM, for the listeners that begin with tls://. It is read again"
        " when the file changes. The session inside is sealed to the relay's own key either way.",
    )
    tls_key: str = _setting("", "The key of tls_cert in PEM, without a passphrase.")
    capacity_bytes: int = _setting(
        16 * _GIB, "How much the database may grow to. A disk that is full before is survived too."
    )
    partial_bytes: int = _setting(
        2 * _GIB, "How much of the capacity parcels that are half there may take."
    )
    partial_days: int = _setting(
        14, "For how many days a parcel that is half there waits for its next block, 1 to 560."
    )
    largest_body_bytes: int = _setting(
        _GIB, "The largest body of a parcel that is taken, 262144 to 1073741824."
    )
    # Floods.
    stamps: bool = _setting(
        True,
        "Whether stamps are asked for while more comes than there is room for. Without them"
        " whoever comes first fills the relay.",
    )
    stamp_effort: int = _setting(
        0,
        "The stamp that this relay says it would like even without need, in tries on average."
        " 0: none. What it asks for under a flood it finds out by itself.",
    )
    tag_share: int = _setting(
        4,
        "How many times what is free the parcels of one desk and week may take: with 4 one alone"
        " gets four fifths of the room, two that flood get four ninths each.",
    )
    sessions_max: int = _setting(
        256, "How many sessions are served at once; more are told to come back later."
    )
    idle_s: int = _setting(
        180,
        "How long a session to which nothing is owed may send nothing before it is ended. On a 2G"
        " line that loses packets TCP itself is silent for more than a minute between two tries.",
    )
    stall_s: int = _setting(
        120, "How long a session may take nothing of what it is sent before it is ended."
    )
    stop_s: int = _setting(
        5, "How long running sessions may go on after the signal to stop; then they are cut."
    )
    sweep_s: int = _setting(3600, "How often what has expired is removed.")
    peer_s: int = _setting(
        30,
        "How often each peer is called where nothing is new here; what is new goes to it at once,"
        " and one that calls this relay, too, is called ten times less often.",
    )
    peer_retry_s: int = _setting(
        30, "How long to wait at most before a peer that can't be reached is called again."
    )
    pages: bool = _setting(
        True,
        "Whether to show the bulletins of the desks that were added as pages for a browser, at"
        " /desks.",
    )
    web_app: bool = _setting(
        True,
        "Whether to give reporters the web app, at /. Whoever gives it out could give another one,"
        " which reads what is written in it: reporters have only your word for it.",
    )
    log_level: str = _setting("info", "debug, info, warning or error. No level shows an address.")
    # Watching
    log_format: str = _setting(
        "text",
        "text: lines for people; json: an object a line, with each event's name and fields.",
        needs_restart=True,
    )
    listen_metrics: tuple[str, ...] = _setting(
        (),
        "Where to answer Prometheus at /metrics, as HOST:PORT; nowhere by default. Use loopback:"
        " whoever reads it sees at which moment this relay is used, though not by whom.",
        needs_restart=True,
    )
    status_page: bool = _setting(
        False,
        "Whether to show the public, at /status, that this relay is up, since when, its version, in"
        " words how much room it has, and how many of its peers can be reached.",
        needs_restart=True,
    )


def check_config(config: Config) -> Config:
    """The same settings, or ConfigError if one is out of range or contradicts another."""
    _check_listeners(config)
    if len(config.addresses) > 8:
        raise ConfigError(f"addresses holds {len(config.addresses)}; a card takes 8")
    try:
        check_addresses(config.addresses)
    except Malformed as error:
        raise ConfigError(f"addresses: {error}") from None
    for address in config.addresses:
        if len(address) > 256:
            raise ConfigError(f"addresses: {address[:40]}... is longer than 256 bytes")
    try:
        name_bytes = len(config.name.encode())
    except UnicodeEncodeError:
        raise ConfigError("name is not UTF-8") from None
    if name_bytes > 128:
        raise ConfigError("name is longer than 128 bytes")
    country = config.country
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise ConfigError(f"country is {country!r}: give two letters, or nothing")
    if country != country.upper():
        raise ConfigError(f"country is {country!r}: write it in capitals")
    for name, least, most in _RANGES:
        value = getattr(config, name)
        if not least <= value <= most:
            raise ConfigError(f"{name} is {value}; it goes from {least} to {most}")
    if config.largest_body_bytes > config.partial_bytes:
        raise ConfigError(
            "largest_body_bytes is more than partial_bytes: the largest could never arrive"
        )
    if config.partial_bytes > config.capacity_bytes:
        raise ConfigError("partial_bytes is more than capacity_bytes: the rest would have no room")
    if config.log_level not in LEVELS:
        raise ConfigError(f"log_level is {config.log_level!r}: one of {', '.join(LEVELS)}")
    if config.log_format not in FORMATS:
        raise ConfigError(f"log_format is {config.log_format!r}: text or json")
    return config


def _check_listeners(config: Config) -> None:
    if not config.listen:
        raise ConfigError("listen is empty: name at least one HOST:PORT")
    listeners = [parse_listener(each) for each in config.listen]
    _refuse_twice("listen", [(each.host, each.port) for each in listeners])
    _refuse_twice("listen_udp", [parse_listen(each) for each in config.listen_udp])
    metrics = [parse_listen(each) for each in config.listen_metrics]
    _refuse_twice(
        "listen, with listen_metrics,", [*((each.host, each.port) for each in listeners), *metrics]
    )
    if bool(config.tls_cert) != bool(config.tls_key):
        raise ConfigError("tls_cert and tls_key go together: give both or neither")
    if config.tls_cert and not any(each.is_tls for each in listeners):
        raise ConfigError(
            "tls_cert is set and no listener shows it: write it as tls://HOST:PORT in listen"
        )
    for text, listener in zip(config.listen, listeners, strict=True):
        if listener.is_tls and not config.tls_cert:
            raise ConfigError(f"listen names {text}, which needs tls_cert and tls_key")
    udp = next((each for each in config.addresses if each.startswith("udp://")), None)
    if udp is not None and not config.listen_udp:
        raise ConfigError(f"addresses names {udp}, but listen_udp is empty: nobody would answer")


def _refuse_twice(setting: str, places: Sequence[tuple[str, int]]) -> None:
    for number, (host, port) in enumerate(places):
        for other, other_port in places[:number]:
            if port and port == other_port and _overlap(host, other):
                both = host if host == other else f"{other} and of {host}, which overlap"
                raise ConfigError(f"{setting} names port {port} twice: of {both}")


def _overlap(one: str, other: str) -> bool:
    """Whether a port of one host is also the other's: all of this machine's, or the same."""
    if one == other:
        return True
    try:
        found = [ip_address(host) for host in (one, other)]
    except ValueError:
        return False
    return found[0].version == found[1].version and any(each.is_unspecified for each in found)


@dataclass(frozen=True, slots=True)
class Listener:
    """One place to listen at for HTTP; is_tls: whether TLS is spoken there."""

    host: str
    port: int
    is_tls: bool


def parse_listener(text: str) -> Listener:
    """The meaning of `HOST:PORT` or `tls://HOST:PORT`; ConfigError for anything else."""
    place = text.removeprefix(TLS_PREFIX)
    host, port = parse_listen(place)
    return Listener(host, port, is_tls=place != text)


def parse_listen(text: str) -> tuple[str, int]:
    """(host, port) of `HOST:PORT` or `[HOST]:PORT`; ConfigError for anything else."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif "://" in text:
        raise ConfigError(f"{text!r}: only tls:// may stand before HOST:PORT, and only in listen")
    elif ":" in host:
        raise ConfigError(f"{text!r}: write an IPv6 host in brackets, as [::1]:8080")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ConfigError(f"{text!r} is not HOST:PORT with a port of 0 to 65535")
    try:
        host.encode("idna")
    except UnicodeError:
        raise ConfigError(f"{text!r}: that is no name of a host") from None
    return host, int(port)


def write_config(config: Config) -> str:
    """The settings as a TOML file that explains each of them, defaults as comments: what a later
    version finds better is then taken."""
    lines = [
        "# Settings of a Qanat relay. One that is left out, or has # before it, has its default.",
        "# A relay that runs takes what was changed here when it gets SIGHUP. In the environment",
        "# QANAT_RELAY_<SETTING> comes before this file, the command line comes before both.",
        "",
    ]
    for each in fields(config):
        lines += _wrapped(each.metadata["meaning"])
        value = getattr(config, each.name)
        mark = "#" if value == each.default else ""
        lines += [f"{mark}{each.name} = {to_toml(value)}", ""]
    return "\n".join(lines).rstrip() + "\n"


def store_limits(config: Config) -> StoreLimits:
    """What of the settings is the store's."""
    return StoreLimits(
        max_body_bytes=config.largest_body_bytes,
        max_store_bytes=config.capacity_bytes,
        max_partial_bytes=config.partial_bytes,
        partial_ttl_days=config.partial_days,
        tag_share=config.tag_share,
    )


def _wrapped(meaning: str) -> list[str]:
    lines = ["#"]
    for word in meaning.split():
        if len(lines[-1]) + 1 + len(word) > 100:
            lines.append("#")
        lines[-1] += f" {word}"
    return lines


def to_toml(value: str | int | tuple[str, ...]) -> str:
    """The value of a setting as TOML writes it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(to_toml, value)) + "]"
    if isinstance(value, int):
        return str(value).lower()
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
