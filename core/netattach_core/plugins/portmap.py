"""portmap: ports of the node that lead to the pod (portmap/main.go: PortMapConf, parseConfig)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.finding import Finding
from netattach_core.plugins import common, fields
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View


def check(conf: View, context: Context) -> Iterator[Finding]:
    """PM3, PM5."""
    if conf.given("markMasqBit") and conf.text("externalSetMarkChain"):
        problem = "`markMasqBit` and `externalSetMarkChain` stand together; the portmap plugin refuses that"
        yield conf.found(common.KEYS_EXCLUDE, problem, "keep one of the two", "externalSetMarkChain")
    if "portMappings" not in context.capabilities:
        problem = (
            "the capability `portMappings` is not declared, so portmap is given no ports and does nothing"
        )
        yield conf.found(common.NO_EFFECT, problem, 'add "capabilities": {"portMappings": true}')


PLUGIN = Plugin(
    type="portmap",
    source="plugins/meta/portmap/main.go",
    role=Role.CHAINED,
    schema=fields.record(
        backend={"type": "string", "enum": ["iptables", "nftables", ""]},
        snat=fields.FLAG,
        masqAll=fields.FLAG,
        markMasqBit=fields.whole(0, 31),
        externalSetMarkChain=fields.TEXT,
        conditionsV4=fields.TEXTS,
        conditionsV6=fields.TEXTS,
    ),
    check=check,
)
