"""vlan: an 802.1Q sub-interface of a link of the node, moved into the pod (vlan.go: NetConf, loadConf, cmdAdd)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

VLAN_ID_MISSING = Rule("vlan-id-missing", Severity.WARN, "a VLAN interface without a VLAN")


def check(conf: View, context: Context) -> Iterator[Finding]:
    """VL1, VL3, VL4, VL7."""
    yield from common_rules.link_name(conf, "master")
    mtu = conf.whole("mtu")
    if mtu is not None and not 0 < mtu < 68:  # the kernel takes any small MTU for a VLAN
        yield from common_rules.mtu(conf, negative="vlan refuses it")
    yield from common_rules.mtu_for_ipv6(conf, least=1)
    if not conf.given("master") or conf.text("master") == "":
        problem = "no `master`: the vlan plugin does not know of which interface to make a VLAN"
        yield conf.found(common_rules.KEY_NEEDED, problem, 'add the node\'s interface: "master": "eth1"')
    if not conf.whole("vlanId"):
        if conf.given("vlanId") and conf.whole("vlanId") is None:
            return
        problem = "`vlanId` is 0 or missing: frames get a priority tag and belong to no VLAN"
        yield conf.found(VLAN_ID_MISSING, problem, 'add the VLAN: "vlanId": 100')
    else:
        problem = "a node can have one interface per master and VLAN: the second pod of a node fails"
        fix = "use it for one pod per node, or a macvlan whose master is the VLAN interface"
        yield conf.found(common_rules.ONE_USER, problem, fix, "vlanId")


PLUGIN = Plugin(
    type="vlan",
    source="plugins/main/vlan/vlan.go",
    role=Role.MAIN,
    capabilities=frozenset(),
    schema=schema_types.record(
        master=schema_types.TEXT,
        vlanId=schema_types.VLAN,
        mtu=schema_types.WHOLE,
        linkInContainer=schema_types.FLAG,
    ),
    check=check,
    rules=(VLAN_ID_MISSING,),
    ipam=Ipam.REQUIRED,
    aliases={**schema_types.ALIASES_OF_MASTER, "vlan": "vlanId", "id": "vlanId", "tag": "vlanId"},
    interface_key="master",
)
