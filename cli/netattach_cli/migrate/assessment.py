"""What a migration check finds: items in three sections, and the settings for netattach-config."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class Section(enum.StrEnum):
    """What an item means for the migration; the values are the keys of the JSON report."""

    WORKS = "works"
    CHANGE = "changes"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Item:
    """`subject` is what it is about, `fix` what to do, "" if nothing."""

    section: Section
    subject: str
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """`multus` describes the installation, "" if there is none; `settings` are the keys of netattach-config."""

    multus: str
    items: Sequence[Item]
    settings: Mapping[str, Any]

    def of(self, section: Section) -> list[Item]:
        """Its items, in the order of the check."""
        return [item for item in self.items if item.section is section]


def works(subject: str, text: str) -> Item:
    """What goes on as before."""
    return Item(Section.WORKS, subject, text)


def change(subject: str, text: str, fix: str) -> Item:
    """What an administrator has to set or do, before or after the migration."""
    return Item(Section.CHANGE, subject, text, fix)


def refused(subject: str, text: str, fix: str) -> Item:
    """What netattach will not do."""
    return Item(Section.REFUSED, subject, text, fix)
