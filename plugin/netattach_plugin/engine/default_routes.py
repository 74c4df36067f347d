"""The last act of an ADD: after all networks stand, the default routes that the pod asked for are the ones in force.

Read, decide, change, and read again: what the kernel says at the end decides, not what it answered on the way. Whoever else sets
routes in the pod meanwhile costs another round. What routers advertise does not count: ours go before it by their metric.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field

from netattach_core.attach import attachment, default_route, result_routes
from netattach_core.attach import outcome as call_outcome
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.default_route import Changes, DefaultRoute, InForce
from netattach_core.cni import result as cni_result
from netattach_core.cni.request import CniRequest
from netattach_core.errors import ConfigError, NetattachError
from netattach_plugin.ports import PodLinks, Routes

_ROUNDS = 3
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL, errno.EACCES, errno.ENODEV}
"""What is said of a gateway behind no subnet of the link, of one that is none, of a link without IPv6, of no link at all."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The attachments, whose results tell the truth, and where the pod's default routes lead, if that was looked up."""

    attachments: tuple[Attachment, ...]
    in_force: InForce = field(default_factory=dict)


async def settle(call: CniRequest, attachments: Sequence[Attachment], links: PodLinks) -> Settled:
    """After all networks stand. Raises NetattachError, with the pod's name."""
    try:
        return await _settle(attachments, links)
    except OSError as error:
        problem = f"the pod's default routes cannot be set: {error.strerror}"
        raise NetattachError(call_outcome.for_pod(call, problem)) from error
    except NetattachError as error:
        error.message = call_outcome.for_pod(call, error.message)
        raise


async def _settle(attachments: Sequence[Attachment], links: PodLinks) -> Settled:
    """Where nobody asks and one network at most tells of default routes, the pod is not looked into."""
    asked = attachment.default_routes(attachments)
    results = [cni_result.parse(each.result or "{}", each.conf.cni_version) for each in attachments]
    if not asked and not result_routes.ambiguous(results):
        return Settled(tuple(attachments))
    default_route.check_own(asked, (address.address for result in results for address in result.addresses))
    async with links.routes() as routes:
        present = await routes.all()
        wanted = default_route.in_force(asked, present)
        for _ in range(_ROUNDS):
            changes = default_route.changes(wanted, present)
            if not changes.removed and not changes.added:
                told = result_routes.with_routes_in_force(attachments, wanted)
                return Settled(told, default_route.leading(present))
            await _carry_out(changes, routes, attachments)
            present = await routes.all()
    raise NetattachError(
        "the pod has other default routes than it asked for, and they come back: something else sets routes in it"
    )


async def _carry_out(changes: Changes, routes: Routes, attachments: Sequence[Attachment]) -> None:
    for route in changes.removed:
        try:
            await routes.remove(route)
        except OSError as error:
            if error.errno != errno.ESRCH:  # it went by itself
                raise
    for route in changes.added:
        try:
            await routes.add(route)
        except OSError as error:
            if error.errno in _UNREACHABLE:
                raise ConfigError(_unreachable(route, error, attachments)) from error
            if error.errno != errno.EEXIST:  # somebody else set it
                raise


def _unreachable(route: DefaultRoute, error: OSError, attachments: Sequence[Attachment]) -> str:
    hop = route.hops[0]
    each = next(each for each in attachments if each.ifname == hop.ifname)
    result = cni_result.parse(each.result or "{}", each.conf.cni_version)
    has = ", ".join(address.address for address in result.addresses) or "no address"
    return (
        f"network {each.network}: `default-route` {hop.gateway} cannot be reached over {hop.ifname}, which has {has} "
        f"({error.strerror}); ask for a gateway in its subnet, or give the network a route to it (`ipam.routes`, scope 253)"
    )
