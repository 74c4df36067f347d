"""Random and mutated frames: the shim may fail, but it never crashes and never hangs.

NETATTACH_SOAK, in seconds, gives it more time than a test run has. A failure names its seed: the same seed sends the same bytes.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netattach_core.shim import protocol as shim_protocol
from netattach_core.shim.protocol import Frame, Kind, Run, Sysctl
from support.build import shim_binary, shim_sanitized
from support.shim_peer import Host

SECONDS = float(os.environ.get("NETATTACH_SOAK", "1"))

_CONVERSATION = b"".join(
    shim_protocol.encode(frame)
    for frame in (
        shim_protocol.run_frame(Run(1, "plugin", 0, b"in", {"CNI_IFNAME": "net1"})),
        shim_protocol.run_frame(Run(2, "plugin", 50, b"", {"CNI_ARGS": "A=b", "CNI_NETNS": "/n"})),
        shim_protocol.run_frame(Run(3, "absent", 1, b"x" * 40, {})),
        Frame(Kind.RUN, (b"4", b"../sh", b"0", b"", b"LD_PRELOAD=x")),
        shim_protocol.sysctls_frame(5, [Sysctl("net/ipv4/conf/lo/arp_notify", "0")]),  # there is no pod
        shim_protocol.answer_frame(7, b"answer"),
    )
)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Host(shim_sanitized() or shim_binary(), tmp_path) as host:
        host.plugin("plugin", "exec cat")
        host.variables |= {
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",  # it exits by _exit and frees nothing
            "UBSAN_OPTIONS": "abort_on_error=1",
        }
        yield host


def _random(rng: random.Random) -> bytes:
    """Bytes, mostly with a header like a frame's."""
    body = rng.randbytes(rng.randrange(200))
    length = rng.choice([len(body), rng.randrange(300), rng.getrandbits(32)])
    return length.to_bytes(4, "little") + rng.choice(b"HWXCRDSEKA?").to_bytes(1, "little") + body


def _mutated(rng: random.Random) -> bytes:
    """A conversation in which a few bytes are changed, removed or doubled."""
    data = bytearray(_CONVERSATION)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(data))
        how = rng.randrange(4)
        if how == 0:
            data[at] = rng.randrange(256)
        elif how == 1:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 2:
            del data[at : at + rng.randrange(1, 9)]
        else:
            data[at:at] = data[at : at + rng.randrange(1, 40)]
    return bytes(data)


def _exchange(host: Host, *, greeted: bool, data: bytes) -> tuple[int, bytes, bytes]:
    """Sends the bytes instead of the greeting or after the CALL, hangs up, and waits for the shim's end."""
    shim = host.start(stdin=b"{}", NETATTACH_WAIT_MS="5000" if greeted else "100")
    if greeted:
        host.daemon.call()
    else:
        host.daemon.accept()
        host.daemon.frame()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the shim has exited
        host.daemon.send_bytes(data)
    host.daemon.close()
    stdout, stderr = shim.process.communicate(timeout=20)
    shim.close()
    return shim.process.returncode, stdout, stderr


@pytest.mark.parametrize("greeted", [False, True], ids=["instead of the greeting", "after the call"])
@pytest.mark.parametrize("make", [_random, _mutated])
def test_no_bytes_crash_the_shim(host: Host, make: Callable[[random.Random], bytes], greeted: bool) -> None:  # noqa: FBT001 - a table's column
    """It exits by itself, prints an answer or an error, and no sanitizer reports anything."""
    first = random.randrange(1 << 32)
    end = time.monotonic() + SECONDS / 2
    seed = first
    while time.monotonic() < end:
        data = make(random.Random(seed))
        host.daemon.reopen()
        status, stdout, stderr = _exchange(host, greeted=greeted, data=data)

        context = f"seed {seed}, {data!r}: status {status}, {stdout!r}, {stderr!r}"
        assert 0 <= status <= 255, context
        assert b"process was killed" not in stdout, context
        assert b"Sanitizer" not in stderr, context
        assert b"runtime error" not in stderr, context
        assert status == 1 or greeted, context
        seed += 1
    assert seed > first
