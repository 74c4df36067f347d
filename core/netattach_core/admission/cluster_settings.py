"""Validation of the cluster's settings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.objects import Key
from netattach_core.cni import netattach_conf
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.text.lists import and_more
from netattach_core.validation import custom_schemas
from netattach_core.validation.settings import ValidationSettings

_NAMED = 5
"""Nodes that a message names at most."""

SETTINGS_BROKEN = Rule("settings-broken", Severity.DENY, "settings that cannot be parsed")

SETTINGS_NETWORK = Rule(
    "settings-network-unknown",
    Severity.WARN,
    "a network in `defaultNetworks` that does not exist",
)

SETTINGS_PRIMARY = Rule(
    "settings-primary-unknown", Severity.WARN, "a `primaryNetwork` that does not exist on some nodes"
)

RULES = (SETTINGS_BROKEN, SETTINGS_NETWORK, SETTINGS_PRIMARY)


def settings_findings(problems: Iterable[str]) -> list[Finding]:
    """Findings for the problems that the parser and `problems` report; their severity cannot be changed by settings."""
    fix = "correct it; until then the previous settings remain in force"
    return [Finding(SETTINGS_BROKEN, ("data",), problem, fix) for problem in problems]


def validate_default_networks(selection: SelectionSettings, existing: Collection[Key]) -> list[Finding]:
    """Default networks that do not exist; the nodes may have files for them, which cannot be verified here."""
    missing = [
        name
        for name in selection.defaults
        if not name.endswith(netattach_conf.SUFFIXES) and (selection.namespace, name) not in existing
    ]
    return [_missing(name, selection.namespace) for name in missing]


def _missing(name: str, namespace: str) -> Finding:
    problem = (
        f"defaultNetworks: there is no NetworkAttachmentDefinition {name!r} in namespace {namespace!r}; on nodes without a file "
        "with this name, pods that get it cannot start"
    )
    fix = "create it first, or write the name of a file, which ends in .conf, .conflist or .json"
    return Finding(SETTINGS_NETWORK, ("data",), problem, fix)


def validate_primary_network(selection: SelectionSettings, nodes: Iterable[NodeInventory]) -> list[Finding]:
    """Nodes without the `primaryNetwork`; those that have not reported their networks are skipped."""
    name = selection.primary
    reports = (
        {node.node: has for node in nodes if (has := node.has_network(name)) is not None} if name else {}
    )
    lacking = sorted(node for node, has in reports.items() if not has)
    if not lacking:
        return []
    where = "on any node" if len(lacking) == len(reports) else f"on {and_more(lacking, _NAMED)}"
    problem = (
        f"primaryNetwork: there is no file {name!r} {where}, nor a network with this name: no pod can start "
        "there, since no other network is used instead"
    )
    fix = "install it on every node first, or correct the name"
    return [Finding(SETTINGS_PRIMARY, ("data",), problem, fix)]


def problems(settings: ValidationSettings, rules: Mapping[str, Rule]) -> Iterator[str]:
    """Rules that do not exist or that policy decides on, and schemas that are not valid."""
    known = sorted(rules)
    for where, rule in _referenced_rules(settings):
        if rule in rules and rules[rule].policy:
            yield f"validation.{where}: policy decides on this rule; set policy.mode, or the level of a namespace"
        elif rule not in rules:
            close = suggestions.closest(rule, known)
            yield f"validation.{where}: there is no such rule; {f'did you mean `{close}`?' if close else 'see docs/rules.md'}"
    for kind, schema in settings.schemas.items():
        problem = custom_schemas.problem(schema)
        if problem:
            yield f"validation.schemas.{kind}: {problem}"


def _referenced_rules(settings: ValidationSettings) -> Iterator[tuple[str, str]]:
    for rule in settings.severities:
        yield f"severities.{rule}", rule
    for index, exemption in enumerate(settings.exemptions):
        for rule in exemption.rules:
            yield f"exemptions[{index}].rules: {rule}", rule
