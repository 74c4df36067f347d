"""Rule about CNI versions: that of the network must be supported by the plugin binaries on the nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netattach_core.api.inventory import NodeInventory
from netattach_core.cni import versions
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.text.lists import and_more
from netattach_core.validation import node_majority
from netattach_core.validation.memoize import cache_last
from netattach_core.validation.plugin_chain import Network

VERSION_UNSUPPORTED = Rule(
    "cni-version-unspoken", Severity.DENY, "a CNI version that the plugins on the nodes do not support"
)

RULES = (VERSION_UNSUPPORTED,)

_NAMED = 10
"""Nodes that a message names at most."""


def check(network: Network, nodes: Sequence[NodeInventory]) -> Iterator[Finding]:
    """Validates each plugin and IPAM plugin; missing binaries and those that did not report their versions are skipped."""
    supported = _supported_versions(nodes)
    seen = set[str]()
    for entry in network.entries:
        for view, kind in ((entry.config, entry.binary), (entry.ipam, entry.ipam_type)):
            if view is not None and kind in supported and kind not in seen:
                seen.add(kind)
                silent = [node for node in nodes if node.has_plugin(kind) and not _reports(node, kind)]
                yield from _binary(network, view, kind, supported[kind], silent)


def _reports(node: NodeInventory, kind: str) -> bool:
    return any(plugin.name == kind and plugin.versions for plugin in node.plugins)


@cache_last
def _supported_versions(nodes: Sequence[NodeInventory]) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    """For each plugin, the nodes that report its versions, with these versions."""
    supported: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for node in nodes:
        for plugin in node.plugins:
            if plugin.versions:
                supported.setdefault(plugin.name, []).append((node.node, plugin.versions))
    return supported


def _binary(
    network: Network,
    view: ConfigView,
    kind: str,
    supported: Sequence[tuple[str, tuple[str, ...]]],
    silent: Sequence[NodeInventory],
) -> Iterator[Finding]:
    """`silent` are the nodes whose binary did not report its versions."""
    without = [name for name, known in supported if network.cni_version not in known]
    if not without:
        return
    everywhere = len(without) == len(supported)
    where = f"on {and_more(without, _NAMED)}"
    outcome = (
        "no pod can be attached" if everywhere and len(supported) > 1 else "pods there cannot be attached"
    )
    problem = f"the plugin `{kind}` {where} does not support CNI version {network.cni_version}: {outcome}"
    outvoted = node_majority.is_outvoted({name for name, _ in supported}, silent)
    severity = None if everywhere and not outvoted else Severity.WARN
    yield view.found(VERSION_UNSUPPORTED, problem, _fix(kind, supported), "type", severity=severity)


def _fix(kind: str, supported: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """The newest version that all of the binaries support, or an update."""
    common = set(versions.SUPPORTED).intersection(*(known for _, known in supported))
    newest = versions.newest_supported(common)
    update = f"install a newer {kind} on these nodes"
    return f'write "cniVersion": "{newest}", or {update}' if newest else update
