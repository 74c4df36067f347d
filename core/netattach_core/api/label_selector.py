"""Label selectors in kubectl's syntax: `network=fast,!virtual` or `zone in (a, b)`."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from netattach_core.net import names

_KEY = r"(?:[A-Za-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?"
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(\s*({_VALUE}(?:\s*,\s*{_VALUE})*)\s*\)")
_EQUALITY = re.compile(rf"({_KEY})\s*(==?|!=)\s*({_VALUE})")
_EXISTS = re.compile(rf"(!?)\s*({_KEY})")
_PARTS = re.compile(r",(?![^(]*\))")

MAX_LENGTH = 4096
"""Characters. An annotation may have 256 KiB, and the time to parse a selector grows with the square of its length."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """The label's value is one of `values`, or the label exists where `values` is None; the opposite where `holds` is false."""

    key: str
    values: frozenset[str] | None
    holds: bool

    @property
    def text(self) -> str:
        """In kubectl's syntax."""
        if self.values is None:
            return self.key if self.holds else f"!{self.key}"
        if len(self.values) == 1:
            return f"{self.key}{'=' if self.holds else '!='}{next(iter(self.values))}"
        return f"{self.key} {'in' if self.holds else 'notin'} ({', '.join(sorted(self.values))})"

    @property
    def is_valid(self) -> bool:
        """Whether Kubernetes accepts it in an object too: the prefix of its key has to be a DNS-1123 subdomain."""
        prefix, slash, _ = self.key.rpartition("/")
        return not slash or names.is_object_name(prefix)

    def met(self, labels: Mapping[str, str]) -> bool:
        if self.values is None:
            return (self.key in labels) == self.holds
        return (labels.get(self.key) in self.values) == self.holds


@functools.lru_cache(maxsize=256)
def parse(text: str) -> tuple[Requirement, ...] | None:
    """The requirements of a selector in kubectl's syntax; None where it cannot be parsed, or has more than `MAX_LENGTH`."""
    if len(text) > MAX_LENGTH:
        return None
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
