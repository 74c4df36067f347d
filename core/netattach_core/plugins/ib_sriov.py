"""ib-sriov: a virtual function of an InfiniBand NIC (ib-sriov-cni `cmd/ib-sriov-cni/main.go`, `pkg/config/config.go`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types, sriov
from netattach_core.plugins.ipam import ipam_type
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The plugin needs a device, and refuses DHCP, which does not support InfiniBand (`main.go: doIPAM`)."""
    yield from sriov.require_device(config, context, "ib-sriov")
    yield from common_rules.pci_address(config, context, "ib-sriov")
    if ipam_type(config) == "dhcp":
        problem = "ib-sriov does not support the IPAM plugin dhcp"
        yield config.found(common_rules.KEY_VALUE, problem, "use another IPAM plugin", "ipam", "type")


PLUGIN = Plugin(
    type="ib-sriov",
    source="ib-sriov-cni pkg/config/config.go",
    role=Role.MAIN,
    capabilities=frozenset({"infinibandGUID", "deviceID"}),
    schema=schema_types.object_of(
        deviceID=schema_types.STRING,
        pkey=schema_types.STRING,
        link_state=schema_types.one_of("auto", "enable", "disable"),
        rdmaIsolation=schema_types.BOOLEAN,
        ibKubernetesEnabled=schema_types.BOOLEAN,
        vfioPciMode=schema_types.BOOLEAN,
        GUID=schema_types.ANYTHING,
        master=schema_types.ANYTHING,
    ),
    check=check,
    ipam=Ipam.OPTIONAL,
)
