"""flannel: runs another plugin with this node's subnet (flannel-io/cni-plugin `flannel.go`, `flannel_linux.go`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

DELEGATE = Rule("flannel-delegate", Severity.DENY, "a delegate that flannel refuses")
STATE_SHARED = Rule(
    "flannel-state-shared",
    Severity.WARN,
    "flannel in a secondary network that shares the state of the default network",
)


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """`delegate` must have neither `name` nor `ipam` (`flannel.go: cmdAdd`); the container ID alone names the state file."""
    delegate = config.object("delegate")
    for key in ("name", "ipam"):
        if delegate is not None and delegate.has(key):
            problem = f"`delegate` contains `{key}`, which flannel sets itself; flannel refuses it"
            fix = "remove it" if key == "name" else "remove it, or write `ipam` next to `delegate`"
            yield delegate.found(DELEGATE, problem, fix, key)
    kind = delegate.text("type") if delegate else None
    if delegate is not None and kind is not None and (not kind or "/" in kind):
        problem = f"`delegate.type` {kind!r} is not a valid plugin name"
        yield delegate.found(
            common_rules.KEY_VALUE, problem, 'write the name of a plugin, for example "bridge"', "type"
        )
    if not config.text("dataDir"):
        problem = (
            "flannel names its state files after the container only: if the default network uses flannel too, the two "
            "networks overwrite each other's state"
        )
        fix = 'use a separate directory for this network: "dataDir": "/var/lib/cni/flannel-2"'
        yield config.found(STATE_SHARED, problem, fix)


PLUGIN = Plugin(
    type="flannel",
    source="flannel-io/cni-plugin flannel.go",
    role=Role.MAIN,
    schema=schema_types.object_of(
        subnetFile=schema_types.STRING,
        dataDir=schema_types.STRING,
        delegate={
            "type": "object",
            "properties": {"type": schema_types.STRING},
            "open": True,
            "fix": 'write an object: "delegate": {"isDefaultGateway": true}',
        },
        backend=schema_types.ANYTHING,
    ),
    check=check,
    rules=(DELEGATE, STATE_SHARED),
    supplies_ranges=True,  # flannel_linux.go: getDelegateIPAM
    default_ipam="host-local",
)
