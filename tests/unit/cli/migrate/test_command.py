"""`netattach migrate check`: its sources, outputs and exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from netattach_kube import cluster_settings
from netattach_kube.cluster_settings import Takeover
from unit.cli.migrate.manifests import DAEMON_CONFIG, Body, bridge, thick
from unit.cli.samples import Netattach

CHECK = ("migrate", "check")


def _written(*objects: Body) -> str:
    """The name of a file with the objects."""
    Path("cluster.json").write_text(json.dumps({"kind": "List", "items": list(objects)}))
    return "cluster.json"


def test_the_text_has_three_sections(netattach: Netattach) -> None:
    config = {**DAEMON_CONFIG, "namespaceIsolation": True}
    file = _written(*thick(config), bridge("good"), bridge("bad", mtu="big"))
    status, out, err = netattach(*CHECK, "-f", file)

    assert (1, "") == (status, err)
    assert out.startswith("Multus 4.3.0 (thick), DaemonSet kube-system/kube-multus-ds\n\nwill work: ")
    assert "\nneeds a change: 4\n  takeover: " in out
    assert "\n    fix: set namespaceIsolation: true in netattach-config\n" in out
    assert "\nwill be refused: 1\n  default/bad: [schema] " in out
    assert "\n    fix: " in out


def test_nothing_refused_exits_with_0(netattach: Netattach) -> None:
    status, out, _ = netattach(*CHECK, "-f", _written(*thick(DAEMON_CONFIG), bridge("good")))

    assert 0 == status
    assert out.endswith("will be refused: nothing\n")


def test_json(netattach: Netattach) -> None:
    status, out, _ = netattach(
        *CHECK, "-o", "json", "-f", _written(*thick(DAEMON_CONFIG), bridge("bad", mtu="big"))
    )
    report = json.loads(out)

    assert 1 == status
    assert ["multus", "works", "changes", "refused", "netattachConfig"] == [*report]
    assert {"takeover": "auto", "logLevel": "info"} == report["netattachConfig"]
    (refused,) = report["refused"]
    assert ["subject", "text", "fix"] == [*refused]


def test_the_settings_are_written_for_the_config_map(netattach: Netattach) -> None:
    """They are written even if something will be refused: that is fixed elsewhere."""
    config = {**DAEMON_CONFIG, "namespaceIsolation": True, "globalNamespaces": "default,shared"}
    file = _written(*thick(config), bridge("bad", mtu="big"))

    assert 1 == netattach(*CHECK, "-f", file, "--write", "settings.yaml")[0]
    settings = cluster_settings.parse(Path("settings.yaml").read_text())
    assert Takeover.AUTO is settings.takeover
    assert frozenset({"default", "shared"}) == settings.validation.selection.global_namespaces


def test_a_cluster_without_multus(netattach: Netattach) -> None:
    status, out, _ = netattach(*CHECK, "-f", _written(bridge("good")))

    assert 0 == status
    assert out.startswith("Multus was not found")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("-f", "missing.yaml"), "missing.yaml: no such file or directory\n"),
        (("-f", "broken.yaml"), "broken.yaml: not YAML"),
        (("-f", "good.yaml", "--write", "no/where.yaml"), "no/where.yaml: no such file or directory\n"),
    ],
)
def test_what_cannot_be_read_or_written_exits_with_2(
    netattach: Netattach, arguments: tuple[str, ...], problem: str
) -> None:
    Path("broken.yaml").write_text("a: [")
    Path("good.yaml").write_text(json.dumps(bridge("good")))
    status, out, err = netattach(*CHECK, *arguments)

    assert (2, "") == (status, out)
    assert err.startswith(problem)


def test_the_settings_of_another_namespaces_daemon_set_are_not_taken(netattach: Netattach) -> None:
    """Whoever may create a DaemonSet in any namespace would choose the networks of all pods."""
    other = thick({**DAEMON_CONFIG, "defaultNetworks": ["theirs"]}, namespace="a-team")
    file = _written(*other, *thick(DAEMON_CONFIG))
    status, out, err = netattach(*CHECK, "-f", file, "--write", "settings.yaml")

    assert (2, "") == (status, out)
    assert "a-team/kube-multus-ds, kube-system/kube-multus-ds" in err
    assert not Path("settings.yaml").exists()


def test_a_network_that_is_nested_without_end_is_refused(netattach: Netattach) -> None:
    nad = bridge("deep")
    nad["spec"]["config"] = '{"a":' * 100_000
    status, out, _ = netattach(*CHECK, "-f", _written(*thick(DAEMON_CONFIG), nad))

    assert 1 == status
    assert "default/deep: [" in out


def test_default_networks_that_are_no_list_are_ignored_as_multus_does(netattach: Netattach) -> None:
    status, _, err = netattach(*CHECK, "-f", _written(*thick({**DAEMON_CONFIG, "defaultNetworks": 1})))

    assert (0, "") == (status, err)


def test_a_name_adds_no_line_to_the_settings(netattach: Netattach) -> None:
    daemon_set, config_map = thick(DAEMON_CONFIG)
    daemon_set["metadata"]["name"] = "multus\nnamespaceIsolation: false\n"
    netattach(*CHECK, "-f", _written(daemon_set, config_map), "--write", "settings.yaml")

    assert {"takeover", "logLevel"} == {*yaml.safe_load(Path("settings.yaml").read_text())}


def test_control_characters_of_a_cluster_are_escaped(netattach: Netattach) -> None:
    """A network's author must not move the cursor of whoever runs the check."""
    _, out, _ = netattach(*CHECK, "-f", _written(bridge("a\x1b[31m", mtu="big")))

    assert "\x1b" not in out


_KUBECTL = """#!/bin/sh
echo "$@" >>{folder}/called
case "$*" in
    *configmaps*) cat {folder}/map;;
    *daemonsets*) cat {folder}/daemonset;;
    *nodes*) {nodes};;
    *) echo '{{"kind": "List", "items": []}}';;
esac
"""


def _kubectl(monkeypatch: pytest.MonkeyPatch, nodes: str = "echo '{}'") -> Path:
    """A kubectl that has Multus; returns the file with the arguments of its calls."""
    folder = Path("bin").absolute()
    folder.mkdir()
    daemon_set, config_map = thick({**DAEMON_CONFIG, "namespaceIsolation": True})
    (folder / "daemonset").write_text(json.dumps({"kind": "List", "items": [daemon_set]}))
    (folder / "map").write_text(json.dumps(config_map))
    (folder / "kubectl").write_text(_KUBECTL.format(folder=folder, nodes=nodes))
    (folder / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder / "called"


def test_a_cluster_is_read_with_kubectl(netattach: Netattach, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ConfigMaps, those that Multus mounts and no others."""
    called = _kubectl(monkeypatch)
    status, out, err = netattach(*CHECK, "--context", "lab")

    assert (0, "") == (status, err)
    assert "namespaceIsolation: true" in out
    calls = called.read_text().splitlines()
    assert all(call.startswith("--context=lab get ") for call in calls)
    selector = "--field-selector=metadata.name=multus-daemon-config"
    assert [f"--context=lab get configmaps --namespace=kube-system {selector}"] == [
        call.partition(" --output")[0] for call in calls if "configmaps" in call
    ]


def test_the_name_of_a_config_map_is_no_option_of_kubectl(
    netattach: Netattach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server accepts any name in a volume: kubectl would send its user's token to the server that one names."""
    called = _kubectl(monkeypatch)
    daemon_set, _ = thick(DAEMON_CONFIG)
    daemon_set["spec"]["template"]["spec"]["volumes"] = [
        {"configMap": {"name": "--server=https://example.com"}}
    ]
    Path("bin/daemonset").write_text(json.dumps(daemon_set))
    netattach(*CHECK)

    assert "configmaps" in called.read_text()
    assert " --server" not in called.read_text()


def test_what_kubectl_may_not_read_exits_with_2(
    netattach: Netattach, monkeypatch: pytest.MonkeyPatch
) -> None:
    _kubectl(monkeypatch, nodes="echo 'Error from server (Forbidden): nodes is forbidden' >&2; exit 1")
    status, out, err = netattach(*CHECK)

    assert (2, "") == (status, out)
    assert err.startswith("cluster: kubectl get nodes: Error from server (Forbidden)")
