"""An index of the ledger: which pods of the node are attached to which networks, and with which text of each."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from netattach_core.api.nad import Nad
from netattach_core.api.node_state import Attached, AttachedNetwork
from netattach_core.api.objects import Key
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.cni import config as cni_config
from netattach_core.errors import NetattachError

_LINK_MAKERS = frozenset({"bridge", "dummy", "ipvlan", "macvlan", "ptp", "tap", "vlan"})
"""Plugins that always create a link. Others may give the pod a device without one, as SR-IOV for DPDK."""

Current = Callable[[Key], Nad | None]
"""The current NAD, None for one that does not exist or that is not known."""


@dataclass(frozen=True, slots=True)
class AttachedLink:
    """An attachment of a pod. `text` is the hash of its config, which may contain `device`; `creates_link`: its plugin does."""

    network: str
    ifname: str
    text: int
    device: str
    creates_link: bool

    @property
    def key(self) -> Key | None:
        """Of its NAD; None for a network of the node's CNI config directory."""
        namespace, slash, name = self.network.partition("/")
        return (namespace, name) if slash else None


@dataclass(frozen=True, slots=True)
class AttachedSandbox:
    """A sandbox of a pod with networks of NADs; `uid` is the runtime's."""

    container_id: str
    pod: Key
    uid: str
    netns: str
    netns_id: str
    phase: Phase
    links: tuple[AttachedLink, ...]


class AttachedPods:
    """Put and removed as the ledger is. Sandboxes without networks of NADs are left out: those of nearly all pods."""

    def __init__(self) -> None:
        self._sandboxes: dict[str, AttachedSandbox] = {}
        self._of_pods: defaultdict[Key, set[str]] = defaultdict(set)
        self._used: frozenset[Key | None] | None = None
        self._by_others: Mapping[Key, frozenset[str]] | None = None

    def put(self, sandbox: Sandbox) -> bool:
        """Returns whether that changes a number."""
        before = self._sandboxes.get(sandbox.container_id)
        links = tuple(map(_link, sandbox.attachments))
        if sandbox.pod is None or all(link.key is None for link in links):
            return self.remove(sandbox.container_id)
        pod = sys.intern(sandbox.pod.namespace), sandbox.pod.name
        now = AttachedSandbox(
            sandbox.container_id,
            pod,
            sandbox.pod.uid,
            sandbox.netns,
            sandbox.netns_id,
            sandbox.phase,
            links,
        )
        self._sandboxes[sandbox.container_id] = now
        self._used = None
        self._of_pods[pod].add(sandbox.container_id)
        return _counts(before) or _counts(now)

    def remove(self, container_id: str) -> bool:
        """Returns whether that changes a number."""
        before = self._sandboxes.pop(container_id, None)
        if before is None:
            return False
        self._used = None
        self._of_pods[before.pod].discard(container_id)
        if not self._of_pods[before.pod]:
            del self._of_pods[before.pod]
        return _counts(before)

    def put_by_others(self, pods: Mapping[Key, frozenset[str]]) -> bool:
        """All pods that others attached, as Multus before a takeover, and their networks: "namespace/name".

        Returns whether that changes a number, or is the first time: until then, pods may be missing in all numbers.
        """
        before, self._by_others = self._by_others, pods
        return before != pods

    @property
    def is_complete(self) -> bool:
        """Whether the pods that others attached are known."""
        return self._by_others is not None

    def of_pod(self, pod: Key) -> tuple[AttachedSandbox, ...]:
        """All sandboxes of pods of this name, in the order of their ids."""
        return tuple(self._sandboxes[each] for each in sorted(self._of_pods.get(pod, ())))

    def uses(self, network: Key) -> bool:
        if self._used is None:  # all networks of the cluster are asked about at the start
            self._used = frozenset(link.key for each in self._sandboxes.values() for link in each.links)
        return network in self._used

    def __iter__(self) -> Iterator[AttachedSandbox]:
        return iter(tuple(self._sandboxes.values()))

    def counts(self, current: Current) -> Attached:
        """The numbers for the inventory, of all networks; a pod counts once, though a former sandbox of it may still be there."""
        attached = [each for each in self._sandboxes.values() if _counts(each)]
        links = [(link, each.pod) for each in attached for link in each.links if link.key]
        of_others = self._by_others or {}
        by_others = {(network, pod) for pod, networks in of_others.items() for network in networks}
        pods = Counter(network for network, _ in {(link.network, pod) for link, pod in links} | by_others)
        outdated = Counter(
            network
            for network, _ in {(link.network, pod) for link, pod in links if _is_outdated(link, current)}
        )
        return Attached(
            len({each.pod for each in attached} | of_others.keys()),
            tuple(AttachedNetwork(name, pods[name], outdated[name]) for name in sorted(pods)),
        )


def _counts(sandbox: AttachedSandbox | None) -> bool:
    return sandbox is not None and sandbox.phase is Phase.ADDED


def _link(attachment: Attachment) -> AttachedLink:
    device = attachment.runtime_config.get("deviceID", "")
    return AttachedLink(
        sys.intern(attachment.network),
        sys.intern(attachment.ifname),
        hash(attachment.config_text),
        device if isinstance(device, str) else "",
        _creates_link(attachment),
    )


def _creates_link(attachment: Attachment) -> bool:
    try:
        return attachment.config.plugins[0].type in _LINK_MAKERS
    except (NetattachError, IndexError):
        return False


def _is_outdated(link: AttachedLink, current: Current) -> bool:
    """Whether the NAD has another text now. One without a text of its own names a file of the node; one that is gone has none."""
    nad = current(link.key) if link.key else None
    if nad is None or not nad.config.strip() or hash(nad.config) == link.text:
        return False
    if not link.device:
        return True
    try:
        return hash(cni_config.with_device(nad.config, link.device)) != link.text
    except ValueError:  # a text that cannot be read is another one
        return True
