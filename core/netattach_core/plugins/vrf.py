"""vrf: puts the interface into a routing domain of its own (vrf/main.go: VRFNetConf, parseConf)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding


def check(conf: View, context: Context) -> Iterator[Finding]:
    """VR1, VR2, VR7."""
    if not conf.given("vrfname") or conf.text("vrfname") == "":
        problem = "no `vrfname`; the vrf plugin refuses that, also when the pod is deleted"
        yield conf.found(common_rules.KEY_NEEDED, problem, 'add the name of the VRF: "vrfname": "blue"')
    else:
        yield from common_rules.interface_name(conf, "vrfname")
    if conf.whole("table"):  # 0 means that the plugin looks for a free one
        yield from common_rules.own_table(conf)


PLUGIN = Plugin(
    type="vrf",
    source="plugins/meta/vrf/main.go",
    role=Role.CHAINED,
    capabilities=frozenset(),
    schema=schema_types.record(vrfname=schema_types.TEXT, table=schema_types.UINT32),
    check=check,
    floor="0.3.1",
    aliases={"vrf": "vrfname", "name_of_vrf": "vrfname"},
)
