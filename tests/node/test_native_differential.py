"""Native drivers compared with the reference plugins: same kernel state, same files, same result, same error code.

For generated configs and requests, the program attaches a pod on one node and the driver on another. Both nodes and pods are
compared after ADD and after DEL: links with their flags, MTU and details, addresses, routes, rules, permanent neighbours, bridge
ports and VLANs, firewall rules, all sysctls of IPv4 and IPv6, and host-local's files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings

from support import native_differences, native_twins, uml
from support.native_configs import CALLS, FAILING, Call
from support.native_differences import DIFFERENCES, Difference
from support.native_twins import Twins

MAX_EXAMPLES = 2 if uml.inside() else 25
SOAK_EXAMPLES = 60 if uml.inside() else 400


@pytest.fixture(scope="module")
def twins() -> Iterator[Twins]:
    with native_twins.twins() as both:
        yield both


_SOAK = bool(os.environ.get("NETATTACH_SOAK"))


def _examples() -> int:
    return SOAK_EXAMPLES if _SOAK else MAX_EXAMPLES


def _marked(kind: str, value: Any, name: str) -> Any:
    """On both kernels; what the machine's own lacks, on the second one alone."""
    needed = {"bridge-vlan": "vlan"}.get(kind, kind)  # kernels that have the one filter VLANs on bridges
    built_in = kind in ("bridge", "ptp", "host-device", "tuning")
    mark = pytest.mark.both_kernels if built_in else pytest.mark.kernel_link(needed)
    return pytest.param(value, marks=mark, id=name)


@pytest.mark.parametrize("kind", [_marked(kind, kind, kind) for kind in CALLS])
def test_a_driver_does_what_the_program_does(twins: Twins, kind: str) -> None:
    """Every generated call is one that the driver understands, whether it succeeds or not."""
    outcomes: set[bool] = set()

    @settings(max_examples=_examples(), deadline=None, suppress_health_check=list(HealthCheck))
    @given(CALLS[kind])
    def compare(call: Call) -> None:
        program, driver = twins.reports(call.config, **call.more)
        assert driver["natively"]
        found = native_twins.differences(program, driver)
        assert [] == native_differences.unexplained(kind, program, found)
        outcomes.add("result" in program["add"])

    for call in FAILING.get(kind, ()):
        compare = example(call)(compare)
    compare()
    assert outcomes
    if not uml.inside():  # which takes a minute for a few calls: they may end alike
        assert {True, False} == outcomes, "some calls have to succeed, and some have to fail"


@pytest.mark.parametrize(
    "listed", [_marked(each.call.config["type"], each, each.name) for each in DIFFERENCES]
)
def test_a_listed_difference_is_still_there(twins: Twins, listed: Difference) -> None:
    program, driver = twins.reports(listed.call.config, **listed.call.more)
    found = native_twins.differences(program, driver)
    kind = listed.call.config["type"]

    assert any(listed.explains(kind, program, line) for line in found), "remove it from the list"
    assert [] == native_differences.unexplained(kind, program, found)


def test_what_is_compared_differs_between_calls(twins: Twins) -> None:
    """Otherwise the comparison would find nothing."""
    config = {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1"}
    one, _ = twins.reports(config)
    _, other = twins.reports({**config, "mtu": 1400, "mode": "vepa"})
    found = native_twins.differences(one, other)

    assert [
        "/added/pod/links[1]/linkinfo/info_data/mode: bridge | vepa",
        "/added/pod/links[1]/mtu: 1500 | 1400",
    ] == [line for line in found if line.startswith("/added/pod/links")]
