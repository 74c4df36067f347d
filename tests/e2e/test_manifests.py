"""The manifests of every platform against a real API server, with its admission and Pod Security."""

from __future__ import annotations

import json

import pytest

from e2e.lab.cluster import CONTROL, NODE, Cluster
from support.chart import CHART, Body, rendered

PLATFORMS = sorted(path.stem for path in (CHART / "platforms").glob("*.yaml"))
OPENSHIFT = "security.openshift.io/v1"
"""A group that other API servers do not have."""


def problems(cluster: Cluster, objects: list[Body]) -> str:
    """What the API server warns of, or why it refuses."""
    text = "\n---\n".join(map(json.dumps, objects))
    return cluster.kubectl("apply", "--dry-run=server", "-f", "-", input=text, check=False).stderr


def pods(objects: list[Body]) -> list[Body]:
    """A pod of each workload: Pod Security refuses these, of workloads it warns at most."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **each["spec"]["template"]["metadata"],
                "name": "tried",
                "namespace": each["metadata"]["namespace"],
            },
            "spec": each["spec"]["template"]["spec"],
        }
        for each in objects
        if each["kind"] in {"Deployment", "DaemonSet"}
    ]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_api_server_accepts_every_object_and_pod_of_a_platform(installed: Cluster, platform: str) -> None:
    objects = [each for each in rendered({"platform": platform}) if each["apiVersion"] != OPENSHIFT]

    assert len(objects) > 40
    assert 3 == len(pods(objects))
    assert "" == problems(installed, objects)
    for pod in pods(objects):
        assert "" == problems(installed, [pod])


def test_pod_security_refuses_the_daemon_outside_of_its_namespace(installed: Cluster) -> None:
    (daemon,) = [pod for pod in pods(rendered()) if pod["metadata"]["namespace"] == NODE]
    daemon["metadata"]["namespace"] = CONTROL
    daemon["spec"]["serviceAccountName"] = "default"

    refused = problems(installed, [daemon])

    assert 'violates PodSecurity "restricted:v1.30"' in refused
    for reason in ("host namespaces", "seLinuxOptions", "hostPath"):
        assert reason in refused
