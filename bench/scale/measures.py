"""What is measured in a cluster that has its objects: changes of networks and nodes, admission, writes without any change."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from api_requests import WRITES, ApiRequests
from netattach_core.api.objects import Key
from netattach_core.readiness import node_label
from netattach_kube.api import Api
from netattach_kube.resource import INVENTORIES, NADS, NODES
from scale import nad_stream, objects
from scale.nad_stream import Body, NadStream
from scale.objects import Size
from support import load
from support.connections import Connections
from support.load import Response

_SECONDS = 120.0
_PAUSES = (0.1, 0.6)
"""Seconds between two changes, at random, so that they do not keep step with anything."""

_CONNECTIONS = 16


def _key(network: int) -> Key:
    namespace, _, name = objects.network_name(network).partition("/")
    return namespace, name


async def changed_networks(api: Api, stream: NadStream, size: Size, count: int) -> dict[str, float]:
    """Adds a plugin to each of some networks; the time from the API server's answer until the whole status is about it."""
    seconds = []
    for number in random.sample(range(size.networks), min(count, size.networks)):
        await asyncio.sleep(random.uniform(*_PAUSES))  # noqa: S311  # no secret
        key, patch = _key(number), {"spec": {"config": objects.network_config(number, "tuning")}}
        body = await api.merge_patch(NADS, patch, key[1], key[0])
        answered, generation = time.monotonic(), body["metadata"]["generation"]

        def is_right(_: Key, latest: Body, generation: int = generation) -> bool:
            is_latest = latest["metadata"]["generation"] >= generation and nad_stream.is_observed(latest)
            return is_latest and "tuning" in latest["status"].get("plugins", "")

        found = await stream.wait([key], is_right, _SECONDS)
        seconds.append(max(0.0, found[key] - answered))
    return load.summary(seconds)


async def changed_node(api: Api, stream: NadStream, size: Size, node: int, interface: str) -> dict[str, Any]:
    """A node loses an interface, and gets it back: seconds until the status of each network that needs it says so."""
    affected = [_key(each) for each in range(size.networks) if objects.master(each) == interface]
    name = objects.node_name(node)
    whole = (await api.get(INVENTORIES, name))["status"]["interfaces"]
    without = [each for each in whole if each["name"] != interface]
    result: dict[str, Any] = {"networks": len(affected)}
    for what, interfaces, change in (("lost", without, -1), ("back", whole, +1)):
        await asyncio.sleep(2)
        before = {key: nad_stream.ready(stream.latest[key]) for key in affected}
        await api.merge_patch(INVENTORIES, {"status": {"interfaces": interfaces}}, name)
        started = time.monotonic()

        def is_right(key: Key, body: Body, before: Mapping[Key, int] = before, change: int = change) -> bool:
            return nad_stream.ready(body) == before[key] + change

        labelled = asyncio.create_task(_labelled(api, name, affected, present=change < 0))
        found = await stream.wait(affected, is_right, _SECONDS)
        times = sorted(each - started for each in found.values())
        result[what] = {
            "first_seconds": round(times[0], 2),
            "all_seconds": round(times[-1], 2),
            "labels_seconds": round(await labelled - started, 2),
        }
    return result


async def _labelled(api: Api, node: str, networks: Collection[Key], *, present: bool) -> float:
    """When the Node has the labels of these networks, as many as there is room for, or none of them."""
    keys = {node_label.of_network(each).key for each in networks}
    async with asyncio.timeout(_SECONDS):
        while True:
            labels = (await api.get_metadata(NODES, node))["metadata"].get("labels") or {}
            ours = [key for key in labels if key.startswith(node_label.PREFIX)]
            full = len(ours) == node_label.MAX_PER_NODE or keys <= set(ours)
            if full if present else not keys & set(ours):
                return time.monotonic()
            await asyncio.sleep(0.1)


async def admission(connections: Connections, size: Size, rate: float, seconds: float) -> dict[str, Any]:
    """Pods with one network, any of all, next to pods without: one request at a time, then as many as there can be."""
    responses: list[Response] = []
    ends = time.monotonic() + seconds
    number = 0
    while time.monotonic() < ends:
        started = time.monotonic()
        responses.append(await load.send(connections, _request(size, with_networks=number % 2 == 0)))
        number += 1
        await asyncio.sleep(max(0.0, 1 / rate - (time.monotonic() - started)))
    figures = {kind: load.summary([r.seconds for r in responses if r.kind == kind]) for kind in _KINDS}
    failed = [each for each in responses if not each.accepted]
    added = {name: round(figures[WITH][name] - figures[WITHOUT][name], 2) for name in ("median", "p99")}
    per_second = {kind: await _throughput(connections, size, seconds / 3, kind) for kind in _KINDS}
    result = {
        "requests": len(responses),
        "refused": len(failed),
        **figures,
        "added": added,
        "per_second": per_second,
    }
    return result | ({"failure": failed[0].text[:300]} if failed else {})


WITH, WITHOUT = "with networks", "without networks"
_KINDS = (WITH, WITHOUT)


async def _throughput(connections: Connections, size: Size, seconds: float, kind: str) -> float:
    ends, accepted = time.monotonic() + seconds, 0

    async def client() -> None:
        nonlocal accepted
        while time.monotonic() < ends:
            accepted += (await load.send(connections, _request(size, with_networks=kind == WITH))).accepted

    async with asyncio.TaskGroup() as tasks:
        for _ in range(_CONNECTIONS):
            tasks.create_task(client())
    return round(accepted / seconds, 1)


def _request(size: Size, *, with_networks: bool) -> load.CreateRequest:
    namespace, name = _key(random.randrange(size.networks))  # noqa: S311  # no secret
    body = objects.new_pod(name if with_networks else "", namespace)
    return load.creation(body, WITH if with_networks else WITHOUT)


async def idle_writes(log: Path, seconds: float) -> dict[str, Any]:
    """Of our programs in a cluster in which nothing changes, Leases apart: in a minute, and which."""
    counts = None
    while counts is None:
        requests = ApiRequests(log)
        await asyncio.sleep(seconds)
        if requests.is_complete:
            counts = requests.counted(without=("leases",))
    found = {f"{program} {what}": number for program, what, number in _writes(counts)}
    return {"seconds": seconds, "per_minute": round(sum(found.values()) * 60 / seconds, 2), "requests": found}


def _writes(counts: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, str, int]]:
    for program, requests in counts.items():
        if program.startswith("netattach"):
            for what, number in requests.items():
                if what.startswith(WRITES):
                    yield program, what, number
