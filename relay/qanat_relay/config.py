"""A relay's settings: one frozen value, each setting documented where it is declared.

Read from TOML; what is unknown, of the wrong type or contradicts something else is refused.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from qanat_protocol.address import check_address
from qanat_protocol.errors import Malformed
from qanat_protocol.limits import MAX_LETTER_BODY_BYTES, MAX_PART_BODY_BYTES
from qanat_protocol.stamp import MAX_EFFORT
from qanat_relay.errors import ConfigError
from qanat_relay.store.interface import StoreLimits

FILE_NAME = "relay.toml"
LEVELS = ("debug", "info", "warning", "error")
_GIB = 2**30
_RANGES = (
    ("largest_body_bytes", MAX_LETTER_BODY_BYTES, MAX_PART_BODY_BYTES),
    ("capacity_bytes", 1, 2**53),
    ("partial_bytes", 1, 2**53),
    ("partial_days", 1, 560),
    ("stamp_effort", 0, MAX_EFFORT),
    ("sessions_max", 1, 100_000),
    ("idle_s", 1, 86_400),
    ("stall_s", 1, 86_400),
    ("stop_s", 0, 600),
    ("sweep_s", 1, 86_400),
    ("peer_s", 1, 86_400),
    ("peer_retry_s", 1, 86_400),
)


def _setting(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Config:
    """What the operator chooses. Sizes are in bytes, times in seconds unless the name says days."""

    listen: tuple[str, ...] = _setting(
        ("127.0.0.1:8080",),
        "Where to listen, as HOST:PORT; IPv6 as [HOST]:PORT. Port 0 takes any free one.",
    )
    addresses: tuple[str, ...] = _setting(
        (),
        "Where the world reaches this relay, as http:// or https:// with host and optional port."
        " At most 8; they stand in the relay's card.",
    )
    name: str = _setting("", "What this relay is called in its card, at most 128 bytes.")
    country: str = _setting("", "The country that it stands in: two capital letters, or empty.")
    tls_cert: str = _setting(
        "", "A certificate chain in PEM. Empty: plain http (the session is sealed either way)."
    )
    tls_key: str = _setting("", "The key of tls_cert in PEM.")
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
    stamp_effort: int = _setting(
        0, "The stamp that this relay says it would like, in tries on average. 0: none."
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
    log_level: str = _setting("info", "debug, info, warning or error. No level shows an address.")


def read_config(path: Path) -> Config:
    """The settings in a file. Raises ConfigError naming the file and the setting."""
    try:
        loaded = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        if "overwrite a value" in str(error):
            where = str(error).partition("(")[2].rstrip(")")
            raise ConfigError(f"{path}: a setting stands there twice ({where})") from None
        raise ConfigError(f"{path}: not TOML: {error}") from None
    try:
        return check_config(_from_table(loaded))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def with_changes(config: Config, changes: dict[str, Any]) -> Config:
    """The settings with those of the command line instead; checked like a file's."""
    return check_config(replace(config, **changes))


def _from_table(table: dict[str, Any]) -> Config:
    known = {each.name: each.default for each in fields(Config)}
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in known:
            raise ConfigError(f"no setting is called {name!r}")
        values[name] = _typed(name, value, known[name])
    return Config(**values)


def _typed(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ConfigError(f"{name} takes a list of strings")
        return tuple(value)
    if type(value) is not type(default):
        kind = {str: "a string", int: "a whole number"}[type(default)]
        raise ConfigError(f"{name} takes {kind}")
    return value


def check_config(config: Config) -> Config:
    """The same settings, or ConfigError if one is out of range or contradicts another."""
    if not config.listen:
        raise ConfigError("listen is empty: name at least one HOST:PORT")
    for each in config.listen:
        parse_listen(each)
    if len(config.addresses) > 8:
        raise ConfigError(f"addresses holds {len(config.addresses)}; a card takes 8")
    for address in config.addresses:
        try:
            check_address(address)
        except Malformed as error:
            raise ConfigError(f"addresses: {error}") from None
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
    if bool(config.tls_cert) != bool(config.tls_key):
        raise ConfigError("tls_cert and tls_key go together: give both or neither")
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
    return config


def parse_listen(text: str) -> tuple[str, int]:
    """(host, port) of `HOST:PORT` or `[HOST]:PORT`; ConfigError for anything else."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
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
    """The settings as a TOML file that explains each of them."""
    lines = [
        "# Settings of a Qanat relay. What is left out has its default.",
        "",
    ]
    for each in fields(config):
        lines += _wrapped(each.metadata["meaning"])
        lines += [f"{each.name} = {_toml(getattr(config, each.name))}", ""]
    return "\n".join(lines).rstrip() + "\n"


def store_limits(config: Config) -> StoreLimits:
    """What of the settings is the store's."""
    return StoreLimits(
        max_body_bytes=config.largest_body_bytes,
        max_store_bytes=config.capacity_bytes,
        max_partial_bytes=config.partial_bytes,
        partial_ttl_days=config.partial_days,
    )


def _wrapped(meaning: str) -> list[str]:
    lines = ["#"]
    for word in meaning.split():
        if len(lines[-1]) + 1 + len(word) > 100:
            lines.append("#")
        lines[-1] += f" {word}"
    return lines


def _toml(value: str | int | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
