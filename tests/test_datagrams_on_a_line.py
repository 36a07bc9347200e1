"""Datagrams on an emulated line that is long, or that passes TCP alone: real programs in network
namespaces."""

from __future__ import annotations

import os

import pytest
from benchmarks.bad_link import Line
from benchmarks.namespace import what_is_missing
from benchmarks.network import Network, network
from benchmarks.windows.programs import started
from benchmarks.windows.scene import REPORTER, Scene, relay_host

MISSING = what_is_missing()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

RELAY = relay_host(1)
LETTERS = 5
WINDOW_S = 60.0


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    made = Scene(tmp_path_factory.mktemp("scene") / "scene", os.environ, is_tls=True)
    made.make([f"Report {number}." for number in range(LETTERS)])
    return made


def bytes_by(net: Network) -> list[int]:
    """Of each stream from the reporter to the relay that carried anything, TCP's and datagrams'."""
    streams = net.streams.between(net.address(REPORTER), net.address(RELAY))
    return [stream.sent_bytes for stream in streams if stream.sent_bytes]


def sync(scene: Scene, line: Line) -> tuple[int, Network]:
    """Letters at the relay after one `qanat sync` over a line, and the network for its counts."""
    with (
        scene.copy() as copy,
        network({REPORTER: line, RELAY: Line()}) as net,
        copy.serving(net) as relay,
    ):
        net.begin()
        with started(copy.sync(net), copy.variables) as syncing:
            assert syncing.ended_well(WINDOW_S), syncing.said()
        relay.kill()
        return copy.letters(), net


def test_on_a_long_lossy_line_all_letters_go_by_one_session_of_datagrams(scene: Scene) -> None:
    letters, net = sync(scene, Line(400, 600, 0.05))
    assert letters == LETTERS
    (sent_bytes,) = bytes_by(net)
    # Not TLS's handshake and not a byte of a session went by TCP.
    assert sent_bytes > LETTERS * 4096


def test_a_path_that_passes_tcp_alone_is_found_out_and_nothing_is_lost(scene: Scene) -> None:
    letters, net = sync(scene, Line(400, 300, 0.0, passes_udp=False))
    assert letters == LETTERS
    assert len(bytes_by(net)) > 1
