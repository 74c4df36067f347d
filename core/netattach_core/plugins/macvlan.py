"""macvlan: an interface with a MAC of its own on a link of the node (macvlan.go: NetConf, loadConf, cmdAdd)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.finding import Finding
from netattach_core.plugins import common, fields
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View


def check(conf: View, context: Context) -> Iterator[Finding]:
    """MV2, MV4, MV7, G27, G30, G31."""
    yield from common.mtu(conf, negative="macvlan refuses it")
    yield from common.mtu_for_ipv6(conf)
    yield from common.mac(conf, "mac")
    yield from common.link_name(conf, "master")
    if conf.text("mode") == "passthru":
        problem = "in mode passthru a master carries a single macvlan: the second pod of a node fails"
        yield conf.found(
            common.ONE_USER, problem, "use it for one pod per node, or write mode bridge", "mode"
        )


PLUGIN = Plugin(
    type="macvlan",
    source="plugins/main/macvlan/macvlan.go",
    role=Role.MAIN,
    capabilities=frozenset({"mac"}),
    schema=fields.record(
        master=fields.TEXT,
        mode=fields.one_of("bridge", "private", "vepa", "passthru"),
        mtu=fields.WHOLE,
        mac=fields.TEXT,
        linkInContainer=fields.FLAG,
        bcqueuelen=fields.UINT32,
    ),
    check=check,
    ipam=Ipam.OPTIONAL,
    aliases={**fields.ALIASES_OF_MASTER, "macvlanMode": "mode"},
    interface_key="master",
    falls_back=True,
)
