"""vlan: an 802.1Q sub-interface of an interface of the node, in the pod (`vlan.go: NetConf, loadConf, cmdAdd`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

VLAN_ID_MISSING = Rule("vlan-id-missing", Severity.WARN, "a VLAN interface without a VLAN ID")


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of vlan."""
    yield from common_rules.link_name(config, "master")
    mtu = config.integer("mtu")
    if mtu is not None and not 0 < mtu < 68:  # the kernel accepts any smaller MTU for a VLAN interface
        yield from common_rules.mtu(config, negative="vlan refuses it")
    yield from common_rules.mtu_for_ipv6(config, least=1)
    if not config.has("master") or config.text("master") == "":
        problem = "`master` is missing or empty; the vlan plugin refuses the config"
        yield config.found(
            common_rules.KEY_NEEDED, problem, 'add the interface of the node: "master": "eth1"'
        )
    if not config.integer("vlanId"):
        if config.has("vlanId") and config.integer("vlanId") is None:
            return
        problem = "`vlanId` is 0 or missing: frames get a priority tag and belong to no VLAN"
        yield config.found(VLAN_ID_MISSING, problem, 'add the VLAN ID, for example "vlanId": 100')
    elif not config.flag("linkInContainer"):  # else the master is one in the pod (`vlan.go: createVlan`)
        problem = "a node supports one interface per master and VLAN: the second pod on a node fails"
        fix = "use the network for one pod per node, or use macvlan with a VLAN interface of the node as its master"
        yield config.found(common_rules.ONE_POD_PER_NODE, problem, fix, "vlanId")


PLUGIN = Plugin(
    type="vlan",
    source="plugins/main/vlan/vlan.go",
    role=Role.MAIN,
    capabilities=frozenset(),
    schema=schema_types.object_of(
        master=schema_types.STRING,
        vlanId=schema_types.VLAN_ID,
        mtu=schema_types.INTEGER,
        linkInContainer=schema_types.BOOLEAN,
    ),
    check=check,
    rules=(VLAN_ID_MISSING,),
    ipam=Ipam.REQUIRED,
    aliases={**schema_types.MASTER_ALIASES, "vlan": "vlanId", "id": "vlanId", "tag": "vlanId"},
    interface_key="master",
)
