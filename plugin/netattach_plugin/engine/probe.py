"""The probe: an ADD and a DEL through the shim, the call queue, the ledger and a native driver, in a namespace of its own.

`netattach-probe` calls as a runtime does, with the container ID of the probe. What it attaches is no pod's: no annotation, no
policy, no Event, and a ledger of its own, which no recovery reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from netattach_core.api.network_selection import PodSelection
from netattach_core.api.node_state import Probe
from netattach_core.attach import attachment, probe_network
from netattach_core.attach.attachment import Attachment
from netattach_core.cni.request import CniRequest
from netattach_core.errors import NetattachError, TryAgainError
from netattach_plugin.call_ports import Shim
from netattach_plugin.engine.engine import Engine
from netattach_plugin.engine.network_resolver import SelectedNetworks
from netattach_plugin.netlink.probe_links import ProbeLinks
from netattach_plugin.state.probe_file import ProbeFile

_log = logging.getLogger(__name__)

_DELETE_SECONDS = 30.0
"""In which the DEL follows an ADD."""


class ProbeNetworks:
    """The port Resolver: the same network for each call, of a kind that the kernel can make."""

    def __init__(self) -> None:
        self.link_kinds: tuple[str, ...] | None = None

    async def select(self, request: CniRequest) -> SelectedNetworks:  # noqa: ARG002  # the port's signature
        return SelectedNetworks(PodSelection(), {})

    async def attachments(
        self,
        request: CniRequest,
        selected: SelectedNetworks,  # noqa: ARG002  # the port's signature
    ) -> tuple[Attachment, ...]:
        network = probe_network.network(self.link_kinds or ())
        return (attachment.of_default_network(request, network),)


class ProbeCalls:
    """The calls of the probe. `file` keeps what came out, and `ended` is called then; `now` returns the time as RFC 3339.

    `forget` removes the entry of a probe from its ledger; it raises OSError.
    """

    def __init__(  # one collaborator each
        self,
        *,
        engine: Engine,
        networks: ProbeNetworks,
        forget: Callable[[], None],
        links: ProbeLinks,
        file: ProbeFile,
        now: Callable[[], str],
        ended: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._networks = networks
        self._forget = forget
        self._links = links
        self._file = file
        self._now = now
        self._ended = ended
        self._is_attached = False
        self._number = 0

    async def call(self, request: CniRequest, shim: Shim) -> str:
        """An ADD, or the DEL after it, which a runtime calls also after an ADD that failed. Raises NetattachError."""
        try:
            if request.command == "ADD":
                return await self._add(request, shim)
            return await self._delete(request, shim)
        except NetattachError as error:
            self._end(error.message)
            raise
        except Exception as error:
            self._end(f"internal error: {error!r}")
            raise

    async def _add(self, request: CniRequest, shim: Shim) -> str:
        """What an interrupted probe has left is gone with its namespace, except for its entry in the ledger."""
        self._is_attached = False
        self._number += 1
        await self._try_kinds(shim)
        try:
            self._forget()
        except OSError as error:
            raise NetattachError(
                f"the ledger cannot be written: {error}; make room or fix the disk"
            ) from error
        result = await self._engine.call(request, shim)
        self._is_attached = True
        asyncio.get_running_loop().call_later(_DELETE_SECONDS, self._expect_delete, self._number)
        return result

    def _expect_delete(self, number: int) -> None:
        """A probe that was stopped before its DEL leaves its entry, and nothing else."""
        if self._is_attached and number == self._number:
            self._is_attached = False
            with contextlib.suppress(OSError):
                self._forget()

    async def _try_kinds(self, shim: Shim) -> None:
        if not shim.route_sockets:
            raise TryAgainError("the shim of the probe passed no sockets in its network namespace")
        try:
            self._networks.link_kinds = await self._links.kinds(shim.route_sockets[-1])
        except OSError as error:
            raise NetattachError(f"the kernel's kinds of links cannot be tried: {error}") from error

    async def _delete(self, request: CniRequest, shim: Shim) -> str:
        if not self._is_attached:
            return ""
        self._is_attached = False
        result = await self._engine.call(request, shim)
        self._end("")
        return result

    def _end(self, problem: str) -> None:
        tried = self._networks.link_kinds
        kinds = self._file.link_kinds if tried is None else tried
        self._file.put(Probe(self._file.boot_id, not problem, problem, self._now()), kinds)
        if problem:
            _log.warning("no pod can be attached here, as a probe shows: %s", problem)
        self._ended()
