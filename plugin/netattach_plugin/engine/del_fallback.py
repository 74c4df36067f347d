"""DEL of plugins that cannot do it twice, or not without what is gone: their addresses are freed all the same.

host-device fails where its device is not in the pod (never moved in, or moved back already), vlan without its master, sbr without
the namespace (cni-spec C23): a pod would stay undeletable for ever after a crash at the wrong moment. Where the pod has no
interface of that name, nothing of it is left but what IPAM has noted, and the IPAM plugin frees that by itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable

from netattach_core.attach import plan
from netattach_core.attach.plan import Step, Verb
from netattach_core.cni.meta_plugins import META_PLUGINS
from netattach_core.errors import DelegateError, NotRunError
from netattach_plugin.ports import Executor

LinkNames = Callable[[], Awaitable[frozenset[str]]]
"""The links in the pod now; none where its namespace is gone. Raises OSError where that cannot be known."""


class DelFallback:
    """The port Executor over that of the plugins."""

    def __init__(self, plugins: Executor, link_names: LinkNames) -> None:
        self._plugins = plugins
        self._link_names = link_names

    async def execute(self, verb: Verb, step: Step, previous: str | None) -> str:
        try:
            return await self._plugins.execute(verb, step, previous)
        except NotRunError:
            raise
        except DelegateError:
            if verb is not Verb.DEL or not await self._is_gone(step):
                raise
        ipam = plan.ipam_type(step)
        if ipam and ipam not in META_PLUGINS:  # an old entry may name one, and it has noted nothing
            await self._plugins.execute(verb, dataclasses.replace(step, plugin=ipam), previous)
        return ""

    async def _is_gone(self, step: Step) -> bool:
        """Only of plugins of which it is known that they keep nothing elsewhere."""
        if step.plugin not in plan.ALL_IN_ITS_LINK:
            return False
        try:
            return step.ifname not in await self._link_names()
        except OSError:
            return False
