"""Addresses that a pod of a restricted namespace requests: those of the listed subnets alone."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.policy import subnets
from netattach_core.policy.case import Findings, PodCase, ask, rule
from netattach_core.text.finding import Finding

RULE = rule("policy-requested-address", "an address that a pod of this namespace may not request")

RULES = (RULE,)


def check_restricted_pod(case: PodCase) -> Findings:
    """Addresses outside of the listed subnets."""
    allowed = case.policy.allowed.subnets
    for path, selection in case.selections():
        for key, text in _requested(selection):
            if not subnets.are_inside(text, allowed):
                listed = ", ".join(allowed) or "no subnet"
                problem = f"`{key}` {text} is outside of the subnets of namespace {case.policy.namespace!r}: {listed}"
                owner = ask(case.policy, f"list its subnet under {case.policy.lists}.subnets")
                yield Finding(RULE, (*path, key), problem, f"request an address in these subnets, or {owner}")


def _requested(selection: NetworkSelection) -> Iterator[tuple[str, str]]:
    """Each address with the key that requests it; host-local and static read `args.cni.ips` too."""
    yield from (("ips", text) for text in selection.ips)
    for key, value in selection.cni_args.items():
        if key.casefold() == "ips":
            yield from (("cni-args", str(each)) for each in (value if isinstance(value, list) else [value]))
