"""Addresses of relays: scheme, host and port, and nothing that could say more (SPEC section 9)."""

import re
from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from qanat_protocol.errors import Malformed

__all__ = [
    "check_address",
    "check_addresses",
    "is_for_datagrams",
]

_URL = re.compile(
    r"https?://(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9.-]+))(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_UDP_URL = re.compile(_URL.pattern.replace("https?", "udp").removesuffix("?"))
"""The same with a port, which no convention gives."""

_PORT = re.compile(r":[0-9]+\Z")

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_MAX_NAME_CHARS = 253
"""RFC 1035 section 3.1: 255 bytes on the wire are 253 characters."""

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_for_datagrams(address: str) -> bool:
    """Whether it is no URL for a browser, but where a relay takes datagrams (SPEC 23)."""
    return address.startswith("udp:")


def check_addresses(addresses: Sequence[str]) -> None:
    """Raise `Malformed` unless each is an address, and one for datagrams alone is not the first and
    has a host that another has: nobody else's is sent what it never asked for."""
    for address in addresses:
        check_address(address)
    if addresses and is_for_datagrams(addresses[0]):
        raise Malformed(f"{addresses[0]} comes first: many paths pass no datagrams")
    hosts = {_host_of(address) for address in addresses if not is_for_datagrams(address)}
    for address in addresses:
        if _host_of(address) not in hosts:
            raise Malformed(f"{address}: no http or https address is on that host")


def _host_of(address: str) -> str:
    """Of one that was checked."""
    return _PORT.sub("", address.partition("://")[2])


def check_address(address: str) -> None:
    """Raise `Malformed` unless this is an http, https or udp URL of a lower-case host and a port,
    which http and https may leave out.

    No path, not even `/`, no query and no user. An IPv6 address stands in brackets.
    """
    parsed = (_UDP_URL if is_for_datagrams(address) else _URL).fullmatch(address)
    if parsed is None:
        raise Malformed(f"not an http, https or udp URL of host and port: {address!r}")
    if int(parsed["port"] or 0) > 65_535:
        raise Malformed(f"a port is 1 to 65535: {address!r}")
    try:
        _check_host(parsed["ipv6"], parsed["name"])
    except AddressValueError as error:
        raise Malformed(f"not an IP address: {address!r}") from error


def _check_host(ipv6: str | None, name: str) -> None:
    if ipv6 is not None:
        IPv6Address(ipv6)
        return
    labels = name.split(".")
    # Browsers read a host whose last label is a number as IPv4, in every form that it ever had.
    if _NUMBER.fullmatch(labels[-1]):
        IPv4Address(name)
    elif len(name) > _MAX_NAME_CHARS or not all(map(_LABEL.fullmatch, labels)):
        raise Malformed(f"not a host name: {name!r}")
