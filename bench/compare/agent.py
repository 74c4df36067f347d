"""A program on the node: makes CNI calls as a container runtime does, and times them.

It reads requests from standard input and answers on standard output, each one line of JSON. It starts plugins itself, so that no
time of the benchmark's own programs is in the figures.

A pod is a list of stages, one after the other; a stage is a list of chains, at once; a chain is a list of calls, one after the
other, each with the result of the one before. A call is {"program", "environment", "config"}.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_SECONDS = 90.0
"""A call that takes longer is killed, and counts as lost."""

_CLONE_NEWNET = 0x40000000


def main() -> None:
    """Answers requests until standard input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer: Any = {"answer": _OPERATIONS[request.pop("operation")](**request)}
        except Exception as error:  # noqa: BLE001  # the benchmark reports it
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)


def _calls(pods: list[Any], at_once: int) -> dict[str, Any]:
    """Each pod's outcome, and the seconds from the start of the first to the end of the last."""
    started = time.perf_counter()
    if at_once == 1:
        outcomes = [pod(stages) for stages in pods]
    else:
        with ThreadPoolExecutor(at_once) as threads:
            outcomes = list(threads.map(pod, pods))
    return {"pods": outcomes, "seconds": time.perf_counter() - started}


def pod(stages: list[list[list[Any]]]) -> dict[str, Any]:
    """The pod's milliseconds, those of the processor in its programs, the results of all chains, and errors."""
    started = time.perf_counter()
    done: list[tuple[Any, float, str]] = []
    for stage in stages:
        if len(stage) == 1:
            done.append(_chain(stage[0]))
            continue
        with ThreadPoolExecutor(len(stage)) as threads:
            done += threads.map(_chain, stage)
    return {
        "ms": (time.perf_counter() - started) * 1000,
        "cpu_ms": sum(cpu for _, cpu, _ in done),
        "results": [result for result, _, _ in done],
        "errors": [error for _, _, error in done if error],
    }


def _chain(calls: list[Any]) -> tuple[Any, float, str]:
    """The last result, the processor's milliseconds, and the error of the call that ended the chain."""
    cpu, result = 0.0, None
    for call in calls:
        config = call["config"] if result is None else {**call["config"], "prevResult": result}
        status, output, used = _start(call["program"], call["environment"], json.dumps(config).encode())
        cpu += used
        if status != 0:
            return (
                result,
                cpu,
                f"{call['program']} ended with {status}: {output.decode(errors='replace')[:500]}",
            )
        result = json.loads(output) if output.strip() else result
    return result, cpu, ""


def _start(program: str, environment: dict[str, str], stdin: bytes) -> tuple[int, bytes, float]:
    """Exit status, standard output and the processor's milliseconds, those of collected children included."""
    read_stdin, write_stdin = os.pipe()
    read_stdout, write_stdout = os.pipe()
    actions = [
        (os.POSIX_SPAWN_DUP2, read_stdin, 0),
        (os.POSIX_SPAWN_DUP2, write_stdout, 1),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    pid = os.posix_spawn(program, [program], environment, file_actions=actions)
    for end in (read_stdin, write_stdout):
        os.close(end)
    killer = threading.Timer(_SECONDS, os.kill, (pid, signal.SIGKILL))
    killer.daemon = True
    killer.start()
    try:
        with os.fdopen(write_stdin, "wb") as pipe:
            pipe.write(stdin)
    except BrokenPipeError:
        pass  # its exit status says why it did not read
    with os.fdopen(read_stdout, "rb") as pipe:
        output = pipe.read()
    _, status, usage = os.wait4(pid, 0)
    killer.cancel()
    return os.waitstatus_to_exitcode(status), output, (usage.ru_utime + usage.ru_stime) * 1000


def _add_namespaces(names: list[str]) -> None:
    _ip(f"netns add {name}" for name in names)


def _delete_namespaces(names: list[str]) -> None:
    _ip(f"netns delete {name}" for name in names)


def _ip(commands: Any) -> None:
    subprocess.run(
        ["ip", "-batch", "-"], input="\n".join(commands), text=True, check=True, capture_output=True
    )


def _links(namespaces: list[str]) -> dict[str, list[str]]:
    """The interfaces of the node ("") and of each network namespace."""
    found: dict[str, list[str]] = {"": _names()}
    thread = threading.Thread(
        target=_links_of, args=(namespaces, found)
    )  # a thread has its own network namespace
    thread.start()
    thread.join()
    return found


def _links_of(namespaces: list[str], found: dict[str, list[str]]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for name in namespaces:
        descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
        try:
            if libc.setns(descriptor, _CLONE_NEWNET):
                found[name] = [os.strerror(ctypes.get_errno())]
                continue
            found[name] = _names()
        finally:
            os.close(descriptor)


def _names() -> list[str]:
    return [name for _, name in socket.if_nameindex()]


def _status_of(url: str) -> int:
    """The HTTP status, 0 without an answer."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  # a URL of the benchmark
            return int(response.status)
    except OSError:
        return 0


def _exists(path: str) -> bool:
    return Path(path).exists()


def _write(path: str, text: str) -> None:
    """A file that only the node sees."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


_OPERATIONS: dict[str, Any] = {
    "calls": _calls,
    "add_namespaces": _add_namespaces,
    "delete_namespaces": _delete_namespaces,
    "links": _links,
    "status_of": _status_of,
    "exists": _exists,
    "write": _write,
}


if __name__ == "__main__":
    main()
