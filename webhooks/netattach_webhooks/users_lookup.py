"""Which pods use a network, asked of the API server where a network is changed or deleted: a watch of all pods costs far more.

The inventories say on which nodes pods are attached to it; the pods of these nodes are listed, and those that are pending, of
which no node says anything yet. A daemon may be captured, so what it reports only decides on which nodes pods are listed.

Lists come from the API server's cache, and have metadata alone. They are limited in number, bytes and time; what they leave open
is in the result.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from netattach_core import admission
from netattach_core.admission import NetworkUsers
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.objects import Key
from netattach_core.errors import NetattachError
from netattach_kube.api import Api
from netattach_kube.failures import TooLargeError
from netattach_kube.resource import PODS
from netattach_webhooks.threads import run_in

_SECONDS = 1.5
"""For all lists of one lookup. The API server waits twice as long for the webhook."""

_MOST_NODES = 32
"""Nodes whose pods are listed: one of them is enough for a finding."""

_AT_ONCE, _LOOKUPS = 2, 2
"""Lists of a lookup, and lookups, at once: with the limits below, they have 24 MiB."""

_MOST_WAITING = 32
"""Lookups that wait for others; of more, the last ones would hardly begin in time."""

_NODE_BYTES, _PENDING_BYTES = 4 * 2**20, 8 * 2**20
"""Of a list: 500 pods of a node, a thousand pending ones or more."""

_ON_NODE = "spec.nodeName={},status.phase!=Succeeded,status.phase!=Failed"
_PENDING = "status.phase=Pending"

_LATE = "the API server does not answer in time"
_BUSY = "too many networks are changed or deleted at once"


@dataclass(frozen=True, slots=True)
class NetworkNodes:
    """Names of nodes: `reporting` have pods attached to the network, `silent` do not report which networks have any."""

    reporting: Sequence[str] = ()
    silent: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Listed:
    """Of one list: why pods may be missing, "" if none are, and whether the API server answered."""

    missing: str = ""
    answered: bool = True


class UsersLookup:
    """Asks the API server; any number of lookups may be requested at once.

    A lookup keeps its slot until the thread has read its last list, even if nobody waits for it any more: the slots limit the
    memory of these lists, and a thread cannot be cancelled.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._threads = ThreadPoolExecutor(1, "users")
        self._slots = asyncio.Semaphore(_LOOKUPS)
        self._waiting = 0
        self._running: set[asyncio.Task[None]] = set()

    async def find(self, network: Key, nodes: NetworkNodes, selection: SelectionSettings) -> NetworkUsers:
        """Within `_SECONDS`, whatever the API server does. Raises nothing that it may cause."""
        reporting = _some(nodes.reporting, _MOST_NODES)
        silent = _some(nodes.silent, _MOST_NODES - len(reporting))
        lookup = _Lookup(self._api, self._threads, network, selection)
        await self._run(lookup, [*reporting, *silent])
        gaps = (
            lookup.gap(nodes.reporting, {*reporting}, "with attached pods"),
            lookup.gap(nodes.silent, {*silent}, "that do not report attached pods"),
            lookup.pending_gap(),
        )
        return NetworkUsers(
            tuple(sorted(lookup.pods)),
            "; ".join(filter(None, gaps)),
            unverified=any(not lookup.listed(node).answered for node in reporting),
        )

    async def _run(self, lookup: _Lookup, nodes: Sequence[str]) -> None:
        """Returns at the end of the lookup, or at its deadline; one that has no slot by then does not begin."""
        if self._waiting >= _MOST_WAITING:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout_at(lookup.deadline):
                await self._take_slot()
                work = self._start(lookup, nodes)
                await asyncio.wait({work})  # the timeout ends only this
                work.result()

    async def _take_slot(self) -> None:
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1

    def _start(self, lookup: _Lookup, nodes: Sequence[str]) -> asyncio.Task[None]:
        """Starts it in the slot that was taken."""
        work = asyncio.create_task(lookup.run(nodes))  # noqa: TID251  # it may outlive the review that waits for it
        self._running.add(work)
        work.add_done_callback(self._ended)
        return work

    def _ended(self, work: asyncio.Task[None]) -> None:
        self._running.discard(work)
        self._slots.release()


class _Lookup:
    """The lists of one network, and what they have brought so far.

    At `deadline`, by the clock of the event loop, its requests are cancelled, and no other list is requested.
    """

    def __init__(
        self, api: Api, threads: ThreadPoolExecutor, network: Key, selection: SelectionSettings
    ) -> None:
        self.pods: set[Key] = set()
        self.deadline = asyncio.get_running_loop().time() + _SECONDS
        self._api = api
        self._threads = threads
        self._network = network
        self._selection = selection
        self._listed: dict[str, _Listed] = {}
        self._unlisted = _BUSY

    async def run(self, nodes: Sequence[str]) -> None:
        """Lists the pending pods, here as node "", and those of the nodes."""
        self._unlisted = _LATE
        queue = iter(("", *nodes))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(self._work(queue))

    def listed(self, node: str) -> _Listed:
        return self._listed.get(node, _Listed(self._unlisted, answered=False))

    def gap(self, nodes: Sequence[str], asked: set[str], what: str) -> str:
        """Which of the nodes are not known completely, and why; "" if all are."""
        missing = [self.listed(node).missing for node in nodes if node in asked]
        missing += [f"at most {_MOST_NODES} are asked"] * (len(nodes) - len(asked))
        reasons = [each for each in missing if each]
        if not reasons:
            return ""
        return f"the pods of {len(reasons)} of {len(nodes)} nodes {what} are not known ({reasons[0]})"

    def pending_gap(self) -> str:
        why = self.listed("").missing
        return f"not all pending pods are known ({why})" if why else ""

    async def _work(self, queue: Iterator[str]) -> None:
        for node in queue:
            if asyncio.get_running_loop().time() >= self.deadline:
                return
            self._listed[node] = await self._list(node)

    async def _list(self, node: str) -> _Listed:
        """Of a list that is too large, the pods of the network's own namespace: others cannot make these too many."""
        namespace = self._network[0]
        everywhere = self._selection.reaches("", namespace)
        try:
            await self._add(node, "" if everywhere else namespace)
        except TooLargeError as error:
            too_large = _Listed(error.message)
        except TimeoutError:
            return _Listed(_LATE, answered=False)
        except NetattachError as error:
            return _Listed(error.message, answered=False)
        else:
            return _Listed()
        return await self._list_own(node, too_large) if everywhere else too_large

    async def _list_own(self, node: str, too_large: _Listed) -> _Listed:
        """Those of the network's namespace alone, where a list of all namespaces is too large."""
        try:
            await self._add(node, self._network[0])
        except TooLargeError:
            return too_large
        except TimeoutError:
            return _Listed(_LATE, answered=False)
        except NetattachError as error:
            return _Listed(error.message, answered=False)
        return too_large

    async def _add(self, node: str, namespace: str) -> None:
        """Adds the users among the pods of a list; those of all namespaces where `namespace` is "". Raises TimeoutError too."""
        async with asyncio.timeout_at(self.deadline):
            text = await self._api.metadata_text(
                PODS,
                {"fieldSelector": _ON_NODE.format(node) if node else _PENDING, "resourceVersion": "0"},
                namespace,
                most_bytes=_NODE_BYTES if node else _PENDING_BYTES,
            )
        self.pods |= await run_in(self._threads, admission.users_in, text, self._network, self._selection)


def _some(nodes: Sequence[str], most: int) -> Sequence[str]:
    """At most so many, at random: whoever has captured some nodes does not decide which are asked."""
    return nodes if len(nodes) <= most else random.sample(nodes, most)
