"""The default routes that a result tells of, brought to what is in force, in every version of the specification.

CHECK and DEL get this result as prevResult, the runtime and network-status are told from it. All else of it keeps its bytes.
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


def told(attachments: Sequence[Attachment], in_force: InForce) -> tuple[Attachment, ...]:
    """The attachments with results that tell of the routes `in_force`, and of no others of these families.

    Raises DecodeError, VersionError.
    """
    return tuple(_told(each, in_force) for each in attachments)


def _told(each: Attachment, in_force: InForce) -> Attachment:
    gateways = {
        family: [hop.gateway for hop in hops if hop.ifname == each.ifname]
        for family, hops in in_force.items()
    }
    if each.default_route == ():  # its plugins have told of its routes
        gateways = {family: own for family, own in gateways.items() if not own}
    if not gateways:
        return each
    result = with_default_routes(each.result or "{}", each.conf.cni_version, gateways)
    return attachment.with_result(each, result)


def ambiguous(results: Iterable[Result]) -> bool:
    """Whether two of them tell of default routes of one IP version, of which the pod uses one."""
    families = [
        family for result in results for family in {_version(r) for r in result.routes if r.is_default}
    ]
    return len(families) > len(set(families))


def only_in_force(result: Result, ifname: str, in_force: InForce) -> Result:
    """What is said of a network: its result without default routes of an IP version whose route leads over another interface."""
    own = {ifname, *(interface.name for _, interface in cni_result.sandbox_interfaces(result))}
    elsewhere = {family for family, hops in in_force.items() if own.isdisjoint(hop.ifname for hop in hops)}
    routes = (r for r in result.routes if not r.is_default or _version(r) not in elsewhere)
    return dataclasses.replace(result, routes=tuple(routes))


def _version(route: Route) -> int:
    return 6 if ":" in (route.dst or route.gw) else 4


def with_default_routes(text: str, assumed_version: str, gateways: Mapping[int, Sequence[str]]) -> str:
    """The result with these default routes, by IP version, in the place of all others of that version.

    "" is a route that leads to the link itself; a version that is not named stays as it is. Raises DecodeError, VersionError.
    """
    version = cni_result.parse(text, assumed_version).cni_version
    body = json_document.value(text)
    if not gateways or body is None:
        return text
    if versions.at_least(version, "0.3.0"):
        return _with_routes(text, gateways)
    for family, own in gateways.items():
        section = _member(text, f"ip{family}")
        if section:  # a section needs an address: one that is not there cannot be told of
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
    told_of = kept + added
    if told_of == (written or []):
        return text
    return _replaced(text, "routes", json.dumps(told_of, separators=(",", ":")) if told_of else None)


def _family(route: Mapping[str, Any]) -> set[int]:
    """The IP version of a default route; none of another one, both of one that gives no destination and no gateway."""
    said = {key.casefold(): value for key, value in route.items()}
    to = addresses.parse_cidr(said.get("dst") or "")
    if to is not None:
        return {to.version} if to.network.prefixlen == 0 else set()
    gateway = addresses.parse_ip(said.get("gw") or "")
    return {gateway.version} if gateway is not None else {4, 6}


def _member(text: str, key: str) -> str:
    """The text of the last member of that name, "" where there is none; Go reads it in any case."""
    nodes = [m.node for m in json_document.parse(text).members if m.key.casefold() == key]
    return text[nodes[-1].start : nodes[-1].end] if nodes and nodes[-1].value is not None else ""


def _replaced(text: str, key: str, value: str | None) -> str:
    others: dict[str, str | None] = {
        m.key: None for m in json_document.parse(text).members if m.key.casefold() == key
    }
    return json_document.with_members(text, others | {key: value})
