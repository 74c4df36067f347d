"""The pages of rules: their addresses, and their text as `make rules` writes it next to this module."""

from __future__ import annotations

import json
import pkgutil

from netattach_core.version import VERSION

HOME = "https://example.org/netattach"
"""The address of this repository, for links in what programs read: a placeholder until it has a public one."""

FILE = "rule_pages.json"


def url(rule: str) -> str:
    """Where a rule is explained."""
    return f"{HOME}/blob/v{VERSION}/docs/rules.md#{rule}"


def page(rule: str) -> str:
    """The explanation of a rule in Markdown, without its title: an example that violates it, and the finding."""
    data = pkgutil.get_data("netattach_cli", FILE) or b"{}"
    return str(json.loads(data).get(rule, ""))
