"""Fallback for a DEL that fails because its interface is gone: the IPAM plugin alone frees the addresses.

Some plugins fail on a second DEL, though the CNI SPEC asks for success: host-device where its device is not in the pod, vlan
without its master, sbr without the namespace. After a crash between their DEL and the ledger's, the pod could never be deleted.
Where the pod has no interface of that name, only the leases of IPAM remain.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from netattach_core.attach import plan
from netattach_core.attach.plan import Step, Verb
from netattach_core.cni.meta_plugins import META_PLUGINS
from netattach_core.errors import DelegateError, NotRunError
from netattach_plugin.call_ports import Executor

LinkNames = Callable[[], frozenset[str]]
"""The links in the pod now; none where its namespace is gone. Raises OSError where they cannot be listed."""


class DelFallback:
    """The port Executor on top of the one that runs plugins."""

    def __init__(self, plugins: Executor, link_names: LinkNames) -> None:
        self._plugins = plugins
        self._link_names = link_names

    async def execute(self, verb: Verb, step: Step, previous: str | None) -> str:
        try:
            return await self._plugins.execute(verb, step, previous)
        except NotRunError:
            raise
        except DelegateError:
            if verb is not Verb.DEL or not self._is_gone(step):
                raise
        ipam = plan.ipam_type(step)
        if ipam and ipam not in META_PLUGINS:  # an entry of an earlier release may name one; it has no leases
            await self._plugins.execute(verb, dataclasses.replace(step, plugin=ipam), previous)
        return ""

    def _is_gone(self, step: Step) -> bool:
        """False for plugins that may keep state elsewhere."""
        if step.plugin not in plan.ALL_IN_ITS_LINK:
            return False
        try:
            return step.ifname not in self._link_names()
        except OSError:
            return False
