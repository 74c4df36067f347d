"""tuning: sysctls, MAC, MTU of an interface that stands already (tuning.go: TuningConf, parseConf)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from netattach_core.finding import Finding, Rule, Severity
from netattach_core.plugins import common, fields
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View

SYSCTL = Rule("sysctl", Severity.DENY, "a sysctl that the tuning plugin refuses")


def check(conf: View, context: Context) -> Iterator[Finding]:
    """TU2, TU6, TU7."""
    yield from common.mtu(conf, negative="tuning refuses it")
    if len(conf.text("mac") or "") not in {
        23,
        59,
    }:  # tuning takes eight and twenty bytes, for InfiniBand (TU7)
        yield from common.mac(conf, "mac")
    sysctls = conf.inner("sysctl")
    for key, view in sysctls.members().items() if sysctls else ():
        if not _below_net(key):
            problem = f"`{key}` is no setting of the network (net.…); the tuning plugin refuses it"
            mend = "remove it; set others in the pod's securityContext.sysctls"
            yield view.found(SYSCTL, problem, mend)


def _below_net(key: str) -> bool:
    """What the path comes to with dots for slashes; where the key has both, versions of the plugin differ, and one suffices."""
    paths = (key, key.replace(".", "/"))
    return any(posixpath.normpath(f"/proc/sys/{path}").startswith("/proc/sys/net/") for path in paths)


PLUGIN = Plugin(
    type="tuning",
    source="plugins/meta/tuning/tuning.go",
    role=Role.CHAINED,
    schema=fields.record(
        sysctl={
            "type": "object",
            "additionalProperties": fields.TEXT,
            "mend": 'write an object: "sysctl": {"net.core.somaxconn": "512"}',
        },
        mac=fields.TEXT,
        promisc=fields.FLAG,
        mtu=fields.WHOLE,
        txQLen=fields.WHOLE,
        allmulti=fields.FLAG,
        dataDir=fields.TEXT,
    ),
    check=check,
    rules=(SYSCTL,),
)
