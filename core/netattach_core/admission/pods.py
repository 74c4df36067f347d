"""Pods: their annotations, and whether the networks exist; `network_requests` validates what they request from each network."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netattach_core.admission import pod_annotations, unstructured
from netattach_core.admission.unstructured import JsonObject
from netattach_core.api import annotation_mistakes, network_selection, networks_annotation
from netattach_core.api.annotation_mistakes import Mistake
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS, NetworkSelection
from netattach_core.api.objects import Key
from netattach_core.attach import default_route
from netattach_core.attach.attachment import interface_name
from netattach_core.errors import AnnotationError
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Path, Rule, Severity
from netattach_core.validation import settings as validation_settings
from netattach_core.validation.settings import ValidationSettings

POD_ANNOTATION = Rule("pod-annotation", Severity.DENY, "an annotation that cannot be parsed")
POD_UNKNOWN = Rule("pod-unknown-network", Severity.DENY, "a network that does not exist")
POD_UNCERTAIN = Rule(
    "pod-uncertain-network", Severity.WARN, "a network whose existence could not be verified"
)
POD_DEFAULT = Rule("pod-default-network", Severity.DENY, "a default network with another interface name")
POD_HOST = Rule("pod-host-network", Severity.WARN, "networks for a pod with `hostNetwork`")
POD_ISOLATED = Rule(
    "pod-isolated", Severity.DENY, "a network of a namespace that the pod's namespace may not use"
)
POD_INTERFACE = Rule("pod-interface-twice", Severity.DENY, "two networks with the same interface name")
POD_DEFAULT_ROUTE = Rule("pod-default-route", Severity.DENY, "more than one default route for an IP version")

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

_MAX_CANDIDATES = 1000
"""Networks of a namespace up to which a similar name is suggested."""

_DEFAULT_INTERFACE = "eth0"
_CORRECT = "correct the annotation"


@dataclass(frozen=True, slots=True)
class RequestedNetworks:
    """The networks that a pod requests, each once, and the findings that do not depend on the networks.

    `default` is the requested default network, where the request is new and can be looked up.
    """

    networks: tuple[Key, ...] = ()
    findings: tuple[Finding, ...] = ()
    selections: tuple[NetworkSelection, ...] = ()
    default: NetworkSelection | None = None


def validate_pod(
    body: JsonObject,
    before: JsonObject | None,
    namespace: str,
    settings: ValidationSettings = validation_settings.DEFAULTS,
) -> RequestedNetworks:
    """The requested networks and findings of a pod's annotations, as far as they differ from those of `before`.

    A pod with hostNetwork gets no network, so its networks are not looked up.
    """
    if unstructured.is_being_deleted(body):
        return RequestedNetworks()
    annotations, earlier = unstructured.annotations_of(body), unstructured.annotations_of(before or {})
    on_host = unstructured.mapping(body, "spec").get("hostNetwork") is True
    default, networks = RequestedNetworks(), RequestedNetworks()
    if annotations.get(DEFAULT_NETWORK) != earlier.get(DEFAULT_NETWORK):
        default = _of_default(annotations.get(DEFAULT_NETWORK, ""), namespace, settings, on_host=on_host)
    if annotations.get(NETWORKS) != earlier.get(NETWORKS):
        networks = _of_networks(annotations, namespace, settings, on_host=on_host)
    misspelt = pod_annotations.check_keys(annotations, earlier)
    findings = (*default.findings, *networks.findings, *misspelt)
    return dataclasses.replace(networks, findings=findings, default=default.default)


def _of_networks(
    annotations: Mapping[str, str], own: str, settings: ValidationSettings, *, on_host: bool
) -> RequestedNetworks:
    text = annotations.get(NETWORKS, "")
    misspelt = [*pod_annotations.check_fields(NETWORKS, text)]
    try:
        selections = networks_annotation.parse(text, own)
    except AnnotationError:
        return RequestedNetworks(findings=(*_unreadable(NETWORKS, text, own), *misspelt))
    if selections and on_host:
        return RequestedNetworks(findings=(_host_network(NETWORKS),))
    first_index = len(network_selection.cluster_defaults(annotations, own, settings.selection)) + 1
    findings = [
        *misspelt,
        *_isolation(NETWORKS, selections, own, settings),
        *_interfaces(selections, first_index),
        *_default_routes(NETWORKS, [*_requested_default(annotations, settings), *selections]),
    ]
    networks = dict.fromkeys((each.namespace, each.name) for each in selections)
    return RequestedNetworks(tuple(networks), tuple(findings), selections)


def _of_default(text: str, own: str, settings: ValidationSettings, *, on_host: bool) -> RequestedNetworks:
    try:
        default = networks_annotation.parse_default(text, settings.selection.namespace)
    except AnnotationError as error:
        found = _unreadable(DEFAULT_NETWORK, text, settings.selection.namespace) or [
            Finding(POD_ANNOTATION, (DEFAULT_NETWORK,), error.message, _CORRECT)
        ]
        return RequestedNetworks(findings=tuple(found))
    if default is None:
        return RequestedNetworks()
    if on_host:
        return RequestedNetworks(findings=(_host_network(DEFAULT_NETWORK),))
    isolated = list(_isolation(DEFAULT_NETWORK, [default], own, settings))
    findings = (*isolated, *_renamed(default), *_default_routes(DEFAULT_NETWORK, [default]))
    return RequestedNetworks(findings=findings, default=None if isolated else default)


def unknown_default_network(default: NetworkSelection, existing: Collection[Key], own: str) -> list[Finding]:
    """For a default network that does not exist as a NAD, in a namespace where files of nodes are not used."""
    found = _unknown(default.namespace, default.name, existing, own)
    return [dataclasses.replace(found, path=(DEFAULT_NETWORK,))]


def unknown_default_file(default: NetworkSelection, primaries: Collection[str]) -> list[Finding]:
    """For a default network that is not a NAD: none if it is in `primaries`, else a warning, as a node may have a file for it."""
    if default.name in primaries:
        return []
    problem = (
        f"there is no NetworkAttachmentDefinition {default.name!r} in namespace {default.namespace!r}, "
        "and no node's default network has this name; another file on the node may have it"
    )
    fix = "create it or correct the annotation, unless the nodes have such a file"
    return [Finding(POD_UNKNOWN, (DEFAULT_NETWORK,), problem, fix, severity=Severity.WARN)]


def unknown_networks(networks: Iterable[Key], existing: Collection[Key], own: str) -> list[Finding]:
    """For networks that do not exist; `existing` are all that do, `own` is the pod's namespace."""
    return [_unknown(namespace, name, existing, own) for namespace, name in networks]


def unverified_networks(networks: Collection[Key], why: str) -> list[Finding]:
    """For networks that could not be looked up: the pod is admitted all the same, and its node validates it again."""
    if not networks:
        return []
    names = ", ".join("/".join(network) for network in networks)
    problem = f"the existence of {names} could not be verified ({why}); the pod is admitted, and its node validates it again"
    return [Finding(POD_UNCERTAIN, (NETWORKS,), problem, "none, if the network exists")]


def with_text(findings: Iterable[Finding], pod: JsonObject) -> tuple[list[Finding], str]:
    """The findings with the text of their offsets: the annotation that requests networks; those in others lose theirs."""
    text = unstructured.annotations_of(pod).get(NETWORKS, "")
    found = [
        each if each.path[:1] == (NETWORKS,) else dataclasses.replace(each, offset=None) for each in findings
    ]
    return found, text


def _isolation(
    key: str, selections: Sequence[NetworkSelection], own: str, settings: ValidationSettings
) -> Iterator[Finding]:
    for index, each in enumerate(selections):
        if not settings.selection.reaches(own, each.namespace):
            problem, fix = network_selection.isolation(settings.selection, own, each.namespace)
            yield Finding(POD_ISOLATED, (key, index), problem, fix)


def _interfaces(selections: Sequence[NetworkSelection], first_index: int) -> Iterator[Finding]:
    """Requested and generated names must differ (Kubernetes Network Plumbing Working Group spec, section 4.1.2.1.5)."""
    seen = {_DEFAULT_INTERFACE: "the default network"}
    seen |= {interface_name(place): "a default network of the cluster" for place in range(1, first_index)}
    for index, each in enumerate(selections):
        name = each.interface or interface_name(first_index + index)
        if name in seen:
            origin = "is requested" if each.interface else "is the generated name of this network"
            problem = f"interface {name!r} {origin}, but {seen[name]} has this name already: the pod cannot be attached"
            yield Finding(POD_INTERFACE, (NETWORKS, index), problem, "request another name: network@name")
        seen.setdefault(name, each.full_name)


def _requested_default(
    annotations: Mapping[str, str], settings: ValidationSettings
) -> Sequence[NetworkSelection]:
    """The pod's own default network, for its default routes; empty where its annotation has findings itself."""
    try:
        default = networks_annotation.parse_default(
            annotations.get(DEFAULT_NETWORK, ""), settings.selection.namespace
        )
    except AnnotationError:
        return ()
    return (default,) if default and not list(_default_routes(DEFAULT_NETWORK, [default])) else ()


def _default_routes(key: str, selections: Sequence[NetworkSelection]) -> Iterator[Finding]:
    requests = [
        default_route.Request(each.full_name, each.interface or f"net{index}", each.default_route)
        for index, each in enumerate(selections, start=1)
        if each.default_route is not None
    ]
    try:
        default_route.check(requests)
    except AnnotationError as error:
        fix = "keep at most one gateway of each IP version in the pod"
        yield Finding(POD_DEFAULT_ROUTE, (key,), error.message, fix)


def _unknown(namespace: str, name: str, existing: Collection[Key], own: str) -> Finding:
    problem = f"there is no NetworkAttachmentDefinition {name!r} in namespace {namespace!r}"
    elsewhere = [other for other, same in existing if same == name and other != namespace]
    same_namespace = [other for within, other in existing if within == namespace]
    close = suggestions.closest(name, same_namespace) if len(same_namespace) <= _MAX_CANDIDATES else None
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
            f"the container runtime expects {_DEFAULT_INTERFACE!r} as the interface of the default network, so the node refuses "
            f"{default.interface!r}"
        )
        yield Finding(POD_DEFAULT, (DEFAULT_NETWORK, 0), problem, f"remove `{default.interface}`")


def _unreadable(key: str, text: str, namespace: str) -> list[Finding]:
    """Everything in an annotation that cannot be parsed, with its place in the annotation."""
    return [
        Finding(POD_ANNOTATION, _path(key, each), each.problem, _CORRECT, each.offset)
        for each in annotation_mistakes.mistakes(text, namespace)
    ]


def _path(key: str, mistake: Mistake) -> Path:
    if mistake.element is None:
        return (key,)
    return (key, mistake.element, mistake.field) if mistake.field else (key, mistake.element)


def _host_network(key: str) -> Finding:
    problem = "the pod has hostNetwork, so no network is attached: the annotation has no effect"
    return Finding(POD_HOST, (key,), problem, "remove the annotation, or hostNetwork")
