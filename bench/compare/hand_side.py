"""The plugins alone, as a runtime would call them if it knew all networks of a pod: what each meta-plugin starts from.

One by one: the default network, then the others in order; DEL in reverse. At once: the default network, then all others at the
same time; DEL of all at the same time. No meta-plugin that starts plugins can be faster than that.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from compare import sides
from compare.cases import DEFAULT_NETWORK, NETWORKS_OF_ALL_CASES, Pod
from compare.node import Node
from compare.sides import Running, Stages


@dataclass(frozen=True, slots=True)
class HandSide:
    name: str
    at_once: bool

    def missing(self) -> str:
        return ""

    def running(self, node: Node) -> contextlib.AbstractContextManager[Running]:
        return sides.without_daemon(self.name, node, Calls(node, at_once=self.at_once))


class Calls:
    def __init__(self, node: Node, *, at_once: bool) -> None:
        self._node = node
        self._at_once = at_once

    def add(self, pod: Pod) -> Stages:
        default, *others = [self._chain("ADD", pod, *network) for network in _networks(pod)]
        if self._at_once:
            return [[default], others] if others else [[default]]
        return [[chain] for chain in (default, *others)]

    def delete(self, pod: Pod, results: list[Any]) -> Stages:
        """After a failed ADD there are fewer results than networks."""
        padded = [*results, *[None] * (len(pod.networks) + 1 - len(results))]
        chains = [
            [_with_previous(call, result) for call in reversed(self._chain("DEL", pod, *network))]
            for network, result in zip(_networks(pod), padded, strict=True)
        ]
        return [chains] if self._at_once else [[chain] for chain in reversed(chains)]

    def files(self) -> list[str]:
        return []

    def _chain(self, command: str, pod: Pod, ifname: str, network: dict[str, Any]) -> list[dict[str, Any]]:
        bin_dir = self._node.paths.bin_dir
        environment = sides.environment(command, pod, ifname, bin_dir)
        return [
            {"program": str(bin_dir / config["type"]), "environment": environment, "config": config}
            for config in _configs(network)
        ]


def _with_previous(call: dict[str, Any], result: Any) -> dict[str, Any]:
    return {**call, "config": {**call["config"], "prevResult": result}} if result else call


def _networks(pod: Pod) -> list[tuple[str, dict[str, Any]]]:
    """Interfaces and CNI configs, the default network first."""
    others = [(f"net{i}", NETWORKS_OF_ALL_CASES[name]) for i, name in enumerate(pod.networks, 1)]
    return [("eth0", DEFAULT_NETWORK), *others]


def _configs(network: dict[str, Any]) -> list[dict[str, Any]]:
    """The configs of a network's plugins with the keys that libcni adds."""
    if "plugins" not in network:
        return [network]
    common = {"cniVersion": network["cniVersion"], "name": network["name"]}
    return [
        {**common, **{key: value for key, value in plugin.items() if key != "capabilities"}}
        for plugin in network["plugins"]
    ]
