"""The last step of an ADD, after all networks are attached: replaces the pod's default routes by those that it asked for.

Read, compare, change, and read again until the kernel has the routes that are wanted; another program that sets routes in the pod
meanwhile costs another round. Routes from router advertisements are ignored: ours have a better metric.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field

from netattach_core.attach import attachment, default_route, result_routes
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.default_route import Changes, DefaultRoute, InForce
from netattach_core.cni import result as cni_result
from netattach_core.errors import ConfigError, NetattachError
from netattach_plugin.ports import PodLinks, Routes

_ROUNDS = 3
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL, errno.EACCES, errno.ENODEV}
"""For a gateway outside of the link's subnets, one that is no address of a host, a link without IPv6, and an absent link."""


@dataclass(frozen=True, slots=True)
class RoutedAttachments:
    """The attachments, with results that name the routes of the kernel, and the default routes in force, where they were read."""

    attachments: tuple[Attachment, ...]
    in_force: InForce = field(default_factory=dict)


async def enforce(attachments: Sequence[Attachment], links: PodLinks) -> RoutedAttachments:
    """Sets the default routes that the attachments ask for. Raises NetattachError."""
    try:
        return await _enforce(attachments, links)
    except OSError as error:
        raise NetattachError(f"the pod's default routes cannot be set: {error.strerror}") from error


async def _enforce(attachments: Sequence[Attachment], links: PodLinks) -> RoutedAttachments:
    """Reads no routes where no network asks for one, and at most one result has one."""
    asked = attachment.default_routes(attachments)
    results = [cni_result.parse(each.result or "{}", each.config.cni_version) for each in attachments]
    if not asked and not result_routes.ambiguous(results):
        return RoutedAttachments(tuple(attachments))
    default_route.check_own(asked, (address.address for result in results for address in result.addresses))
    async with links.routes() as routes:
        present = await routes.all()
        wanted = default_route.in_force(asked, present)
        for _ in range(_ROUNDS):
            changes = default_route.changes(wanted, present)
            if not changes.removed and not changes.added:
                routed = result_routes.with_routes_in_force(attachments, wanted)
                return RoutedAttachments(routed, default_route.leading(present))
            await _apply(changes, routes, attachments)
            present = await routes.all()
    raise NetattachError(
        "the pod has other default routes than it asked for, and they come back: something else sets routes in it"
    )


async def _apply(changes: Changes, routes: Routes, attachments: Sequence[Attachment]) -> None:
    for route in changes.removed:
        try:
            await routes.remove(route)
        except OSError as error:
            if error.errno != errno.ESRCH:  # another program removed it
                raise
    for route in changes.added:
        try:
            await routes.add(route)
        except OSError as error:
            if error.errno in _UNREACHABLE:
                raise ConfigError(_unreachable(route, error, attachments)) from error
            if error.errno != errno.EEXIST:  # another program added it
                raise


def _unreachable(route: DefaultRoute, error: OSError, attachments: Sequence[Attachment]) -> str:
    hop = route.hops[0]
    each = next(each for each in attachments if each.ifname == hop.ifname)
    result = cni_result.parse(each.result or "{}", each.config.cni_version)
    has = ", ".join(address.address for address in result.addresses) or "no address"
    return (
        f"network {each.network}: `default-route` {hop.gateway} cannot be reached over {hop.ifname}, which has {has} "
        f"({error.strerror}); ask for a gateway in its subnet, or give the network a route to it (`ipam.routes`, scope 253)"
    )
