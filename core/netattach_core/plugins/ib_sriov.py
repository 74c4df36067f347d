"""ib-sriov: a virtual function of an InfiniBand card (ib-sriov-cni cmd/ib-sriov-cni/main.go, pkg/config/config.go)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types, sriov
from netattach_core.plugins import ipam as addressing
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding


def check(conf: View, context: Context) -> Iterator[Finding]:
    """5.2: a device, and no DHCP, which does not speak InfiniBand."""
    yield from sriov.device_given(conf, context, "ib-sriov")
    if addressing.ipam_type(conf) == "dhcp":
        problem = "ib-sriov refuses the IPAM dhcp"
        yield conf.found(common_rules.KEY_VALUE, problem, "use another IPAM", "ipam", "type")


PLUGIN = Plugin(
    type="ib-sriov",
    source="ib-sriov-cni pkg/config/config.go",
    role=Role.MAIN,
    capabilities=frozenset({"infinibandGUID", "deviceID"}),
    schema=schema_types.record(
        deviceID=schema_types.TEXT,
        pkey=schema_types.TEXT,
        link_state=schema_types.one_of("auto", "enable", "disable"),
        rdmaIsolation=schema_types.FLAG,
        ibKubernetesEnabled=schema_types.FLAG,
        vfioPciMode=schema_types.FLAG,
        GUID=schema_types.ANYTHING,
        master=schema_types.ANYTHING,
    ),
    check=check,
    ipam=Ipam.OPTIONAL,
)
