"""portmap: forwards ports of the node to the pod (`portmap/main.go: PortMapConf, parseConfig`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Severity

_OF_ONE_BACKEND = ("externalSetMarkChain", "conditionsV4", "conditionsV6")


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of portmap."""
    yield from _backends(config)
    if config.has("markMasqBit") and config.has("externalSetMarkChain"):
        problem = "`markMasqBit` and `externalSetMarkChain` exclude each other; the portmap plugin refuses them together"
        yield config.found(common_rules.KEYS_EXCLUDE, problem, "keep one of the two", "externalSetMarkChain")
    if context.no_address_before:
        problem = "no plugin before portmap assigns an address to the pod, so portmap has no effect"
        yield config.found(
            common_rules.NO_EFFECT, problem, "add an `ipam` to the first plugin, or remove portmap", "type"
        )
    if "portMappings" not in context.capabilities:
        problem = "the capability `portMappings` is not declared, so portmap gets no ports and has no effect"
        yield config.found(common_rules.NO_EFFECT, problem, 'add "capabilities": {"portMappings": true}')


def _backends(config: ConfigView) -> Iterator[Finding]:
    """Keys of the other backend (`main.go: ensureBackend`). Without `backend` portmap uses iptables if the node has it."""
    meant = {key: backend for key in _OF_ONE_BACKEND if (backend := _backend_of(config, key))}
    named = config.text("backend")
    wanted = named or "iptables"
    for key, backend in meant.items():
        if backend == wanted:
            continue
        certain = bool(named) or len(set(meant.values())) > 1
        problem = f"`{key}` is for {backend}, but the backend is {'' if named else 'usually '}{wanted}; portmap refuses it"
        fix = f'write "backend": "{backend}", or remove `{key}`'
        yield config.found(
            common_rules.KEYS_EXCLUDE,
            problem,
            fix,
            key,
            severity=Severity.DENY if certain else Severity.WARN,
        )


def _backend_of(config: ConfigView, key: str) -> str:
    """The backend that a key belongs to; for conditions their first word decides (`main.go: detectBackendOfConditions`)."""
    if key == "externalSetMarkChain":
        return "iptables" if config.text(key) is not None else ""
    conditions = config.texts(key)
    first = conditions[0][1] if conditions else ""
    return "" if not first else "iptables" if first[0] in "-!" else "nftables"


PLUGIN = Plugin(
    type="portmap",
    source="plugins/meta/portmap/main.go",
    role=Role.CHAINED,
    capabilities=frozenset({"portMappings"}),
    schema=schema_types.object_of(
        backend={"type": "string", "enum": ["iptables", "nftables"]},
        snat=schema_types.BOOLEAN,
        masqAll=schema_types.BOOLEAN,
        markMasqBit=schema_types.integer(0, 31),
        externalSetMarkChain=schema_types.STRING,
        conditionsV4=schema_types.STRINGS,
        conditionsV6=schema_types.STRINGS,
    ),
    check=check,
)
