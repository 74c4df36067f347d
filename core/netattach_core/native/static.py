"""The IPAM plugin static: addresses that the config, the runtime or the pod names.

Source: `plugins/ipam/static/main.go` of the reference plugins 1.9.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from netattach_core.cni.result import Address
from netattach_core.native import strict
from netattach_core.native.addressing import Addressing
from netattach_core.text.json_document import Node

_BLANKS = " \t\n\r\v\f"
_DNS = ("nameservers", "domain", "search", "options")


@dataclass(frozen=True, slots=True)
class Static:
    """What the plugin answers; it keeps nothing, so its DEL does nothing."""

    addressing: Addressing


def read(ipam: Node, requests: Sequence[Sequence[str]], env_ip: str, env_gateway: str) -> Static:
    """`requests`: addresses in `args.cni`, then those of the capability `ips`; the last that are not empty replace all others.

    `env_ip` and `env_gateway` are the values of CNI_ARGS, "" without one. Raises NotUnderstoodError.
    """
    found = strict.members(ipam, ("type", "addresses", "routes", "dns"))
    configured = [*map(_address, strict.items(found.get("addresses"))), *_of_environment(env_ip, env_gateway)]
    for texts in filter(None, requests):
        configured = [Address(str(strict.cidr(text))) for text in texts]
    routes = tuple(map(strict.route, strict.items(found.get("routes"))))
    return Static(Addressing(tuple(configured), routes, _dns(found["dns"]) if "dns" in found else {}))


def _address(node: Node) -> Address:
    found = strict.members(node, ("address", "gateway"))
    strict.require("address" in found)
    gateway = str(strict.ip(strict.string(found["gateway"]))) if "gateway" in found else ""
    return Address(str(strict.cidr(strict.string(found["address"]))), gateway)


def _of_environment(env_ip: str, env_gateway: str) -> list[Address]:
    """A gateway is for those addresses of CNI_ARGS in whose subnet it is; of several, the last one."""
    subnets = [strict.cidr(text.strip(_BLANKS)) for text in env_ip.split(",") if env_ip]
    gateways = [strict.ip(text.strip(_BLANKS)) for text in env_gateway.split(",") if env_gateway]
    return [
        Address(str(each), next((str(ip) for ip in reversed(gateways) if ip in each.network), ""))
        for each in subnets
    ]


def _dns(node: Node) -> dict[str, Any]:
    found = strict.members(node, _DNS)
    values: dict[str, Any] = {
        key: strict.string(value) if key == "domain" else [*map(strict.string, strict.items(value))]
        for key, value in found.items()
    }
    return {key: values[key] for key in _DNS if values.get(key)}
