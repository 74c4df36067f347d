"""Rule group 4, versions: the version of CNI that the network speaks against those that the nodes' binaries speak (G11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netattach_core.api.inventory import NodeInventory
from netattach_core.cni import versions
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.text.lists import and_more
from netattach_core.validation.memoize import cache_last
from netattach_core.validation.plugin_chain import Network

VERSION_UNSPOKEN = Rule(
    "cni-version-unspoken", Severity.DENY, "a version of CNI that the nodes' plugins do not speak"
)

RULES = (VERSION_UNSPOKEN,)

_NAMED = 10
"""Nodes that a message names; the rest is counted."""


def check(network: Network, nodes: Sequence[NodeInventory]) -> Iterator[Finding]:
    """Each plugin and IPAM plugin. A binary that did not say which versions it speaks is passed over, and so is none at all."""
    spoken = _spoken(nodes)
    seen = set[str]()
    for entry in network.entries:
        for view, kind in ((entry.conf, entry.binary), (entry.ipam, entry.ipam_type)):
            if view is not None and kind in spoken and kind not in seen:
                seen.add(kind)
                yield from _binary(network, view, kind, spoken[kind])


@cache_last
def _spoken(nodes: Sequence[NodeInventory]) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    """By plugin, the nodes on which it told its versions, and those."""
    spoken: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for node in nodes:
        for plugin in node.plugins:
            if plugin.versions:
                spoken.setdefault(plugin.name, []).append((node.node, plugin.versions))
    return spoken


def _binary(
    network: Network, view: View, kind: str, spoken: Sequence[tuple[str, tuple[str, ...]]]
) -> Iterator[Finding]:
    without = [name for name, known in spoken if network.cni_version not in known]
    if not without:
        return
    everywhere = len(without) == len(spoken)
    where = f"on {and_more(without, _NAMED)}"
    outcome = "no pod can be attached" if everywhere and len(spoken) > 1 else "pods there cannot be attached"
    problem = f"the plugin `{kind}` {where} does not speak CNI {network.cni_version}: {outcome}"
    severity = None if everywhere else Severity.WARN
    yield view.found(VERSION_UNSPOKEN, problem, _fix(kind, spoken), "type", severity=severity)


def _fix(kind: str, spoken: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """The newest version that all of them speak."""
    common = set(versions.SUPPORTED).intersection(*(known for _, known in spoken))
    newest = versions.newest_supported(common)
    update = f"install a newer {kind} there"
    return f'write "cniVersion": "{newest}", or {update}' if newest else update
