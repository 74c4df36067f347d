"""What an admission review comes to: which of it is judged, and what is said of networks, pods and settings.

An object is judged where the text concerned is new: what stood there before our rules did can still be labelled, annotated and
taken away. What is known of the cluster comes in as values; who looks it up is no business of these rules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_core import annotation
from netattach_core.annotation import DEFAULT_NETWORK, NETWORKS
from netattach_core.errors import AnnotationError
from netattach_core.finding import Finding, Rule, Severity
from netattach_core.inventory import NodeInventory
from netattach_core.plugins import words
from netattach_core.policy import judge

Body = Mapping[str, Any]
Key = tuple[str, str]
"""Namespace and name of a NAD."""

CONFIG_TOO_LONG = Rule("config-too-long", Severity.DENY, "a configuration of a length that no network needs")
INVENTORY_MISSING = Rule("inventory-missing", Severity.WARN, "no node has said yet what it has")
POD_ANNOTATION = Rule("pod-annotation", Severity.DENY, "an annotation that cannot be read")
POD_UNKNOWN = Rule("pod-unknown-network", Severity.DENY, "a network that is not there")
POD_UNCERTAIN = Rule("pod-uncertain-network", Severity.WARN, "a network that could not be looked up")
POD_DEFAULT = Rule("pod-default-network", Severity.DENY, "another default network than the cluster's")
POD_HOST = Rule("pod-host-network", Severity.WARN, "networks of a pod that has the node's own")
SETTINGS_BROKEN = Rule("settings-broken", Severity.DENY, "settings that cannot be read")

RULES = (
    CONFIG_TOO_LONG,
    INVENTORY_MISSING,
    POD_ANNOTATION,
    POD_UNKNOWN,
    POD_UNCERTAIN,
    POD_DEFAULT,
    POD_HOST,
    SETTINGS_BROKEN,
)

LONGEST_CONFIG = 32 * 1024
"""Characters. To judge a text takes a time that its author chooses, and real ones have a few hundred."""

_CANDIDATES = 1000
"""Networks in a namespace; among more of them, none is looked for that may be meant."""

_OURS = "netattach.io/"
"""How the annotations begin that change what is said of a NAD."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a pod asks for, each network once, and what is wrong with that wherever those networks are."""

    networks: tuple[Key, ...] = ()
    findings: tuple[Finding, ...] = ()


def concerns_nad(body: Body, before: Body | None) -> bool:
    """Whether there is anything to judge: a NAD that is new, or of which an update changes what the judge looks at."""
    return not _is_going(body) and (before is None or _judged_of(body) != _judged_of(before))


def of_nad(body: Body, before: Body | None, nodes: Sequence[NodeInventory]) -> list[Finding]:
    """What is wrong with a NAD; `before` is None for a new one, `nodes` empty where none has reported."""
    if not concerns_nad(body, before):
        return []
    config = _mapping(body, "spec").get("config")
    if isinstance(config, str) and len(config) > LONGEST_CONFIG:
        return [_too_long(len(config))]
    findings = judge(body, nodes or None)
    if not nodes and config:
        problem = (
            "no node has reported yet, so nothing is known of interfaces and plugins; the rest is judged"
        )
        mend = "see whether the daemons run: kubectl --namespace netattach-node get pods"
        findings.append(Finding(INVENTORY_MISSING, (), problem, mend))
    return findings


def of_pod(body: Body, before: Body | None, namespace: str) -> Asked:
    """What a pod asks for, of what it did not ask for `before`.

    With hostNetwork it gets no network, so nothing comes of one that is not there.
    """
    if _is_going(body):
        return Asked()
    asked, earlier = _annotations(body), _annotations(before or {})
    findings = []
    if asked.get(DEFAULT_NETWORK) != earlier.get(DEFAULT_NETWORK):
        findings += _default_network(asked.get(DEFAULT_NETWORK, ""))
    if asked.get(NETWORKS) == earlier.get(NETWORKS):
        return Asked(findings=tuple(findings))
    try:
        selections = annotation.parse(asked.get(NETWORKS, ""), namespace)
    except AnnotationError as error:
        findings.append(Finding(POD_ANNOTATION, (NETWORKS,), error.message, "correct the annotation"))
        return Asked(findings=tuple(findings))
    if selections and _mapping(body, "spec").get("hostNetwork") is True:
        return Asked(findings=(*findings, _host_network()))
    networks = dict.fromkeys((each.namespace, each.name) for each in selections)
    return Asked(tuple(networks), tuple(findings))


def unknown(networks: Iterable[Key], there: Collection[Key], own: str) -> list[Finding]:
    """For networks that are not there; `there` are all that are, `own` is the pod's namespace."""
    return [_unknown(namespace, name, there, own) for namespace, name in networks]


def uncertain(networks: Collection[Key], why: str) -> list[Finding]:
    """For networks that are in no cache and could not be looked up: no pod waits for us, and the daemon judges it again."""
    if not networks:
        return []
    named = ", ".join("/".join(network) for network in networks)
    problem = f"whether {named} is there could not be looked up ({why}); the pod is let through, and its node judges it again"
    return [Finding(POD_UNCERTAIN, (NETWORKS,), problem, "nothing, where you know that it is there")]


def of_settings(problems: Iterable[str]) -> list[Finding]:
    """From what the reader of the settings has said of them."""
    mend = "correct it; the settings that were in force stay in force"
    return [Finding(SETTINGS_BROKEN, ("data",), problem, mend) for problem in problems]


def _unknown(namespace: str, name: str, there: Collection[Key], own: str) -> Finding:
    problem = f"there is no NetworkAttachmentDefinition {name!r} in namespace {namespace!r}"
    elsewhere = [other for other, same in there if same == name and other != namespace]
    beside = [other for within, other in there if within == namespace]
    close = words.closest(name, beside) if len(beside) <= _CANDIDATES else None
    mend = "create it, or correct the annotation"
    if len(elsewhere) == 1:
        other = elsewhere[0]
        mend = f'write {other}/{name}, or "namespace": "{other}" in the JSON form'
    elif close:
        mend = f"did you mean `{close if namespace == own else f'{namespace}/{close}'}`?"
    return Finding(POD_UNKNOWN, (NETWORKS,), problem, mend)


def _too_long(length: int) -> Finding:
    problem = f"the configuration has {length} characters; no network needs more than {LONGEST_CONFIG}"
    mend = "remove what no plugin reads, or make several networks of it"
    return Finding(CONFIG_TOO_LONG, (), problem, mend)


def _default_network(text: str) -> list[Finding]:
    """The daemon would refuse the pod too; this is where its author still sees it."""
    if not text.strip():
        return []
    problem = (
        f"annotation {DEFAULT_NETWORK} is not carried out by this version, and the pod must not run in another "
        "default network than it asks for"
    )
    return [Finding(POD_DEFAULT, (DEFAULT_NETWORK,), problem, "remove the annotation")]


def _host_network() -> Finding:
    problem = "the pod has hostNetwork, so no network is ever attached to it: the annotation has no effect"
    return Finding(POD_HOST, (NETWORKS,), problem, "remove the annotation, or hostNetwork")


def _judged_of(body: Body) -> tuple[Any, Mapping[str, str]]:
    """The parts of a NAD that the judge looks at."""
    ours = {key: value for key, value in _annotations(body).items() if key.startswith(_OURS)}
    return _mapping(body, "spec").get("config"), ours


def _is_going(body: Body) -> bool:
    """Whether it is being deleted: finalizers have to come off, whatever is wrong with it."""
    return bool(_mapping(body, "metadata").get("deletionTimestamp"))


def _annotations(body: Body) -> Mapping[str, str]:
    found = _mapping(_mapping(body, "metadata"), "annotations")
    return {str(key): str(value) for key, value in found.items()}


def _mapping(body: Body, key: str) -> Body:
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}
