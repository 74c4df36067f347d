"""ib-sriov: a virtual function of an InfiniBand card (ib-sriov-cni cmd/ib-sriov-cni/main.go, pkg/config/config.go)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.finding import Finding
from netattach_core.plugins import addressing, common, fields, sriov
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View


def check(conf: View, context: Context) -> Iterator[Finding]:
    """5.2: a device, and no DHCP, which does not speak InfiniBand."""
    yield from sriov.device_given(conf, context, "ib-sriov")
    if addressing.ipam_type(conf) == "dhcp":
        problem = "ib-sriov refuses the IPAM dhcp"
        yield conf.found(common.KEY_VALUE, problem, "use another IPAM", "ipam", "type")


PLUGIN = Plugin(
    type="ib-sriov",
    source="ib-sriov-cni pkg/config/config.go",
    role=Role.MAIN,
    capabilities=frozenset({"infinibandGUID", "deviceID"}),
    schema=fields.record(
        deviceID=fields.TEXT,
        pkey=fields.TEXT,
        link_state=fields.one_of("auto", "enable", "disable"),
        rdmaIsolation=fields.FLAG,
        ibKubernetesEnabled=fields.FLAG,
        vfioPciMode=fields.FLAG,
        GUID=fields.ANYTHING,
        master=fields.ANYTHING,
    ),
    check=check,
    ipam=Ipam.OPTIONAL,
)
