"""Adapts the default routes in a result to those in force, in every version of the CNI SPEC.

CHECK and DEL get this result as prevResult; the runtime's result and network-status are derived from it. All else in it keeps its
bytes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netattach_core.attach import attachment
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.default_route import InForce
from netattach_core.cni import result as cni_result
from netattach_core.cni import versions
from netattach_core.cni.result import Result, Route
from netattach_core.net import addresses
from netattach_core.text import json_document

EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


def with_routes_in_force(attachments: Sequence[Attachment], in_force: InForce) -> tuple[Attachment, ...]:
    """The attachments with results that contain the routes `in_force` and no other default routes of these families.

    Raises DecodeError, VersionError.
    """
    return tuple(_with_routes_in_force(each, in_force) for each in attachments)


def _with_routes_in_force(each: Attachment, in_force: InForce) -> Attachment:
    gateways = {
        family: [hop.gateway for hop in hops if hop.ifname == each.ifname]
        for family, hops in in_force.items()
    }
    if each.default_route == ():  # its plugins' results contain its routes
        gateways = {family: own for family, own in gateways.items() if not own}
    if not gateways:
        return each
    result = with_default_routes(each.result or "{}", each.config.cni_version, gateways)
    return attachment.with_result(each, result)


def ambiguous(results: Iterable[Result]) -> bool:
    """Whether two of them contain default routes of one IP version, of which the pod uses one."""
    families = [
        family for result in results for family in {_version(r) for r in result.routes if r.is_default}
    ]
    return len(families) > len(set(families))


def only_in_force(result: Result, ifname: str, in_force: InForce) -> Result:
    """The result without default routes of an IP version for which another network's interface is in force."""
    if not in_force:
        return result
    own = {ifname, *(interface.name for _, interface in cni_result.sandbox_interfaces(result))}
    elsewhere = {family for family, hops in in_force.items() if own.isdisjoint(hop.ifname for hop in hops)}
    routes = (r for r in result.routes if not r.is_default or _version(r) not in elsewhere)
    return dataclasses.replace(result, routes=tuple(routes))


def _version(route: Route) -> int:
    return 6 if ":" in (route.dst or route.gw) else 4


def with_default_routes(text: str, assumed_version: str, gateways: Mapping[int, Sequence[str]]) -> str:
    """The result with these gateways of default routes, by IP version, instead of all others of that version.

    "" is a route over the link itself; other versions stay as they are. Raises DecodeError, VersionError.
    """
    version = cni_result.parse(text, assumed_version).cni_version
    body = json_document.value(text)
    if not gateways or body is None:
        return text
    if versions.at_least(version, "0.3.0"):
        return _with_routes(text, gateways)
    for family, own in gateways.items():
        section = _member(text, f"ip{family}")
        if section:  # a new section would need an address
            text = _replaced(text, f"ip{family}", _with_routes(section, {family: own}))
    return text


def _with_routes(text: str, gateways: Mapping[int, Sequence[str]]) -> str:
    written = json_document.value(_member(text, "routes") or "[]")
    routes = [route for route in written or () if route is not None]
    kept = [route for route in routes if not _family(route) & gateways.keys()]
    added = [
        {"dst": EVERYWHERE[family], **({"gw": gateway} if gateway else {})}
        for family, own in gateways.items()
        for gateway in own
    ]
    wanted = kept + added
    if wanted == (written or []):
        return text
    return _replaced(text, "routes", json.dumps(wanted, separators=(",", ":")) if wanted else None)


def _family(route: Mapping[str, Any]) -> set[int]:
    """The IP version of a default route, both for one without destination and gateway; empty for any other route."""
    members = {key.casefold(): value for key, value in route.items()}
    to = addresses.parse_cidr(members.get("dst") or "")
    if to is not None:
        return {to.version} if to.network.prefixlen == 0 else set()
    gateway = addresses.parse_ip(members.get("gw") or "")
    return {gateway.version} if gateway is not None else {4, 6}


def _member(text: str, key: str) -> str:
    """The text of the last member of that name, "" without one; like Go, ignores the name's case."""
    nodes = [m.node for m in json_document.parse(text).members if m.key.casefold() == key]
    return text[nodes[-1].start : nodes[-1].end] if nodes and nodes[-1].value is not None else ""


def _replaced(text: str, key: str, value: str | None) -> str:
    others: dict[str, str | None] = {
        m.key: None for m in json_document.parse(text).members if m.key.casefold() == key
    }
    return json_document.with_members(text, others | {key: value})
