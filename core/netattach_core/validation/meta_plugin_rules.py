"""Meta-plugins are not allowed as plugins of a network; the daemon refuses them too, whatever the rule's severity."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.cni import meta_plugins
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.text.json_document import Node

META_PLUGIN = Rule(
    "meta-plugin",
    Severity.DENY,
    "a meta-plugin such as multus or netattach itself, used as a plugin of a network",
)

RULES = (META_PLUGIN,)


def check(root: Node) -> Iterator[Finding]:
    """Finds meta-plugins wherever a configuration can name a plugin: `type`, `ipam`, `delegate`, and in nested objects."""
    for path, node in meta_plugins.find_all(root):
        problem = f"{node.value} is a meta-plugin, which cannot be a plugin of a network itself: every node refuses this network"
        fix = (
            "write the name of an IPAM plugin"
            if _is_ipam(path)
            else "write the name of the plugin that creates the interface"
        )
        yield Finding(META_PLUGIN, path, problem, f"{fix}, or remove this network", node.start)


def _is_ipam(path: tuple[str | int, ...]) -> bool:
    return any(isinstance(part, str) and part.casefold() == "ipam" for part in path)
