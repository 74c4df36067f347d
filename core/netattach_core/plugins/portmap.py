"""portmap: ports of the node that lead to the pod (portmap/main.go: PortMapConf, parseConfig)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Severity

_OF_ONE_BACKEND = ("externalSetMarkChain", "conditionsV4", "conditionsV6")


def check(conf: View, context: Context) -> Iterator[Finding]:
    """PM3 to PM5, PM11."""
    yield from _backends(conf)
    if conf.given("markMasqBit") and conf.given("externalSetMarkChain"):
        problem = "`markMasqBit` and `externalSetMarkChain` stand together; the portmap plugin refuses that"
        yield conf.found(common_rules.KEYS_EXCLUDE, problem, "keep one of the two", "externalSetMarkChain")
    if context.bare:
        problem = "no plugin before portmap gives the pod an address, so portmap does nothing"
        yield conf.found(
            common_rules.NO_EFFECT, problem, "add an `ipam` to the first plugin, or remove portmap", "type"
        )
    if "portMappings" not in context.capabilities:
        problem = (
            "the capability `portMappings` is not declared, so portmap is given no ports and does nothing"
        )
        yield conf.found(common_rules.NO_EFFECT, problem, 'add "capabilities": {"portMappings": true}')


def _backends(conf: View) -> Iterator[Finding]:
    """PM4. Without `backend` the node decides: iptables, where it is there."""
    meant = {key: backend for key in _OF_ONE_BACKEND if (backend := _meant(conf, key))}
    named = conf.text("backend")
    wanted = named or "iptables"
    for key, backend in meant.items():
        if backend == wanted:
            continue
        certain = bool(named) or len(set(meant.values())) > 1
        problem = f"`{key}` is for {backend}, and the backend {'is' if named else 'is usually'} {wanted}: portmap refuses it"
        fix = f'write "backend": "{backend}", or remove `{key}`'
        yield conf.found(
            common_rules.KEYS_EXCLUDE,
            problem,
            fix,
            key,
            severity=Severity.DENY if certain else Severity.WARN,
        )


def _meant(conf: View, key: str) -> str:
    """The backend that an option is for; conditions are told by their first word (main.go: detectBackendOfConditions)."""
    if key == "externalSetMarkChain":
        return "iptables" if conf.text(key) is not None else ""
    words = conf.texts(key)
    first = words[0][1] if words else ""
    return "" if not first else "iptables" if first[0] in "-!" else "nftables"


PLUGIN = Plugin(
    type="portmap",
    source="plugins/meta/portmap/main.go",
    role=Role.CHAINED,
    capabilities=frozenset({"portMappings"}),
    schema=schema_types.record(
        backend={"type": "string", "enum": ["iptables", "nftables"]},
        snat=schema_types.FLAG,
        masqAll=schema_types.FLAG,
        markMasqBit=schema_types.whole(0, 31),
        externalSetMarkChain=schema_types.TEXT,
        conditionsV4=schema_types.TEXTS,
        conditionsV6=schema_types.TEXTS,
    ),
    check=check,
)
