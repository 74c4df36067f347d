"""Settings, templates, isolation and networks in use, on a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.lab.cluster import NODE, Cluster
from e2e.objects import HOST_LOCAL, NETWORKS, config, created, nad, pod

DEFAULT_MASTER = config(type="macvlan", master="eth0", ipam=HOST_LOCAL)
SOUND = config(type="macvlan", master="eth1", ipam=HOST_LOCAL)


@pytest.fixture
def validated(installed: Cluster) -> Iterator[Cluster]:
    """Deletes what a test creates, and resets the settings."""
    yield installed
    installed.patch_settings("")
    for what in ("deployments,cronjobs", "pods", "network-attachment-definitions"):
        installed.kubectl("delete", what, "--all")


def asks_for(kind: str, api: str, networks: str, **spec: Any) -> dict[str, Any]:
    """An object with a template that requests networks; it creates no pods."""
    metadata = {"labels": {"a": "b"}, "annotations": {NETWORKS: networks}}
    template: dict[str, Any] = {"metadata": metadata, "spec": pod("x")["spec"]}
    body = {"selector": {"matchLabels": {"a": "b"}}, "replicas": 0, "template": template}
    if kind == "CronJob":
        template["spec"]["restartPolicy"] = "Never"
        body = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": template}}}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "x"}, "spec": {**body, **spec}}


def test_settings_in_force_and_broken_ones(validated: Cluster) -> None:
    refused = validated.kubectl(
        "create", "-f", "-", input=json.dumps(nad("net", DEFAULT_MASTER)), check=False
    )
    assert "[master-default-interface]" in refused.stderr

    settings = "policy: {default: privileged}\nvalidation: {severities: {master-default-interface: warn}}"
    validated.patch_settings(settings)
    output: list[str] = []

    def accepted() -> bool:
        done = validated.kubectl(
            "create", "-f", "-", input=json.dumps(nad("net", DEFAULT_MASTER)), check=False
        )
        output.append(done.stderr)
        return done.returncode == 0

    validated.eventually(accepted, "the settings are in force", seconds=20)
    assert "Warning: [master-default-interface]" in output[-1]

    broken = validated.kubectl(
        *("patch", "configmap", "netattach-config", "--namespace", NODE, "--type=merge"),
        '--patch={"data": {"config.yaml": "validation: {severities: {route-defualt: off}}"}}',
        check=False,
    )
    assert "did you mean `route-default`?" in broken.stderr


@pytest.mark.parametrize(("kind", "api"), [("Deployment", "apps/v1"), ("CronJob", "batch/v1")])
def test_a_template_with_an_unknown_network_is_accepted_with_a_warning(
    validated: Cluster, kind: str, api: str
) -> None:
    output = created(validated, asks_for(kind, api, "nowhere"))

    assert "Warning: [pod-unknown-network] k8s.v1.cni.cncf.io/networks" in output
    assert validated.exists(kind.lower(), "x")


def test_more_pods_than_addresses_are_a_warning(validated: Cluster) -> None:
    one = {"type": "static", "addresses": [{"address": "10.0.3.222/24"}]}
    created(validated, nad("net", config(type="macvlan", master="eth1", ipam=one)))
    body = asks_for("Deployment", "apps/v1", "net", paused=True, replicas=2)

    done = validated.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(body))
    assert "Warning: [pod-capacity]" in done.stderr


def test_a_template_warns_of_what_policy_refuses_in_its_pods(validated: Cluster) -> None:
    """The controller's event has the message of the denial."""
    metadata = {"name": "tenant", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}
    networks = json.dumps([{"name": "net", "portMappings": [{"hostPort": 8080, "containerPort": 80}]}])
    deployment = asks_for("Deployment", "apps/v1", networks, replicas=1)
    deployment["metadata"]["namespace"] = "tenant"

    def events() -> str:
        return validated.kubectl("get", "events", "--namespace", "tenant", "--output=json").stdout

    created(validated, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    try:
        created(validated, nad("net", SOUND, "tenant"))

        assert "Warning: [policy-host-port] k8s.v1.cni.cncf.io/networks" in created(validated, deployment)
        validated.eventually(
            lambda: "deny [policy-host-port]" in events(), "the ReplicaSet's event", seconds=60
        )
        assert [] == validated.objects("pods", "--namespace", "tenant")
    finally:
        validated.kubectl("delete", "namespace", "tenant")


def test_isolated_namespaces(validated: Cluster) -> None:
    validated.kubectl("create", "namespace", "other")
    try:
        created(validated, nad("net", SOUND, "other"))
        validated.patch_settings("namespaceIsolation: true")
        body = json.dumps(pod("one", "other/net"))

        def refused() -> bool:
            return (
                "[pod-isolated]"
                in validated.kubectl("create", "--dry-run=server", "-f", "-", input=body, check=False).stderr
            )

        validated.eventually(refused, "isolation is in force", seconds=20)
        validated.patch_settings("namespaceIsolation: true\nglobalNamespaces: [other]")
        validated.eventually(lambda: not refused(), "it is global", seconds=20)
    finally:
        validated.kubectl("delete", "namespace", "other")


def test_deleting_a_network_in_use_is_a_warning_and_is_denied_where_it_is_protected(
    validated: Cluster,
) -> None:
    created(validated, nad("net", SOUND))
    created(validated, pod("one", "net"))
    validated.wait_ready("one")
    validated.eventually(
        lambda: validated.read("nad", "net").get("status", {}).get("pods") == 1, "the pod is known"
    )

    changed = json.dumps({"spec": {"config": SOUND.replace("1.0.0", "0.4.0")}})
    output = validated.kubectl("patch", "nad", "net", "--type=merge", f"--patch={changed}").stderr
    assert "Warning: [changed-in-use]" in output
    assert "default/one" in output

    validated.kubectl("annotate", "nad", "net", "netattach.io/protect=true")
    refused = validated.kubectl("delete", "nad", "net", check=False)
    assert "[deleted-though-protected]" in refused.stderr
    assert validated.exists("nad", "net")

    validated.kubectl("annotate", "nad", "net", "netattach.io/protect-")
    assert "Warning: [deleted-in-use]" in validated.kubectl("delete", "nad", "net").stderr


def test_a_namespace_with_a_protected_network_in_use_can_be_deleted(validated: Cluster) -> None:
    validated.kubectl("create", "namespace", "leaving")
    protected = nad("net", SOUND, "leaving")
    protected["metadata"]["annotations"] = {"netattach.io/protect": "true"}
    created(validated, protected)
    created(validated, pod("one", "net", namespace="leaving"))
    validated.wait_ready("one", "leaving")

    validated.kubectl("delete", "namespace", "leaving", "--timeout=60s")
    assert not validated.exists("namespace", "leaving")
