"""Which certificate a connection believes, and how a second one goes on from the first."""

from __future__ import annotations

import ssl
from typing import Any

from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import BadPin

__all__ = ["Tls"]


class _Context(ssl.SSLContext):
    """What asyncio makes its TLS with; it has no word for a session to be resumed."""

    resumed: ssl.SSLSession | None = None

    def wrap_bio(self, *places: Any, **options: Any) -> ssl.SSLObject:
        return super().wrap_bio(*places, **{**options, "session": self.resumed})


class Tls:
    """How a relay's certificate is judged: by its public key's SHA-256 (`pin`), whoever signed it,
    or else as the settings or the system do.

    For one host and one run: a session that is resumed later would tell the relay who comes again.
    """

    def __init__(self, settings: CarrierSettings, pin: bytes | None) -> None:
        self._settings = settings
        self._pin = pin
        self._context: ssl.SSLContext | None = None

    @property
    def context(self) -> ssl.SSLContext:
        """The same for all connections that may resume each other's sessions."""
        if self._context is None:
            self._context = self._made()
        return self._context

    def prepare(self) -> None:
        """Load what the first connection would have to wait for."""
        _ = self.context
        if self._pin is not None:
            from qanat_client.carriers import pins  # noqa: F401 - for `check`

    def resume(self, session: ssl.SSLSession | None) -> None:
        """Let further connections go on from one that was made with this context."""
        if isinstance(self._context, _Context):
            self._context.resumed = session

    def check(self, tls: ssl.SSLObject | None) -> None:
        """Judge the certificate of a connection that was made. Raises BadPin."""
        if tls is None or self._pin is None:
            return
        from qanat_client.carriers.pins import key_hash

        if key_hash(tls.getpeercert(binary_form=True) or b"") != self._pin:
            raise BadPin(f"{tls.server_hostname} shows another certificate than the card says")

    def _made(self) -> ssl.SSLContext:
        if self._pin is None and self._settings.tls is not None:
            return self._settings.tls
        context = _Context(ssl.PROTOCOL_TLS_CLIENT)
        if self._pin is None:
            context.load_default_certs()
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
