"""What all drivers share: the namespaces that they work in, how a failure is reported."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from netattach_core.native.failure import failure
from netattach_plugin.netlink.links import FoundLink
from netattach_plugin.netlink.route_socket import RouteSocket


@dataclass(frozen=True, slots=True)
class Namespaces:
    """A route socket on the node and one in the pod, the pod's namespace, and the runtime's path of it.

    `parents` has those on the node that were looked up: networks of a pod often have the same one.
    """

    node: RouteSocket
    pod: RouteSocket
    netns: int
    path: str
    parents: dict[str, FoundLink] = field(default_factory=dict)


@contextlib.contextmanager
def failing(plugin: str, action: str) -> Iterator[None]:
    """Turns what the kernel refuses into the plugin's failure: "failed to " and the action."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise failure(plugin, f"failed to {action}: {reason[:1].lower()}{reason[1:]}") from error
