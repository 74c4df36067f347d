"""macvlan: an interface with a MAC of its own on a link of the node (macvlan.go: NetConf, loadConf, cmdAdd)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding


def check(conf: View, context: Context) -> Iterator[Finding]:
    """MV2, MV4, MV7, G27, G30, G31."""
    yield from common_rules.mtu(conf, negative="macvlan refuses it")
    yield from common_rules.mtu_for_ipv6(conf)
    yield from common_rules.mac(conf, "mac")
    yield from common_rules.link_name(conf, "master")
    if conf.text("mode") == "passthru":
        problem = "in mode passthru a master carries a single macvlan: the second pod of a node fails"
        yield conf.found(
            common_rules.ONE_USER, problem, "use it for one pod per node, or write mode bridge", "mode"
        )


PLUGIN = Plugin(
    type="macvlan",
    source="plugins/main/macvlan/macvlan.go",
    role=Role.MAIN,
    capabilities=frozenset({"mac"}),
    schema=schema_types.record(
        master=schema_types.TEXT,
        mode=schema_types.one_of("bridge", "private", "vepa", "passthru"),
        mtu=schema_types.WHOLE,
        mac=schema_types.TEXT,
        linkInContainer=schema_types.FLAG,
        bcqueuelen=schema_types.UINT32,
    ),
    check=check,
    ipam=Ipam.OPTIONAL,
    aliases={**schema_types.ALIASES_OF_MASTER, "macvlanMode": "mode"},
    interface_key="master",
    falls_back=True,
)
