"""How settings, other networks, pods and isolation affect the response."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core import admission
from netattach_core.api.nad import PROTECT, RESOURCE_NAME
from netattach_core.api.networks_annotation import DEFAULT_NETWORK
from netattach_kube import cluster_settings
from netattach_kube.resource import CONFIG_MAPS, INVENTORIES, NADS, PODS
from support.api_server import ApiServer, Request
from unit.webhooks.harness import NODE, VALID_CONFIG, NewKeyPair, nad, pod, review, run, serving, until


def _put_settings(server: ApiServer, text: str) -> None:
    metadata = {"name": cluster_settings.NAME, "namespace": cluster_settings.NAMESPACE}
    server.put(CONFIG_MAPS, {"metadata": metadata, "data": {cluster_settings.KEY: text}})


def test_settings_change_the_verdict(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            posted = (
                "nads",
                review("NetworkAttachmentDefinition", nad(VALID_CONFIG.replace("eth1", "eth0"))),
            )
            assert not (await harness.post_review(*posted))["allowed"]
            _put_settings(harness.server, "validation: {mode: warn}\npolicy: {mode: warn}")
            await until(lambda: harness.program._cache.settings().warn_only)
            answer = await harness.post_review(*posted)

            assert answer["allowed"]
            assert answer["warnings"][0].startswith("[master-default-interface]")

    run(scenario)


def test_a_requested_address_is_validated_with_the_network(new_key_pair: NewKeyPair) -> None:
    ranged = {"type": "host-local", "subnet": "10.1.2.0/24"}
    config = json.dumps(
        {"cniVersion": "1.0.0", "type": "bridge", "capabilities": {"ips": True}, "ipam": ranged}
    )

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            metadata = {"name": "ranged", "namespace": "default"}
            harness.server.put(NADS, {"metadata": metadata, "spec": {"config": config}})
            asked = json.dumps([{"name": "ranged", "ips": ["10.9.9.9"]}])
            answer = await harness.post_review("pods", review("Pod", pod(asked)))

            assert not answer["allowed"]
            assert "[pod-address-outside] k8s.v1.cni.cncf.io/networks[0]" in answer["status"]["message"]

    run(scenario)


def test_a_pod_without_the_device_of_its_network_is_refused_but_not_a_template(
    new_key_pair: NewKeyPair,
) -> None:
    """The webhook that adds device requests changes pods, not templates."""
    annotations = {RESOURCE_NAME: "x/vf"}
    vf = {"metadata": {"name": "vf", "namespace": "default", "annotations": annotations}}

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            harness.server.put(NADS, {**vf, "spec": {"config": '{"cniVersion":"1.0.0","type":"sriov"}'}})
            answer = await harness.post_review("pods", review("Pod", pod("vf")))
            template = {"metadata": {"name": "d"}, "spec": {"template": pod("vf")}}

            assert not answer["allowed"]
            assert "[pod-device-missing] k8s.v1.cni.cncf.io/networks[0]" in answer["status"]["message"]
            answer = await harness.post_review("templates", review("Deployment", template))
            assert not [each for each in answer.get("warnings", ()) if "pod-device-missing" in each]

    run(scenario)


def test_a_template_gets_only_warnings(new_key_pair: NewKeyPair) -> None:
    body = {"metadata": {"name": "d"}, "spec": {"replicas": 3, "template": pod("lost")}}

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            answer = await harness.post_review("templates", review("Deployment", body))
            assert answer["allowed"]
            assert answer["warnings"][0].startswith("[pod-unknown-network]")

            assert "warnings" not in await harness.post_review("templates", review("Deployment", body, body))
            assert "warnings" not in await harness.post_review(
                "templates", review("Deployment", {"metadata": {}})
            )

    run(scenario)


def test_changing_the_config_of_a_network_in_use_is_a_warning(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            _put_pod(harness.server, "net")
            changed = nad(VALID_CONFIG.replace("1.0.0", "0.4.0"))
            answer = await harness.post_review(
                "nads", review("NetworkAttachmentDefinition", changed, nad(VALID_CONFIG))
            )

            assert answer["allowed"]
            assert "pods use the previous configuration: default/p." in answer["warnings"][0]

    run(scenario)


def _deletion(old: dict[str, Any], user: str) -> bytes:
    whole = json.loads(review("NetworkAttachmentDefinition", old, old))
    gone = {"operation": "DELETE", "object": None, "userInfo": {"username": user}}
    return json.dumps({**whole, "request": {**whole["request"], **gone}}).encode()


def test_deleting_a_network_in_use_is_a_warning_and_refused_if_protected(new_key_pair: NewKeyPair) -> None:
    protected = nad(VALID_CONFIG)
    protected["metadata"]["annotations"] = {PROTECT: "true"}

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            assert "warnings" not in await harness.post_review("deletions", _deletion(protected, "jo"))
            _put_pod(harness.server, "net")
            answer = await harness.post_review("deletions", _deletion(nad(VALID_CONFIG), "jo"))
            assert answer["allowed"]
            assert "pods use this network: default/p." in answer["warnings"][0]
            answer = await harness.post_review("deletions", _deletion(protected, "jo"))
            assert answer["status"]["message"].startswith(
                "\nNetworkAttachmentDefinition default/net is refused, 1 finding:\n  deny [deleted-though-protected]"
            )
            _put_pod(harness.server, "", "lab", **{DEFAULT_NETWORK: "default/own"})
            answer = await harness.post_review("deletions", _deletion(nad(VALID_CONFIG, "own"), "jo"))
            assert "pods use this network: 1 in other namespaces." in answer["warnings"][0]
            asked = len(_lists_of_pods(harness.server))
            cleaner = "system:serviceaccount:kube-system:namespace-controller"
            assert {"uid": "u", "allowed": True} == await harness.post_review(
                "deletions", _deletion(protected, cleaner)
            )
            assert asked == len(_lists_of_pods(harness.server))

    run(scenario)


def _put_pod(server: ApiServer, networks: str, namespace: str = "default", **annotations: str) -> None:
    """A pod on the harness's node."""
    body = pod(networks, **annotations)
    metadata = {**body["metadata"], "namespace": namespace}
    server.put(PODS, {**body, "metadata": metadata, "spec": {"nodeName": "node1"}})


def _lists_of_pods(server: ApiServer) -> list[Request]:
    return [each for each in server.requests if each.path.endswith("/pods")]


def test_pods_are_neither_watched_nor_listed_but_for_a_change_of_a_config_that_nothing_refuses(
    new_key_pair: NewKeyPair,
) -> None:
    kind = "NetworkAttachmentDefinition"

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            old, annotated = nad(VALID_CONFIG), nad(VALID_CONFIG)
            annotated["metadata"]["annotations"] = {PROTECT: "true"}
            await harness.post_review("nads", review(kind, old))
            await harness.post_review("nads", review(kind, annotated, old))
            await harness.post_review("pods", review("Pod", pod("sound")))
            for refused in ("{", VALID_CONFIG + " " * admission.MAX_CONFIG_LENGTH):
                answer = await harness.post_review("nads", review(kind, nad(refused), old))
                assert not answer["allowed"]
            assert [] == _lists_of_pods(harness.server)

            await harness.post_review("nads", review(kind, nad(VALID_CONFIG + " "), old))
            assert 0 < len(_lists_of_pods(harness.server))

    run(scenario)


def test_an_api_server_that_does_not_say_which_pods_use_a_network_leaves_a_warning_or_keeps_a_protected_one(
    new_key_pair: NewKeyPair,
) -> None:
    attached = {"pods": 1, "networks": [{"network": "default/net", "pods": 1}]}
    protected = nad(VALID_CONFIG)
    protected["metadata"]["annotations"] = {PROTECT: "true"}

    async def scenario() -> None:
        async with serving(new_key_pair(), node={**NODE, "attached": attached}) as harness:
            harness.server.fail(500, path="/pods", times=100)
            deleted = await harness.post_review("deletions", _deletion(nad(VALID_CONFIG), "jo"))
            assert deleted["allowed"]
            assert "[users-unknown]" in deleted["warnings"][0]
            refused = await harness.post_review("deletions", _deletion(protected, "jo"))
            assert "deny [deleted-though-protected]" in refused["status"]["message"]
            assert "try again" in refused["status"]["message"]

            harness.server.put(INVENTORIES, {"metadata": {"name": "node1"}, "status": NODE})
            await until(lambda: harness.program._cache._inventories.items()["", "node1"].attached is None)
            unreported = await harness.post_review("deletions", _deletion(protected, "jo"))
            assert unreported["allowed"]
            assert "[users-unknown]" in unreported["warnings"][0]

    run(scenario)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("validation: {severities: {route-defualt: off}}", "did you mean `route-default`?"),
        ("validation: {schemas: {fancy: {type: thing}}}", "validation.schemas.fancy"),
        ("validation: {severities: {route-default: loud}}", "severities"),
    ],
)
def test_settings_that_do_not_fit_the_rules_are_refused(
    new_key_pair: NewKeyPair, text: str, part: str
) -> None:
    body = {"metadata": {"name": cluster_settings.NAME}, "data": {cluster_settings.KEY: text}}

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            answer = await harness.post_review("config", review("ConfigMap", body))

            assert not answer["allowed"]
            assert part in answer["status"]["message"]

    run(scenario)


def test_findings_in_an_isolated_namespace_name_no_other_networks(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            metadata = {"name": "secret", "namespace": "other"}
            harness.server.put(NADS, {"metadata": metadata, "spec": {"config": VALID_CONFIG}})
            await until(lambda: ("other", "secret") in harness.program._cache.networks())
            posted = ("pods", review("Pod", pod("secret")))
            assert "write other/secret" in (await harness.post_review(*posted))["status"]["message"]

            _put_settings(harness.server, "namespaceIsolation: true")
            await until(lambda: harness.program._cache.settings().selection.isolated)
            assert "other" not in (await harness.post_review(*posted))["status"]["message"]
            for name in ("secret", "nowhere"):
                answer = await harness.post_review("pods", review("Pod", pod(f"other/{name}")))
                assert "is refused, 1 finding:\n  deny [pod-isolated]" in answer["status"]["message"]

    run(scenario)


def test_the_default_network_of_a_pod_is_validated(new_key_pair: NewKeyPair) -> None:
    """In the settings' namespace it may also be a file of the nodes, and inventories only list the default network's."""
    node = {**NODE, "primary": {"name": "cbr0", "file": "10-flannel.conflist", "pluginTypes": ["flannel"]}}

    async def scenario() -> None:
        async with serving(new_key_pair(), node=node) as harness:

            async def outcome(network: str) -> tuple[bool, str]:
                body = pod("sound", **{DEFAULT_NETWORK: network})
                answer = await harness.post_review("pods", review("Pod", body))
                status = answer.get("status", {}).get("message", "")
                return answer["allowed"], "\n".join([*answer.get("warnings", ()), status])

            assert (True, "") == await outcome("default/sound")
            assert (True, "") == await outcome("cbr0")
            allowed, message = await outcome("nowhere")
            assert (True, True) == (allowed, f"[pod-unknown-network] {DEFAULT_NETWORK}: " in message)
            allowed, message = await outcome("default/sonud")
            assert (False, True) == (allowed, "did you mean `sound`?" in message)
            allowed, message = await outcome(
                '[{"name":"sound","namespace":"default","mac":"01:00:00:00:00:00"}]'
            )
            assert (False, True) == (allowed, f"[pod-mac] {DEFAULT_NETWORK}[0]" in message)

            _put_settings(harness.server, "namespaceIsolation: true\nglobalNamespaces: [x]")
            await until(lambda: harness.program._cache.settings().selection.isolated)
            assert (True, "") == await outcome("default/sound")
            existing, missing = await outcome("cbr0"), await outcome("nowhere")
            assert (False, existing) == (missing[0], missing)
            assert f"1 finding:\n  deny [pod-isolated] {DEFAULT_NETWORK}[0]" in existing[1]

    run(scenario)


def test_unknown_default_networks_are_a_warning_and_existing_ones_cannot_be_deleted(
    new_key_pair: NewKeyPair,
) -> None:
    """A typo there would prevent every pod of the cluster from starting."""
    text = "networksNamespace: default\ndefaultNetworks: [sound, sonud, 20-file.conf]"
    body = {"metadata": {"name": cluster_settings.NAME}, "data": {cluster_settings.KEY: text}}

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            answer = await harness.post_review("config", review("ConfigMap", body))
            (warning,) = answer["warnings"]
            assert (True, True) == (answer["allowed"], "NetworkAttachmentDefinition 'sonud'" in warning)

            off = f"{text}\nvalidation: {{severities: {{settings-network-unknown: off}}}}"
            quiet = {**body, "data": {cluster_settings.KEY: off}}
            assert "warnings" not in await harness.post_review("config", review("ConfigMap", quiet))

            _put_settings(harness.server, text)
            await until(lambda: harness.program._cache.settings().selection.defaults != ())
            assert not (
                await harness.post_review(
                    "deletions", _deletion(nad(VALID_CONFIG, "sound"), "kubernetes-admin")
                )
            )["allowed"]
            assert (
                await harness.post_review(
                    "deletions", _deletion(nad(VALID_CONFIG, "other"), "kubernetes-admin")
                )
            )["allowed"]
            controller = "system:serviceaccount:kube-system:namespace-controller"
            assert (
                await harness.post_review("deletions", _deletion(nad(VALID_CONFIG, "sound"), controller))
            )["allowed"]

    run(scenario)


@pytest.mark.parametrize("name", ["10-flanel.conflist", "cbr1"])
def test_a_primary_network_that_no_node_has_is_a_warning(new_key_pair: NewKeyPair, name: str) -> None:
    """A typo there leaves every node without a default network."""
    node = {**NODE, "networks": [{"file": "10-flannel.conflist", "name": "cbr0"}]}

    def settings_review(text: str) -> bytes:
        body = {"metadata": {"name": cluster_settings.NAME}, "data": {cluster_settings.KEY: text}}
        return review("ConfigMap", body)

    async def scenario() -> None:
        async with serving(new_key_pair(), node=node) as harness:
            answer = await harness.post_review("config", settings_review(f"primaryNetwork: {name}"))
            (warning,) = answer["warnings"]
            assert (True, True) == (
                answer["allowed"],
                f"[settings-primary-unknown] data: primaryNetwork: there is no file '{name}'" in warning,
            )

            off = f"primaryNetwork: {name}\nvalidation: {{severities: {{settings-primary-unknown: off}}}}"
            for quiet in (
                off,
                "primaryNetwork: cbr0",
                "primaryNetwork: 10-flannel.conflist",
                "primaryNetwork: ''",
            ):
                assert "warnings" not in await harness.post_review("config", settings_review(quiet))

    run(scenario)
