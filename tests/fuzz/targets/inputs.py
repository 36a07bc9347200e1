"""Targets of what people and files tell the programs: addresses, codes, settings, command lines.

Wrong input is refused by the error that its reader promises, never by another.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from tests.fuzz.folders import lasting_folder
from tests.fuzz.target import Shape, Target
from tests.fuzz.vectors import binaries, strings
from tests.protocol.samples import parses_or_refuses
from yarl import URL

from qanat_client.carriers.proxies import parse_proxy
from qanat_client.desk.arguments import make_arguments as desk_arguments
from qanat_client.desk.root_key import read_root_keys, seal_root_keys
from qanat_client.errors import BadInput
from qanat_client.reporter.arguments import make_arguments, usage_of
from qanat_client.reporter.clock import parse_day
from qanat_client.reporter.desks import check_is_card
from qanat_client.reporter.home import Home
from qanat_client.reporter.pictures import render
from qanat_client.reporter.relays import named_address
from qanat_client.reporter.seal_report import Draft, check_draft, parse_figure, parse_report_id
from qanat_protocol.address import check_address, check_addresses, is_for_datagrams
from qanat_protocol.code import normalise
from qanat_protocol.errors import LocalError, Malformed, RemoteError
from qanat_protocol.record import pack, unpack
from qanat_protocol.report import Report, encode_report
from qanat_protocol.signing import SigningKey
from qanat_relay.arguments import build_parser
from qanat_relay.config import Config, check_config, parse_listener, store_limits, write_config
from qanat_relay.errors import ConfigError
from qanat_relay.settings import Sources

__all__ = ["TARGETS"]

T = TypeVar("T")


def _told(read: Callable[[str], T], text: str) -> T | None:
    """What is read, or None where the person is told what is wrong."""
    try:
        return read(text)
    except BadInput as error:
        assert str(error)
        return None


def _text(data: bytes) -> str:
    """What a command line may hold: bytes that are not UTF-8 arrive as half surrogates."""
    return data.replace(b"\0", b"").decode("utf-8", "surrogateescape")


@functools.cache
def _folder() -> Path:
    return lasting_folder()


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def _address(data: bytes) -> None:
    """What a card may name is an address to every library that will read it, and nothing more."""
    text = data.decode("utf-8", "replace")
    named = _told(named_address, _text(data))
    try:
        check_address(text)
    except RemoteError:
        return
    assert named == text or is_for_datagrams(text)
    parts, url = urlsplit(text), URL(text)
    assert text == f"{parts.scheme}://{parts.netloc}"
    assert (parts.path, parts.query, parts.fragment, parts.username) == ("", "", "", None)
    assert parts.port is None or 0 < parts.port <= 65_535
    with contextlib.suppress(Malformed):
        check_addresses([text])
        assert not is_for_datagrams(text)
    host = parts.netloc.removesuffix(f":{parts.port}")
    check_addresses([f"https://{host}", text])
    # Where a connection is made to is what the card said.
    assert url.raw_host == (parts.hostname or "") or ":" in (parts.hostname or "")
    assert url.user is None
    assert url.explicit_port == parts.port


def _proxy(data: bytes) -> None:
    """A proxy is refused, or is one: with a host, a port, and the library's own agreement."""
    proxy = _told(parse_proxy, _text(data))
    if proxy is None:
        return
    assert proxy.host
    assert 0 < proxy.port <= 65_535
    assert (proxy.user + proxy.password).isascii()
    if proxy.http_url:
        url = URL(proxy.http_url)
        # One that is empty would be taken for none, and all would go straight.
        assert url
        assert url.host
        assert url.port == proxy.port


def _code(data: bytes) -> None:
    """A code as typed is 24 digits that stay the same, or is refused."""
    text = data.decode("utf-8", "replace")
    digits = parses_or_refuses(lambda _: normalise(text), data)
    if digits is not None:
        assert len(digits) == 24
        assert digits.isascii()
        assert int(digits) % 97 == 1
        assert normalise(f" {digits[:4]}-{digits[4:]}\n") == digits


def _written(data: bytes) -> None:
    """What a person writes into a report is sealed, or refused with a reason, never half-way."""
    first, _, rest = _text(data).partition("\n")
    second, _, text = rest.partition("\n")
    figure = _told(parse_figure, first)
    day = _told(parse_day, second)
    assert day is None or 0 <= day < 2**32
    assert len(_told(parse_report_id, second) or bytes(32)) == 32
    draft = Draft(
        text=text, what=first, where=second, when=second, language=second,
        figures=() if figure is None else (figure,),
    )  # fmt: skip
    try:
        check_draft(draft)
    except BadInput:
        return
    with contextlib.suppress(LocalError):
        encode_report(
            Report(
                SigningKey(bytes(32)).public, bytes(16), text=text, what=first, where=second,
                when=second, language=second, figures=draft.figures,
            )
        )  # fmt: skip


def _relay_settings(data: bytes) -> None:
    """A relay's settings are taken or refused, and are the same when they are written anew."""
    try:
        config = _read_relays(_file("relay.toml", data))
    except ConfigError:
        return
    store_limits(check_config(config))
    assert _read_relays(_file("again.toml", write_config(config).encode())) == config
    for listener in map(parse_listener, config.listen):
        assert listener.host
        assert 0 <= listener.port <= 65_535


def _read_relays(path: Path) -> Config:
    return Sources(path, environment={}).read().config


def _reporter_settings(data: bytes) -> None:
    """The reporter's settings are taken or refused."""
    home = Home(_folder())
    home.settings_file.write_bytes(data)
    try:
        settings = home.settings()
    except BadInput:
        return
    assert 1 <= settings.original_copies <= 16
    assert settings.country == "" or len(settings.country) == 2
    assert isinstance(settings.sync_on_send, bool)


def _command_line(data: bytes) -> None:
    """Every command line is read, or ends with the usage: 0 for help, 2 for a mistake."""
    which, words = data[:1], [_text(word) for word in data[1:].split(b"\n")]
    parsers: list[Callable[[], argparse.ArgumentParser]] = [
        make_arguments,
        desk_arguments,
        lambda: build_parser(_Runs()),
    ]
    parser = parsers[(which or b"\0")[0] % 3]()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            found = parser.parse_args(words)
        except SystemExit as end:
            assert end.code in (0, 2)
            return
    assert isinstance(usage_of(parser, found), argparse.ArgumentParser)


class _Runs(dict[str, Callable[[argparse.Namespace], int]]):
    """Commands that nobody runs."""

    def __missing__(self, name: str) -> Callable[[argparse.Namespace], int]:
        return lambda _: 0


def _card_file(data: bytes) -> None:
    """A file that is to be a card is looked at first; what is none is told apart."""
    try:
        check_is_card(data, "a file")
    except BadInput:
        return
    values = unpack(data, max_bytes=1 << 20)
    assert values[0] == 5


def _root_key(data: bytes) -> None:
    """A root key file by somebody else costs no more than it may, and opens or is refused."""
    values = parses_or_refuses(lambda data: unpack(data, max_bytes=1024), data)
    # What is derived is another library's work, and too slow to be done each time.
    if isinstance(values, list) and len(values) > 2 and values[1:3] != [8, 1]:
        values = None
    if values is None and len(data) > 2 and data[0] == 0x97:
        return
    with contextlib.suppress(BadInput):
        root, successor = read_root_keys(_file("root.key", data), "a passphrase")
        assert len(root.seed) == len(successor.seed) == 32


def _picture(data: bytes) -> None:
    """A picture gives renditions that fit, or a reason; nothing else."""
    made = render(_file("picture", data))
    assert made.problem or (made.thumbnail and made.preview)
    assert len(made.thumbnail or b"") <= 15_360
    assert len(made.preview or b"") <= 130_048


def _address_seeds() -> Iterable[bytes]:
    yield from (
        b"https://relay.example", b"http://[2001:db8::1]:8080", b"http://127.0.0.1:1",
        b"http://0x7f.1", b"http://1.2.3.4.", b"https://a.onion:65535", b"http://a/", b"",
        b"http://[::ffff:1.2.3.4]", b"http://u@h", b"https://xn--a.example:0", b"udp://a.example:4433",
        b"udp://[::1]:1", b"udp://a.example",
    )  # fmt: skip


def _proxy_seeds() -> Iterable[bytes]:
    yield from (
        b"socks5h://127.0.0.1:9050", b"socks5://u:p@h", b"http://h:8118", b"https://[::1]:1",
        b"http://", b"socks5h://a:%41@b.onion:1", b"http://h:1/",
    )  # fmt: skip


def _written_seeds() -> Iterable[bytes]:
    yield "injured=16..20\n2026-01-31\nОни стреляют".encode()
    yield b"a=3\n" + b"ab" * 32 + b"\n"
    yield b"=\n\n\xff"


def _settings_seeds() -> Iterable[bytes]:
    yield write_config(Config()).encode()
    yield b'listen = ["[::1]:0", "h:1"]\naddresses = ["https://a.b"]\ncountry = "KZ"'
    yield b'name = "\\U0001F600"\nlisten = ["tls://[::1]:1"]\ntls_cert = "a"\ntls_key = "b"'
    yield b'country = "KZ"\nsync_on_send = true\noriginal_copies = 3'


def _command_seeds() -> Iterable[bytes]:
    for which, line in (
        (0, "send hello --figure a=1 --now --seen"), (0, "sync --watch --every 2 --relay http://a"),
        (0, "desk add card --yes"), (0, "--json outbox drop 3"), (0, "inbox --sync -h"),
        (1, "init --name x --relay-card f --weeks 3"), (1, "pull --watch --every 9 --relay u"),
        (1, "want abcd --file 2"), (1, "export -o d --all --format md"), (1, "set purge-after 3"),
        (2, "serve --listen a:1 --config f --json"), (2, "desk add card"), (2, "status --health"),
    ):  # fmt: skip
        yield bytes([which]) + line.replace(" ", "\n").encode()


def _picture_seeds() -> Iterable[bytes]:
    from PIL import Image

    for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"):
        for mode in ("RGB", "P", "L"):
            out = io.BytesIO()
            Image.new(mode, (3, 2), 1).convert("RGB" if form == "JPEG" else mode).save(out, form)
            yield out.getvalue()


def _root_key_seeds() -> Iterable[bytes]:
    yield seal_root_keys(SigningKey(bytes(32)), SigningKey(b"s" * 32), "a passphrase")
    yield pack([1, 8, 1, 1, bytes(16), bytes(12), bytes(80)])


TARGETS = (
    Target("address", _address, _address_seeds, max_bytes=300, brief_runs=2000,
           words=(b"http://", b"https://", b"udp://", b"[::", b"]:", b"xn--", b"0x")),
    Target("proxy", _proxy, _proxy_seeds, max_bytes=300, brief_runs=2000,
           words=(b"http://", b"socks5h://", b"[::", b"]:", b"%D0%B0")),
    Target("code", _code, lambda: strings("read_code", "code"), max_bytes=200, brief_runs=3000),
    Target("written", _written, _written_seeds, max_bytes=600, brief_runs=1000,
           words=(b"..", b"=")),
    Target("relay-settings", _relay_settings, _settings_seeds, max_bytes=8000, brief_runs=500,
           words=(b"listen = [", b"addresses = [", b"country = ", b'"""', b"\\U000")),
    Target("reporter-settings", _reporter_settings, _settings_seeds, max_bytes=8000, brief_runs=500,
           words=(b"country = ", b"sync_on_send = ", b"original_copies = ")),
    Target("command-line", _command_line, _command_seeds, max_bytes=300, brief_runs=40,
           words=(b"--json", b"--home", b"\nsend\n", b"\nsync\n", b"--every\n", b"--file\n")),
    Target("card-file", _card_file,
           lambda: binaries("parse_card", "envelope", max_bytes=3000), Shape.RECORD,
           brief_runs=1000),
    Target("root-key", _root_key, _root_key_seeds, Shape.RECORD, 1200, brief_runs=300),
    Target("picture", _picture, _picture_seeds, max_bytes=2000, brief_runs=100),
)  # fmt: skip
