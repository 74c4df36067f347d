"""Unknown sandbox: use the caches of Multus and libcni."""

from __future__ import annotations

from netattach_core.attach import attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.cni.request import CniRequest
from netattach_plugin.ports import AttachmentCaches, NodeNetworks


class UnknownSandboxes:
    """Sandboxes that are not in the ledger: attached before netattach was installed, or detached already."""

    def __init__(self, caches: AttachmentCaches, networks: NodeNetworks) -> None:
        self._caches = caches
        self._networks = networks

    async def load(self, request: CniRequest) -> Sandbox:
        """The cached attachments; today's default network where the caches have none. Raises NetattachError."""
        cached = await self._caches.attachments(request)
        if not any(each.default for each in cached):
            cached = (attachment.of_default_network(request, self._networks.default_network()), *cached)
        return Sandbox(request.container_id, request.netns, request.pod, Phase.ADDED, cached)
