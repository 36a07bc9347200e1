"""The numbers of the system calls that decoders may make, against the kernel's own headers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qanat_client.desk.media import confinement

GENERIC = Path("/usr/include/asm-generic/unistd.h")
"""ARM64 has these numbers (arch/arm64/include/uapi/asm/unistd.h includes it)."""
OWN = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


@pytest.mark.parametrize(("machine", "header"), [("aarch64", GENERIC), ("x86_64", OWN)])
def test_every_call_that_is_allowed_has_the_kernels_number(machine: str, header: Path) -> None:
    if not header.exists():
        pytest.skip("no kernel headers are installed: linux-libc-dev")
    lines = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    numbers = {name: int(number) for name, number in lines}
    allowed = confinement._ALLOWED[machine]
    assert {name: numbers[name] for name in allowed} == allowed
    memory = numbers["mmap"], numbers["mprotect"]
    assert memory == confinement._MEMORY_CALLS[machine]
    assert numbers["clone"] == confinement._CLONE[machine]
    assert numbers["set_robust_list"] == confinement._SET_ROBUST_LIST[machine]
    assert numbers["clone3"] == confinement._CLONE3


def test_the_architectures_are_named_as_the_kernels_audit_names_them() -> None:
    # EM_AARCH64 and EM_X86_64, with the bits for 64 bits and little-endian (linux/audit.h).
    is_64, is_little = 0x80000000, 0x40000000
    assert {
        "aarch64": 183 | is_64 | is_little,
        "x86_64": 62 | is_64 | is_little,
    } == confinement._ARCHITECTURES
