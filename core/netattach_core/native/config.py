"""What the configs of all drivers have in common, read strictly: what is not understood completely is for the program."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from netattach_core.native import strict
from netattach_core.net import addresses, names
from netattach_core.text import json_document
from netattach_core.text.json_document import Node

_COMMON = ("cniVersion", "name", "type", "ipam", "dns", "args", "runtimeConfig")
_RUNTIME = ("mac", "ips", "ipRanges")
_DNS = ("nameservers", "domain", "search", "options")


@dataclass(frozen=True, slots=True)
class Config:
    """A plugin's input: the members with its own `keys`, the MAC that the pod requests, "" without one, and `dns`."""

    members: Mapping[str, Node]
    requested_mac: str
    has_ipam: bool
    dns: Mapping[str, Any]
    replaces_dns: bool
    """Whether the plugins that report the DNS servers of IPAM report these instead: also if all its lists are empty."""

    def text(self, key: str) -> str:
        """Empty without the key. Raises NotUnderstoodError."""
        return strict.string(self.members[key]) if key in self.members else ""

    def number(self, key: str) -> int:
        """0 without the key. Raises NotUnderstoodError."""
        return strict.integer(self.members[key]) if key in self.members else 0

    def flag(self, key: str) -> bool:
        """False without the key. Raises NotUnderstoodError."""
        if key not in self.members:
            return False
        strict.require(type(self.members[key].value) is bool)
        return bool(self.members[key].value)

    def interface(self, key: str) -> str:
        """The name of an interface, which is required. Raises NotUnderstoodError."""
        name = self.text(key)
        strict.require(names.interface_problem(name) is None)
        return name

    def mac(self, key: str = "mac") -> str:
        """The MAC that the pod requests, else that of the config, "" without one. Raises NotUnderstoodError."""
        return self.requested_mac or _mac(self.text(key))


def read(stdin: str, args: Mapping[str, str], keys: Collection[str]) -> Config:
    """`args`: CNI_ARGS. Raises NotUnderstoodError, JsonTextError."""
    found = strict.members(json_document.parse(stdin), (*_COMMON, *keys))
    runtime = strict.members(found["runtimeConfig"], _RUNTIME) if "runtimeConfig" in found else {}
    requested = (strict.string(runtime["mac"]) if "mac" in runtime else "") or args.get("MAC", "")
    ipam = found.get("ipam")
    strict.require(ipam is None or isinstance(ipam.value, dict))
    return Config(
        members={key: found[key] for key in keys if key in found},
        requested_mac=_mac(requested),
        has_ipam=ipam is not None and bool(ipam.members),
        dns=_dns(found["dns"]) if "dns" in found else {},
        replaces_dns="dns" in found
        and any(each.value != "" for each in strict.members(found["dns"], _DNS).values()),
    )


def _mac(text: str) -> str:
    """An address of six bytes, or ""."""
    strict.require(not text or addresses.is_ethernet_mac(text))
    return text


def _dns(node: Node) -> dict[str, Any]:
    """Its members in the order of Go's type, without the empty ones."""
    found = strict.members(node, _DNS)
    values = {key: strict.string(each) for key, each in found.items() if key == "domain"}
    lists = {
        key: list(map(strict.string, strict.items(each))) for key, each in found.items() if key != "domain"
    }
    return {key: value for key in _DNS if (value := {**values, **lists}.get(key))}
