"""What validation needs to know of the cluster: NADs, node inventories, which pods use which network, and the settings.

It comes from watches, so that a review costs the API server nothing. The API server is asked for a network that the watch has not
reported, since a pod is often applied right after its NAD, and for the pods of a network that is changed or deleted.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netattach_core import admission
from netattach_core.admission import NetworkUsers
from netattach_core.api import inventory
from netattach_core.api import nad as nads
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.objects import Key
from netattach_core.errors import NetattachError, NotFoundError, TryAgainError
from netattach_core.policy import levels
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.readiness.reason import Reason
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.settings import ValidationSettings
from netattach_kube.api import Api
from netattach_kube.cluster_settings import ClusterSettings
from netattach_kube.live_settings import LiveSettings
from netattach_kube.namespace_labels import NamespaceLabels
from netattach_kube.resource import INVENTORIES, NADS
from netattach_kube.watched import Watched
from netattach_webhooks.ruled_out_nodes import RuledOutNodes
from netattach_webhooks.users_lookup import NetworkNodes, UsersLookup

_SECONDS = 0.5
"""Timeout for requesting the networks of a pod, in parallel; the creation of the pod waits for them."""

_MAX_REQUESTED = 16
"""Networks of one pod that are requested; no pod has more, but an annotation has room for thousands."""

_MOST_NETWORKS = 4096
"""Networks with attached pods that are remembered of a node; of one that reports more, the pods are always listed."""


class NotSyncedError(TryAgainError):
    """A watch has not listed its objects yet, so nothing can be validated."""


@dataclass(frozen=True, slots=True)
class NadLookup:
    """Some networks: those that exist, those that do not, and those that could not be requested, with the reason."""

    found: Mapping[Key, Nad] = field(default_factory=dict)
    missing: tuple[Key, ...] = ()
    unverified: tuple[Key, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Node:
    """What is kept of an inventory: what rules read, None if that is not reported yet, and the networks with attached pods.

    These, "namespace/name", are None if they are not reported, as by a daemon of an earlier release.
    """

    validated: NodeInventory | None
    attached: tuple[str, ...] | None


class ClusterCache:
    """All methods raise NotSyncedError until the objects that they need have been listed once."""

    def __init__(self, api: Api, namespace_gone: Callable[[str], None] = lambda _: None) -> None:
        self._api = api
        self._nads: Watched[Nad] = Watched(api, NADS, nads.from_body, changed=self._nad_changed)
        self._inventories = Watched(api, INVENTORIES, _node, changed=self._inventory_changed)
        self._users = UsersLookup(api)
        self._settings = LiveSettings(api, lambda read: admission.settings_problems(read.validation))
        self._namespaces = NamespaceLabels(api, namespace_gone)
        self._nodes: tuple[NodeInventory, ...] | None = None
        self._ruled_out = RuledOutNodes()
        self._footprints = FootprintIndex()

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._nads.run(), name="watch of NADs")
            tasks.create_task(self._inventories.run(), name="watch of inventories")
            tasks.create_task(self._settings.run(), name="watch of settings")
            tasks.create_task(self._namespaces.run(), name="watch of namespaces")

    def problem(self) -> str | None:
        """Why the process is not ready: what has not been listed yet; None once everything has."""
        watches = (
            ("networks", self._nads.synced),
            ("node inventories", self._inventories.synced),
            ("settings", self._settings.synced),
            ("namespaces", self._namespaces.synced),
        )
        missing = [what for what, synced in watches if not synced.is_set()]
        return f"not listed yet: {', '.join(missing)}" if missing else None

    def cluster_settings(self) -> ClusterSettings:
        _require_synced(self._settings.synced, "settings")
        return self._settings.current

    def settings(self) -> ValidationSettings:
        return self.cluster_settings().validation

    async def policy(self, namespace: str) -> NamespacePolicy:
        """The policy of a namespace. One that the watch has not reported is requested: its NAD may be in the same manifest."""
        _require_synced(self._settings.synced, "settings")
        try:
            labels = await self._namespaces.labels(namespace)
        except NetattachError:
            labels = {}  # `policy.default` applies, and each node asks again
        return levels.of_namespace(self._settings.current.policy, namespace, labels)

    def nodes(self) -> Sequence[NodeInventory]:
        """Sorted by name, so that findings do not depend on the order of events; empty if no node has reported yet."""
        _require_synced(self._inventories.synced, "node inventories")
        if self._nodes is None:
            items = self._ruled_out.nodes
            self._nodes = tuple(items[name] for name in sorted(items))
        return self._nodes

    def nodes_by_name(self) -> Mapping[str, NodeInventory]:
        """As `nodes`, in no order."""
        _require_synced(self._inventories.synced, "node inventories")
        return self._ruled_out.nodes

    def ruled_out(self, networks: Sequence[Nad]) -> Mapping[Key, Mapping[str, Reason]]:
        """By network, the nodes on which it is not ready, each with a reason."""
        _require_synced(self._inventories.synced, "node inventories")
        return self._ruled_out.of(networks)

    def has_namespace(self, namespace: str) -> bool:
        """Whether the watch has reported the namespace."""
        return self._namespaces.has(namespace)

    def footprints(self) -> FootprintIndex:
        """All networks, by the resources of the cluster that they use."""
        _require_synced(self._nads.synced, "networks")
        return self._footprints

    def networks(self) -> Collection[Key]:
        """The keys of all NADs."""
        return self._synced_nads().keys()

    async def users(self, nad: Key) -> NetworkUsers:
        """The pods that use a network and are not being deleted, as far as the API server says soon enough."""
        _require_synced(self._inventories.synced, "node inventories")
        name = "/".join(nad)
        nodes = [(node, kept.attached) for (_, node), kept in self._inventories.items().items()]
        reporting = [node for node, attached in nodes if attached is not None and name in attached]
        silent = [node for node, attached in nodes if attached is None]
        return await self._users.find(nad, NetworkNodes(reporting, silent), self.settings().selection)

    async def look_up(self, networks: Collection[Key]) -> NadLookup:
        """Looks up networks in the cache, and requests those that the watch has not reported."""
        if not networks:
            return NadLookup()
        all_nads = self._synced_nads()
        cached = {key: all_nads[key] for key in networks if key in all_nads}
        others = [key for key in networks if key not in all_nads]
        if not others:
            return NadLookup(cached)
        answers = await asyncio.gather(*(self._request(key) for key in others[:_MAX_REQUESTED]))
        requested = dict(zip(others, answers, strict=False))
        unverified = {key: reason for key, reason in requested.items() if isinstance(reason, str)}
        unverified |= dict.fromkeys(
            others[_MAX_REQUESTED:], f"at most {_MAX_REQUESTED} are looked up at once"
        )
        found = {key: nad for key, nad in requested.items() if isinstance(nad, Nad)}
        missing = tuple(key for key, nad in requested.items() if nad is None)
        return NadLookup(cached | found, missing, tuple(unverified), next(iter(unverified.values()), ""))

    async def _request(self, key: Key) -> Nad | str | None:
        """The network; None if it does not exist; the error's message if that could not be determined."""
        namespace, name = key
        try:
            return nads.from_body(await self._api.get(NADS, name, namespace, seconds=_SECONDS))
        except NotFoundError:
            return None
        except NetattachError as error:
            return error.message

    def _synced_nads(self) -> Mapping[Key, Nad]:
        _require_synced(self._nads.synced, "networks")
        return self._nads.items()

    def _nad_changed(self, key: Key) -> None:
        """Parses the CNI config now, so that no review has to parse those of a thousand networks."""
        nad = self._nads.get(*key)
        if nad is None:
            self._footprints.remove(key)
        else:
            self._footprints.put(nad)

    def _inventory_changed(self, key: Key) -> None:
        """Other attached pods change nothing that rules read."""
        node, (_, name) = self._inventories.get(*key), key
        validated = node.validated if node else None
        if validated != self._ruled_out.nodes.get(name):
            self._nodes = None
            self._ruled_out.put(name, validated)


def _require_synced(synced: asyncio.Event, what: str) -> None:
    if not synced.is_set():
        raise NotSyncedError(f"{what} are not listed yet; try again")


def _node(body: dict[str, Any]) -> _Node:
    node = inventory.from_dict({**(body.get("status") or {}), "node": body["metadata"]["name"]})
    has_reported = node.interfaces or node.plugins
    return _Node(inventory.for_validation(node) if has_reported else None, _attached(node))


def _attached(node: NodeInventory) -> tuple[str, ...] | None:
    """Thousands of nodes have the same networks, so their names are kept once."""
    if node.attached is None or len(node.attached.networks) > _MOST_NETWORKS:
        return None
    return tuple(sys.intern(each.network) for each in node.attached.networks if each.pods > 0)
