"""Captured programs: their real tokens against everything that RBAC and the policies have to forbid."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from e2e import rbac_cases
from e2e.api_request import ACCEPTED, ApiServer, Request
from e2e.lab.cluster import Cluster
from e2e.lab.control import PKI
from e2e.objects import config, created, nad, pod
from e2e.rbac_cases import MUTATION_CHANGES, WEBHOOK_CHANGES
from e2e.rbac_every_program import (
    ACCOUNTS,
    CONTROL,
    MUTATION,
    NADS,
    NETWORK,
    NODE,
    OTHER_POD,
    OWNER,
    POD,
    WEBHOOKS,
)

API = "https://127.0.0.1:6443"
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
NODES = {POD: "node1", OTHER_POD: "node2"}


class Programs:
    """The tokens as the running pods have them; the daemon's is that of node1."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._api = ApiServer(API, str(PKI / "ca.crt"))
        self._tokens = {"daemon": cluster.daemon_file("node1", TOKEN)}
        for program in ("operator", "webhooks"):
            self._tokens[program] = _token(cluster, program)

    def verdict(self, program: str, request: Request) -> str:
        return self._api.verdict(self._tokens[program], request)


def _token(cluster: Cluster, program: str) -> str:
    """Of one of the program's pods, where Python is the only program."""
    script = f"print(open({TOKEN!r}).read(), end='')"
    words = ("--namespace", CONTROL, f"deployment/{ACCOUNTS[program][1]}", "--", "/opt/netattach/bin/python")
    return cluster.kubectl("exec", *words, "-c", script).stdout


@pytest.fixture(scope="module")
def programs(installed: Cluster) -> Iterator[Programs]:
    created(installed, nad(NETWORK, config(type="macvlan", master="eth1")))
    created(installed, *(pod(name, node=node) for name, node in NODES.items()))
    for name in NODES:
        installed.wait_ready(name)
    yield Programs(installed)
    installed.kubectl("delete", "pods", *NODES)
    installed.kubectl("delete", "network-attachment-definition", NETWORK)


ALLOWED = [(program, name) for program in ACCOUNTS for name in rbac_cases.accepted(program)]
REFUSED = [(program, name) for program in ACCOUNTS for name in rbac_cases.refused(program)]


@pytest.mark.parametrize(("program", "name"), ALLOWED, ids=map(": ".join, ALLOWED))
def test_a_program_can_do_what_it_needs(programs: Programs, program: str, name: str) -> None:
    assert ACCEPTED == programs.verdict(program, rbac_cases.accepted(program)[name])


@pytest.mark.parametrize(("program", "name"), REFUSED, ids=map(": ".join, REFUSED))
def test_a_captured_program_cannot(programs: Programs, program: str, name: str) -> None:
    request, verdict = rbac_cases.refused(program)[name]

    assert verdict == programs.verdict(program, request)


def test_the_operator_can_publish_a_ca(programs: Programs) -> None:
    configuration = programs.cluster.read("validatingwebhookconfiguration", "netattach")
    rbac_cases.publish(configuration, base64.b64encode((PKI / "ca.crt").read_bytes()).decode())

    assert ACCEPTED == programs.verdict("operator", Request("PUT", WEBHOOKS, configuration))

    mutation = programs.cluster.read("mutatingwebhookconfiguration", "pods.netattach.io")
    rbac_cases.publish(mutation, base64.b64encode((PKI / "ca.crt").read_bytes()).decode())

    assert ACCEPTED == programs.verdict("operator", Request("PUT", MUTATION, mutation))


@pytest.mark.parametrize("change", WEBHOOK_CHANGES.values(), ids=WEBHOOK_CHANGES)
def test_a_captured_operator_changes_nothing_of_a_webhook_but_its_ca(
    programs: Programs, change: Callable[[dict[str, Any]], object]
) -> None:
    configuration = programs.cluster.read("validatingwebhookconfiguration", "netattach")
    change(configuration)

    assert "netattach-operator-webhooks" == programs.verdict(
        "operator", Request("PUT", WEBHOOKS, configuration)
    )


@pytest.mark.parametrize("change", MUTATION_CHANGES.values(), ids=MUTATION_CHANGES)
def test_a_captured_operator_changes_nothing_of_what_changes_pods_but_its_ca(
    programs: Programs, change: Callable[[dict[str, Any]], object]
) -> None:
    configuration = programs.cluster.read("mutatingwebhookconfiguration", "pods.netattach.io")
    change(configuration)

    assert "netattach-operator-webhooks" == programs.verdict(
        "operator", Request("PUT", MUTATION, configuration)
    )


def test_the_status_of_a_network_brings_no_spec_with_it(programs: Programs) -> None:
    """RBAC allows the operator to patch the status; the API server takes nothing else from such a request."""
    body = {"spec": {"config": "captured"}, "metadata": {"ownerReferences": [OWNER]}}
    path = f"{NADS}/{NETWORK}/status"
    before = programs.cluster.read("network-attachment-definition", NETWORK)

    assert ACCEPTED == programs.verdict("operator", Request("PATCH", path, body))
    patched = programs.cluster.kubectl(
        *("patch", "network-attachment-definition", NETWORK, "--subresource=status", "--type=merge"),
        f"--patch={json.dumps(body)}",
        *("--dry-run=server", "--output=json"),
    )
    after = json.loads(patched.stdout)
    assert before["spec"] == after["spec"]
    assert "ownerReferences" not in after["metadata"]


def test_no_expression_of_a_policy_has_a_type_error(programs: Programs) -> None:
    """Such an expression would refuse everything, or compare what is never equal."""
    policies = programs.cluster.objects("validatingadmissionpolicies")

    assert {} == {
        policy["metadata"]["name"]: policy["status"]["typeChecking"]["expressionWarnings"]
        for policy in policies
        if policy.get("status", {}).get("typeChecking", {}).get("expressionWarnings")
    }


def test_only_the_daemons_container_has_a_token(programs: Programs) -> None:
    """As files in the containers of the running pods."""
    script = f"import os; print(os.path.exists({TOKEN!r}))"
    found = {}
    for name in ("daemon", "dhcp"):
        words = ("--namespace", NODE, "daemonset/netattach-daemon", "--container", name, "--")
        found[name] = programs.cluster.kubectl(
            "exec", *words, "/opt/netattach/bin/python", "-c", script
        ).stdout

    assert {"daemon": "True\n", "dhcp": "False\n"} == found


@pytest.mark.parametrize("container", ["daemon", "dhcp"])
def test_a_captured_container_cannot_write_to_the_plugins(programs: Programs, container: str) -> None:
    script = "open('/opt/cni/bin/bridge', 'r+b')"
    words = ("--namespace", NODE, "daemonset/netattach-daemon", "--container", container, "--")
    done = programs.cluster.kubectl("exec", *words, "/opt/netattach/bin/python", "-c", script, check=False)

    assert "Read-only file system" in done.stderr


def test_a_captured_pod_reaches_no_port_of_the_daemon(programs: Programs) -> None:
    """Its probes and metrics, by each address of its node, where the kubelet's port answers."""
    addresses = programs.cluster.read("node", "node1")["status"]["addresses"]
    connect = ("exec", POD, "--", "nc", "-w", "5")

    for address in {each["address"] for each in addresses if each["type"] == "InternalIP"}:
        assert 0 == programs.cluster.kubectl(*connect, address, "10250", check=False).returncode
        assert "refused" in programs.cluster.kubectl(*connect, address, "9690", check=False).stderr
