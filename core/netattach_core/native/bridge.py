"""The config of the plugin bridge, as far as its driver understands it (`plugins/main/bridge/bridge.go: loadNetConf`).

Firewall rules are for the program: `ipMasq` and `macspoofchk`.
"""

from __future__ import annotations

from netattach_core.native import strict
from netattach_core.native.config import Config
from netattach_core.native.recipe import Bridge
from netattach_core.net import names
from netattach_core.text.json_document import Node

KEYS = (
    "bridge",
    "isGateway",
    "isDefaultGateway",
    "forceAddress",
    "ipMasq",
    "mtu",
    "hairpinMode",
    "promiscMode",
    "vlan",
    "vlanTrunk",
    "preserveDefaultVlan",
    "macspoofchk",
    "enabledad",
    "disableContainerInterface",
    "portIsolation",
    "args",
)
_DEFAULT = "cni0"
_LAST_VLAN = 4094


def read(found: Config) -> Bridge:
    """Raises NotUnderstoodError."""
    link = Bridge(
        name=found.interface("bridge") if "bridge" in found.members else _DEFAULT,
        mtu=found.number("mtu"),
        mac=found.requested_mac,
        promiscuous=found.flag("promiscMode"),
        hairpin=found.flag("hairpinMode"),
        isolated=found.flag("portIsolation"),
        vlan=found.number("vlan"),
        trunk=_trunk(found.members.get("vlanTrunk")),
        filters_vlans=bool(found.number("vlan")) or "vlanTrunk" in found.members,
        keeps_default_vlan=found.flag("preserveDefaultVlan"),
        gateway=found.flag("isGateway") or found.flag("isDefaultGateway"),
        default_gateway=found.flag("isDefaultGateway"),
        force_address=found.flag("forceAddress"),
        detects_duplicates=found.flag("enabledad"),
        stays_down=found.flag("disableContainerInterface"),
    )
    _require_program_would_agree(found, link)
    return link


def _require_program_would_agree(found: Config, link: Bridge) -> None:
    """What the plugin refuses, what it does with the firewall, a MAC or empty DNS lists that nobody asks for."""
    strict.require(not found.flag("ipMasq") and not found.flag("macspoofchk"))
    strict.require(link.vlan <= _LAST_VLAN and not (link.hairpin and link.promiscuous))
    strict.require(not (link.stays_down and found.has_ipam))
    if link.gateway and link.vlan:
        strict.require(names.interface_problem(f"{link.name}.{link.vlan}") is None)
    args = strict.members(found.members["args"], ("cni",), others=True) if "args" in found.members else {}
    strict.require(found.dns or not found.replaces_dns)
    strict.require("cni" not in args or not strict.members(args["cni"], ("mac",), others=True))


def _trunk(node: Node | None) -> tuple[tuple[int, int], ...]:
    """Its VLANs as ranges, in order (`bridge.go: collectVlanTrunk`)."""
    ids: set[int] = set()
    for item in strict.items(node):
        found = {
            key: strict.integer(value)
            for key, value in strict.members(item, ("minID", "maxID", "id")).items()
        }
        strict.require(all(0 < number <= _LAST_VLAN for number in found.values()))
        strict.require(("minID" in found) == ("maxID" in found))
        if "minID" in found:
            strict.require(found["minID"] <= found["maxID"])
            ids.update(range(found["minID"], found["maxID"] + 1))
        ids.update([found["id"]] if "id" in found else [])
    return _ranges(sorted(ids))


def _ranges(ids: list[int]) -> tuple[tuple[int, int], ...]:
    ranges: list[tuple[int, int]] = []
    for each in ids:
        if ranges and ranges[-1][1] == each - 1:
            ranges[-1] = (ranges[-1][0], each)
        else:
            ranges.append((each, each))
    return tuple(ranges)
