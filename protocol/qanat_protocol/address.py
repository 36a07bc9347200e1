"""Addresses of relays: scheme, host and port, and nothing that could say more (SPEC section 9)."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from qanat_protocol.errors import Malformed

__all__ = [
    "check_address",
]

_URL = re.compile(
    r"https?://(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9.-]+))(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_MAX_NAME_CHARS = 253
"""RFC 1035 section 3.1: 255 bytes on the wire are 253 characters."""

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def check_address(address: str) -> None:
    """Raise `Malformed` unless this is an http or https URL of a lower-case host and optional port.

    No path, not even `/`, no query and no user. An IPv6 address stands in brackets.
    """
    parsed = _URL.fullmatch(address)
    if parsed is None:
        raise Malformed(f"not an http or https URL of host and port: {address!r}")
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
