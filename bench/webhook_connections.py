"""What hostile clients cost the webhooks: memory under idle TLS connections, and how long reviews take meanwhile.

The program runs in a process of its own, next to a stand-in for the API server; no cluster is needed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import json
import os
import platform
import ssl
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from netattach_kube import program
from netattach_webhooks.__main__ import _GC_THRESHOLDS
from unit.webhooks import conftest, harness

CONNECTIONS, ADDRESSES = 2000, 20
REVIEWS, LARGE_REVIEWS = 1000, 10
PATIENCE = 12.0
"""Seconds within which a half-sent header has to be closed; before there was a limit, it never was."""

BODY = harness.review("Pod", harness.pod("sound"))
LARGE = harness.review("Pod", {**harness.pod("sound"), "padding": "x" * 10**6})
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def main() -> None:
    """Measures; prints and saves the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help="be the program; used by this script itself")
    parser.add_argument("--output", type=Path, help="the result file; by default one of today")
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(_serve())
        return
    result = {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "connections": CONNECTIONS,
        **asyncio.run(_measured()),
    }
    text = json.dumps(result, indent=2) + "\n"
    print(text, end="")
    default = ROOT / "bench/results" / f"{str(result['date'])[:10]}-webhook-connections.json"
    (arguments.output or default).write_text(text)


async def _serve() -> None:
    """Prints the port, and serves until standard input is closed."""
    key_pair = conftest._key_pair()  # noqa: SLF001  # the value of a fixture
    async with harness.serving(key_pair) as serving:
        program.reduce_pauses(_GC_THRESHOLDS)
        print(serving.program.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def _measured() -> dict[str, Any]:
    return {
        "quiet": await _with_program(_nothing),
        "idle_tls_from_one_address": await _with_program(lambda port: _idle(port, 1)),
        f"idle_tls_from_{ADDRESSES}_addresses": await _with_program(lambda port: _idle(port, ADDRESSES)),
        "idle_tcp_from_one_address": await _with_program(lambda port: _idle(port, 1, tls=False)),
        "tls_opened_and_closed": await _with_program(_churn),
        "half_headers": await _with_program(lambda port: _sent(port, 100, b"POST /pods HTTP/1.1\r\nHost:")),
        "dribbled_bodies": await _with_program(
            lambda port: _sent(port, 16, _head(4 * 10**6) + b" " * 300_000)
        ),
    }


Attack = Callable[[int], Coroutine[Any, Any, Sequence[Connection]]]


async def _with_program(attack: Attack) -> dict[str, Any]:
    """Memory in MiB before, during and after; milliseconds of reviews during the attack."""
    async with _program() as (pid, port):
        async with _reviewer(port) as review:
            for _ in range(REVIEWS):
                await review(BODY)
            before = _resident(pid)
            connections = await attack(port)
            during = _resident(pid)
            started = time.monotonic()
            large = [await review(LARGE) for _ in range(LARGE_REVIEWS)]
            small = [await review(BODY) for _ in range(REVIEWS)]
            closed = await _seconds_until_closed(connections, started)
        for _, writer in connections:
            writer.transport.abort()
        await asyncio.sleep(1)
        return {
            "resident_mib": {"before": before, "during": during, "after": _resident(pid)},
            "review_ms": _summary(small),
            "large_review_ms": _summary(large),
            "seconds_until_all_are_closed": closed,
        }


@asynccontextmanager
async def _program() -> AsyncIterator[tuple[int, int]]:
    """Its process id and port."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--serve", stdin=pipe, stdout=pipe
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("no pipes")
    try:
        yield process.pid, int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def _reviewer(port: int) -> AsyncIterator[Callable[[bytes], Coroutine[Any, Any, float]]]:
    """Sends reviews one after the other, as an API server does, over a connection that is kept alive; returns milliseconds."""
    connection: Connection | None = None

    async def review(body: bytes) -> float:
        nonlocal connection
        started = time.perf_counter()
        if connection is None:
            connection = await _connect(port, "127.0.0.1")
        connection[1].write(_head(len(body)) + body)
        if b"200 OK" not in await connection[0].readline():
            connection[1].transport.abort()
            connection = None
        else:
            await connection[0].readuntil(b"true}}")
        return 1000 * (time.perf_counter() - started)

    yield review
    if connection is not None:
        connection[1].transport.abort()


async def _nothing(_: int) -> Sequence[Connection]:
    return ()


async def _idle(port: int, addresses: int, *, tls: bool = True) -> Sequence[Connection]:
    return [await _connect(port, f"127.0.1.{1 + n % addresses}", tls=tls) for n in range(CONNECTIONS)]


async def _churn(port: int) -> Sequence[Connection]:
    for _ in range(CONNECTIONS):
        _, writer = await _connect(port, "127.0.1.1")
        writer.transport.abort()
    return ()


async def _sent(port: int, count: int, sent: bytes) -> Sequence[Connection]:
    connections = [await _connect(port, "127.0.1.1") for _ in range(count)]
    for _, writer in connections:
        writer.write(sent)
        await writer.drain()
    return connections


async def _connect(port: int, address: str, *, tls: bool = True) -> Connection:
    return await asyncio.open_connection(
        "127.0.0.1", port, ssl=_CLIENT if tls else None, local_addr=(address, 0)
    )


async def _seconds_until_closed(connections: Sequence[Connection], started: float) -> float | None:
    """None if not all of them are closed in time."""

    async def closed(reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while await reader.read(2**16):
                pass

    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + PATIENCE):
            await asyncio.gather(*(closed(reader) for reader, _ in connections))
    except TimeoutError:
        return None
    return round(time.monotonic() - started, 1)


def _head(size: int) -> bytes:
    return f"POST /pods?timeout=3s HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode()


def _summary(milliseconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    return {
        "median": round(statistics.median(ordered), 2),
        "p99": round(ordered[int(0.99 * len(ordered))], 2),
        "max": round(ordered[-1], 1),
    }


def _resident(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return round(int(text.split("VmRSS:")[1].split()[0]) / 1024, 1)


_CLIENT = ssl.create_default_context()
_CLIENT.check_hostname, _CLIENT.verify_mode = False, ssl.CERT_NONE

if __name__ == "__main__":
    main()
