"""firewall: accepts the pod's traffic in the node's firewall (`firewall.go: FirewallNetConf`, `ingresspolicy.go`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

PROTECTS_NOTHING = Rule(
    "ingress-policy-without-bridge", Severity.WARN, "an ingress policy that has no effect"
)


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of firewall (`firewall.go: getBackend`, `ingresspolicy.go: setupIngressPolicy`)."""
    backend = config.text("backend")
    if backend and backend not in {"iptables", "firewalld"}:
        problem = f"`backend` {backend!r} is not supported; the firewall plugin chooses one itself"
        yield config.found(common_rules.NO_EFFECT, problem, "write iptables or firewalld", "backend")
    chain = config.text("iptablesAdminChainName") or ""
    if any(char.isspace() for char in chain) or chain.startswith(("-", "!")):
        problem = f"`iptablesAdminChainName` {chain!r} is not a valid iptables chain name"
        yield config.found(
            common_rules.KEY_VALUE,
            problem,
            "write a name without spaces and not starting with '-' or '!', for example CNI-ADMIN",
            "iptablesAdminChainName",
        )
    policy, main = config.text("ingressPolicy"), context.first_type if context.chained else ""
    if policy in {"same-bridge", "isolated"} and main and main != "bridge":
        problem = (
            f"`ingressPolicy` {policy} supports only bridge; after {main} it does not restrict any traffic"
        )
        yield config.found(
            PROTECTS_NOTHING, problem, "use bridge, or remove `ingressPolicy`", "ingressPolicy"
        )


PLUGIN = Plugin(
    type="firewall",
    source="plugins/meta/firewall/firewall.go",
    role=Role.CHAINED,
    capabilities=frozenset(),
    schema=schema_types.object_of(
        backend=schema_types.STRING,
        iptablesAdminChainName={"type": "string", "maxLength": 28},
        firewalldZone=schema_types.STRING,
        ingressPolicy=schema_types.one_of("open", "same-bridge", "isolated"),
    ),
    check=check,
    rules=(PROTECTS_NOTHING,),
    min_version="0.4.0",
)
