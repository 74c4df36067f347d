"""vrf: moves the interface into its own routing domain (`vrf/main.go: VRFNetConf, parseConf`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of vrf."""
    if not config.has("vrfname") or config.text("vrfname") == "":
        problem = (
            "`vrfname` is missing or empty; the vrf plugin refuses the config, also when the pod is deleted"
        )
        yield config.found(
            common_rules.KEY_NEEDED, problem, 'add the name of the VRF, for example "vrfname": "blue"'
        )
    else:
        yield from common_rules.interface_name(config, "vrfname")
    if config.integer("table"):  # 0: the plugin chooses a free table
        yield from common_rules.own_table(config)


PLUGIN = Plugin(
    type="vrf",
    source="plugins/meta/vrf/main.go",
    role=Role.CHAINED,
    capabilities=frozenset(),
    schema=schema_types.object_of(vrfname=schema_types.STRING, table=schema_types.UINT32),
    check=check,
    min_version="0.3.1",
    aliases={"vrf": "vrfname", "name_of_vrf": "vrfname"},
)
