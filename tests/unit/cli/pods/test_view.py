"""`netattach get pods` as people and programs see it."""

from __future__ import annotations

from netattach_cli.output import formats
from netattach_cli.output.plain import plain
from netattach_cli.output.view import OK, WRONG
from netattach_cli.pods import pod_networks
from netattach_cli.pods.view import view
from netattach_cli.terminal import Paint
from unit.cli.cluster_objects import DEFAULT_ENTRY, STATUS, entry, pod

PLAIN = Paint(on=False)
PODS = [
    pod_networks.networks_of(pod_networks.facts(body), {}, default=False)
    for body in (
        pod("web-2", "lan,storage", DEFAULT_ENTRY, entry(), node="node2"),
        pod("web-1", "lan", DEFAULT_ENTRY, entry(address="10.0.3.201")),
        pod("other", "default/lan", namespace="shop", phase="Pending", node=""),
    )
]


def test_the_table_of_a_namespace() -> None:
    expected = """\
POD     NODE    REQUESTED         ATTACHED      INTERFACE   ADDRESSES    MAC                 READY   REASON
web-1   node1   default/lan       default/lan   net1        10.0.3.201   02:00:00:00:00:01   True    <none>
web-2   node2   default/lan       default/lan   net1        10.0.3.200   02:00:00:00:00:01   True    <none>
web-2   node2   default/storage   <none>        <none>      <none>       <none>              False   NotReported
"""
    assert expected == formats.text(view(PODS[:2], namespaces=False), "table", PLAIN)


def test_the_table_of_all_namespaces_has_a_column_for_them() -> None:
    shown = formats.text(view(PODS, namespaces=True), "wide", PLAIN).splitlines()

    assert shown[0].startswith("NAMESPACE   POD     NODE     REQUESTED")
    assert ["shop", "other", "<none>", "default/lan"] == shown[-1].split()[:4]
    assert "PHASE     MESSAGE" in shown[0]


def test_the_form_of_the_json_is_a_promise() -> None:
    (item,) = plain(view(PODS[1:2], namespaces=False).data)["items"]

    expected = {
        "namespace": "default",
        "name": "web-1",
        "node": "node1",
        "phase": "Running",
        "networks": [
            {
                "requested": "default/lan",
                "attached": "default/lan",
                "interface": "net1",
                "addresses": ["10.0.3.201"],
                "mac": "02:00:00:00:00:01",
                "default": False,
                "ready": True,
                "reason": "",
                "message": "",
            }
        ],
    }
    assert expected == item


def test_names_are_those_of_the_pods() -> None:
    assert "pod/web-1\npod/web-2\n" == formats.text(view(PODS[:2], namespaces=False), "name", PLAIN)


def test_a_pod_that_does_not_exist_is_an_error_beside_those_that_do() -> None:
    found = view(PODS[:1], ["gone"], namespaces=False, where=" in namespace default")

    assert (WRONG, ["pod gone does not exist in namespace default"]) == (found.status, list(found.errors))
    assert "web-2" in formats.text(found, "table", PLAIN)


def test_no_pods_are_no_failure() -> None:
    found = view([], namespaces=False, where=" in namespace default")

    assert (OK, ["no pod asks for networks in namespace default"]) == (found.status, list(found.errors))


def test_hostile_annotations_stay_in_their_cells() -> None:
    """A pod's author may write anything into both annotations."""
    evil = {
        "name": "\x1b[2J\nkube-system   root",
        "interface": "a\rb",
        "ips": ["\x1b]0;x\x07"] * 400,
        "mac": "m" * 100_000,
    }
    body = pod("p", '[{"name": "lan"}]', evil, evil, x="y")
    hostile = [
        pod_networks.networks_of(pod_networks.facts(each), {}, default=True)
        for each in (body, pod("q", "\x1b[31m@@@", evil), pod("r", "lan", **{STATUS: "\x1b" * 262_144}))
    ]

    shown = formats.text(view(hostile, namespaces=True), "wide", PLAIN)

    assert shown.replace("\n", "").isprintable()
    assert 1 + sum(len(each.networks) for each in hostile) == shown.count("\n")
    assert max(map(len, shown.splitlines())) < 4000
