"""A tenant may create pods and networks in one namespace, and reaches nothing outside of it: with the webhooks, and without them.

docs/security.md shows the answers; NETATTACH_WRITE_PAGES=1 writes them there.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from e2e import node_state, tenancy, tenant_attempts
from e2e.lab.cluster import Cluster
from e2e.objects import config, created, links, nad, pod
from e2e.tenancy import RESTRICTED, VICTIM, Tenant
from e2e.tenant_attempts import ATTEMPTS, MAC, ON_NODE, SHARED, Attempt
from e2e.tenant_neighbours import NEIGHBOURS
from support import require

NODE = "node1"
ATTACKED = ("/etc/cron.d", "/etc/ssh", "/etc/cni", "/tmp/tenant*", "/var/lib/kubelet/pki", "/etc/shadow")
"""Files and directories that the attempts would change."""

SHIELDED = ("/etc/cron.d",)

FIX = re.compile(r"\. Fix: \S.*")


@dataclass(frozen=True)
class Scene:
    """The tenants, next to a network and a running pod of somebody else."""

    cluster: Cluster
    tenants: Mapping[str, Tenant]
    mac: str

    def of(self, attempt: Attempt) -> Tenant:
        return self.tenants[attempt.namespace]

    def network(self, attempt: Attempt) -> dict[str, Any] | None:
        """With the MAC address of the node's own interface."""
        body = attempt.network
        if body is not None:
            body["spec"]["config"] = body["spec"]["config"].replace(MAC, self.mac)
        return body


@pytest.fixture(scope="module")
def scene(installed: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    node = installed.node(NODE)
    folder = tmp_path_factory.mktemp("tenants")
    with contextlib.ExitStack() as stack:
        stack.enter_context(tenancy.settings(installed, tenancy.SETTINGS))
        stack.enter_context(node_state.shielded(node, *SHIELDED))
        stack.callback(_delete_victim, installed)
        created(installed, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": VICTIM}})
        tenancy.wait_for_account(installed, VICTIM)
        ipam = tenant_attempts.host_local("10.60.0.0/24")
        created(installed, nad(SHARED, tenant_attempts.macvlan(ipam=ipam), VICTIM))
        created(installed, pod("victim", SHARED, namespace=VICTIM))
        installed.wait_ready("victim", VICTIM)
        accounts = stack.enter_context(tenancy.tenants(installed, folder))
        for tenant in accounts.values():
            tenant.created(*tenant_attempts.existing(tenant.namespace))
        yield Scene(installed, accounts, node.sh("cat /sys/class/net/eth0/address").strip())


def _delete_victim(cluster: Cluster) -> None:
    cluster.kubectl("delete", "pods", "--all", "--namespace", VICTIM)
    cluster.kubectl("delete", "namespace", VICTIM, "--timeout=120s")


# --- with the webhooks


@dataclass(frozen=True)
class Answer:
    """What kubectl printed for an attempt, and whether anything was stored."""

    text: str
    stored: bool

    def line(self, rule: str) -> str:
        """The finding of the rule."""
        lines = (line.strip() for line in self.text.splitlines())
        return next((line for line in lines if line.startswith(f"deny [{rule}]")), "")


@pytest.fixture(scope="module")
def answers(scene: Scene) -> dict[str, Answer]:
    """Of all attempts. What is not refused is deleted again."""
    return {name: _try(scene, attempt) for name, attempt in ATTEMPTS.items()}


def _try(scene: Scene, attempt: Attempt) -> Answer:
    tenant, network = scene.of(attempt), scene.network(attempt)
    if attempt.held:
        return _try_held(scene, attempt)
    if network is not None:
        done, kind = tenant.create(network), "network-attachment-definition"
    else:
        done, kind = tenant.create(attempt.pod), "pod"
    stored = scene.cluster.exists(kind, attempt.name, attempt.namespace)
    if stored:
        tenant.kubectl("delete", kind, attempt.name)
    return Answer(done.stdout + done.stderr, stored)


def _try_held(scene: Scene, attempt: Attempt) -> Answer:
    """The change is what is refused; the finalizer can be removed in any case."""
    tenant = scene.of(attempt)
    before = _hold(scene, attempt)
    done = tenant.patch("nad", attempt.name, {"spec": {"config": attempt.config}})
    after = scene.cluster.read("nad", attempt.name, attempt.namespace)["spec"]
    _release(scene, attempt)
    return Answer(done.stdout + done.stderr, before != after)


def _hold(scene: Scene, attempt: Attempt) -> object:
    """Stores the harmless network and deletes it, so that its finalizer holds it; returns its spec."""
    tenant, network = scene.of(attempt), scene.network(attempt)
    assert network is not None
    tenant.created(network)
    tenant.kubectl("delete", "nad", attempt.name, "--wait=false")
    return scene.cluster.read("nad", attempt.name, attempt.namespace)["spec"]


def _release(scene: Scene, attempt: Attempt) -> None:
    done = scene.of(attempt).patch("nad", attempt.name, {"metadata": {"finalizers": None}})
    assert 0 == done.returncode, done.stderr


def test_a_tenant_has_rights_in_its_namespace_only(scene: Scene) -> None:
    """The attempts say something only if the tenant's own token is used, and may do what they need."""
    for namespace, tenant in scene.tenants.items():
        who = tenant.kubectl("auth", "whoami", "--output=jsonpath={.status.userInfo.username}").stdout
        allowed = [
            tenant.kubectl("auth", "can-i", "create", what, "--namespace", where).stdout.strip()
            for what in ("pods", "network-attachment-definitions.k8s.cni.cncf.io")
            for where in (namespace, VICTIM)
        ]

        assert f"system:serviceaccount:{namespace}:tenant" == who
        assert ["yes", "no", "yes", "no"] == allowed


def test_there_are_thirty_attempts() -> None:
    assert 30 <= len([each for each in ATTEMPTS.values() if each.namespace != RESTRICTED])
    assert 10 <= len([each for each in ATTEMPTS.values() if each.namespace == RESTRICTED])


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_is_refused_at_admission(answers: Mapping[str, Answer], name: str) -> None:
    """By its rule, with the fix, and nothing is stored."""
    line = answers[name].line(ATTEMPTS[name].rule_at_admission)

    assert FIX.search(line) or line.endswith("…"), answers[name].text
    assert not answers[name].stored


# --- what a tenant is meant to do


@pytest.fixture(scope="module")
def neighbours(scene: Scene) -> Iterator[Scene]:
    """All harmless variants at once."""
    for each in NEIGHBOURS.values():
        tenant = scene.tenants[each.namespace]
        tenant.created(*([each.network] if each.network else []), each.pod)
    yield scene
    for tenant in scene.tenants.values():
        names = [each.name for each in NEIGHBOURS.values() if each.namespace == tenant.namespace]
        networks = [
            each.name for each in NEIGHBOURS.values() if each.network and each.namespace == tenant.namespace
        ]
        tenant.kubectl("delete", "pods", *names)
        tenant.kubectl("delete", "nad", *networks)


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_the_harmless_variant_of_an_attempt_runs(neighbours: Scene, name: str) -> None:
    each = NEIGHBOURS[name]
    neighbours.cluster.wait_ready(name, each.namespace)

    assert ["lo", "eth0", *each.interfaces] == links(neighbours.cluster, name, each.namespace)


# --- without the webhooks


@dataclass(frozen=True)
class Aftermath:
    """What a tenant's attempts led to where no webhook was asked."""

    events: Mapping[str, str]
    phases: Mapping[str, tuple[str, str]]
    before: Mapping[str, str]
    after: Mapping[str, str]


@pytest.fixture(scope="module")
def aftermath(scene: Scene) -> Aftermath:
    """Of all attempts at once. The objects are deleted before the webhooks are back."""
    node = scene.cluster.node(NODE)
    refused = nad("probe", config(type="macvlann"))
    with tenancy.without_webhooks(scene.cluster, refused):
        before = node_state.read(node, ATTACKED)
        for attempt in ON_NODE.values():
            _store(scene, attempt)
        try:
            scene.cluster.eventually(lambda: not _unreported(scene), "all events", seconds=300, every=2)
        except AssertionError as error:
            raise AssertionError(f"{error}: {_unreported(scene)}") from None
        found = Aftermath(_events(scene), _phases(scene), before, node_state.read(node, ATTACKED))
        for attempt in ON_NODE.values():
            if attempt.held:
                _release(scene, attempt)
        for tenant in scene.tenants.values():
            names = [each.name for each in ON_NODE.values() if each.namespace == tenant.namespace]
            tenant.kubectl("delete", "pods", *names, "--wait=false")
            networks = [
                each.name for each in ON_NODE.values() if each.namespace == tenant.namespace and each.network
            ]
            tenant.kubectl("delete", "nad", *networks, "--ignore-not-found")
        scene.cluster.eventually(lambda: not _phases(scene), "the pods are gone", seconds=120, every=1)
    return found


def _store(scene: Scene, attempt: Attempt) -> None:
    tenant, network = scene.of(attempt), scene.network(attempt)
    if attempt.held:
        _hold(scene, attempt)
        done = tenant.patch("nad", attempt.name, {"spec": {"config": attempt.config}})
        assert 0 == done.returncode, done.stderr
        network = None
    tenant.created(*([network] if network else []), attempt.pod)


def _events(scene: Scene) -> dict[str, str]:
    found = tenancy.failures(scene.cluster, list(scene.tenants))
    return {name: text for (_, name), text in found.items()}


def _unreported(scene: Scene) -> list[str]:
    events = _events(scene)
    return [name for name in ON_NODE if name not in events]


def _phases(scene: Scene) -> dict[str, tuple[str, str]]:
    """Phase and address of each attempt's pod."""
    return {
        body["metadata"]["name"]: (body["status"]["phase"], body["status"].get("podIP", ""))
        for namespace in scene.tenants
        for body in scene.cluster.objects("pods", "--namespace", namespace)
        if body["metadata"]["name"] in ON_NODE
    }


@pytest.mark.parametrize("name", ON_NODE)
def test_an_attempt_is_refused_on_the_node(aftermath: Aftermath, name: str) -> None:
    """In the same words, in the daemon's event; the pod has nothing, not even the default network."""
    assert ON_NODE[name].said_on_node in aftermath.events[name]
    assert ("Pending", "") == aftermath.phases[name]


@pytest.mark.parametrize(
    "what",
    ["files", "links", "default interface", "routes", "iptables", "nftables", "sysctls", "leases", "plugins"],
)
def test_no_attempt_changes_the_node(aftermath: Aftermath, what: str) -> None:
    assert aftermath.before[what] == aftermath.after[what]


def test_what_is_compared_exists(aftermath: Aftermath) -> None:
    """An empty text would always be the same."""
    for what in ("files", "links", "default interface", "routes", "nftables", "sysctls", "leases"):
        assert aftermath.before[what], what
    assert f"networks/{SHARED}/10.60.0." in aftermath.before["leases"]


# --- the page

PAGE = require.REPOSITORY / "docs" / "security.md"
SECTION = re.compile(
    r"(?<=<!-- attempts of a tenant: tests/e2e/test_tenant.py -->\n).*?(?=\n<!-- end -->)", re.DOTALL
)


def test_the_page_shows_what_kubectl_prints(answers: Mapping[str, Answer], scene: Scene) -> None:
    """NETATTACH_WRITE_PAGES=1 writes the real output into the tables."""
    written = "\n".join(_tables(answers, scene.mac))
    if os.environ.get("NETATTACH_WRITE_PAGES"):
        PAGE.write_text(SECTION.sub(lambda _: written, PAGE.read_text()))
    shown = SECTION.search(PAGE.read_text())

    assert shown is not None
    assert written == shown[0]


def _tables(answers: Mapping[str, Answer], mac: str) -> Iterator[str]:
    for title, restricted in (("**Under baseline**", False), ("**Under restricted**", True)):
        yield from ("", f"{title}:", "", "| attempt | would reach | kubectl's answer |", "|---|---|---|")
        for name, attempt in ATTEMPTS.items():
            if restricted == (attempt.namespace == RESTRICTED):
                line = answers[name].line(attempt.rule_at_admission).replace(mac, MAC).replace("|", "\\|")
                yield f"| {attempt.text} | {attempt.reach} | `` {line} `` |"
    yield ""
