"""TLS without a proxy: which listeners speak it, and certificates that change while it runs."""

from __future__ import annotations

import asyncio
import io
import logging
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from tests.relay.relay_process import Authority, hang_up, read, serving
from tests.relay.running_relay import running_relay

from qanat_relay import certificate as certificates
from qanat_relay.certificate import load_certificate
from qanat_relay.cli import main
from qanat_relay.errors import ConfigError
from qanat_relay.logs import log


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield stream
    log.removeHandler(handler)
    log.setLevel(level)


async def told(logged: io.StringIO, words: str) -> None:
    while words not in logged.getvalue():  # noqa: ASYNC110 - a log wakes nobody
        await asyncio.sleep(0.02)


def shown_at(url: str) -> bytes:
    """The certificate that a new connection is shown, as DER."""
    host, port = url.removeprefix("https://").rsplit(":", 1)
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, int(port))))


def first_in(path: str) -> bytes:
    (first, *_) = x509.load_pem_x509_certificates(Path(path).read_bytes())
    return first.public_bytes(Encoding.DER)


def write_ended(folder: Path, *, days: int) -> None:
    """A certificate that ended so many days ago."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    end = datetime.now(UTC) - timedelta(days=days)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(end - timedelta(days=90))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    (folder / "chain.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )


async def test_each_listener_is_plain_or_tls_as_it_says(
    tmp_path: Path, authority: Authority
) -> None:
    chain, key = authority.write(tmp_path)
    listen = ("127.0.0.1:0", "tls://127.0.0.1:0", "tls://127.0.0.1:0")
    async with running_relay(
        tmp_path / "r", listen=listen, listen_udp=(), tls_cert=chain, tls_key=key
    ) as relay:
        urls = [relay.url, *relay.others]
        assert [url.partition(":")[0] for url in urls] == ["http", "https", "https"]
        assert len(set(urls)) == 3
        async with aiohttp.ClientSession() as http:
            for url in urls:
                async with http.get(f"{url}/healthz", ssl=authority.trusted) as response:
                    assert await response.read() == b"ok\n"
            with pytest.raises(aiohttp.ClientError):
                await http.get(urls[1].replace("https", "http"))
            with pytest.raises(aiohttp.ClientError):
                await http.get(urls[0].replace("http", "https"), ssl=authority.trusted)


async def test_a_renewed_certificate_is_taken_and_open_connections_stay(
    tmp_path: Path, authority: Authority, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "LOOK_S", 0.05)
    chain, key = authority.write(tmp_path)
    async with running_relay(
        tmp_path / "r", listen=("tls://127.0.0.1:0",), tls_cert=chain, tls_key=key
    ) as relay:
        assert await asyncio.to_thread(shown_at, relay.url) == first_in(chain)
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{relay.url}/healthz", ssl=authority.trusted) as response:
                await response.read()
            authority.write(tmp_path)
            await told(logged, "the certificate is read anew")
            assert await asyncio.to_thread(shown_at, relay.url) == first_in(chain)
            async with http.get(f"{relay.url}/healthz", ssl=authority.trusted) as response:
                assert await response.read() == b"ok\n"


@pytest.mark.parametrize("kind", ["garbage", "another key", "missing", "ended"])
async def test_a_broken_new_certificate_is_named_once_and_the_old_one_stays(
    tmp_path: Path,
    authority: Authority,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    monkeypatch.setattr(certificates, "LOOK_S", 0.02)
    chain, key = authority.write(tmp_path)
    good = first_in(chain)
    async with running_relay(
        tmp_path / "r", listen=("tls://127.0.0.1:0",), tls_cert=chain, tls_key=key
    ) as relay:
        if kind == "garbage":
            Path(chain).write_text("no certificate")
        elif kind == "another key":
            (tmp_path / "other").mkdir()
            Path(Authority().write(tmp_path / "other")[1]).replace(key)
        elif kind == "missing":
            Path(key).unlink()
        else:
            write_ended(tmp_path, days=3)
        await told(logged, "not taken")
        await asyncio.sleep(0.2)
        lines = logged.getvalue().splitlines()
        assert all(str(tmp_path) in line for line in lines), lines
        assert len(lines) == len(set(lines))
        assert await asyncio.to_thread(shown_at, relay.url) == good
        # What is put right is taken without a word from anybody.
        authority.write(tmp_path)
        await told(logged, "the certificate is read anew")
        assert await asyncio.to_thread(shown_at, relay.url) == first_in(chain)


def test_a_certificate_that_ended_is_served_with_a_warning(tmp_path: Path) -> None:
    write_ended(tmp_path, days=3)
    files = ["--tls-cert", str(tmp_path / "chain.pem"), "--tls-key", str(tmp_path / "key.pem")]
    with serving("--data", str(tmp_path / "r"), "--listen", "tls://127.0.0.1:0", *files) as (
        process,
        line,
    ):
        url = line.split()[1]
        assert shown_at(url) == first_in(str(tmp_path / "chain.pem"))
        process.terminate()
        assert "renew it" in process.communicate(timeout=60)[1]


@pytest.mark.parametrize("text", ["", "x" * 5000, "\0"])
def test_files_that_are_no_certificate_are_named(
    tmp_path: Path, authority: Authority, text: str
) -> None:
    chain, key = authority.write(tmp_path)
    Path(chain).write_text(text)
    with pytest.raises(ConfigError, match="tls_cert"):
        load_certificate(chain, key)
    with pytest.raises(ConfigError, match="nowhere"):
        load_certificate(str(tmp_path / "nowhere"), key)
    with pytest.raises(ConfigError, match="no path"):
        load_certificate("\0", key)


def test_sighup_takes_a_certificate_at_once_and_never_a_broken_one(
    tmp_path: Path, authority: Authority
) -> None:
    chain, key = authority.write(tmp_path)
    arguments = ["--data", str(tmp_path / "r"), "--listen", "tls://127.0.0.1:0"]
    with serving(*arguments, "--tls-cert", chain, "--tls-key", key) as (process, line):
        url = line.split()[1]
        before = shown_at(url)
        authority.write(tmp_path)
        hang_up(process, "read again")
        assert shown_at(url) == first_in(chain) != before
        good = first_in(chain)
        Path(chain).write_text("no certificate")
        assert chain in hang_up(process, "not taken")[-1]
        assert shown_at(url) == good
        assert read(f"{url}/healthz", authority.trusted) == b"ok\n"


async def test_a_connection_that_never_ends_its_handshake_holds_up_nobody(
    tmp_path: Path, authority: Authority
) -> None:
    chain, key = authority.write(tmp_path)
    async with running_relay(
        tmp_path / "r", listen=("tls://127.0.0.1:0",), tls_cert=chain, tls_key=key
    ) as relay:
        host, port = relay.url.removeprefix("https://").split(":")
        idle = [socket.create_connection((host, int(port))) for _ in range(50)]
        for each in idle[::2]:
            each.send(b"\x16\x03\x01")
        answer = await asyncio.to_thread(read, f"{relay.url}/healthz", authority.trusted)
        assert answer == b"ok\n"
        for each in idle:
            each.close()


def test_a_locked_tls_key_is_named_and_nobody_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    locked = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a passphrase")
    )
    certificate = trustme.CA().issue_cert("localhost").cert_chain_pems[0]
    certificate.write_to_path(tmp_path / "cert.pem")
    (tmp_path / "key.pem").write_bytes(locked)
    files = ["--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
    serve = ["serve", "--data", str(tmp_path / "relay"), "--listen", "tls://127.0.0.1:0"]
    assert main([*serve, *files]) == 2
    assert "key.pem is locked with a passphrase" in capsys.readouterr().err
