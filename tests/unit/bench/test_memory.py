"""The memory of a process, as the kernel counts it."""

import mmap
import os

from compare import memory

MIB = 1 << 20


def test_anonymous_memory_is_part_of_what_is_resident_and_that_of_its_peak() -> None:
    found = memory.of_process(os.getpid())

    assert 0 < found["anonymous_kib"] < found["now_kib"] <= found["peak_kib"]


def test_memory_that_is_given_back_is_in_the_peak_alone() -> None:
    before = memory.of_process(os.getpid())
    with mmap.mmap(-1, 64 * MIB, flags=mmap.MAP_PRIVATE) as used:
        used.write(b"\1" * (64 * MIB))
        full = memory.of_process(os.getpid())
    after = memory.of_process(os.getpid())

    assert full["anonymous_kib"] - before["anonymous_kib"] > 48 * 1024
    assert after["anonymous_kib"] - before["anonymous_kib"] < 32 * 1024
    assert after["peak_kib"] >= full["now_kib"] - 1024
