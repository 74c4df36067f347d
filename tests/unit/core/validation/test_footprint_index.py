"""The index of networks by link and by store of leases."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from netattach_core.api.nad import Nad
from netattach_core.validation import footprint
from netattach_core.validation.footprint_index import FootprintIndex

LINKS, STORES = ("eth1", "eth2"), ("one", "two")


def nad(name: str, link: str, leases: str) -> Nad:
    ipam = {"type": "host-local", "subnet": "10.1.2.0/24"} if leases else {}
    return Nad("lab", name, json.dumps({"name": leases, "type": "macvlan", "master": link, "ipam": ipam}))


NADS = st.builds(
    nad, st.sampled_from("abcdef"), st.sampled_from(("", *LINKS)), st.sampled_from(("", *STORES))
)


@given(st.lists(st.tuples(st.booleans(), NADS)), NADS)
def test_the_index_finds_the_same_networks_as_a_comparison_with_all(
    changes: list[tuple[bool, Nad]], asked: Nad
) -> None:
    known, kept = FootprintIndex(), dict[tuple[str, str], Nad]()
    for is_put, each in changes:
        if is_put:
            known.put(each)
            kept[(each.namespace, each.name)] = each
        else:
            known.remove((each.namespace, each.name))
            kept.pop((each.namespace, each.name), None)
    mine = footprint.from_nad(asked)

    def shares(other: Nad) -> bool:
        theirs = footprint.from_nad(other)
        return theirs.link == mine.link != "" or theirs.leases == mine.leases != ""

    assert {key: each for key, each in kept.items() if shares(each)} == {
        key: each for key, (each, _) in known.sharing(mine).items()
    }


@given(st.lists(NADS), st.sampled_from(STORES))
def test_the_index_finds_the_networks_with_a_store(nads: list[Nad], name: str) -> None:
    kept = {(each.namespace, each.name): each for each in nads}
    directory = footprint.lease_directory(None, name)

    def has_store(each: Nad) -> bool:
        return any(store.directory == directory for store in footprint.from_nad(each).stores)

    found = FootprintIndex(nads).with_store(directory)
    assert {key: each for key, each in kept.items() if has_store(each)} == {
        key: each for key, (each, _) in found.items()
    }


def test_only_the_latest_networks_up_to_the_limit_are_kept() -> None:
    known = FootprintIndex((nad(name, "eth1", "") for name in "abc"), limit=2)

    assert [("lab", "b"), ("lab", "c")] == list(known.sharing(footprint.from_nad(nad("x", "eth1", ""))))


def test_a_returned_mapping_does_not_change() -> None:
    known = FootprintIndex([nad("a", "eth1", "")])
    returned = known.sharing(footprint.from_nad(nad("x", "eth1", "")))
    known.put(nad("b", "eth1", ""))

    assert [("lab", "a")] == list(returned)
