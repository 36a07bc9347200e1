"""What TLS listeners show: a certificate and its key from files, read again when these change.

A new one that is broken never replaces one that works.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from qanat_relay.errors import ConfigError
from qanat_relay.events import Event
from qanat_relay.logs import tell
from qanat_relay.rights import words_of

LOOK_S = 30
"""How often the files are looked at; whoever renews a certificate need not tell the relay."""

Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A certificate that can be shown. `ends`: when it is no longer valid."""

    chain: str
    key: str
    stamp: Stamp
    context: ssl.SSLContext
    ends: datetime

    @property
    def last_day(self) -> str:
        """The day on which it ends, as the log names it."""
        return f"{self.ends:%Y-%m-%d}"

    def is_over(self, now: datetime) -> bool:
        """Whether browsers and programs refuse it by now."""
        return self.ends <= now


def load_certificate(chain: str, key: str) -> Loaded:
    """The certificate in these files. Raises ConfigError, which names the file."""
    from cryptography.x509 import load_pem_x509_certificates

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def refuse() -> str:
        # Left alone the library would ask at the terminal, where a service has nobody.
        raise ConfigError(f"tls_key {key} is locked with a passphrase; give one that is not")

    try:
        stamp = _stamp(chain, key)
        context.load_cert_chain(chain, key, password=refuse)
        first, *_ = load_pem_x509_certificates(Path(chain).read_bytes())
    except ValueError:
        raise ConfigError("tls_cert or tls_key is no path of a file in PEM") from None
    except ssl.SSLError as error:
        raise ConfigError(
            f"tls_cert {chain} with tls_key {key}: not a certificate in PEM and its own key"
            f" ({error.reason or 'unreadable'})"
        ) from None
    except OSError as error:
        raise ConfigError(f"tls_cert {chain} with tls_key {key}: {words_of(error)}") from None
    return Loaded(chain, key, stamp, context, first.not_valid_after_utc)


def _stamp(*paths: str) -> Stamp:
    """What changes when a file is written, replaced, or another one linked there."""
    found = [Path(path).stat() for path in paths]
    return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)


class Certificate:
    """The certificate that all TLS listeners of a relay show.

    `context` stays the same for as long as they listen; each new connection is given the newest
    certificate, and those that are open keep theirs.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._tried = loaded.stamp
        self.context = loaded.context
        self.context.sni_callback = self._hand_newest

    def _hand_newest(
        self, connection: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext
    ) -> None:
        connection.context = self._loaded.context

    def check(self, loaded: Loaded) -> None:
        """Raise ConfigError for another one that has ended: nobody would believe it."""
        if loaded.stamp != self._loaded.stamp and loaded.is_over(datetime.now(UTC)):
            raise ConfigError(f"the certificate in {loaded.chain} ended on {loaded.last_day}")

    def take(self, loaded: Loaded) -> None:
        """Show this one from now on."""
        self._loaded = loaded
        self._tried = loaded.stamp
        if loaded.is_over(datetime.now(UTC)):
            tell(Event.CERTIFICATE_ENDED, day=loaded.last_day)

    def look(self) -> None:
        """Take what stands in the files now if it is another and works; else say so once."""
        chain, key = self._loaded.chain, self._loaded.key
        try:
            stamp = _stamp(chain, key)
        except OSError:
            stamp = ()
        if stamp == self._tried:
            return
        self._tried = stamp
        try:
            loaded = load_certificate(chain, key)
            self.check(loaded)
        except ConfigError as error:
            tell(Event.CERTIFICATE_REFUSED, reason=str(error))
            return
        self.take(loaded)
        tell(Event.CERTIFICATE_TAKEN, day=loaded.last_day)

    async def look_forever(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()
