"""The links of benchmarks/windows: what they do to packets, and that nothing of them is left."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from benchmarks import simulator_reality
from benchmarks.bad_link import Line, Way
from benchmarks.machine import Machine
from benchmarks.metered import compiled
from benchmarks.namespace import what_is_missing
from benchmarks.network import network
from benchmarks.streams import Streams
from benchmarks.windows import bare_tcp
from benchmarks.windows.rows import Row, as_json, as_text, percentile

ROOT = Path(__file__).resolve().parent.parent
MISSING = what_is_missing()
needs_namespaces = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


def way(line: Line, seed: int = 1) -> Way:
    return Way(line, Random(seed))


def test_a_packet_takes_its_time_at_the_rate_and_half_the_round_trip() -> None:
    assert way(Line(rate_kbit=8, rtt_ms=600)).take(1000, 5.0) == pytest.approx(5.0 + 1.0 + 0.3)


def test_packets_wait_for_each_other_and_the_next_one_does_not_wait_for_nothing() -> None:
    one = way(Line(rate_kbit=80, queue_ms=1000))
    assert [one.take(1000, 0.0) for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])
    assert one.take(1000, 9.0) == pytest.approx(9.1)


def test_a_line_without_a_limit_takes_no_time() -> None:
    assert [way(Line()).take(1400, 7.0) for _ in range(3)] == [7.0] * 3


def test_what_is_more_than_the_queue_holds_is_dropped_and_the_rest_goes_on() -> None:
    one = way(Line(rate_kbit=800, queue_ms=50))
    # 5,000 bytes wait at most; the first packet waits for nothing and counts until it is through.
    came = [one.take(1000, 0.0) is not None for _ in range(8)]
    assert came == [True] * 5 + [False] * 3
    assert one.tally.overflowed == 3
    assert one.take(1000, 0.0101) is not None


def test_a_slow_line_still_holds_two_whole_packets() -> None:
    one = way(Line(rate_kbit=8, queue_ms=1))
    assert [one.take(1400, 0.0) is not None for _ in range(3)] == [True, True, False]


def test_so_many_are_lost_as_the_line_says_and_each_takes_its_time_on_the_wire() -> None:
    one = way(Line(rate_kbit=8000, loss=0.05))
    came = [one.take(1000, number * 0.001) for number in range(20_000)]
    assert one.tally.lost == came.count(None)
    assert 0.045 < one.tally.lost / 20_000 < 0.055
    late = way(Line(rate_kbit=8, loss=1.0))
    assert late.take(1000, 0.0) is None
    assert late.take(1000, 0.0) is None
    late.line = Line(rate_kbit=8)
    assert late.take(1000, 0.0) == pytest.approx(3.0)


def test_the_same_seed_loses_the_same_packets() -> None:
    def lost(seed: int) -> list[bool]:
        one = way(Line(rate_kbit=8000, loss=0.2), seed)
        return [one.take(1000, float(number)) is None for number in range(50)]

    assert lost(7) == lost(7) != lost(8)


def test_a_line_carries_only_within_its_spans_and_their_end_is_outside() -> None:
    line = Line(open_s=((0.0, 20.0), (60.0, 80.0)))
    shown = [line.is_open(at) for at in (-1.0, 0.0, 19.9, 20.0, 59.9, 60.0, 80.0)]
    assert shown == [False, True, True, False, False, True, False]
    assert line.open_seconds() == 40.0
    one = way(line)
    assert one.take(100, 30.0) is None
    assert not one.give(100, 20.0)
    assert one.give(100, 19.0)
    tally = one.tally
    assert (tally.shut_out, tally.through, tally.through_bytes) == (2, 1, 100)


def test_rate_by_time_is_what_a_window_could_carry() -> None:
    assert Line(rate_kbit=400, open_s=((0.0, 20.0),)).carries_bytes() == 1_000_000


def segment(sequence: int, payload_bytes: int, flags: int = 0x10, port: int = 1000) -> bytes:
    tcp = struct.pack("!HHIIBBHHH", port, 443, sequence % 2**32, 0, 5 << 4, flags, 0, 0, 0)
    total = 20 + len(tcp) + payload_bytes
    addresses = bytes([10, 77, 0, 1, 10, 77, 0, 2])
    ip = struct.pack("!BBHHHBBH", 0x45, 0, total, 0, 0, 64, 6, 0) + addresses
    return ip + tcp + bytes(payload_bytes)


def seen(*packets: bytes) -> list[tuple[int, int]]:
    streams = Streams()
    for packet in packets:
        streams.see(packet)
    found = streams.between("10.77.0.1", "10.77.0.2")
    assert streams.between("10.77.0.2", "10.77.0.1") == []
    return [(stream.sent_bytes, stream.again_bytes) for stream in found]


@pytest.mark.parametrize("first", [0, 5000, 2**32 - 1500])
def test_a_streams_bytes_are_counted_once_however_often_they_are_sent(first: int) -> None:
    syn = segment(first - 1, 0, flags=0x02)
    parts = [segment(first + at, 1000) for at in (0, 1000, 2000)]
    assert seen(syn, syn, *parts, parts[1], segment(first + 2500, 1000)) == [(3500, 1500)]


def test_a_stream_goes_on_past_four_gigabytes() -> None:
    places = range(0, 2**32 + 600_000, 60_000)
    # Only headers are read.
    packet = bytearray(segment(0, 60_000)[:40])
    streams = Streams()
    streams.see(segment(-1, 0, flags=0x02))
    for at in places:
        struct.pack_into("!I", packet, 24, at % 2**32)
        streams.see(bytes(packet))
    (stream,) = streams.between("10.77.0.1", "10.77.0.2")
    assert stream.sent_bytes == len(places) * 60_000
    assert stream.again_bytes == 0


def test_each_connection_is_a_stream_of_its_own_also_on_the_same_port() -> None:
    first = (segment(99, 0, flags=0x02), segment(100, 10))
    other = (segment(7, 0, flags=0x02, port=1001), segment(8, 20, port=1001))
    again = (segment(5000, 0, flags=0x02), segment(5001, 30))
    assert sorted(seen(*first, *other, *again)) == [(10, 0), (20, 0), (30, 0)]


def test_packets_that_are_no_tcp_or_of_unknown_connections_are_passed_over() -> None:
    udp = bytearray(segment(1, 10))
    udp[9] = 17
    assert seen(bytes(udp), b"\x60" + bytes(60), b"\x45", segment(1, 10)) == []


MACHINE = Machine("Linux", 2, "3.11", "3.40", "50", "OpenSSL 4", 0.2, 0.5)
ROWS = [
    Row("a window", "share", [0.7, 0.9, 0.8], must=0.8, beside={"NNCP": [0.5, 0.6]}),
    Row("a time", "RTT", [1.0] * 18 + [4.0, 9.0], must=0.9),
    Row("bytes", "x", [1.0109], must=1.02, remark="all of it"),
    Row("letters", "letters", [200], must=200),
    Row("nothing asked", "s", [3.0]),
]


def test_the_median_is_judged_by_what_must_be_reached() -> None:
    assert [row.is_met for row in ROWS] == [True, False, True, True, None]


def test_the_table_shows_median_range_and_what_stands_beside() -> None:
    _, _, _, head, _, window, took, *_ = as_text(MACHINE, ROWS).splitlines()
    beside = ["by", "TCP", "cubic", "BBR", "NNCP"]
    assert head.split() == ["what", "Qanat", "must", "runs", *beside, "remark"]
    assert window.split() == [
        *("a", "window", "0.80", "(0.70-0.90)", "0.80", "met", "3"),
        *("-", "-", "-", "0.55", "(0.50-0.60)"),
    ]
    assert "1.00 RTT (p95 4.00)" in took
    assert "NOT MET" in took
    assert '"is_met": false' in as_json(MACHINE, ROWS)


def test_the_95th_percentile_of_fifty_is_the_48th() -> None:
    assert percentile([float(number) for number in range(1, 51)], 0.95) == 48.0
    assert percentile([3.0], 0.95) == 3.0


def namespaces() -> set[str]:
    folder = Path("/run/netns")
    return {path.name for path in folder.glob("qanat-*")} if folder.exists() else set()


@needs_namespaces
def test_real_packets_are_delayed_limited_and_cut_off_with_the_window() -> None:
    program = [sys.executable, "-I", "-S", str(bare_tcp.__file__)]
    lines = {"a": Line(400, 100, open_s=((0.0, 3.0),)), "b": Line()}
    with network(lines) as net:
        place = [net.address("b"), "5000"]
        sink = subprocess.Popen(
            net.command("b", [*program, "sink", *place]), stdout=subprocess.PIPE, text=True
        )
        with sink:
            assert sink.stdout is not None
            assert sink.stdout.readline() == "listening\n"
            net.begin()
            source = subprocess.Popen(net.command("a", [*program, "source", *place, "cubic"]))
            with source:
                net.wait_until(3.5)
                up, down = net.tallies("a")
                through = up.through_bytes
                net.wait_until(4.0)
                source.kill()
            sink.kill()
            counted = [int(line) for line in sink.stdout]
        first_s = net.first_sent_s("a")
        assert up.through_bytes == through
        assert up.shut_out > 0
        assert down.through > 0
        # However busy the machine is: never more than the link carries, and much of it in order.
        assert 20_000 < counted[-1] < through <= 3.0 * 50_000
        assert net.stream_bytes("a", ["b"]) >= counted[-1]
        assert net.stream_bytes("b", ["a"]) == 0
        assert first_s is not None
        assert 0.0 <= first_s < 3.0
    assert not {name for name in namespaces() if f"-{os.getpid()}-" in name}


@needs_namespaces
def test_programs_end_with_their_host_and_what_a_killed_run_left_is_removed() -> None:
    waits = "import time; print(1, flush=True); time.sleep(600)"
    lost = (
        "import os; from benchmarks.bad_link import Line; from benchmarks.network import Network\n"
        "net = Network({'a': Line()}, 1); net.make(); print(net.namespace('a').name, flush=True)\n"
        "os._exit(1)"
    )
    left = subprocess.run(
        [sys.executable, "-c", lost], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert left.stdout.strip() in namespaces(), left.stderr
    with network({"a": Line()}) as net:
        assert left.stdout.strip() not in namespaces()
        command = net.command("a", [sys.executable, "-c", waits])
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
    assert process.wait(10) == -signal.SIGKILL
    process.stdout.close()


# Its programs are all started once before, which is slow where others are at work too.
@pytest.mark.timeout(900)
@needs_namespaces
def test_an_interrupted_run_leaves_no_host_and_no_file(tmp_path: Path) -> None:
    words = ["-m", "benchmarks.windows", "--quick", "--only", "payload", "--folder", str(tmp_path)]
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, stderr=subprocess.PIPE)
    mine = f"qanat-{process.pid}-"
    with process:
        while not any(name.startswith(mine) for name in namespaces()):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 128 + signal.SIGINT
    assert not any(name.startswith(mine) for name in namespaces())
    assert list(tmp_path.iterdir()) == []


def test_without_root_it_says_so_and_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said = what_is_missing()
    assert said is not None
    assert "root" in said or "Linux" in said


def test_the_sockets_module_and_the_kernel_agree_on_the_option() -> None:
    assert getattr(socket, "TCP_CONGESTION", 13) == 13


@needs_namespaces
def test_what_the_simulator_is_compared_with_sees_each_parcel_arrive(tmp_path: Path) -> None:
    one = simulator_reality.Reporter("anna", ((1.0, 20.0),), 1, (40_000,))
    setting = simulator_reality.Setting(2_000, 40, 0.0, 1, (one,))
    variables = compiled(tmp_path / "compiled") | os.environ
    delays = simulator_reality.measure(tmp_path / "scene", variables, setting, lambda _: None)
    assert [each.size_bytes > 16_384 for each in delays].count(True) == 1
    for each in delays:
        assert each.real_s is not None, each
        assert each.simulated_s is not None, each
        assert min(each.real_s, each.simulated_s) > 1.0, "the line was not there before"
