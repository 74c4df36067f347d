"""New pods: what is added to them, by the settings, and what only a warning says."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from netattach_core.api.nad import NODE_SELECTOR, RESOURCE_NAME
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, DEVICE_CONTAINER
from netattach_core.readiness import node_label
from netattach_kube import cluster_settings
from netattach_kube.resource import CONFIG_MAPS, INVENTORIES, NADS
from support.api_server import ApiServer
from support.json_patches import applied
from unit.webhooks import harness
from unit.webhooks.harness import NODE, Harness, NewKeyPair, run, until

PATH = "mutate/pods"
VF = "intel.com/sriov"


def pod(networks: str, *, spec: Any = None, **annotations: str) -> dict[str, Any]:
    body = harness.pod(networks, **annotations)
    return {**body, "spec": {"containers": [{"name": "app"}], **(spec or {})}}


def put_nad(
    server: ApiServer, name: str, namespace: str = "default", *, master: str = "eth1", **annotations: str
) -> None:
    names = {"resource": RESOURCE_NAME, "selector": NODE_SELECTOR}
    metadata = {
        "name": name,
        "namespace": namespace,
        "annotations": {names[key]: text for key, text in annotations.items()},
    }
    config = json.dumps({"cniVersion": "1.0.0", "type": "macvlan", "master": master})
    server.put(NADS, {"metadata": metadata, "spec": {"config": config}})


def put_settings(server: ApiServer, text: str) -> None:
    metadata = {"name": cluster_settings.NAME, "namespace": cluster_settings.NAMESPACE}
    server.put(CONFIG_MAPS, {"metadata": metadata, "data": {cluster_settings.KEY: text}})


@asynccontextmanager
async def serving(new_key_pair: NewKeyPair, settings: str, prepare: Callable[[ApiServer], None]) -> Any:
    """The program, once it has the networks and settings."""
    async with harness.serving(new_key_pair()) as found:
        prepare(found.server)
        put_settings(found.server, settings)
        wanted = cluster_settings.parse(settings)
        networks = {(b["metadata"]["namespace"], b["metadata"]["name"]) for b in found.server.all(NADS)}
        cache = found.program._cache
        await until(lambda: cache.cluster_settings() == wanted and networks <= set(cache.networks()))
        yield found


async def mutated(found: Harness, body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The pod with the patch, and the warnings."""
    answer = await found.post_review(PATH, harness.review("Pod", body))
    assert answer["allowed"]
    assert ("patch" in answer) == ("patchType" in answer)
    if "patch" not in answer:
        return body, answer.get("warnings", [])
    assert "JSONPatch" == answer["patchType"]
    return applied(body, json.loads(base64.b64decode(answer["patch"]))), answer.get("warnings", [])


def counted(found: Harness, change: str, outcome: str) -> float:
    labels = {"change": change, "outcome": outcome}
    registry = found.program._metrics.registry
    return registry.get_sample_value("netattach_webhook_mutations_total", labels) or 0.0


def expressions(body: dict[str, Any]) -> Any:
    required = body["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return [each["matchExpressions"] for each in required["nodeSelectorTerms"]]


def not_ready(name: str, namespace: str = "default") -> dict[str, str]:
    return {"key": node_label.of_network((namespace, name)).key, "operator": "DoesNotExist"}


ON = "scheduling: on\ndeviceInjection: on\n"


def test_a_pod_gets_affinity_and_devices_once(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        def prepare(server: ApiServer) -> None:
            put_nad(server, "vf", resource=VF, selector="fast")

        async with serving(new_key_pair, ON, prepare) as found:
            after, warnings = await mutated(found, pod("vf, sound, vf"))
            again, _ = await mutated(found, after)

            fast = {"key": "fast", "operator": "Exists"}
            assert [[not_ready("vf"), fast, not_ready("sound")]] == expressions(after)
            assert {"requests": {VF: "2"}, "limits": {VF: "2"}} == after["spec"]["containers"][0]["resources"]
            assert ([], again) == (warnings, after)
            for change in ("scheduling", "deviceInjection"):
                assert (1, 1) == (counted(found, change, "added"), counted(found, change, "unchanged"))

    run(scenario)


def test_the_default_networks_count(new_key_pair: NewKeyPair) -> None:
    """That of the annotation, and those of the settings."""

    async def scenario() -> None:
        def prepare(server: ApiServer) -> None:
            for name in ("main", "storage"):
                put_nad(server, name, "kube-system", resource=VF)

        settings = f"{ON}defaultNetworks: [storage, file.conf]"
        async with serving(new_key_pair, settings, prepare) as found:
            after, _ = await mutated(found, pod("", **{DEFAULT_NETWORK: "main"}))

            assert [[not_ready("main", "kube-system"), not_ready("storage", "kube-system")]] == expressions(
                after
            )
            assert {VF: "2"} == after["spec"]["containers"][0]["resources"]["limits"]

    run(scenario)


def test_by_default_a_warning_says_what_would_be_added(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        def prepare(server: ApiServer) -> None:
            put_nad(server, "vf", master="eth7", resource=VF)

        async with serving(new_key_pair, "", prepare) as found:
            body = pod("vf,vf")
            after, warnings = await mutated(found, body)

            assert body == after
            scheduling, devices = warnings
            assert scheduling.startswith("scheduling: on would keep this pod off")
            assert "default/vf rules out node1 (eth7 does not exist)" in scheduling
            assert devices == (
                "deviceInjection: on would add intel.com/sriov: 2 to requests and limits of container 'app'"
            )
            assert 1 == counted(found, "scheduling", "warned") == counted(found, "deviceInjection", "warned")

    run(scenario)


def test_where_nothing_would_change_there_is_no_warning(new_key_pair: NewKeyPair) -> None:
    """A healthy cluster must not warn of every pod."""

    async def scenario() -> None:
        async with serving(new_key_pair, "", lambda _: None) as found:
            assert [] == (await mutated(found, pod("sound")))[1]
            assert 1 == counted(found, "scheduling", "unchanged")

    run(scenario)


def test_a_pod_that_keeps_off_these_nodes_itself_gets_no_warning(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        def prepare(server: ApiServer) -> None:
            put_nad(server, "vf", master="eth7")

        async with serving(new_key_pair, "", prepare) as found:
            elsewhere = pod("vf", spec={"nodeSelector": {"kubernetes.io/hostname": "node2"}})

            assert [] == (await mutated(found, elsewhere))[1]
            assert 1 == len((await mutated(found, pod("vf")))[1])

    run(scenario)


def test_off_is_off(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        def prepare(server: ApiServer) -> None:
            put_nad(server, "vf", master="eth7", resource=VF)

        async with serving(new_key_pair, "scheduling: off\ndeviceInjection: off", prepare) as found:
            assert (pod("vf"), []) == await mutated(found, pod("vf"))
            before = len(found.server.requests)
            assert (pod("unknown"), []) == await mutated(found, pod("unknown"))
            assert before == len(found.server.requests)
        async with serving(new_key_pair, "scheduling: off\ndeviceInjection: on", prepare) as found:
            after, _ = await mutated(found, pod("vf"))
            assert "affinity" not in after["spec"]

    run(scenario)


def test_a_network_that_the_namespace_may_not_use_reveals_nothing(new_key_pair: NewKeyPair) -> None:
    """The patch comes before the refusal, so that it must not depend on the network, nor on whether there is one."""

    async def scenario() -> None:
        def prepare(server: ApiServer) -> None:
            put_nad(server, "vf", "secret", resource=VF, selector="fast", master="eth7")

        for mode in ("on", "warn"):
            settings = (
                f"scheduling: {mode}\ndeviceInjection: {mode}\nnamespaceIsolation: true\nglobalNamespaces: []"
            )
            async with serving(new_key_pair, settings, prepare) as found:
                before = len(found.server.requests)
                for networks in ("secret/vf", "secret/none", "sound,secret/vf"):
                    assert (pod(networks), []) == await mutated(found, pod(networks))
                default = pod("", **{DEFAULT_NETWORK: "secret/vf"})
                assert (default, []) == await mutated(found, default)
                assert before == len(found.server.requests)

    run(scenario)


def test_an_update_changes_nothing(new_key_pair: NewKeyPair) -> None:
    """Neither affinity nor resources of a pod can be changed later."""

    async def scenario() -> None:
        async with serving(new_key_pair, ON, lambda _: None) as found:
            answer = await found.post_review(PATH, harness.review("Pod", pod("sound"), pod("")))

            assert answer["allowed"]
            assert "patch" not in answer

    run(scenario)


HOSTILE: dict[str, dict[str, Any]] = {
    "an annotation of 256 KiB": pod("a," * 130_000),
    "an annotation that is no text": {
        "metadata": {"name": "p", "annotations": {"k8s.v1.cni.cncf.io/networks": 7}}
    },
    "no metadata that can be used": {"metadata": {"annotations": ["x"]}, "spec": 5},
    "a deep annotation": pod("[" * 60_000),
    "a thousand attachments": pod("sound," * 1000 + "sound"),
    "a container that does not exist": pod("vf", **{DEVICE_CONTAINER: "x" * 100_000}),
    "affinity of another shape": pod("sound", spec={"affinity": [1]}),
    "no containers": pod("vf", spec={"containers": None}),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_pod_is_answered(new_key_pair: NewKeyPair, body: dict[str, Any]) -> None:
    async def scenario() -> None:
        def prepare(server: ApiServer) -> None:
            put_nad(server, "vf", resource=VF)
            put_nad(server, "memory", resource="memory")

        async with serving(new_key_pair, ON, prepare) as found:
            after, warnings = await mutated(found, body)
            again, _ = await mutated(found, after)

            assert after == again
            assert sum(map(len, warnings)) < 4096
            assert all(len(each) <= 256 for each in warnings)

    run(scenario)


def test_a_resource_that_is_no_device_is_reported(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(
            new_key_pair, ON, lambda server: put_nad(server, "memory", resource="memory")
        ) as found:
            after, warnings = await mutated(found, pod("memory"))

            assert "resources" not in after["spec"]["containers"][0]
            (warning,) = warnings
            assert "'memory' is not the name of a device's resource" in warning
            assert 1 == counted(found, "deviceInjection", "warned")

    run(scenario)


def test_a_pod_for_which_no_node_is_left_gets_a_warning(new_key_pair: NewKeyPair) -> None:
    """From validation, and so for the template of a Deployment too."""

    async def scenario() -> None:
        def prepare(server: ApiServer) -> None:
            put_nad(server, "a", master="eth7")
            put_nad(server, "b", master="eth8")
            server.put(
                INVENTORIES,
                {
                    "metadata": {"name": "node2"},
                    "status": {**NODE, "interfaces": [{"name": "eth7"}, {"name": "eth1"}]},
                },
            )

        async with serving(new_key_pair, "", prepare) as found:
            await until(lambda: 2 == len(found.program._cache.nodes_by_name()))
            template = {"metadata": {"name": "d"}, "spec": {"template": pod("a,b")}}
            reviews = [
                ("pods", harness.review("Pod", pod("a,b"))),
                ("templates", harness.review("Deployment", template)),
            ]
            for path, review in reviews:
                (warning,) = (await found.post_review(path, review))["warnings"]
                assert warning.startswith("[pod-no-node]")
                assert "default/b rules out node1, node2" in warning
            assert "warnings" not in await found.post_review("pods", harness.review("Pod", pod("a")))
            pinned = pod("a", spec={"nodeName": "node1"})
            (warning,) = (await found.post_review("pods", harness.review("Pod", pinned)))["warnings"]
            assert "default/a rules out node1" in warning

    run(scenario)
