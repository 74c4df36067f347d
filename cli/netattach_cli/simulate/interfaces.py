"""The interfaces that a pod would have on a node, in their order, with the default routes that the configs show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_core.api import network_selection
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import RESOURCE_NAME, Nad
from netattach_core.api.network_selection import PodSelection
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.api.objects import Key
from netattach_core.attach import attachment
from netattach_core.attach.attachment import Attachment, Network
from netattach_core.cni import request as cni_request
from netattach_core.errors import NetattachError
from netattach_core.text import json_document

_UNKNOWN = json.dumps({"cniVersion": "1.0.0", "name": "default", "type": "unknown"})
"""For the default network, and for networks in files of nodes: an inventory has their names and not their configs."""

_ALL = frozenset({"0.0.0.0/0", "::/0"})


@dataclass(frozen=True, slots=True)
class InterfaceData:
    """`order`: 0 is attached first, the others start after it. `default_routes`: in words, "" for none."""

    order: int
    interface: str
    network: str
    plugins: Sequence[str]
    default_routes: str


@dataclass(frozen=True, slots=True)
class Interfaces:
    """`problem` is why the ADD would fail before any plugin runs, "" where it would not."""

    interfaces: Sequence[InterfaceData] = ()
    routes: str = ""
    problem: str = ""


def of_pod(
    annotations: Mapping[str, str],
    namespace: str,
    settings: network_selection.SelectionSettings,
    nads: Mapping[Key, Nad],
    node: NodeInventory | None,
) -> Interfaces:
    """What the daemon of the node would decide; with an unknown node, its default network has no name."""
    try:
        selection = network_selection.of_pod(annotations, namespace, settings)
        attached = _decided(selection, nads, node)
    except NetattachError as error:
        return Interfaces(problem=error.message)
    return Interfaces([_data(order, each) for order, each in enumerate(attached)], _routes(attached))


def _decided(
    selection: PodSelection, nads: Mapping[Key, Nad], node: NodeInventory | None
) -> tuple[Attachment, ...]:
    """Raises NetattachError."""
    primary = node.primary.name if node and node.primary else "default"
    default = _network(selection.default, nads) if selection.default else Network(primary, _UNKNOWN, primary)
    secondary = [(each, _network(each, nads)) for each in (*selection.cluster_defaults, *selection.networks)]
    return attachment.decide(_call(), default, secondary, selection.default)


def _call() -> cni_request.CniRequest:
    environment = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "simulated",
        "CNI_NETNS": "/simulated",
        "CNI_IFNAME": "eth0",
    }
    return cni_request.parse(environment, b'{"cniVersion":"1.0.0","name":"netattach","type":"netattach"}')


def _network(asked: NetworkSelection, nads: Mapping[Key, Nad]) -> Network:
    nad = nads.get(asked.key)
    if nad is None or not nad.config.strip():
        return Network(asked.full_name, _UNKNOWN, asked.name)
    return Network(nad.full_name, nad.config, nad.name, resource=nad.annotations.get(RESOURCE_NAME, ""))


def _data(order: int, each: Attachment) -> InterfaceData:
    plugins = [plugin.type for plugin in each.config.plugins]
    known = [plugin for plugin in plugins if plugin != "unknown"]
    return InterfaceData(order, each.ifname, each.network, known, _default_routes(each))


def _default_routes(each: Attachment) -> str:
    if each.default_route is not None:
        return f"requested: {', '.join(each.default_route)}" if each.default_route else "requested: its own"
    found = list(dict.fromkeys(_of_config(each)))
    return f"by its config: {', '.join(found)}" if found else ""


def _of_config(each: Attachment) -> Iterator[str]:
    """Default routes that the config itself has; a server may give others."""
    for plugin in each.config.plugins:
        body = json_document.value(plugin.text)
        if not isinstance(body, dict):
            continue
        if body.get("isDefaultGateway") is True:
            yield "its gateway"
        ipam = body.get("ipam")
        routes = ipam.get("routes") if isinstance(ipam, dict) else None
        yield from _named(routes)


def _named(routes: Any) -> Iterator[str]:
    for route in routes if isinstance(routes, list) else ():
        if isinstance(route, dict) and route.get("dst") in _ALL:
            gateway = route.get("gw")
            yield f"{route['dst']} via {gateway if isinstance(gateway, str) else 'its gateway'}"


def _routes(attached: Sequence[Attachment]) -> str:
    """One sentence."""
    requested = [each for each in attached if each.default_route is not None]
    if requested:
        names = ", ".join(f"{each.ifname} ({each.network})" for each in requested)
        return f"the default route is the one that is requested, of {names}; or the ADD fails"
    others = [each for each in attached[1:] if list(_of_config(each))]
    if others:
        names = ", ".join(f"{each.ifname} ({each.network})" for each in others)
        return (
            f"several default routes: that of eth0, and those of {names}; the kernel uses the one with the lowest metric. "
            "Request one with `default-route`"
        )
    return "the default route is that of eth0, the default network"
