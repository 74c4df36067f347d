"""A plugin that attaches networks itself: the daemon refuses it, too, whatever the settings say of the rule."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.cni import meta_plugins
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.text.json_document import Node

META_PLUGIN = Rule("meta-plugin", Severity.DENY, "a plugin that attaches networks itself")

RULES = (META_PLUGIN,)


def check(root: Node) -> Iterator[Finding]:
    """Wherever a plugin may be named: `type`, `ipam`, `delegate`, and what only a foreign plugin knows of."""
    for path, node in meta_plugins.find_all(root):
        problem = f"{node.value} attaches networks itself, and no network leads back to it: every node refuses this one"
        fix = (
            "name the plugin that gives the addresses"
            if _is_ipam(path)
            else "name the plugin that makes the interface"
        )
        yield Finding(META_PLUGIN, path, problem, f"{fix}, or remove this network", node.start)


def _is_ipam(path: tuple[str | int, ...]) -> bool:
    return any(isinstance(part, str) and part.casefold() == "ipam" for part in path)
