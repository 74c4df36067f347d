"""host-local's choice of the next address."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from netattach_core.native import host_local, ipam
from netattach_core.native.host_local import HostLocal, Stored


def _recipe(*sets: Sequence[Mapping[str, str]], ips: Sequence[str] = ()) -> HostLocal:
    section = {"type": "host-local", "ranges": sets}
    config: dict[str, Any] = {"cniVersion": "1.0.0", "name": "lan", "ipam": section}
    recipe = ipam.read(json.dumps({**config, "runtimeConfig": {"ips": list(ips)}}), "")
    assert isinstance(recipe, HostLocal)
    return recipe


def _decided(
    recipe: HostLocal, *names: str, last: Mapping[int, str] | None = None, owned: Sequence[str] = ()
) -> tuple[list[str], str]:
    """The addresses, and the failure."""
    decision = host_local.decide(recipe, Stored(names, owned, last or {}), "c1")
    return [each.address for each in decision.chosen], str(decision.failure or "")


NET = {"subnet": "10.1.0.0/29"}  # .1 is the gateway, .2 to .6 are given
OTHER = {"subnet": "10.2.0.0/30"}  # .2 is given
V6 = {"subnet": "2001:db8::/126"}  # ::1 is the gateway


def test_the_first_address_is_the_one_after_the_gateway() -> None:
    assert (["10.1.0.2/29"], "") == _decided(_recipe([NET]))


def test_a_gateway_in_the_middle_is_left_out() -> None:
    recipe = _recipe([{**NET, "rangeStart": "10.1.0.3", "rangeEnd": "10.1.0.5", "gateway": "10.1.0.4"}])

    assert (["10.1.0.5/29"], "") == _decided(recipe, "10.1.0.3")
    assert (["10.1.0.5/29"], "") == _decided(recipe, last={0: "10.1.0.3"})


def test_the_next_address_is_the_one_after_the_last_that_was_given() -> None:
    """Also if lower ones are free: the address of a pod that has just ended rests."""
    assert (["10.1.0.5/29"], "") == _decided(_recipe([NET]), "10.1.0.4", last={0: "10.1.0.4"})
    assert (["10.1.0.2/29"], "") == _decided(_recipe([NET]), last={0: "10.1.0.6"})


def test_the_last_address_itself_comes_last() -> None:
    names = [f"10.1.0.{host}" for host in (2, 3, 5, 6)]

    assert (["10.1.0.4/29"], "") == _decided(_recipe([NET]), *names, last={0: "10.1.0.4"})


def test_the_ranges_of_a_set_follow_each_other() -> None:
    recipe = _recipe([NET, OTHER])

    assert (["10.2.0.2/30"], "") == _decided(recipe, last={0: "10.1.0.6"})
    assert (["10.1.0.2/29"], "") == _decided(recipe, last={0: "10.2.0.2"})


@pytest.mark.parametrize("last", ["10.9.0.1", "10.1.0.4\n", "", "x", "2001:db8::2", "::ffff:10.9.0.1"])
def test_a_last_address_that_is_none_of_the_set_is_ignored(last: str) -> None:
    assert (["10.1.0.2/29"], "") == _decided(_recipe([NET]), last={0: last})


def test_each_range_set_gives_an_address_and_has_its_own_last_one() -> None:
    recipe = _recipe([NET], [V6])

    assert (["10.1.0.4/29", "2001:db8::3/126"], "") == _decided(
        recipe, last={0: "10.1.0.3", 1: "2001:db8::2"}
    )


def test_every_file_with_an_addresss_name_is_a_reserved_address() -> None:
    """In the one spelling that host-local writes."""
    assert (["2001:db8::2/126"], "") == _decided(_recipe([V6]), "2001:DB8::2", "2001:db8:0:0:0:0:0:2")


def test_an_exhausted_set_is_named() -> None:
    names = [f"10.1.0.{host}" for host in range(2, 7)]

    assert ([], "failed to allocate for range 0: no IP addresses available in range set: 10.1.0.1-10.1.0.6") == _decided(
        _recipe([NET]), *names
    )  # fmt: skip


def test_the_sets_before_a_failure_have_their_addresses() -> None:
    found = _decided(_recipe([NET], [OTHER, {"subnet": "10.3.0.0/30"}]), "10.2.0.2", "10.3.0.2")

    failure = "no IP addresses available in range set: 10.2.0.1-10.2.0.2,10.3.0.1-10.3.0.2"
    assert (["10.1.0.2/29"], f"failed to allocate for range 1: {failure}") == found


def test_a_set_of_nothing_but_its_gateway_is_exhausted() -> None:
    recipe = _recipe([{**NET, "rangeEnd": "10.1.0.1"}])

    assert "no IP addresses" in _decided(recipe)[1]
    assert "no IP addresses" in _decided(recipe, last={0: "10.1.0.1"})[1]


def test_a_huge_set_is_not_walked_through() -> None:
    assert (["2001:db8::2/32"], "") == _decided(_recipe([{"subnet": "2001:db8::/32"}]))
    first = list(itertools.islice(_recipe([{"subnet": "2001:db8::/32"}]).range_sets[0].candidates(None), 2))
    assert ["2001:db8::2", "2001:db8::3"] == [str(address) for _, address in first]


def test_a_requested_address_is_given_whatever_was_last() -> None:
    assert (["10.1.0.6/29"], "") == _decided(_recipe([NET], ips=["10.1.0.6"]), last={0: "10.1.0.3"})


def test_a_requested_address_that_is_taken_is_an_error() -> None:
    failure = (
        "requested IP address 10.2.0.2 is not available in range set 10.1.0.1-10.1.0.6,10.2.0.1-10.2.0.2"
    )

    assert ([], f"failed to allocate for range 0: {failure}") == _decided(
        _recipe([NET, OTHER], ips=["10.2.0.2"]), "10.2.0.2"
    )


def test_an_interface_gets_no_second_address_of_a_set() -> None:
    failure = "10.1.0.5 has been allocated to c1, duplicate allocation is not allowed"

    found = _decided(_recipe([NET]), "10.1.0.5", owned=["10.0.0.9", "10.1.0.5", "not-an-address"])
    assert ([], f"failed to allocate for range 0: {failure}") == found
    assert (["10.1.0.2/29"], "") == _decided(_recipe([NET]), owned=["10.2.0.2"])


def test_a_requested_address_is_given_to_an_interface_that_has_another_one() -> None:
    """As host-local does, which looks for a second one only where none is requested."""
    assert (["10.1.0.6/29"], "") == _decided(_recipe([NET], ips=["10.1.0.6"]), "10.1.0.5", owned=["10.1.0.5"])


@pytest.mark.parametrize(
    ("content", "owner"),
    [
        (b"c1\r\nnet1", ("c1", "net1")),
        (b" c1\r\nnet1\n", ("c1", "net1")),
        (b"c1", ("c1", "")),
        (b"c1\r\n", ("c1", "")),
        (b"", ("", "")),
        (b"\xff\x00", ("\ufffd\x00", "")),
    ],
)
def test_the_owner_of_a_lease(content: bytes, owner: tuple[str, str]) -> None:
    assert owner == host_local.owner(content)
    assert ("c1", "net1") == host_local.owner(host_local.lease("c1", "net1"))


@pytest.mark.parametrize(
    ("owners", "range_sets", "released"),
    [
        ({"a": ("c1", "net1"), "b": ("c1", "net2"), "c": ("c2", "net1")}, 1, ["a"]),
        ({"a": ("c1", "net1"), "old": ("c1", "")}, 1, ["a"]),
        ({"a": ("c1", "net1"), "old": ("c1", "")}, 2, ["a", "old"]),
        ({"b": ("c1", "net2"), "old": ("c1", "")}, 1, ["old"]),
        ({}, 1, []),
    ],
)
def test_a_delete_releases_the_interfaces_leases_and_those_without_an_interface(
    owners: dict[str, tuple[str, str]], range_sets: int, released: list[str]
) -> None:
    assert released == host_local.released(owners, "c1", "net1", range_sets)
