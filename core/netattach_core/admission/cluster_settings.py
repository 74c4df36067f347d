"""The cluster's settings, where they are applied."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

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
"""So many nodes are named; of more their number."""

SETTINGS_BROKEN = Rule("settings-broken", Severity.DENY, "settings that cannot be read")

SETTINGS_NETWORK = Rule(
    "settings-network-unknown",
    Severity.WARN,
    "a network for every pod that is no NetworkAttachmentDefinition",
)

SETTINGS_PRIMARY = Rule(
    "settings-primary-unknown", Severity.WARN, "a default network of the nodes that some of them do not have"
)

RULES = (SETTINGS_BROKEN, SETTINGS_NETWORK, SETTINGS_PRIMARY)


def settings_findings(problems: Iterable[str]) -> list[Finding]:
    """From what was said of them, by their reader and by `problems`. No setting changes that they are refused."""
    fix = "correct it; the settings that were in force stay in force"
    return [Finding(SETTINGS_BROKEN, ("data",), problem, fix) for problem in problems]


def validate_default_networks(selection: SelectionSettings, there: Collection[Key]) -> list[Finding]:
    """For default networks that are not there; a file of each node would do, of which nobody here knows."""
    absent = [
        name
        for name in selection.defaults
        if not name.endswith(netattach_conf.SUFFIXES) and (selection.namespace, name) not in there
    ]
    return [_absent(name, selection.namespace) for name in absent]


def _absent(name: str, namespace: str) -> Finding:
    problem = (
        f"defaultNetworks: there is no NetworkAttachmentDefinition {name!r} in namespace {namespace!r}; on a node without a file "
        "of that name too, no pod starts that is to have it"
    )
    fix = "create it first, or write the file's name: it ends in .conf, .conflist or .json"
    return Finding(SETTINGS_NETWORK, ("data",), problem, fix)


def validate_primary_network(selection: SelectionSettings, nodes: Iterable[NodeInventory]) -> list[Finding]:
    """For a primary that nodes do not have; of those that have not told what they have nothing is said."""
    name = selection.primary
    told = {node.node: has for node in nodes if (has := node.has_network(name)) is not None} if name else {}
    lacking = sorted(node for node, has in told.items() if not has)
    if not lacking:
        return []
    where = "on any node" if len(lacking) == len(told) else f"on {and_more(lacking, _NAMED)}"
    problem = (
        f"primaryNetwork: there is no file {name!r} {where}, nor a network of that name; no other one is taken in its place, so "
        "no pod starts there"
    )
    fix = "install it on every node first, or correct the name"
    return [Finding(SETTINGS_PRIMARY, ("data",), problem, fix)]


def problems(settings: ValidationSettings, rules: Iterable[str]) -> Iterator[str]:
    """What only the validator knows to be wrong: rules that there are not, schemas that are none."""
    known = sorted(rules)
    for where, rule in _named_rules(settings):
        if rule not in known:
            close = suggestions.closest(rule, known)
            yield f"validate.{where}: there is no such rule; {f'did you mean `{close}`?' if close else 'docs/rules.md has all'}"
    for kind, schema in settings.schemas.items():
        problem = custom_schemas.problem(schema)
        if problem:
            yield f"validation.schemas.{kind}: {problem}"


def _named_rules(settings: ValidationSettings) -> Iterator[tuple[str, str]]:
    for rule in settings.severities:
        yield f"severities.{rule}", rule
    for index, exemption in enumerate(settings.exemptions):
        for rule in exemption.rules:
            yield f"exemptions[{index}].rules: {rule}", rule
