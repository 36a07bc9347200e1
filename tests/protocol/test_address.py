"""Addresses name a host and a port, and nothing else."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qanat_protocol.address import check_address, check_addresses, is_for_datagrams
from qanat_protocol.errors import Malformed

ONION = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"


@pytest.mark.parametrize(
    "address",
    [
        "http://relay.example",
        "https://relay.example",
        "https://relay.example:443",
        "https://relay.example:1",
        "https://relay.example:65535",
        "http://localhost:8080",
        "http://relay",
        "http://127.0.0.1:8080",
        "http://[::1]",
        "http://[2001:db8::1]:8080",
        "http://[::ffff:192.0.2.1]",
        "http://xn--80ak6aa92e.example",
        "http://4chan.example1",
        f"http://{ONION}",
        "https://" + "a" * 63 + ".example",
        "https://" + ".".join(["a" * 49] * 5) + ".org",
        "udp://relay.example:4433",
        "udp://127.0.0.1:1",
        "udp://[2001:db8::1]:65535",
    ],
)
def test_a_host_and_a_port_are_an_address(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "relay.example",
        "//relay.example",
        "ftp://relay.example",
        "HTTP://relay.example",
        "https://Relay.example",
        "https://",
        "https://:443",
        "https://relay.example/",
        "https://relay.example/path",
        "https://relay.example?query",
        "https://relay.example#part",
        "https://user@relay.example",
        "https://user:word@relay.example",
        "https://relay.example:",
        "https://relay.example:0",
        "https://relay.example:080",
        "https://relay.example:65536",
        "https://relay.example:99999",
        "https://relay.example:443443",
        "https://relay.example:44\u0663",
        "https://relay.example:443:443",
        "https://relay.example\n",
        " https://relay.example",
        "https://relay .example",
        "https://relay..example",
        "https://.relay.example",
        "https://relay.example.",
        "https://-relay.example",
        "https://relay-.example",
        "https://relay_1.example",
        "https://\u0440\u0435\u043b\u0435.example",
        "https://" + "a" * 64 + ".example",
        "https://" + ".".join(["a" * 50] * 5),
        "https://256.0.0.1",
        "https://127.1",
        "https://127.0.0.01",
        "https://2130706433",
        "https://0x7f000001",
        "https://127.0.0.0x1",
        "https://::1",
        "https://[::1",
        "https://[::1]x",
        "https://[]",
        "https://[relay.example]",
        "https://[::FFFF]",
        "https://[::1%25eth0]",
        "https://[1:2]",
        "https://[::1]:",
        "udp:",
        "udp://",
        "udp://relay.example",
        "udp://relay.example:",
        "udp://relay.example:0",
        "udp://relay.example:65536",
        "udp://relay.example:4433/",
        "udp://relay.example:4433:4433",
        "udp://user@relay.example:4433",
        "udp://256.0.0.1:4433",
        "udp://[relay.example]:4433",
        "udps://relay.example:4433",
        "UDP://relay.example:4433",
    ],
)
def test_anything_else_is_malformed(address: str) -> None:
    with pytest.raises(Malformed):
        check_address(address)


@given(st.text() | st.from_regex(r"(https?|udp)://[a-f0-9:.x\[\]-]{0,30}", fullmatch=True))
@example("http://" + "1." * 200 + "1")
def test_any_text_is_an_address_or_malformed(address: str) -> None:
    try:
        check_address(address)
    except Malformed:
        return
    assert address == address.lower()
    assert address.isascii()


WEB, OTHER_WEB = "https://relay.example", "http://127.0.0.1:8080"
UDP = "udp://relay.example:4433"


def test_what_is_for_datagrams_alone_is_told_by_its_scheme() -> None:
    assert is_for_datagrams(UDP)
    assert not any(map(is_for_datagrams, (WEB, OTHER_WEB, "https://udp:1", "")))


@pytest.mark.parametrize("addresses", [[], [WEB], [WEB, UDP], [WEB, UDP, OTHER_WEB, UDP]])
def test_the_first_of_some_addresses_is_one_for_http(addresses: list[str]) -> None:
    check_addresses(addresses)


@pytest.mark.parametrize(
    "addresses", [[UDP], [UDP, WEB], [WEB, "udp://relay.example"], [WEB, UDP, "https://"], [""]]
)
def test_addresses_of_which_one_is_none_or_the_first_is_for_datagrams_are_malformed(
    addresses: list[str],
) -> None:
    with pytest.raises(Malformed):
        check_addresses(addresses)


@pytest.mark.parametrize(
    ("web", "udp"),
    [
        ("http://[2001:db8::1]", "udp://[2001:db8::1]:1"),
        ("http://[2001:db8::1]:8080", "udp://[2001:db8::1]:1"),
        ("https://relay.example:444", "udp://relay.example:4433"),
    ],
)
def test_datagrams_are_taken_on_a_host_that_another_address_names(web: str, udp: str) -> None:
    check_addresses([OTHER_WEB, udp, web])
    with pytest.raises(Malformed, match="no http or https address is on that host"):
        check_addresses([OTHER_WEB, udp, "https://relay.example.org", udp])
