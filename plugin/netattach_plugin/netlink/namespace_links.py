"""Looks into the network namespaces of attached pods, by their paths; none stays open between two looks."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from netattach_core.attach.attached_pods import AttachedSandbox
from netattach_core.attach.unmet_pods import InNamespace
from netattach_plugin import netns
from netattach_plugin.netlink import peer_links


class NamespaceLinks:
    """Which interfaces pods have lost. `seen` remembers those that were there, since not each attachment creates one."""

    def __init__(self) -> None:
        self._seen: dict[str, frozenset[str]] = {}

    def look(self, sandboxes: Sequence[AttachedSandbox]) -> dict[str, InNamespace]:
        """By container ID; nothing for what cannot be found out. For threads: the kernel may let it wait."""
        found = {each.container_id: self._look(each) for each in sandboxes}
        return {container_id: each for container_id, each in found.items() if each is not None}

    def forget_all_but(self, container_ids: Collection[str]) -> None:
        for gone in self._seen.keys() - container_ids:
            del self._seen[gone]

    def _look(self, sandbox: AttachedSandbox) -> InNamespace | None:
        """None also for a file that is no namespace, as where the container does not get the node's mounts."""
        if netns.is_gone(sandbox.netns):
            return InNamespace(gone=True)
        try:
            descriptor = os.open(sandbox.netns, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:
            return None
        try:
            present = peer_links.names(descriptor)
            if sandbox.netns_id not in ("", netns.identity(descriptor)):
                return InNamespace(gone=True)
            return InNamespace(missing=self._missing(sandbox, present))
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def _missing(self, sandbox: AttachedSandbox, present: frozenset[str]) -> frozenset[str]:
        seen = self._seen.get(sandbox.container_id, frozenset())
        expected = {link.ifname for link in sandbox.links if link.creates_link or link.ifname in seen}
        there = present.intersection(link.ifname for link in sandbox.links)
        self._seen[sandbox.container_id] = seen | there
        return frozenset(expected - there)
