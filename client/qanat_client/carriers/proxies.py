"""Proxies as a person names them, checked before anything is asked through one.

What is not usable is refused: nothing ever goes straight in its stead.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import SplitResult, quote, unquote, urlsplit

from qanat_client.errors import BadInput
from qanat_client.terminal import printable_line

__all__ = ["Proxy", "parse_proxy"]

_SOCKS = ("socks5", "socks5h")
_SOCKS_PORT = 1080
_HTTP_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where the proxy listens, and who asks; user and password also part Tor's circuits.

    `http_url` is what an HTTP client takes; None for a SOCKS5 proxy, which is left every name.
    """

    host: str
    port: int
    user: str = ""
    password: str = ""
    http_url: str | None = None


def parse_proxy(url: str) -> Proxy:
    """Read `socks5h://`, `socks5://`, `http://` or `https://`. Raises BadInput."""
    shown = printable_line(url)
    parts = _split(url)
    if parts is None or not _is_host(parts.hostname or ""):
        raise BadInput(f"not a proxy address: {shown} (like socks5h://127.0.0.1:9050)")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise BadInput(f"the proxy {shown} has no usable port")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    is_socks = parts.scheme in _SOCKS
    # With one of the two alone the SOCKS library would ask without either, on everybody's circuit.
    least = 1 if is_socks and (user or password) else 0
    if not all(least <= len(said) < 256 and said.isascii() for said in (user, password)):
        raise BadInput("a proxy takes a user and a password, each 1 to 255 ASCII characters")
    usual = _SOCKS_PORT if is_socks else _HTTP_PORTS[parts.scheme]
    host = parts.hostname or ""
    return Proxy(
        host,
        port or usual,
        user,
        password,
        None if is_socks else _url(parts.scheme, host, port or usual, user, password),
    )


def _url(scheme: str, host: str, port: int, user: str, password: str) -> str:
    # Made anew: what one library reads as an address another may read as another one.
    whom = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user or password else ""
    return f"{scheme}://{whom}{f'[{host}]' if ':' in host else host}:{port}"


def _split(url: str) -> SplitResult | None:
    """Scheme, user, host and port; None for what is more than that or less."""
    # urlsplit drops tabs and line ends without a word.
    if not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in (*_SOCKS, *_HTTP_PORTS):
        return None
    return None if parts.path not in ("", "/") or parts.query or parts.fragment else parts


def _is_host(host: str) -> bool:
    try:
        if ":" in host:
            IPv6Address(host)
        else:
            host.encode("idna")
    except ValueError:
        return False
    # Letters and digits of any script, and what IPv6 adds: nothing that parts an address.
    return host not in ("", ".") and all(sign.isalnum() or sign in ".-_:%" for sign in host)
