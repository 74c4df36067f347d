"""On which nodes a network is meant to be used: the NAD's annotation `netattach.io/node-selector`, a label selector."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import NODE_SELECTOR, Nad
from netattach_core.text.finding import Finding, Rule, Severity

SELECTOR_UNREADABLE = Rule("node-selector-unreadable", Severity.DENY, "a node selector that cannot be read")
SELECTOR_EMPTY = Rule("node-selector-empty", Severity.WARN, "a node selector that no node matches")

RULES = (SELECTOR_UNREADABLE, SELECTOR_EMPTY)

_KEY = r"(?:[A-Za-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?"
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(\s*({_VALUE}(?:\s*,\s*{_VALUE})*)\s*\)")
_EQUAL = re.compile(rf"({_KEY})\s*(==?|!=)\s*({_VALUE})")
_THERE = re.compile(rf"(!?)\s*({_KEY})")
_PARTS = re.compile(r",(?![^(]*\))")


@dataclass(frozen=True, slots=True)
class Requirement:
    """The label's value is one of these, or is none of them; with `values` None it is there, or is not there."""

    key: str
    values: frozenset[str] | None
    holds: bool

    def met(self, labels: Mapping[str, str]) -> bool:
        if self.values is None:
            return (self.key in labels) == self.holds
        return (labels.get(self.key) in self.values) == self.holds


def parse(text: str) -> tuple[Requirement, ...] | None:
    """A selector as kubectl takes it; None where it is none."""
    read = [_requirement(part.strip()) for part in _PARTS.split(text)]
    found = tuple(each for each in read if each is not None)
    return found if len(found) == len(read) else None


def _requirement(part: str) -> Requirement | None:
    if match := _SET.fullmatch(part):
        values = frozenset(value.strip() for value in match[3].split(","))
        return Requirement(match[1], values, holds=match[2] == "in")
    if match := _EQUAL.fullmatch(part):
        return Requirement(match[1], frozenset({match[3]}), holds=match[2] != "!=")
    if match := _THERE.fullmatch(part):
        return Requirement(match[2], None, holds=not match[1])
    return None


def selected(nad: Nad, nodes: Sequence[NodeInventory]) -> Sequence[NodeInventory]:
    """The nodes on which the network may be used: all, where the NAD does not say or cannot be read."""
    requirements = (
        parse(nad.annotations.get(NODE_SELECTOR, "").strip()) if NODE_SELECTOR in nad.annotations else ()
    )
    if not requirements:
        return nodes
    return [node for node in nodes if all(each.met(node.labels) for each in requirements)]


def check(nad: Nad, nodes: Sequence[NodeInventory]) -> Iterator[Finding]:
    """The annotation itself."""
    text = nad.annotations.get(NODE_SELECTOR)
    if text is None:
        return
    path = ("metadata", "annotations", NODE_SELECTOR)
    if parse(text.strip()) is None:
        problem = (
            f"{text!r} is no label selector, so it is not known on which nodes the network is to be validated"
        )
        fix = "write it as kubectl takes it: network=fast,!virtual or zone in (a, b)"
        yield Finding(SELECTOR_UNREADABLE, path, problem, fix)
    elif nodes and not selected(nad, nodes):
        problem = f"no node has labels that match {text!r}: nothing is known of where the network is used"
        yield Finding(
            SELECTOR_EMPTY, path, problem, "see `kubectl get nodes --show-labels`, or correct the selector"
        )
