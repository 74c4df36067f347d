"""The result of an ADD by a native driver, as the plugin's program would print it."""

from __future__ import annotations

import dataclasses

from netattach_core.cni import result as cni_result
from netattach_core.cni.result import Address, Interface, Result
from netattach_core.native.addressing import Addressing
from netattach_core.native.recipe import REPORTS_IPAM_DNS, Recipe, Tuning


def text(
    recipe: Recipe, cni_version: str, interfaces: tuple[Interface, ...], addressing: Addressing | None
) -> str:
    """JSON of the config's version. The one of `interfaces` that is in a sandbox is the pod's, and has the addresses."""
    pod = next(number for number, each in enumerate(interfaces) if each.sandbox)
    found = addressing or Addressing()
    dns = recipe.dns or (found.dns if isinstance(recipe.link, REPORTS_IPAM_DNS) else {})
    addresses = tuple(Address(each.address, each.gateway, pod, each.family) for each in found.ips)
    return cni_result.dump_own(Result("1.1.0", interfaces, addresses, found.routes, dns), cni_version)


def tuned(previous: str, tuning: Tuning, cni_version: str, ifname: str) -> str:
    """The previous result with the new MAC, for each interface of that name (`tuning.go: updateResultsMacAddr`)."""
    if not tuning.mac:
        return previous
    found = cni_result.parse(previous, cni_version)
    interfaces = tuple(
        dataclasses.replace(each, mac=tuning.mac) if each.name == ifname else each
        for each in found.interfaces
    )
    return cni_result.dump(dataclasses.replace(found, interfaces=interfaces), cni_version)
