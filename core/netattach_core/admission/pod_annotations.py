"""Annotations and fields that look like requests for networks, and that nobody reads: pods start without what they ask for."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netattach_core.admission import unstructured
from netattach_core.admission.unstructured import JsonObject
from netattach_core.api import networks_annotation
from netattach_core.api.networks_annotation import (
    DEFAULT_NETWORK,
    DEVICE_CONTAINER,
    FIELDS,
    NETWORK_STATUS,
    NETWORKS,
    SKIP_DEFAULT_NETWORKS,
)
from netattach_core.net.names import shown
from netattach_core.text import json_document, suggestions
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.text.json_document import Member, Node, folded

KEY_MISSPELT = Rule(
    "pod-annotation-misspelt", Severity.WARN, "an annotation that is not read, and similar to one that is"
)
MISPLACED = Rule(
    "pod-annotation-misplaced", Severity.WARN, "an annotation of an object whose pods do not get it"
)
FIELD_MISSPELT = Rule(
    "pod-field-misspelt",
    Severity.WARN,
    "a field of a network selection that is not read, and similar to one that is",
)

RULES = (KEY_MISSPELT, MISPLACED, FIELD_MISSPELT)

_KNOWN = (NETWORKS, DEFAULT_NETWORK, SKIP_DEFAULT_NETWORKS, DEVICE_CONTAINER)
_OF_OTHERS = frozenset({NETWORK_STATUS, "k8s.v1.cni.cncf.io/networks-status"})
"""Annotations that are written on pods, not read."""

_DOMAIN_WORDS = ("cncf", "cni.", "multus", "netattach")
_NAMES = {
    **{each.partition("/")[2]: each for each in _KNOWN},
    "network": NETWORKS,
    "default-networks": DEFAULT_NETWORK,
}
"""By the part after the slash, and by frequent slips: the annotation that is meant."""

_ALIASES = {
    "interfacename": "interface",
    "ifname": "interface",
    "ip": "ips",
    "iprequest": "ips",
    "ipaddress": "ips",
    "ipaddresses": "ips",
    "address": "ips",
    "addresses": "ips",
    "macrequest": "mac",
    "macaddress": "mac",
    "network": "name",
    "networkname": "name",
    "gateway": "default-route",
    "guid": "infiniband-guid",
    "ports": "portMappings",
}
"""By their letters in lower case: fields of other APIs, and names of Go's types."""

_READ = frozenset(map(folded, (*FIELDS, "interfaceRequest")))
_MAX_ANNOTATIONS, _MAX_KEYS, _MAX_FIELDS, _MAX_KEY = 1000, 200, 100, 400
"""Annotations of a pod, those with keys like ours, unread fields of one, and characters of a key that are looked at.

Real keys have at most 317 characters, and pods a handful that are like ours, among any number of others.
"""

_MAX_FINDINGS = 20
"""In keys: a person reads no more, and to compare each of a thousand takes most of a second."""


def check_keys(annotations: Mapping[str, str], before: Mapping[str, str]) -> Iterator[Finding]:
    """Findings for the annotations of a pod whose keys are misspelt, and were not there before."""
    new = (key for key in itertools.islice(annotations, _MAX_ANNOTATIONS) if key not in before)
    found = _misspelt(itertools.islice(filter(_is_like_ours, new), _MAX_KEYS), annotations)
    yield from itertools.islice(found, _MAX_FINDINGS)


def _misspelt(keys: Iterable[str], annotations: Mapping[str, str]) -> Iterator[Finding]:
    for key in keys:
        meant = _meant(key)
        if meant is not None and meant not in annotations:
            problem = f"nothing reads the annotation `{key}`: the pod starts as if it were not there"
            yield Finding(KEY_MISSPELT, (key,), problem, f"did you mean `{meant}`?")


def check_owner(body: JsonObject, template: JsonObject) -> Iterator[Finding]:
    """A finding for the annotations of an object that creates pods, where its template has none of them."""
    own, of_pods = unstructured.annotations_of(body), unstructured.annotations_of(template)
    for key in (NETWORKS, DEFAULT_NETWORK):
        if key in own and key not in of_pods:
            problem = f"the annotation `{key}` is one of the object itself: its pods do not get it"
            fix = "move it to the metadata of the pod template: spec.template.metadata.annotations"
            yield Finding(MISPLACED, (key,), problem, fix)


def check_fields(key: str, text: str) -> Iterator[Finding]:
    """Findings for fields in the annotation with this key whose names are misspelt; unknown ones may be for other programs."""
    if len(text) > networks_annotation.MAX_LENGTH or not networks_annotation.is_json(text):
        return
    try:
        if not _has_unread(json_document.shallow_value(text)):
            return
        items = json_document.parse(text).items
    except json_document.JsonTextError:
        return
    for index, member, present in itertools.islice(_unread(items), _MAX_FIELDS):
        yield from _field(key, index, member, present)


def _unread(items: Iterable[Node]) -> Iterator[tuple[int, Member, set[str]]]:
    """The unread fields of all elements, each with the number of its element and all keys of that."""
    for index, item in enumerate(items):
        keys = [folded(each.key) for each in item.members]
        present = {*keys}
        yield from (
            (index, each, present) for key, each in zip(keys, item.members, strict=True) if key not in _READ
        )


def _has_unread(elements: Any) -> bool:
    """Most annotations have no such field, and need no offsets."""
    return isinstance(elements, list) and any(
        folded(key) not in _READ for each in elements if isinstance(each, dict) for key in each
    )


def _field(key: str, index: int, member: Member, others: set[str]) -> Iterator[Finding]:
    name = member.key[:_MAX_KEY]
    letters = "".join(filter(str.isalnum, name)).lower()
    meant = suggestions.closest(name, FIELDS) or _ALIASES.get(letters)
    if meant is not None and folded(meant) not in others:
        problem = f"no program reads the field `{shown(name)}`: the network is attached without it"
        path = (key, index, shown(name))
        yield Finding(FIELD_MISSPELT, path, problem, f"did you mean `{meant}`?", member.start)


def _is_like_ours(key: str) -> bool:
    """Whether it may be one of ours, misspelt: cheap, and false for nearly all annotations of others."""
    if len(key) > _MAX_KEY or key in _KNOWN or key in _OF_OTHERS:
        return False
    domain = key.rpartition("/")[0]
    return any(word in domain for word in _DOMAIN_WORDS)


def _meant(key: str) -> str | None:
    """The annotation that a key like ours is meant to be; None for one of somebody else."""
    close = suggestions.closest(key.rpartition("/")[2], _NAMES)
    return _NAMES[close] if close else None
