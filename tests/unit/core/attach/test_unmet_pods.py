"""Whether a running pod has the networks that it asks for."""

from __future__ import annotations

import pytest

from netattach_core.api import networks_annotation
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.node_state import UnmetReason
from netattach_core.api.pod import PodRef
from netattach_core.attach import unmet_pods
from netattach_core.attach.attached_pods import AttachedLink, AttachedSandbox
from netattach_core.attach.sandbox import Phase
from netattach_core.attach.unmet_pods import InNamespace, Unmet, Wanted

SETTINGS = SelectionSettings()
WITH_DEFAULTS = SelectionSettings(defaults=("audit",))


def _wanted(networks: str = "", settings: SelectionSettings = SETTINGS, **more: str) -> Wanted:
    annotations = {networks_annotation.NETWORKS: networks} if networks else {}
    return unmet_pods.wanted({**annotations, **more}, "shop", settings)


def _sandbox(
    *networks: str, phase: Phase = Phase.ADDED, container_id: str = "c1", creates_link: bool = True
) -> AttachedSandbox:
    links = [
        AttachedLink("cbr0", "eth0", 0, "", creates_link=True),
        *(
            AttachedLink(name, f"net{number}", 0, "", creates_link=creates_link)
            for number, name in enumerate(networks, start=1)
        ),
    ]
    return AttachedSandbox(
        container_id, ("shop", "web"), "u", f"/run/netns/{container_id}", "4:1", phase, tuple(links)
    )


@pytest.mark.parametrize(
    "asked",
    [
        _wanted(),
        _wanted(settings=WITH_DEFAULTS, **{networks_annotation.SKIP_DEFAULT_NETWORKS: "true"}),
        unmet_pods.wanted({}, "kube-system", WITH_DEFAULTS),
    ],
    ids=["no annotation", "skips the cluster's", "a system namespace"],
)
def test_a_pod_that_asks_for_nothing_lacks_nothing(asked: Wanted) -> None:
    assert not asked
    assert unmet_pods.decide(asked, (), {}) is None


@pytest.mark.parametrize(
    ("asked", "networks"),
    [
        pytest.param(_wanted("lan,infra/san"), ("shop/lan", "infra/san"), id="networks"),
        pytest.param(
            _wanted("lan", WITH_DEFAULTS), ("kube-system/audit", "shop/lan"), id="and the cluster's"
        ),
        pytest.param(_wanted(settings=WITH_DEFAULTS), ("kube-system/audit",), id="the cluster's alone"),
        pytest.param(
            _wanted("", SETTINGS, **{networks_annotation.DEFAULT_NETWORK: "infra/other"}),
            ("infra/other",),
            id="another default network",
        ),
    ],
)
def test_a_pod_that_was_started_without_netattach(asked: Wanted, networks: tuple[str, ...]) -> None:
    unmet = unmet_pods.decide(asked, (), {})

    assert unmet is not None
    assert (UnmetReason.NOT_ATTACHED, networks) == (unmet.reason, unmet.networks)
    assert "the container runtime started it without netattach; delete the pod" in unmet.message


def test_an_attached_pod_lacks_nothing() -> None:
    """Also one whose networks are those of the settings: these are for pods that start later too."""
    sandbox = _sandbox("shop/lan")

    assert unmet_pods.decide(_wanted("lan"), (sandbox,), {"c1": InNamespace()}) is None
    assert unmet_pods.decide(_wanted("lan"), (sandbox,), {}) is None  # what cannot be found out
    assert unmet_pods.decide(_wanted("lan", WITH_DEFAULTS), (sandbox,), {}) is None


@pytest.mark.parametrize("phase", [Phase.ADDED, Phase.DELETING])
def test_a_sandbox_that_is_another_one_now(phase: Phase) -> None:
    unmet = unmet_pods.decide(
        _wanted("lan"), (_sandbox("shop/lan", phase=phase),), {"c1": InNamespace(gone=True)}
    )

    assert unmet is not None
    assert (UnmetReason.OTHER_SANDBOX, ("shop/lan",)) == (unmet.reason, unmet.networks)


def test_the_new_sandbox_of_a_pod_counts_and_not_the_former_one() -> None:
    former, new = _sandbox("shop/lan"), _sandbox("shop/lan", container_id="c2")

    assert unmet_pods.decide(_wanted("lan"), (former, new), {"c1": InNamespace(gone=True)}) is None


def test_while_an_add_is_in_progress_nothing_is_missing() -> None:
    former, new = _sandbox("shop/lan"), _sandbox("shop/lan", container_id="c2", phase=Phase.ADDING)

    assert unmet_pods.decide(_wanted("lan"), (former, new), {"c1": InNamespace(gone=True)}) is None


def test_an_interface_that_is_gone() -> None:
    sandbox = _sandbox("shop/lan", "shop/lan", "infra/san")
    found = {"c1": InNamespace(missing=frozenset({"net2", "net3"}))}

    unmet = unmet_pods.decide(_wanted("lan,lan,infra/san"), (sandbox,), found)

    assert unmet is not None
    assert (UnmetReason.INTERFACE_MISSING, ("shop/lan", "infra/san")) == (unmet.reason, unmet.networks)
    assert "lost interface net2 of network shop/lan, net3 of network infra/san" in unmet.message


def test_the_interface_of_the_default_network_is_not_ours_to_report() -> None:
    found = {"c1": InNamespace(missing=frozenset({"eth0"}))}

    assert unmet_pods.decide(_wanted("lan"), (_sandbox("shop/lan"),), found) is None


@pytest.mark.parametrize(
    ("annotation", "lacking"),
    [
        pytest.param("lan,infra/san", ("infra/san",), id="one more"),
        pytest.param("lan,lan", ("shop/lan",), id="the same one twice"),
        pytest.param("lan,Ö", (), id="one that cannot be read"),
    ],
)
def test_an_annotation_that_asks_for_more_than_was_attached(
    annotation: str, lacking: tuple[str, ...]
) -> None:
    """As a controller that plugs networks into running pods changes it."""
    unmet = unmet_pods.decide(_wanted(annotation), (_sandbox("shop/lan"),), {})

    assert unmet is not None
    assert (UnmetReason.ANNOTATION_CHANGED, lacking) == (unmet.reason, unmet.networks)
    assert "its annotation was changed while it ran" in unmet.message


def test_an_annotation_that_asks_for_less_is_met() -> None:
    assert unmet_pods.decide(_wanted("lan"), (_sandbox("shop/lan", "infra/san"),), {}) is None


@pytest.mark.parametrize(
    "annotation",
    [",".join(f"n{number}" for number in range(101)), "n" * 300 + "," + "lan," * 5000],
    ids=["more networks than anybody has", "longer than any"],
)
def test_an_annotation_of_any_length_is_compared_in_bounded_time_and_memory(annotation: str) -> None:
    asked = _wanted(annotation)

    assert (True, ()) == (bool(asked), asked.all)
    assert unmet_pods.decide(asked, (_sandbox("shop/lan"),), {}) is None
    unmet = unmet_pods.decide(asked, (), {})
    assert unmet is not None
    assert (UnmetReason.NOT_ATTACHED, ()) == (unmet.reason, unmet.networks)


def test_what_the_inventory_says_is_bounded_too() -> None:
    lacking = tuple(f"{'n' * 63}/{number:0250}" for number in range(100))
    unmet = unmet_pods.changed(Wanted(lacking), ())
    assert unmet is not None
    pods = {PodRef("shop", f"web-{number:02}", f"u{number}"): unmet for number in range(30)}

    summary = unmet_pods.summary(pods)

    assert (30, 20) == (summary.total, len(summary.pods))
    assert "web-00" == summary.pods[0].name
    assert all(len(each.networks) == 10 and len(each.message) <= 300 for each in summary.pods)


def test_a_namespace_with_many_such_pods_hides_none_of_another() -> None:
    """Whoever may annotate a pod can make it such a one; the operator evicts what is listed."""
    changed = Unmet(UnmetReason.ANNOTATION_CHANGED, ("a/lan",), "")
    lost = Unmet(UnmetReason.INTERFACE_MISSING, ("a/lan",), "")
    missed = Unmet(UnmetReason.NOT_ATTACHED, ("shop/lan",), "")
    pods = {PodRef("a", f"web-{number:02}", f"u{number}"): changed for number in range(40)}
    pods |= {PodRef("a", "zz", "u40"): lost, PodRef("shop", "web", "u41"): missed}

    listed = [(each.namespace, each.name) for each in unmet_pods.summary(pods).pods]

    assert {("a", "zz"), ("shop", "web")} == set(listed[:2])


def test_nothing_unmet_is_zero_and_not_unknown() -> None:
    assert 0 == unmet_pods.summary({}).total
