"""The condition `Permitted`: what policy says of a network, before and after a level is tightened."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE
from netattach_core.policy import levels, permission
from netattach_core.validation import nad_status
from netattach_kube import cluster_settings
from netattach_kube.cluster_settings import ClusterSettings
from netattach_kube.resource import EVENTS, INVENTORIES, NADS, NAMESPACES
from support.validation import bridge
from unit.operator.scene import Scene, nad, played, running

TWO_PLUGINS = json.dumps({"cniVersion": "1.0.0", "name": "a", "plugins": [bridge(), {"type": "tuning"}]})


def policy(text: str) -> ClusterSettings:
    """Settings in which one plugin is the limit."""
    return cluster_settings.parse(f"policy: {{limits: {{pluginsPerNetwork: 1}}, {text}}}")


def permitted(scene: Scene) -> tuple[str, str]:
    condition = nad_status.condition(scene.status(), permission.PERMITTED)
    return condition["status"], condition["reason"]


def test_what_policy_says_of_a_network_is_a_condition_of_its_own() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(TWO_PLUGINS))
        scene.view.use_settings(policy("mode: enforce"))
        await scene.reconcile()

        assert "True" == scene.valid()
        assert ("False", "PolicyTooManyPlugins") == permitted(scene)
        assert [("Warning", "NotPermitted")] == scene.events()
        assert "raise policy.limits.pluginsPerNetwork to 2" in scene.server.all(EVENTS)[0]["message"]

    played(act)


@pytest.mark.parametrize("mode", ["warn", "audit"])
def test_a_level_that_does_not_refuse_yet_shows_whom_it_would_hit_with_one_event(mode: str) -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(TWO_PLUGINS))
        scene.view.use_settings(policy("default: privileged"))
        await scene.reconcile()
        assert ("True", "Permitted") == permitted(scene)

        scene.view.use_settings(policy(f"mode: {mode}"))
        await scene.reconcile()
        await scene.reconcile()

        assert ("True", "PermittedWithWarnings") == permitted(scene)
        assert [("Warning", "PermittedWithWarnings")] == scene.events()

    played(act)


def test_the_labels_of_a_namespace_change_what_is_permitted() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(TWO_PLUGINS))
        scene.view.use_settings(policy("mode: enforce"))
        async with running(scene):
            watching = asyncio.create_task(scene.view.namespaces.run())
            await scene.server.until(
                lambda: "conditions" in scene.status() and permitted(scene)[0] == "False"
            )
            labels = {levels.ENFORCE_LABEL: "privileged"}
            scene.server.put(NAMESPACES, {"metadata": {"name": "ns", "labels": labels}})

            await scene.server.until(lambda: len(scene.events()) == 2)  # the last thing of a reconciliation
            watching.cancel()

        assert ("True", "Permitted") == permitted(scene)
        assert [("Warning", "NotPermitted"), ("Normal", "Permitted")] == scene.events()

    played(act)


def test_the_operator_does_not_believe_an_exemption_either() -> None:
    async def act(scene: Scene) -> None:
        status = {
            "interfaces": [{"name": "eth0"}],
            "defaultInterfaces": [{"name": "eth0", "reasons": ["carries the IPv4 default route"]}],
        }
        body = nad(json.dumps({"cniVersion": "1.0.0", "name": "a", "type": "macvlan", "master": "eth0"}))
        body["metadata"]["annotations"] = {ALLOW_DEFAULT_INTERFACE: "true"}
        scene.server.put(INVENTORIES, {"metadata": {"name": "n1"}, "status": status})
        scene.server.put(NADS, body)
        scene.view.use_settings(policy("mode: enforce"))
        await scene.reconcile()

        assert ("False", "False") == (scene.valid(), permitted(scene)[0])

        scene.view.use_settings(policy("default: privileged"))
        await scene.reconcile()

        assert ("True", "True") == (scene.valid(), permitted(scene)[0])

    played(act)


def leasing(name: str, namespace: str, subnet: str, created: str) -> dict[str, Any]:
    ipam = {"type": "host-local", "subnet": subnet}
    config = json.dumps(
        {"cniVersion": "1.0.0", "name": "shared", "type": "macvlan", "master": "e", "ipam": ipam}
    )
    metadata = {"namespace": namespace, "name": name, "creationTimestamp": created}
    return {"metadata": metadata, "spec": {"config": config}}


def test_a_network_is_not_permitted_while_an_older_one_elsewhere_has_its_leases() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, leasing("a", "ns", "10.1.2.0/24", "2026-01-02T00:00:00Z"))
        scene.server.put(NADS, leasing("b", "other", "10.1.3.0/24", "2026-01-01T00:00:00Z"))
        await scene.reconcile()
        assert ("False", "PolicyLeaseStore") == permitted(scene)

        scene.server.delete(NADS, "b", "other")
        async with running(scene):
            await scene.server.until(lambda: permitted(scene) == ("True", "Permitted"))

    played(act)
