"""tuning: sysctls, MAC, MTU of an interface that stands already (tuning.go: TuningConf, parseConf)."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

_SYSCTLS = {
    "type": "object",
    "additionalProperties": schema_types.TEXT,
    "fix": 'write an object: "sysctl": {"net.core.somaxconn": "512"}',
}
_CHANGES = {
    "mac": schema_types.TEXT,
    "promisc": schema_types.FLAG,
    "mtu": schema_types.WHOLE,
    "txQLen": schema_types.WHOLE,
    "allmulti": schema_types.FLAG,
}
_ARGS = schema_types.opened(
    schema_types.record(cni=schema_types.opened(schema_types.record(sysctl=_SYSCTLS, **_CHANGES)))
)

_OF_NET = tuple(f"net.{part}." for part in ("core", "ipv4", "ipv6", "netfilter", "bridge", "mptcp", "unix"))

SYSCTL = Rule("sysctl", Severity.DENY, "a sysctl that the tuning plugin refuses")


def check(conf: View, context: Context) -> Iterator[Finding]:
    """TU2, TU5 to TU8. What `args.cni` says takes the place of what stands beside it."""
    args = conf.inner("args")
    cni = args.inner("cni") if args else None
    yield from common_rules.mtu(_said(conf, cni, "mtu"), negative="tuning refuses it")
    mac = _said(conf, cni, "mac")
    if len(mac.text("mac") or "") not in {23, 59}:  # eight and twenty bytes, for InfiniBand (TU7)
        yield from common_rules.mac(mac, "mac")
    if cni is not None and cni.value("sysctl") and not conf.given("sysctl"):
        problem = "`args.cni.sysctl` without `sysctl` beside it makes the tuning plugin crash, also when the pod is deleted"
        yield cni.found(SYSCTL, problem, 'add "sysctl": {} to the plugin', "sysctl")
    for view in (conf, *([cni] if cni else [])):
        yield from _sysctls(view)


def _said(conf: View, cni: View | None, key: str) -> View:
    return cni if cni is not None and cni.given(key) else conf


def _sysctls(conf: View) -> Iterator[Finding]:
    sysctls = conf.inner("sysctl")
    if sysctls is None:
        return
    for key, view in sysctls.members().items():
        if not _below_net(key):
            problem = f"`{key}` is no setting of the network (net.…); the tuning plugin refuses it"
            yield view.found(SYSCTL, problem, _meant(key))
    counts = Counter(member.key for member in sysctls.node.members)
    for key in (key for key, count in counts.items() if count > 1):
        problem = f"`{key}` stands here twice; the tuning plugin refuses that"
        yield sysctls.found(SYSCTL, problem, "remove one", key)


def _meant(key: str) -> str:
    """The setting where the path of its file stands in its stead, or where `net` is missing."""
    rest = key.removeprefix("/").removeprefix("proc/sys/").replace("/", ".")
    for name in (rest, f"net.{rest}"):
        if name.startswith(_OF_NET):
            return f"write `{name}`"
    return "remove it; set others in the pod's securityContext.sysctls"


def _below_net(key: str) -> bool:
    """What the path comes to with dots for slashes; where the key has both, versions of the plugin differ, and one suffices."""
    paths = (key, key.replace(".", "/"))
    return any(posixpath.normpath(f"/proc/sys/{path}").startswith("/proc/sys/net/") for path in paths)


PLUGIN = Plugin(
    type="tuning",
    source="plugins/meta/tuning/tuning.go",
    role=Role.CHAINED,
    capabilities=frozenset({"mac"}),
    schema=schema_types.record(
        sysctl=_SYSCTLS,
        **_CHANGES,
        dataDir=schema_types.TEXT,
        args=_ARGS,
    ),
    check=check,
    rules=(SYSCTL,),
    aliases={"promiscuous": "promisc", "txQueueLen": "txQLen"},
)
