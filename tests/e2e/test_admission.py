"""What `kubectl create` prints for broken networks and for pods with unknown networks; valid ones are accepted."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from subprocess import CompletedProcess
from typing import Any

import pytest

from e2e.lab.cluster import Cluster
from e2e.objects import HOST_LOCAL, config, created, nad, pod
from support import require


@pytest.fixture(autouse=True)
def _deleted_afterwards(installed: Cluster) -> Iterator[None]:
    yield
    installed.kubectl("delete", "network-attachment-definitions,pods", "--all", "--grace-period=1")


def refused(cluster: Cluster, body: dict[str, Any]) -> str:
    done = cluster.kubectl("create", "-f", "-", input=json.dumps(body), check=False)

    assert 0 != done.returncode, done.stdout
    return done.stderr


BROKEN = {
    "a trailing comma": (
        '{"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1",}',
        ["line 1, column 60", "comma", "remove"],
    ),
    "a misspelt type key": (config(typ="macvlan", master="eth1"), ["`typ`", "did you mean `type`?"]),
    "ipvlan with macvlan's mode": (config(type="ipvlan", master="eth1", mode="bridge"), ["mode", "l2"]),
    "a range outside its subnet": (
        config(type="macvlan", master="eth1", ipam={**HOST_LOCAL, "rangeStart": "10.0.4.1"}),
        ["ipam.rangeStart", "10.0.4.1 is outside", "write an address in 10.0.3.0/24"],
    ),
    "a gateway outside its subnet": (
        config(type="macvlan", master="eth1", ipam={**HOST_LOCAL, "gateway": "10.0.4.1"}),
        ["ipam.gateway", "10.0.4.1", "10.0.3.0/24"],
    ),
    "the node's own interface": (
        config(type="macvlan", master="eth0"),
        ["master", "eth0 is a default interface of node1", "carries the IPv4 default route", "use eth1"],
    ),
    "the node's own interface, because none is named": (
        config(type="macvlan"),
        ["no `master`", "eth0 on node1", "use eth1"],
    ),
    "a plugin that no node has": (
        config(type="macvlann", master="eth1"),
        ["`macvlann` is not installed on any of the 2 nodes", "did you mean `macvlan`?"],
    ),
    "an interface that no node has": (
        config(type="macvlan", master="eth7"),
        ["master", "eth7 does not exist on any of the 2 nodes", "eth1"],
    ),
}


@pytest.mark.parametrize(("config", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_network_is_refused_with_the_place_and_the_fix(
    installed: Cluster, config: str, words: list[str]
) -> None:
    output = refused(installed, nad("broken", config))

    assert 'admission webhook "nads.netattach.io" denied the request' in output
    assert not [word for word in words if word not in output], output


ROW = re.compile(r"^\| (.+?) \| `` (.+) `` \|$", re.MULTILINE)


def test_the_page_of_mistakes_shows_what_kubectl_prints(installed: Cluster) -> None:
    """NETATTACH_WRITE_PAGES=1 writes the real output into the table."""
    page = require.REPOSITORY / "docs/mistakes.md"
    denials = {
        name: _first_denial(refused(installed, nad("net", config))) for name, (config, _) in BROKEN.items()
    }
    if os.environ.get("NETATTACH_WRITE_PAGES"):
        rows = "\n".join(f"| {name} | `` {output} `` |" for name, output in denials.items())
        first, *others = ROW.finditer(page.read_text())
        end = (others or [first])[-1].end()
        page.write_text(page.read_text()[: first.start()] + rows + page.read_text()[end:])

    assert denials == dict(ROW.findall(page.read_text()))


def _first_denial(output: str) -> str:
    return next(line.strip() for line in output.splitlines() if line.strip().startswith("deny ["))


SOUND = {
    "macvlan": config(type="macvlan", master="eth1", mode="bridge", ipam=HOST_LOCAL),
    "ipvlan": config(type="ipvlan", master="eth1", mode="l2", ipam={**HOST_LOCAL, "gateway": "10.0.3.1"}),
    "bridge": config(type="bridge", bridge="mybr0", ipam=HOST_LOCAL),
    "host-device": config(type="host-device", device="eth1", ipam={"type": "dhcp"}),
    "vlan": config(type="vlan", master="eth1", vlanId=7, ipam=HOST_LOCAL),
    "a chain": json.dumps(
        {
            "cniVersion": "1.0.0",
            "plugins": [{"type": "macvlan", "master": "eth1", "ipam": HOST_LOCAL}, {"type": "tuning"}],
        }
    ),
    "a config file of the nodes": "",
}


@pytest.mark.parametrize("config", SOUND.values(), ids=SOUND)
def test_a_valid_network_is_accepted(installed: Cluster, config: str) -> None:
    assert "networkattachmentdefinition.k8s.cni.cncf.io/sound created" in created(
        installed, nad("sound", config)
    )


def test_all_mistakes_are_reported_at_once(installed: Cluster) -> None:
    ipam = {**HOST_LOCAL, "rangeStart": "10.0.4.1", "gateway": "10.0.5.1"}
    output = refused(installed, nad("broken", config(type="ipvlan", master="eth7", mode="bridge", ipam=ipam)))
    findings = [line for line in output.splitlines() if line.strip().startswith("deny [")]

    assert 4 <= len(findings), output
    for word in ("eth7", "mode", "10.0.4.1", "10.0.5.1"):
        assert [line for line in findings if word in line], output


def test_a_suspicious_config_is_a_warning(installed: Cluster) -> None:
    ipam = {"type": "static", "addresses": [{"address": "10.0.3.9/24"}], "routes": [{"dst": "0.0.0.0/0"}]}
    output = created(installed, nad("static", config(type="macvlan", master="eth1", ipam=ipam)))

    assert "Warning: [route-default] ipam.routes[0].dst" in output
    assert "networkattachmentdefinition.k8s.cni.cncf.io/static created" in output


def test_an_update_is_validated_only_where_the_config_changes(installed: Cluster) -> None:
    created(installed, nad("sound", SOUND["macvlan"]))
    patch = json.dumps({"spec": {"config": config(type="macvlann", master="eth1")}})
    done = installed.kubectl("patch", "nad", "sound", "--type=merge", f"--patch={patch}", check=False)

    assert "did you mean `macvlan`?" in done.stderr
    assert SOUND["macvlan"] == installed.read("nad", "sound")["spec"]["config"]


def test_an_update_of_a_network_that_a_finalizer_holds_is_validated(installed: Cluster) -> None:
    """Nodes use a network that is being deleted until its last finalizer is removed, and that always works."""
    held = nad("held", SOUND["macvlan"])
    held["metadata"]["finalizers"] = ["example.com/hold"]
    created(installed, held)

    def patched(body: dict[str, Any]) -> CompletedProcess[str]:
        words = ("patch", "nad", "held", "--type=merge", f"--patch={json.dumps(body)}")
        return installed.kubectl(*words, check=False)

    try:
        installed.kubectl("delete", "nad", "held", "--wait=false")
        done = patched({"spec": {"config": config(type="macvlan", master="eth0")}})
        labelled = patched({"metadata": {"labels": {"a": "b"}}})
    finally:
        released = patched({"metadata": {"finalizers": None}})

    assert "eth0 is a default interface" in done.stderr
    assert 0 == labelled.returncode, labelled.stderr
    assert 0 == released.returncode, released.stderr
    assert not installed.exists("nad", "held")


def test_a_dry_run_is_validated_too(installed: Cluster) -> None:
    body = json.dumps(nad("broken", config(type="macvlann", master="eth1")))
    done = installed.kubectl("create", "--dry-run=server", "-f", "-", input=body, check=False)

    assert "did you mean `macvlan`?" in done.stderr


def test_a_pod_whose_second_network_is_unknown_is_refused(installed: Cluster) -> None:
    created(installed, nad("sound", SOUND["macvlan"]))
    output = refused(installed, pod("lost", "sound, sonud"))

    assert 'admission webhook "pods.netattach.io" denied the request' in output
    assert "sonud" in output
    assert "did you mean `sound`?" in output


def test_a_pod_whose_annotation_cannot_be_read_is_refused(installed: Cluster) -> None:
    assert "line 1" in refused(installed, pod("lost", '[{"name": "sound"'))


def test_an_annotation_that_comes_later_is_validated_too(installed: Cluster) -> None:
    created(installed, {**pod("late", ""), "metadata": {"name": "late", "namespace": "default"}})
    done = installed.kubectl("annotate", "pod", "late", "k8s.v1.cni.cncf.io/networks=nowhere", check=False)

    assert "nowhere" in done.stderr
    assert 0 != done.returncode


def test_a_network_and_its_pod_are_accepted_together(installed: Cluster) -> None:
    output = created(installed, nad("fresh", SOUND["macvlan"]), pod("fresh", "fresh"))

    assert "pod/fresh created" in output


def test_broken_settings_are_refused(installed: Cluster) -> None:
    patch = json.dumps({"data": {"config.yaml": "statusForPlainPods: sometimes"}})
    done = installed.kubectl(
        *("--namespace", "netattach-node", "patch", "configmap", "netattach-config"),
        *("--type=merge", f"--patch={patch}"),
        check=False,
    )

    assert 'admission webhook "config.netattach.io" denied the request' in done.stderr
    assert "'sometimes' is not one of ['async', 'never']" in done.stderr
