"""The networks that a pod gets, for all kinds of annotations and settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.api import network_selection
from netattach_core.api.network_selection import PodSelection, SelectionSettings
from netattach_core.api.networks_annotation import (
    DEFAULT_NETWORK,
    NETWORKS,
    SKIP_DEFAULT_NETWORKS,
    NetworkSelection,
)
from netattach_core.errors import AnnotationError

WITH_DEFAULTS = SelectionSettings(defaults=("storage", "backup"), namespace="infra")
ISOLATED = SelectionSettings(
    defaults=("storage",), isolated=True, global_namespaces=frozenset({"shared", "kube-system"})
)
BOTH = (NetworkSelection("infra", "storage"), NetworkSelection("infra", "backup"))

PODS: dict[str, tuple[dict[str, str], str, SelectionSettings, PodSelection]] = {
    "nothing": ({}, "lab", SelectionSettings(), PodSelection()),
    "spaces": ({NETWORKS: " ", DEFAULT_NETWORK: "\n"}, "lab", SelectionSettings(), PodSelection()),
    "the cluster defaults": ({}, "lab", WITH_DEFAULTS, PodSelection(cluster_defaults=BOTH)),
    "a system namespace": ({}, "kube-system", WITH_DEFAULTS, PodSelection()),
    "a pod that skips the defaults": ({SKIP_DEFAULT_NETWORKS: "true"}, "lab", WITH_DEFAULTS, PodSelection()),
    "a value other than true": (
        {SKIP_DEFAULT_NETWORKS: "True"},
        "lab",
        WITH_DEFAULTS,
        PodSelection(cluster_defaults=BOTH),
    ),
    "everything at once": (
        {NETWORKS: "a", DEFAULT_NETWORK: "own"},
        "lab",
        WITH_DEFAULTS,
        PodSelection(NetworkSelection("infra", "own"), BOTH, (NetworkSelection("lab", "a"),)),
    ),
    "isolation does not apply to cluster defaults": (
        {NETWORKS: "a"},
        "lab",
        ISOLATED,
        PodSelection(
            cluster_defaults=(NetworkSelection("kube-system", "storage"),),
            networks=(NetworkSelection("lab", "a"),),
        ),
    ),
}


@pytest.mark.parametrize(("annotations", "own", "settings", "expected"), PODS.values(), ids=PODS)
def test_the_networks_of_a_pod(
    annotations: dict[str, str], own: str, settings: SelectionSettings, expected: PodSelection
) -> None:
    assert expected == network_selection.of_pod(annotations, own, settings)


REFUSED = {
    "the networks": ({NETWORKS: "other/a"}, f"annotation {NETWORKS}: pods in namespace 'lab' cannot use networks in "),
    "the default network": ({DEFAULT_NETWORK: "other/a"}, f"annotation {DEFAULT_NETWORK}: pods in namespace 'lab' cannot"),
    "both, the default network first": ({NETWORKS: "[", DEFAULT_NETWORK: "["}, f"annotation {DEFAULT_NETWORK}: line 1"),
    "one of several": ({NETWORKS: "a, shared/b, other/c"}, f"annotation {NETWORKS}: pods in namespace 'lab' cannot use networks"),
}  # fmt: skip  # a table


@pytest.mark.parametrize(("annotations", "message"), REFUSED.values(), ids=REFUSED)
def test_an_error_names_the_annotation(annotations: dict[str, str], message: str) -> None:
    with pytest.raises(AnnotationError) as refused:
        network_selection.of_pod(annotations, "lab", ISOLATED)

    assert refused.value.message.startswith(message)


NAMES = st.sampled_from(
    ["a", "lab/a", "shared/a", "other/a", "kube-system/a", "infra/a", "a@net1", "lab/a@x", "other /a", ""]
)
JSON = st.sampled_from(
    [
        "[]",
        '[{"name":"a"}]',
        '[{"name":"a","namespace":"other"}]',
        '[{"name":"a","Namespace":"other"}]',
        '[{"NAME":"a","namespace":"other","namespace":"lab"}]',
        "{}",
    ]
)
TEXTS = st.one_of(st.lists(NAMES, max_size=4).map(",".join), JSON, st.text(max_size=20))


@given(networks=TEXTS, default=TEXTS, own=st.sampled_from(["lab", "other", "shared"]))
def test_no_annotation_circumvents_isolation(networks: str, default: str, own: str) -> None:
    """Any text is refused, or selects only networks of the pod's namespace and of global ones."""
    try:
        got = network_selection.of_pod({NETWORKS: networks, DEFAULT_NETWORK: default}, own, ISOLATED)
    except AnnotationError:
        return

    asked = [*got.networks, *([got.default] if got.default else [])]
    assert {each.namespace for each in asked} <= {own, "shared", "kube-system"}
