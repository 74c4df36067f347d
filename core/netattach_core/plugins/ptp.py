"""ptp: a veth pair without a bridge, routed on the node (ptp.go: NetConf, cmdAdd)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.finding import Finding
from netattach_core.plugins import common, fields
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View


def check(conf: View, context: Context) -> Iterator[Finding]:
    """PT2 to PT4."""
    yield from common.mtu(conf)
    backend = conf.text("ipMasqBackend")
    if backend is not None and backend not in {"iptables", "nftables"} and conf.flag("ipMasq"):
        problem = f"`ipMasqBackend` {backend!r} is not one of iptables, nftables"
        yield conf.found(common.KEY_VALUE, problem, "write one of them, or leave it out", "ipMasqBackend")
    ipam = conf.inner("ipam")
    if ipam is None or ipam.text("type") != "static" or "ips" in context.capabilities:
        return
    for item in ipam.inners("addresses"):
        if not item.text("gateway"):
            problem = "an address without `gateway`: ptp routes all over the gateway, and fails without one"
            yield item.found(common.KEY_NEEDED, problem, 'add "gateway": an address of the same subnet')


PLUGIN = Plugin(
    type="ptp",
    source="plugins/main/ptp/ptp.go",
    role=Role.MAIN,
    capabilities=frozenset(),
    schema=fields.record(ipMasq=fields.FLAG, ipMasqBackend=fields.TEXT, mtu=fields.WHOLE),
    check=check,
    ipam=Ipam.REQUIRED,
)
