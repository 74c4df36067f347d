"""The nodes on which a network is used: the label selector in the NAD's annotation `netattach.io/node-selector`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import NODE_SELECTOR, Nad
from netattach_core.text.finding import Finding, Rule, Severity

SELECTOR_UNREADABLE = Rule("node-selector-unreadable", Severity.DENY, "a node selector that cannot be parsed")
SELECTOR_EMPTY = Rule("node-selector-empty", Severity.WARN, "a node selector that no node matches")

RULES = (SELECTOR_UNREADABLE, SELECTOR_EMPTY)

_KEY = r"(?:[A-Za-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?"
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(\s*({_VALUE}(?:\s*,\s*{_VALUE})*)\s*\)")
_EQUALITY = re.compile(rf"({_KEY})\s*(==?|!=)\s*({_VALUE})")
_EXISTS = re.compile(rf"(!?)\s*({_KEY})")
_PARTS = re.compile(r",(?![^(]*\))")


@dataclass(frozen=True, slots=True)
class Requirement:
    """The label's value is one of `values`, or the label exists where `values` is None; the opposite where `holds` is false."""

    key: str
    values: frozenset[str] | None
    holds: bool

    def met(self, labels: Mapping[str, str]) -> bool:
        if self.values is None:
            return (self.key in labels) == self.holds
        return (labels.get(self.key) in self.values) == self.holds


def parse(text: str) -> tuple[Requirement, ...] | None:
    """The requirements of a selector in kubectl's syntax; None where it cannot be parsed."""
    parsed = [_requirement(part.strip()) for part in _PARTS.split(text)]
    found = tuple(each for each in parsed if each is not None)
    return found if len(found) == len(parsed) else None


def _requirement(part: str) -> Requirement | None:
    if match := _SET.fullmatch(part):
        values = frozenset(value.strip() for value in match[3].split(","))
        return Requirement(match[1], values, holds=match[2] == "in")
    if match := _EQUALITY.fullmatch(part):
        return Requirement(match[1], frozenset({match[3]}), holds=match[2] != "!=")
    if match := _EXISTS.fullmatch(part):
        return Requirement(match[2], None, holds=not match[1])
    return None


def selected(nad: Nad, nodes: Sequence[NodeInventory]) -> Sequence[NodeInventory]:
    """The nodes that match the NAD's selector; all of them without a selector or with one that cannot be parsed."""
    requirements = (
        parse(nad.annotations.get(NODE_SELECTOR, "").strip()) if NODE_SELECTOR in nad.annotations else ()
    )
    if not requirements:
        return nodes
    return [node for node in nodes if all(each.met(node.labels) for each in requirements)]


def check(nad: Nad, nodes: Sequence[NodeInventory]) -> Iterator[Finding]:
    """Validates the annotation itself."""
    text = nad.annotations.get(NODE_SELECTOR)
    if text is None:
        return
    path = ("metadata", "annotations", NODE_SELECTOR)
    if parse(text.strip()) is None:
        problem = (
            f"{text!r} is not a label selector, so the network cannot be validated for the nodes that use it"
        )
        fix = "use the syntax of kubectl: network=fast,!virtual or zone in (a, b)"
        yield Finding(SELECTOR_UNREADABLE, path, problem, fix)
    elif nodes and not selected(nad, nodes):
        problem = f"no node has labels that match {text!r}: the network is not validated for any node"
        yield Finding(
            SELECTOR_EMPTY,
            path,
            problem,
            "correct the selector, or the labels (`kubectl get nodes --show-labels`)",
        )
