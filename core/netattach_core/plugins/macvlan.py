"""macvlan: an interface with its own MAC address on an interface of the node (`macvlan.go: NetConf, loadConf, cmdAdd`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of macvlan."""
    yield from common_rules.mtu(config, negative="macvlan refuses it")
    yield from common_rules.mtu_for_ipv6(config)
    yield from common_rules.mac(config, "mac")
    yield from common_rules.link_name(config, "master")
    if config.text("mode") == "passthru" and not config.flag("linkInContainer"):
        problem = "in mode passthru a master supports a single macvlan: the second pod on a node fails"
        yield config.found(
            common_rules.ONE_POD_PER_NODE,
            problem,
            "use the network for one pod per node, or write mode bridge",
            "mode",
        )


PLUGIN = Plugin(
    type="macvlan",
    source="plugins/main/macvlan/macvlan.go",
    role=Role.MAIN,
    capabilities=frozenset({"mac"}),
    schema=schema_types.object_of(
        master=schema_types.STRING,
        mode=schema_types.with_meanings(
            schema_types.one_of("bridge", "private", "vepa", "passthru"),
            {"passthrough": "passthru"},
            dict.fromkeys(("l2", "l3", "l3s"), "ipvlan"),
        ),
        mtu=schema_types.INTEGER,
        mac=schema_types.STRING,
        linkInContainer=schema_types.BOOLEAN,
        bcqueuelen=schema_types.UINT32,
    ),
    check=check,
    ipam=Ipam.OPTIONAL,
    aliases={**schema_types.MASTER_ALIASES, "macvlanMode": "mode"},
    instead=schema_types.VLAN_INSTEAD,
    interface_key="master",
    uses_default_route_interface=True,
)
