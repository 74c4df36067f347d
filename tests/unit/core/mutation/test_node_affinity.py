"""Node affinity for a pod's networks: it is added to what the pod has, and never makes a node possible that was not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.api.nad import NODE_SELECTOR, Nad
from netattach_core.mutation import node_affinity
from netattach_core.readiness import node_label
from support.json_patches import applied

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"

FAST = Nad("lab", "fast", annotations={NODE_SELECTOR: "network=fast,zone in (b, a),!virtual,kind!=old,rack"})
PLAIN = Nad("lab", "plain")
KEYS = {nad.name: node_label.of_network((nad.namespace, nad.name)).key for nad in (FAST, PLAIN)}
NOT_READY = {"key": KEYS["plain"], "operator": "DoesNotExist"}
WANTED = node_affinity.expressions([PLAIN])


def pod(required: Any = None, **spec: Any) -> dict[str, Any]:
    affinity = {"affinity": {"nodeAffinity": {REQUIRED: required}}} if required is not None else {}
    return {"metadata": {}, "spec": {"containers": [{"name": "a"}], **affinity, **spec}}


def terms(body: dict[str, Any]) -> Any:
    return body["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"]


def test_a_network_excludes_the_nodes_on_which_it_is_not_ready() -> None:
    after = applied(pod(), node_affinity.patch(pod(), WANTED))

    assert [{"matchExpressions": [NOT_READY]}] == terms(after)


def test_the_networks_own_node_selector_is_added() -> None:
    """In the form that Kubernetes has for it."""
    assert [
        {"key": KEYS["fast"], "operator": "DoesNotExist"},
        {"key": "network", "operator": "In", "values": ["fast"]},
        {"key": "zone", "operator": "In", "values": ["a", "b"]},
        {"key": "virtual", "operator": "DoesNotExist"},
        {"key": "kind", "operator": "NotIn", "values": ["old"]},
        {"key": "rack", "operator": "Exists"},
    ] == node_affinity.expressions([FAST])


def test_a_network_that_is_attached_twice_counts_once() -> None:
    assert node_affinity.expressions([FAST, PLAIN]) == node_affinity.expressions([FAST, PLAIN, FAST, PLAIN])


@pytest.mark.parametrize("selector", ["Upper.Case/key", "a..b/key=x", "-/key", "network=fast,(", "=", ""])
def test_a_selector_that_kubernetes_refuses_is_left_out(selector: str) -> None:
    """With it, the API server would refuse the pod."""
    nad = Nad("lab", "plain", annotations={NODE_SELECTOR: selector})

    assert WANTED == node_affinity.expressions([nad])


def test_each_alternative_gets_the_condition_and_keeps_its_own() -> None:
    mine = {"key": "disk", "operator": "In", "values": ["ssd"]}
    fields = [{"key": "metadata.name", "operator": "In", "values": ["node1"]}]
    body = pod({"nodeSelectorTerms": [{"matchExpressions": [mine]}, {"matchFields": fields}]})

    after = applied(body, node_affinity.patch(body, WANTED))

    assert [
        {"matchExpressions": [mine, NOT_READY]},
        {"matchFields": fields, "matchExpressions": [NOT_READY]},
    ] == terms(after)


@pytest.mark.parametrize("empty", [{}, {"matchExpressions": []}, {"matchFields": None}], ids=str)
def test_an_alternative_that_matches_no_node_stays_so(empty: dict[str, Any]) -> None:
    """With a condition it would match some."""
    alone = pod({"nodeSelectorTerms": [empty]})
    mine = {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}
    mixed = pod({"nodeSelectorTerms": [empty, mine]})

    assert [] == node_affinity.patch(alone, WANTED)
    assert empty == terms(applied(mixed, node_affinity.patch(mixed, WANTED)))[0]


def test_other_affinity_stays() -> None:
    preferred = [{"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]
    affinity = {
        "podAntiAffinity": {"x": 1},
        "nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred},
    }
    body = pod(affinity=affinity)

    after = applied(body, node_affinity.patch(body, WANTED))["spec"]["affinity"]

    assert {"x": 1} == after["podAntiAffinity"]
    assert preferred == after["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert [{"matchExpressions": [NOT_READY]}] == after["nodeAffinity"][REQUIRED]["nodeSelectorTerms"]


LEFT_ALONE: dict[str, dict[str, Any]] = {
    "with a node": pod(nodeName="node1"),
    "in the node's network": pod(hostNetwork=True),
    "of a DaemonSet": {
        **pod(),
        "metadata": {"ownerReferences": [{"kind": "DaemonSet", "controller": True, "name": "d"}]},
    },
    "a mirror of a static pod": {**pod(), "metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}},
    "without a spec": {"metadata": {}},
    "affinity that is no object": pod(affinity="x"),
    "node affinity that is no object": pod(affinity={"nodeAffinity": ["x"]}),
    "a required affinity that is no object": pod("x"),
    "a required affinity without alternatives": pod({"nodeSelectorTerms": []}),
    "a required affinity without the list": pod({"a": 1}),
    "an alternative that is no object": pod({"nodeSelectorTerms": ["x"]}),
    "conditions that are no list": pod({"nodeSelectorTerms": [{"matchExpressions": {"key": "a"}}]}),
    "fields that are no list": pod({"nodeSelectorTerms": [{"matchFields": 7}]}),
    "alternatives without end": pod({"nodeSelectorTerms": [{"matchExpressions": [NOT_READY]}] * 1001}),
    "conditions without end": pod({"nodeSelectorTerms": [{"matchExpressions": [{"key": "a"}] * 5001}]}),
}


@pytest.mark.parametrize("body", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_a_pod_that_needs_no_affinity_or_cannot_have_it_is_left_alone(body: dict[str, Any]) -> None:
    assert [] == node_affinity.patch(body, WANTED)


def test_a_pod_of_another_controller_is_not() -> None:
    """Neither is one that a DaemonSet merely owns."""
    for owner in ({"kind": "ReplicaSet", "controller": True}, {"kind": "DaemonSet"}, {"kind": "Job"}, "x"):
        assert node_affinity.patch({**pod(), "metadata": {"ownerReferences": [owner]}}, WANTED)


def test_null_counts_as_missing() -> None:
    for affinity in (None, {"nodeAffinity": None}, {"nodeAffinity": {REQUIRED: None}}):
        body = pod(affinity=affinity)
        assert [{"matchExpressions": [NOT_READY]}] == terms(applied(body, node_affinity.patch(body, WANTED)))


def test_selectors_without_end_are_given_up() -> None:
    """Their author may have written thousands of requirements into each of many networks."""
    selectors = [",".join(f"k{index}.{number}" for number in range(450)) for index in range(100)]
    nads = [
        Nad("lab", f"n{index}", annotations={NODE_SELECTOR: each}) for index, each in enumerate(selectors)
    ]

    wanted = node_affinity.expressions(nads * 50)

    assert len(wanted) > 1000
    assert [] == node_affinity.patch(pod(), wanted)


LABELS = st.dictionaries(
    st.sampled_from(["a", "b", *KEYS.values()]), st.sampled_from(["", "1", "2"]), max_size=4
)
_VALUES = st.lists(st.sampled_from(["", "1", "2"]), min_size=1, max_size=2)
EXPRESSIONS = st.one_of(
    st.fixed_dictionaries(
        {"key": st.sampled_from(["a", "b"]), "operator": st.sampled_from(["In", "NotIn"]), "values": _VALUES}
    ),
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["a", *KEYS.values()]),
            "operator": st.sampled_from(["Exists", "DoesNotExist"]),
        }
    ),
)
_LISTS = st.one_of(st.none(), st.lists(EXPRESSIONS, max_size=3))
_FIELDS = st.one_of(st.none(), st.just([{"key": "metadata.name", "operator": "In", "values": ["n"]}]))
TERMS = st.lists(
    st.fixed_dictionaries({}, optional={"matchExpressions": _LISTS, "matchFields": _FIELDS}), max_size=4
)
NADS = st.lists(
    st.builds(
        lambda name, selector: Nad("lab", name, annotations={NODE_SELECTOR: selector} if selector else {}),
        st.sampled_from(["fast", "plain"]),
        st.sampled_from(["", "a", "!a", "a=1", "b!=2", "a in (1, 2),b notin (1)", "X.Y/a"]),
    ),
    max_size=3,
)


def matches(required: dict[str, Any] | None, labels: dict[str, str]) -> bool:
    """As the scheduler decides (`component-helpers/scheduling/corev1/nodeaffinity`); the node's name is n."""
    if required is None:
        return True
    return any(
        (term.get("matchExpressions") or term.get("matchFields"))
        and all(_meets(each, labels) for each in term.get("matchExpressions") or ())
        for term in required["nodeSelectorTerms"]
    )


def _meets(expression: dict[str, Any], labels: dict[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or ()
    return {
        "In": lambda: value is not None and value in values,
        "NotIn": lambda: value is None or value not in values,
        "Exists": lambda: value is not None,
        "DoesNotExist": lambda: value is None,
    }[expression["operator"]]()


@given(alternatives=st.one_of(st.none(), TERMS), nads=NADS, labels=LABELS)
def test_no_node_becomes_possible_that_was_not(
    alternatives: list[Any] | None, nads: list[Nad], labels: dict[str, str]
) -> None:
    body = pod(None if alternatives is None else {"nodeSelectorTerms": alternatives})
    untouched = copy.deepcopy(body)
    wanted = node_affinity.expressions(nads)

    after = applied(body, node_affinity.patch(body, wanted))

    affinity = after["spec"].get("affinity", {}).get("nodeAffinity", {}).get(REQUIRED)
    before = None if alternatives is None else {"nodeSelectorTerms": alternatives}
    meets_all = all(_meets(each, labels) for each in wanted)
    assert untouched == body
    assert matches(affinity, labels) == (matches(before, labels) and meets_all)
    assert [] == node_affinity.patch(after, wanted)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["nodeAffinity", REQUIRED, "nodeSelectorTerms", "matchExpressions", "matchFields", "key", "x"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


@given(affinity=JSON, owners=JSON, labels=JSON)
def test_any_shape_of_a_pod_is_survived_and_a_second_patch_changes_nothing(
    affinity: Any, owners: Any, labels: Any
) -> None:
    body = {"metadata": {"ownerReferences": owners, "labels": labels}, "spec": {"affinity": affinity}}

    after = applied(body, node_affinity.patch(body, WANTED))

    assert [] == node_affinity.patch(after, WANTED)
