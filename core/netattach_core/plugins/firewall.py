"""firewall: lets the pod's traffic pass the node's filter (firewall.go: FirewallNetConf, ingresspolicy.go)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

PROTECTS_NOTHING = Rule(
    "ingress-policy-without-bridge", Severity.WARN, "an ingress policy that protects nothing"
)


def check(conf: View, context: Context) -> Iterator[Finding]:
    """FW3 to FW5."""
    backend = conf.text("backend")
    if backend and backend not in {"iptables", "firewalld"}:
        problem = f"`backend` {backend!r} is not known; the firewall plugin picks one by itself"
        yield conf.found(common_rules.NO_EFFECT, problem, "write iptables or firewalld", "backend")
    chain = conf.text("iptablesAdminChainName") or ""
    if any(char.isspace() for char in chain) or chain.startswith(("-", "!")):
        problem = f"`iptablesAdminChainName` {chain!r} is no name that iptables takes for a chain"
        yield conf.found(
            common_rules.KEY_VALUE, problem, "write it without blanks: CNI-ADMIN", "iptablesAdminChainName"
        )
    policy, main = conf.text("ingressPolicy"), context.main if context.chained else ""
    if policy in {"same-bridge", "isolated"} and main and main != "bridge":
        problem = (
            f"`ingressPolicy` {policy} after {main}: it works for bridges only, and protects nothing here"
        )
        yield conf.found(PROTECTS_NOTHING, problem, "use bridge, or remove the policy", "ingressPolicy")


PLUGIN = Plugin(
    type="firewall",
    source="plugins/meta/firewall/firewall.go",
    role=Role.CHAINED,
    capabilities=frozenset(),
    schema=schema_types.record(
        backend=schema_types.TEXT,
        iptablesAdminChainName={"type": "string", "maxLength": 28},
        firewalldZone=schema_types.TEXT,
        ingressPolicy=schema_types.one_of("open", "same-bridge", "isolated"),
    ),
    check=check,
    rules=(PROTECTS_NOTHING,),
    floor="0.4.0",
)
