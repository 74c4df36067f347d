"""flannel: asks another plugin, with this node's subnet (flannel-io/cni-plugin flannel.go, flannel_linux.go)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

DELEGATE = Rule("flannel-delegate", Severity.DENY, "a delegate that flannel refuses")
STATE_SHARED = Rule(
    "flannel-state-shared",
    Severity.WARN,
    "flannel in an additional network, with the default network's state",
)


def check(conf: View, context: Context) -> Iterator[Finding]:
    """Section 6: `delegate` has neither name nor ipam (flannel.go: cmdAdd); state goes by the container alone."""
    delegate = conf.inner("delegate")
    for key in ("name", "ipam"):
        if delegate is not None and delegate.given(key):
            problem = f"`delegate` has `{key}`, which flannel sets itself; it refuses that"
            fix = "remove it" if key == "name" else "remove it, or write `ipam` beside `delegate`"
            yield delegate.found(DELEGATE, problem, fix, key)
    kind = delegate.text("type") if delegate else None
    if delegate is not None and kind is not None and (not kind or "/" in kind):
        problem = f"`delegate` names the plugin {kind!r}, which is no binary's name"
        yield delegate.found(common_rules.KEY_VALUE, problem, 'write a name such as "bridge"', "type")
    if not conf.text("dataDir"):
        problem = "flannel keeps its state by container alone: where it is the default network too, one overwrites the other"
        fix = 'give this network a directory of its own: "dataDir": "/var/lib/cni/flannel-2"'
        yield conf.found(STATE_SHARED, problem, fix)


PLUGIN = Plugin(
    type="flannel",
    source="flannel-io/cni-plugin flannel.go",
    role=Role.MAIN,
    schema=schema_types.record(
        subnetFile=schema_types.TEXT,
        dataDir=schema_types.TEXT,
        delegate={
            "type": "object",
            "properties": {"type": schema_types.TEXT},
            "open": True,
            "fix": 'write an object: "delegate": {"isDefaultGateway": true}',
        },
        backend=schema_types.ANYTHING,
    ),
    check=check,
    rules=(DELEGATE, STATE_SHARED),
    fills_ranges=True,  # flannel_linux.go: getDelegateIPAM
    default_ipam="host-local",
)
