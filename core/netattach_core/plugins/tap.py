"""tap: a tap device for a virtual machine (tap.go: NetConf, cmdAdd)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.finding import Finding
from netattach_core.plugins import common, fields
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View


def check(conf: View, context: Context) -> Iterator[Finding]:
    """TP2 to TP4."""
    yield from common.mtu(conf)
    yield from common.mac(conf, "mac")
    if conf.text("mac") and conf.given("owner") and conf.given("group"):
        problem = "`mac` is not set where both `owner` and `group` are there"
        yield conf.found(common.NO_EFFECT, problem, "remove `mac`, or one of the other two", "mac")


PLUGIN = Plugin(
    type="tap",
    source="plugins/main/tap/tap.go",
    role=Role.MAIN,
    schema=fields.record(
        multiQueue=fields.FLAG,
        mtu=fields.WHOLE,
        mac=fields.TEXT,
        owner=fields.UINT32,
        group=fields.UINT32,
        selinuxContext=fields.TEXT,
        bridge=fields.TEXT,
    ),
    check=check,
    ipam=Ipam.OPTIONAL,
)
