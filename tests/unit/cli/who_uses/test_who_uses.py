"""`netattach who-uses`: pods, workloads and settings."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_cli.output import formats
from netattach_cli.output.plain import plain
from netattach_cli.pods import pod_networks
from netattach_cli.terminal import Paint
from netattach_cli.who_uses import uses, view
from netattach_cli.who_uses.inputs import Facts
from netattach_cli.who_uses.uses import Use
from netattach_core.api.node_state import UnmetPod
from netattach_core.api.objects import Body
from unit.cli.cluster_objects import NETWORKS, body, entry, pod

LAN = "default/lan"


def workload(
    kind: str, name: str, networks: str, *path: str, namespace: str = "default", **metadata: Any
) -> Body:
    """With the annotation in its pod template."""
    spec: dict[str, Any] = {"metadata": {"annotations": {NETWORKS: networks}}}
    for key in reversed(path or ("template",)):
        spec = {key: spec}
    return body(kind, name, namespace, metadata=metadata, spec=spec)


def settings(text: str) -> Body:
    return body("ConfigMap", "netattach-config", "netattach-node", data={"config.yaml": text})


def found(
    *pods: Body,
    workloads: dict[str, list[Body]] | None = None,
    config: Body | None = None,
    unmet: UnmetPod | None = None,
) -> list[Use]:
    lacking = pod_networks.unmet_pods([unmet] if unmet else [])
    return uses.uses(
        LAN, Facts([pod_networks.facts(each) for each in pods], lacking, workloads or {}, config)
    )


def test_pods_that_have_it_and_pods_that_ask_for_it() -> None:
    shown = found(
        pod("b", "lan", phase="Pending"),
        pod("a", "lan@x", entry(interface="x")),
        pod("other", "storage", entry("default/storage")),
        pod("elsewhere", "default/lan", entry(), namespace="shop"),
        pod("not-this-one", "lan", entry("shop/lan"), namespace="shop"),
    )

    assert [("a", True, "x"), ("b", False, ""), ("elsewhere", True, "net1")] == [
        (use.name, use.attached, use.interface) for use in shown
    ]


def test_a_pod_that_the_settings_gave_it_does_not_request_it() -> None:
    (use,) = found(pod("a", "", entry()))

    assert (False, True) == (use.requested, use.attached)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", ()),
        ("StatefulSet", ()),
        ("DaemonSet", ()),
        ("Job", ()),
        ("CronJob", ("jobTemplate", "spec", "template")),
    ],
)
def test_workloads_whose_pods_ask_for_it(kind: str, path: tuple[str, ...]) -> None:
    asks = [workload(kind, "w", "storage,lan", *path), workload(kind, "x", "storage", *path)]

    assert [Use(kind, "default", "w")] == found(workloads={kind: asks})


def test_a_workload_that_another_one_owns_is_not_shown() -> None:
    owned = workload("Job", "w", "lan", ownerReferences=[{"kind": "CronJob", "name": "c"}])

    assert [] == found(workloads={"Job": [owned]})


@pytest.mark.parametrize("text", ["[{", "\x1b", '{"a": 1}', "x" * 300_000])
def test_a_workload_with_any_annotation_breaks_nothing(text: str) -> None:
    assert [] == found(workloads={"Job": [workload("Job", "w", text)]})


@pytest.mark.parametrize(
    ("text", "is_used"),
    [
        ("defaultNetworks: [lan]\nnetworksNamespace: default\n", True),
        ("defaultNetworks: [lan]\n", False),
        ("networksNamespace: default\n# lan\n", False),
        ("lan: [", False),
        ("- lan", False),
        ("&a [*a, lan]", False),
    ],
)
def test_the_settings_give_it_to_each_pod(text: str, *, is_used: bool) -> None:
    assert is_used == bool(found(config=settings(text)))


def test_the_table() -> None:
    lost = UnmetPod("default", "b", "uid-of-b", (LAN,), "InterfaceMissing", "")
    shown = view.view(
        LAN,
        found(
            pod("b", "lan", entry()),
            pod("a", "lan", entry(address="10.0.3.7")),
            workloads={"Deployment": [workload("Deployment", "web", "lan")]},
            config=settings("defaultNetworks: [lan]\nnetworksNamespace: default\n"),
            unmet=lost,
        ),
        exists=True,
    )

    expected = """\
KIND         NAMESPACE        NAME               NODE     REQUESTED   ATTACHED   INTERFACE   ADDRESSES    REASON
Pod          default          a                  node1    True        True       net1        10.0.3.7     <none>
Pod          default          b                  node1    True        True       net1        10.0.3.200   InterfaceMissing
ConfigMap    netattach-node   netattach-config   <none>   True        <none>     <none>      <none>       defaultNetworks
Deployment   default          web                <none>   True        <none>     <none>      <none>       <none>
"""
    assert expected == formats.text(shown, "table", Paint(on=False))
    assert ["pod/a", "pod/b", "configmap/netattach-config", "deployment.apps/web"] == list(shown.names)


def test_nothing_uses_it() -> None:
    assert ["nothing uses network default/lan"] == list(view.view(LAN, [], exists=True).errors)
    assert ["network default/lan does not exist", "nothing uses network default/lan"] == list(
        view.view(LAN, [], exists=False).errors
    )


def test_the_form_of_the_json_is_a_promise() -> None:
    expected = {
        "network": LAN,
        "items": [
            {
                "kind": "Pod",
                "namespace": "default",
                "name": "a",
                "node": "node1",
                "requested": True,
                "attached": True,
                "interface": "net1",
                "addresses": ["10.0.3.200"],
                "reason": "",
            }
        ],
    }
    assert expected == plain(view.view(LAN, found(pod("a", "lan", entry())), exists=True).data)
