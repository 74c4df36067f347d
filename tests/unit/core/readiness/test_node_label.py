"""The label of a node on which a network is not ready: valid for every network, and never that of two."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from netattach_core.readiness import node_label

LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
NAME = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


def test_the_label_of_a_network() -> None:
    """The digits are those of `printf prod/storage | sha256sum`."""
    label = node_label.of_network(("prod", "storage"))

    assert ("not-ready.netattach.io/4cd408930ce3f527", "prod.storage") == label


def test_names_that_differ_in_the_slash_alone_have_different_keys() -> None:
    keys = {node_label.of_network(network).key for network in (("a", "b.c"), ("a.b", "c"), ("a", "b-c"))}

    assert 3 == len(keys)


def test_a_namespace_with_many_networks_takes_no_label_from_another() -> None:
    many = [("a", f"net-{number:03}") for number in range(3 * node_label.MAX_PER_NODE)]
    few = [("b", "lan"), ("b", "san"), ("c", "lan")]

    labels = node_label.of_networks([*many, *few])

    assert node_label.MAX_PER_NODE == len(labels)
    assert {"b.lan", "b.san", "c.lan", "a.net-000"} <= set(labels.values())
    assert labels == node_label.of_networks([*few, *reversed(many)])


@given(LABEL, NAME)
def test_every_label_is_valid(namespace: str, name: str) -> None:
    """As Kubernetes validates them (`apimachinery/pkg/api/validate/content`)."""
    label = node_label.of_network((namespace, name))

    assert re.fullmatch(r"not-ready\.netattach\.io/[0-9a-f]{16}", label.key)
    assert VALUE.fullmatch(label.value)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_name_at_all_gives_a_value_that_a_label_may_have(namespace: str, name: str) -> None:
    value = node_label.of_network((namespace, name)).value

    assert not value or VALUE.fullmatch(value)
