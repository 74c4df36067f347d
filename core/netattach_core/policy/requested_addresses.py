"""Addresses that a pod of a restricted namespace requests: those of the listed subnets alone."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.net import addresses
from netattach_core.net.addresses import IpInterface
from netattach_core.policy.case import Findings, PodCase, ask, rule
from netattach_core.text.finding import Finding

RULE = rule("policy-requested-address", "an address that a pod of this namespace may not request")

RULES = (RULE,)


def check_restricted_pod(case: PodCase) -> Findings:
    """Addresses outside of the listed subnets."""
    allowed = [net for text in case.policy.allowed.subnets if (net := addresses.parse_cidr(text))]
    for path, selection in case.selections():
        for key, text in _requested(selection):
            asked = _parsed(text)
            if asked is None or not any(_holds(each, asked) for each in allowed):
                listed = ", ".join(case.policy.allowed.subnets) or "no subnet"
                problem = f"`{key}` {text} is outside of the subnets of namespace {case.policy.namespace!r}: {listed}"
                owner = ask(case.policy, f"list its subnet under {case.policy.lists}.subnets")
                yield Finding(RULE, (*path, key), problem, f"request an address in these subnets, or {owner}")


def _requested(selection: NetworkSelection) -> Iterator[tuple[str, str]]:
    """Each address with the key that requests it; host-local and static read `args.cni.ips` too."""
    yield from (("ips", text) for text in selection.ips)
    for key, value in selection.cni_args.items():
        if key.casefold() == "ips":
            yield from (("cni-args", str(each)) for each in (value if isinstance(value, list) else [value]))


def _parsed(text: str) -> IpInterface | None:
    """An address without a prefix length stands for itself."""
    ip = addresses.parse_ip(text)
    return addresses.parse_cidr(text if ip is None else f"{ip}/{ip.max_prefixlen}")


def _holds(subnet: IpInterface, asked: IpInterface) -> bool:
    """The whole prefix, since a bridge that is a gateway gets it too."""
    return subnet.version == asked.version and asked.network.subnet_of(subnet.network)  # type: ignore[arg-type]
