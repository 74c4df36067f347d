"""Pods: what they ask for, and whether that is there. Where the networks are known, `requests` has more to say."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netattach_core.admission import unstructured
from netattach_core.admission.unstructured import Body
from netattach_core.api import network_selection, networks_annotation
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS, NetworkSelection
from netattach_core.api.objects import Key
from netattach_core.attach import default_route
from netattach_core.attach.attachment import interface_name
from netattach_core.errors import AnnotationError
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation import settings as validation_settings
from netattach_core.validation.settings import ValidationSettings

POD_ANNOTATION = Rule("pod-annotation", Severity.DENY, "an annotation that cannot be read")
POD_UNKNOWN = Rule("pod-unknown-network", Severity.DENY, "a network that is not there")
POD_UNCERTAIN = Rule("pod-uncertain-network", Severity.WARN, "a network that could not be looked up")
POD_DEFAULT = Rule("pod-default-network", Severity.DENY, "a default network that no pod can have so")
POD_HOST = Rule("pod-host-network", Severity.WARN, "networks of a pod that has the node's own")
POD_ISOLATED = Rule("pod-isolated", Severity.DENY, "a network of a namespace that the pod's may not use")
POD_INTERFACE = Rule("pod-interface-twice", Severity.DENY, "two networks that want one interface name")
POD_DEFAULT_ROUTE = Rule("pod-default-route", Severity.DENY, "default routes that a pod cannot have")

RULES = (
    POD_ANNOTATION,
    POD_UNKNOWN,
    POD_UNCERTAIN,
    POD_DEFAULT,
    POD_HOST,
    POD_ISOLATED,
    POD_INTERFACE,
    POD_DEFAULT_ROUTE,
)

_CANDIDATES = 1000
"""Networks in a namespace; among more of them, none is looked for that may be meant."""

_DEFAULT_INTERFACE = "eth0"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a pod asks for, each network once, and what is wrong with that wherever those networks are.

    `default` is what it asks for in the place of the node's primary, where that is new and can be looked up.
    """

    networks: tuple[Key, ...] = ()
    findings: tuple[Finding, ...] = ()
    selections: tuple[NetworkSelection, ...] = ()
    default: NetworkSelection | None = None


def of_pod(
    body: Body,
    before: Body | None,
    namespace: str,
    settings: ValidationSettings = validation_settings.DEFAULTS,
) -> Asked:
    """What a pod asks for, of what it did not ask for `before`.

    With hostNetwork it gets no network, so nothing comes of one that is not there.
    """
    if unstructured.is_going(body):
        return Asked()
    asked, earlier = unstructured.annotations_of(body), unstructured.annotations_of(before or {})
    on_host = unstructured.mapping(body, "spec").get("hostNetwork") is True
    default, networks = Asked(), Asked()
    if asked.get(DEFAULT_NETWORK) != earlier.get(DEFAULT_NETWORK):
        default = _of_default(asked.get(DEFAULT_NETWORK, ""), namespace, settings, on_host=on_host)
    if asked.get(NETWORKS) != earlier.get(NETWORKS):
        networks = _of_networks(asked, namespace, settings, on_host=on_host)
    return dataclasses.replace(
        networks, findings=(*default.findings, *networks.findings), default=default.default
    )


def _of_networks(asked: Mapping[str, str], own: str, settings: ValidationSettings, *, on_host: bool) -> Asked:
    try:
        selections = networks_annotation.parse(asked.get(NETWORKS, ""), own)
    except AnnotationError as error:
        return Asked(findings=(_unreadable(NETWORKS, error),))
    if selections and on_host:
        return Asked(findings=(_host_network(NETWORKS),))
    before = len(network_selection.cluster_defaults(asked, own, settings.selection)) + 1
    findings = [
        *_isolation(NETWORKS, selections, own, settings),
        *_interfaces(selections, before),
        *_default_routes(NETWORKS, [*_default_of(asked, settings), *selections]),
    ]
    networks = dict.fromkeys((each.namespace, each.name) for each in selections)
    return Asked(tuple(networks), tuple(findings), selections)


def _of_default(text: str, own: str, settings: ValidationSettings, *, on_host: bool) -> Asked:
    try:
        default = networks_annotation.parse_default(text, settings.selection.namespace)
    except AnnotationError as error:
        return Asked(findings=(_unreadable(DEFAULT_NETWORK, error),))
    if default is None:
        return Asked()
    if on_host:
        return Asked(findings=(_host_network(DEFAULT_NETWORK),))
    isolated = list(_isolation(DEFAULT_NETWORK, [default], own, settings))
    findings = (*isolated, *_renamed(default), *_default_routes(DEFAULT_NETWORK, [default]))
    return Asked(findings=findings, default=None if isolated else default)


def unknown_default(default: NetworkSelection, there: Collection[Key], own: str) -> list[Finding]:
    """For a default network that is not there, neither as a NAD nor on the nodes."""
    found = _unknown(default.namespace, default.name, there, own)
    return [dataclasses.replace(found, path=(DEFAULT_NETWORK,))]


def unknown_file(default: NetworkSelection, primaries: Collection[str]) -> list[Finding]:
    """For one that is no NAD, where a node's file will do; of the nodes' files only the `primaries`' names are known."""
    if default.name in primaries:
        return []
    problem = (
        f"there is no NetworkAttachmentDefinition {default.name!r} in namespace {default.namespace!r}, and no node's primary has "
        "this name; another file of the node would do"
    )
    fix = "create it, or correct the annotation, where there is no such file"
    return [Finding(POD_UNKNOWN, (DEFAULT_NETWORK,), problem, fix, severity=Severity.WARN)]


def unknown(networks: Iterable[Key], there: Collection[Key], own: str) -> list[Finding]:
    """For networks that are not there; `there` are all that are, `own` is the pod's namespace."""
    return [_unknown(namespace, name, there, own) for namespace, name in networks]


def uncertain(networks: Collection[Key], why: str) -> list[Finding]:
    """For networks that are in no cache and could not be looked up: no pod waits for us, and the daemon validators it again."""
    if not networks:
        return []
    told = ", ".join("/".join(network) for network in networks)
    problem = f"whether {told} is there could not be looked up ({why}); the pod is let through, and its node validators it again"
    return [Finding(POD_UNCERTAIN, (NETWORKS,), problem, "nothing, where you know that it is there")]


def _isolation(
    key: str, selections: Sequence[NetworkSelection], own: str, settings: ValidationSettings
) -> Iterator[Finding]:
    for index, each in enumerate(selections):
        if not settings.selection.reaches(own, each.namespace):
            problem, fix = network_selection.isolation(settings.selection, own, each.namespace)
            yield Finding(POD_ISOLATED, (key, index), problem, fix)


def _interfaces(selections: Sequence[NetworkSelection], before: int) -> Iterator[Finding]:
    """The names that the daemon gives, and those that are asked for (npwg-spec S34); so many networks come `before` these."""
    seen = {_DEFAULT_INTERFACE: "the default network"}
    seen |= {interface_name(place): "a default network of the cluster" for place in range(1, before)}
    for index, each in enumerate(selections):
        name = each.interface or interface_name(before + index)
        if name in seen:
            given = "is asked for" if each.interface else "is what this network gets without one asked for"
            problem = (
                f"interface {name!r} {given}, and it is {seen[name]}'s already: the pod cannot be attached"
            )
            yield Finding(POD_INTERFACE, (NETWORKS, index), problem, "ask for another name: network@name")
        seen.setdefault(name, each.full_name)


def _default_of(asked: Mapping[str, str], settings: ValidationSettings) -> Sequence[NetworkSelection]:
    """The pod's own default network; one that cannot be read, or has no sound default routes, is told of by itself."""
    try:
        default = networks_annotation.parse_default(
            asked.get(DEFAULT_NETWORK, ""), settings.selection.namespace
        )
    except AnnotationError:
        return ()
    return (default,) if default and not list(_default_routes(DEFAULT_NETWORK, [default])) else ()


def _default_routes(key: str, selections: Sequence[NetworkSelection]) -> Iterator[Finding]:
    asked = [
        default_route.Asked(each.full_name, each.interface or f"net{index}", each.default_route)
        for index, each in enumerate(selections, start=1)
        if each.default_route is not None
    ]
    try:
        default_route.check(asked)
    except AnnotationError as error:
        fix = "keep at most one gateway of each IP version in the whole pod"
        yield Finding(POD_DEFAULT_ROUTE, (key,), error.message, fix)


def _unknown(namespace: str, name: str, there: Collection[Key], own: str) -> Finding:
    problem = f"there is no NetworkAttachmentDefinition {name!r} in namespace {namespace!r}"
    elsewhere = [other for other, same in there if same == name and other != namespace]
    beside = [other for within, other in there if within == namespace]
    close = suggestions.closest(name, beside) if len(beside) <= _CANDIDATES else None
    fix = "create it, or correct the annotation"
    if len(elsewhere) == 1:
        other = elsewhere[0]
        fix = f'write {other}/{name}, or "namespace": "{other}" in the JSON form'
    elif close:
        fix = f"did you mean `{close if namespace == own else f'{namespace}/{close}'}`?"
    return Finding(POD_UNKNOWN, (NETWORKS,), problem, fix)


def _renamed(default: NetworkSelection) -> Iterator[Finding]:
    if default.interface not in ("", _DEFAULT_INTERFACE):
        problem = (
            f"the container runtime looks for the default network's interface as {_DEFAULT_INTERFACE!r}, so the node refuses "
            f"{default.interface!r}"
        )
        yield Finding(POD_DEFAULT, (DEFAULT_NETWORK, 0), problem, f"remove `{default.interface}`")


def _unreadable(key: str, error: AnnotationError) -> Finding:
    return Finding(POD_ANNOTATION, (key,), error.message, "correct the annotation")


def _host_network(key: str) -> Finding:
    problem = "the pod has hostNetwork, so no network is ever attached to it: the annotation has no effect"
    return Finding(POD_HOST, (key,), problem, "remove the annotation, or hostNetwork")
