"""What each program of netattach uses: memory, and the time of its start."""

from __future__ import annotations

import asyncio
import re
import time
import urllib.error
import urllib.request
from typing import Any

from e2e.lab.cluster import CONTROL, Cluster
from e2e.lab.nodes import NODES

_SCRIPT = """
for p in /proc/[0-9]*; do
    c=$(tr '\\0' ' ' 2>/dev/null <$p/cmdline)
    case $c in */opt/netattach/bin/netattach-*)
        echo "$c" $(grep -E '^(VmRSS|VmHWM|RssAnon)' $p/status | tr -dc '0-9\\n')
    esac
done
"""
_NAME = re.compile(r"/opt/netattach/bin/netattach-(\S+)")
_FIELDS = ("peak_kib", "resident_kib", "anonymous_kib")
"""In the order of the kernel's file."""

_HEALTH_PORT = 8081
_EVERY = 0.1
_SECONDS = 240.0


def memory() -> dict[str, list[dict[str, int]]]:
    """By program, of each of its processes on the two nodes that run."""
    found: dict[str, list[dict[str, int]]] = {}
    for node in NODES.values():
        for line in node.sh(_SCRIPT).splitlines():
            name = _NAME.search(line)
            numbers = line.split()[-len(_FIELDS) :]
            if name and all(each.isdigit() for each in numbers):
                found.setdefault(name[1], []).append(dict(zip(_FIELDS, map(int, numbers), strict=True)))
    return dict(sorted(found.items()))


async def operator_restarted(cluster: Cluster) -> dict[str, float]:
    """Kills the operator's process: seconds from there until its container runs, is ready, and has validated each network."""
    address = _operator_address(cluster)
    networks = _networks(_read(address, "metrics")[1])
    killed, times = time.monotonic(), dict[str, float]()
    await asyncio.to_thread(_kill_operator)
    deadline = killed + _SECONDS
    while "validated" not in times:
        if time.monotonic() > deadline:
            raise AssertionError(f"the operator has not started within {_SECONDS:g} s: {times}")
        await asyncio.sleep(_EVERY)
        ready, metrics = [await asyncio.to_thread(_read, address, each) for each in ("readyz", "metrics")]
        now = round(time.monotonic() - killed, 2)
        if ready[0]:
            times.setdefault("serves", now)
        if ready[0] == 200:
            times.setdefault("ready", now)
        if metrics[0] == 200 and _networks(metrics[1]) >= networks:
            times.setdefault("validated", now)
    return times


def _kill_operator() -> None:
    for node in NODES.values():
        node.sh("pkill -KILL -f bin/netattach-[o]perator; true")  # not the shell that has this text


def _operator_address(cluster: Cluster) -> str:
    words = ("--namespace", CONTROL, "--selector", "app.kubernetes.io/component=operator")
    pods: list[dict[str, Any]] = [
        p for p in cluster.objects("pods", *words) if "deletionTimestamp" not in p["metadata"]
    ]
    return f"{pods[0]['status']['podIP']}:{_HEALTH_PORT}"


def _read(address: str, path: str) -> tuple[int, str]:
    """Status 0 where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{address}/{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""
    except OSError:
        return 0, ""


def _networks(metrics: str) -> float:
    """That the operator has validated."""
    return sum(map(float, re.findall(r"^netattach_nads\{\S+\} (\S+)$", metrics, re.MULTILINE)))
