"""Node affinity for a pod's networks: it is scheduled only where none of them is known not to be ready.

The operator labels the nodes on which a network is not ready, so that a healthy cluster has no labels, and a pending pod is
scheduled as soon as a label is removed. No node is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from netattach_core.admission import unstructured
from netattach_core.admission.unstructured import JsonObject
from netattach_core.api import label_selector
from netattach_core.api.label_selector import Requirement
from netattach_core.api.nad import NODE_SELECTOR, Nad
from netattach_core.mutation import exempt_pods, json_patch
from netattach_core.mutation.json_patch import Operation
from netattach_core.readiness import node_label

Expression = dict[str, Any]
"""A NodeSelectorRequirement."""

_Identity = tuple[str, str, tuple[str, ...]]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_TERMS, _EXPRESSIONS, _FIELDS = "nodeSelectorTerms", "matchExpressions", "matchFields"

_MAX_ADDED, _MAX_PRESENT = 1000, 5000
"""Expressions that one pod gets, and has. No real one has a tenth; an author could multiply networks by alternatives."""


def expressions(nads: Iterable[Nad]) -> list[Expression]:
    """What a node has to meet for these networks, each once: no label that says not ready, and each NAD's own node selector.

    A requirement that Kubernetes would refuse is left out: with it, the pod could not be created.
    """
    found: dict[_Identity, Expression] = {}
    for nad in nads:
        key = node_label.of_network((nad.namespace, nad.name)).key
        for each in ({"key": key, "operator": "DoesNotExist"}, *_of_selector(nad)):
            found.setdefault(_identity(each), each)
        if len(found) > _MAX_ADDED:
            break
    return list(found.values())


def patch(pod: JsonObject, wanted: Sequence[Expression]) -> list[Operation]:
    """Adds the expressions to each alternative of the required node affinity that the pod has; nothing where it has them.

    An alternative without any condition matches no node, so that it stays as it is: with a condition it would match some.
    """
    if exempt_pods.gets_no_networks(pod) or exempt_pods.has_its_node(pod):
        return []
    spec = unstructured.mapping(pod, "spec")
    if not wanted or not spec or not _is_object_or_absent(spec, "affinity", "nodeAffinity", _REQUIRED):
        return []
    affinity = unstructured.mapping(spec, "affinity")
    node = unstructured.mapping(affinity, "nodeAffinity")
    required = node.get(_REQUIRED)
    terms = _terms(required, wanted)
    if terms is None or terms == (required or {}).get(_TERMS):
        return []
    after = {**affinity, "nodeAffinity": {**node, _REQUIRED: {**(required or {}), _TERMS: terms}}}
    return [json_patch.add(after, "spec", "affinity")]


def _of_selector(nad: Nad) -> Iterator[Expression]:
    requirements = label_selector.parse(nad.annotations.get(NODE_SELECTOR, "").strip())
    for each in requirements or ():
        if each.is_valid:
            yield _expression(each)


def _expression(requirement: Requirement) -> Expression:
    if requirement.values is None:
        return {"key": requirement.key, "operator": "Exists" if requirement.holds else "DoesNotExist"}
    operator = "In" if requirement.holds else "NotIn"
    return {"key": requirement.key, "operator": operator, "values": sorted(requirement.values)}


def _is_object_or_absent(body: Mapping[str, Any], *path: str) -> bool:
    """Whether each part on the path is an object, or missing, or null."""
    for key in path:
        value = body.get(key)
        if value is None:
            return True
        if not isinstance(value, dict):
            return False
        body = value
    return True


def _terms(required: Mapping[str, Any] | None, wanted: Sequence[Expression]) -> list[Any] | None:
    """The alternatives with the expressions; None where they cannot be added."""
    if required is None:
        return [{_EXPRESSIONS: list(wanted)}] if len(wanted) <= _MAX_ADDED else None
    before = required.get(_TERMS)
    if not isinstance(before, list) or not before or len(before) * len(wanted) > _MAX_ADDED:
        return None
    if not all(_is_term(term) for term in before) or _count(before) > _MAX_PRESENT:
        return None
    return [_with(term, wanted) for term in before]


def _is_term(term: Any) -> bool:
    return isinstance(term, dict) and all(
        isinstance(term.get(key), list | None) for key in (_EXPRESSIONS, _FIELDS)
    )


def _count(terms: Iterable[Mapping[str, Any]]) -> int:
    return sum(len(term.get(_EXPRESSIONS) or ()) for term in terms)


def _with(term: Mapping[str, Any], wanted: Sequence[Expression]) -> Mapping[str, Any]:
    """The alternative with the expressions that it lacks; one that has no conditions is left alone."""
    present = term.get(_EXPRESSIONS) or []
    if not present and not term.get(_FIELDS):
        return term
    known = {_identity(each) for each in present if isinstance(each, dict)}
    lacking = [each for each in wanted if _identity(each) not in known]
    return {**term, _EXPRESSIONS: [*present, *lacking]} if lacking else term


def _identity(expression: Mapping[str, Any]) -> _Identity:
    values = expression.get("values")
    texts = tuple(map(str, values)) if isinstance(values, list) else ()
    return str(expression.get("key")), str(expression.get("operator")), texts
