"""tuning: sets sysctls, MAC address and MTU of an existing interface (`tuning.go: TuningConf, parseConf`)."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

_SYSCTLS = {
    "type": "object",
    "additionalProperties": schema_types.STRING,
    "fix": 'write an object: "sysctl": {"net.core.somaxconn": "512"}',
}
_CHANGES = {
    "mac": schema_types.STRING,
    "promisc": schema_types.BOOLEAN,
    "mtu": schema_types.INTEGER,
    "txQLen": schema_types.INTEGER,
    "allmulti": schema_types.BOOLEAN,
}
_ARGS = schema_types.open_object(
    schema_types.object_of(cni=schema_types.open_object(schema_types.object_of(sysctl=_SYSCTLS, **_CHANGES)))
)

_NET_PREFIXES = tuple(
    f"net.{part}." for part in ("core", "ipv4", "ipv6", "netfilter", "bridge", "mptcp", "unix")
)

SYSCTL = Rule("sysctl", Severity.DENY, "a sysctl that the tuning plugin refuses")


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of tuning; `args.cni` overrides the plugin's own keys."""
    args = config.object("args")
    cni = args.object("cni") if args else None
    yield from common_rules.mtu(_effective(config, cni, "mtu"), negative="tuning refuses it")
    mac = _effective(config, cni, "mac")
    if len(mac.text("mac") or "") not in {23, 59}:  # eight or twenty bytes, for InfiniBand
        yield from common_rules.mac(mac, "mac")
    if cni is not None and cni.value("sysctl") and not config.has("sysctl"):
        problem = "`args.cni.sysctl` without `sysctl` in the plugin crashes the tuning plugin, also when the pod is deleted"
        yield cni.found(SYSCTL, problem, 'add "sysctl": {} to the plugin', "sysctl")
    for view in (config, *([cni] if cni else [])):
        yield from _sysctls(view)


def _effective(config: ConfigView, cni: ConfigView | None, key: str) -> ConfigView:
    return cni if cni is not None and cni.has(key) else config


def _sysctls(config: ConfigView) -> Iterator[Finding]:
    sysctls = config.object("sysctl")
    if sysctls is None:
        return
    for key, view in sysctls.members().items():
        if not _is_network_sysctl(key):
            problem = f"`{key}` is not a network sysctl (net.…); the tuning plugin refuses it"
            yield view.found(SYSCTL, problem, _sysctl_fix(key))
    counts = Counter(member.key for member in sysctls.node.members)
    for key in (key for key, count in counts.items() if count > 1):
        problem = f"duplicate sysctl `{key}`; the tuning plugin refuses it"
        yield sysctls.found(SYSCTL, problem, "remove one of the two", key)


def _sysctl_fix(key: str) -> str:
    """What to write where the key is the path of a file in /proc/sys, or lacks `net`."""
    rest = key.removeprefix("/").removeprefix("proc/sys/").replace("/", ".")
    for name in (rest, f"net.{rest}"):
        if name.startswith(_NET_PREFIXES):
            return f"write `{name}`"
    return "remove it; set other sysctls in the pod's securityContext.sysctls"


def _is_network_sysctl(key: str) -> bool:
    """Whether the key resolves below /proc/sys/net (`tuning.go: getSysctlFilename`).

    Releases differ on keys with both dots and slashes; one way to read them suffices.
    """
    paths = (key, key.replace(".", "/"))
    return any(posixpath.normpath(f"/proc/sys/{path}").startswith("/proc/sys/net/") for path in paths)


PLUGIN = Plugin(
    type="tuning",
    source="plugins/meta/tuning/tuning.go",
    role=Role.CHAINED,
    capabilities=frozenset({"mac"}),
    schema=schema_types.object_of(
        sysctl=_SYSCTLS,
        **_CHANGES,
        dataDir=schema_types.STRING,
        args=_ARGS,
    ),
    check=check,
    rules=(SYSCTL,),
    aliases={"promiscuous": "promisc", "txQueueLen": "txQLen"},
)
