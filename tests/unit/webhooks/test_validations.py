"""What the settings in force, other networks, users and isolation change of an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api.nad import PROTECT, RESOURCE_NAME
from netattach_core.api.networks_annotation import DEFAULT_NETWORK
from netattach_kube import cluster_settings
from netattach_kube.resource import CONFIG_MAPS, NADS, PODS
from support.api_server import ApiServer
from unit.webhooks.scene import NODE, SOUND, Pair, nad, pod, review, run, serving


def _settings(server: ApiServer, text: str) -> None:
    metadata = {"name": cluster_settings.NAME, "namespace": cluster_settings.NAMESPACE}
    server.put(CONFIG_MAPS, {"metadata": metadata, "data": {cluster_settings.KEY: text}})


def test_settings_in_force_change_the_verdict(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair()) as scene:
            ask = ("nads", review("NetworkAttachmentDefinition", nad(SOUND.replace("eth1", "eth0"))))
            assert not (await scene.ask(*ask))["allowed"]
            _settings(scene.server, "validation: {mode: warn}")
            await scene.until(lambda: scene.program._lookup.settings().warn_only)
            answer = await scene.ask(*ask)

            assert answer["allowed"]
            assert answer["warnings"][0].startswith("[master-default-interface]")

    run(story)


def test_what_pods_ask_of_a_network_is_validated_with_it(pair: Pair) -> None:
    ranged = {"type": "host-local", "subnet": "10.1.2.0/24"}
    config = json.dumps(
        {"cniVersion": "1.0.0", "type": "bridge", "capabilities": {"ips": True}, "ipam": ranged}
    )

    async def story() -> None:
        async with serving(pair()) as scene:
            metadata = {"name": "ranged", "namespace": "default"}
            scene.server.put(NADS, {"metadata": metadata, "spec": {"config": config}})
            asked = json.dumps([{"name": "ranged", "ips": ["10.9.9.9"]}])
            answer = await scene.ask("pods", review("Pod", pod(asked)))

            assert not answer["allowed"]
            assert "[pod-address-outside] k8s.v1.cni.cncf.io/networks[0]" in answer["status"]["message"]

    run(story)


def test_a_pod_without_the_device_of_its_network_is_refused_and_a_template_is_not_warned_of(
    pair: Pair,
) -> None:
    """What requests devices for a template's pods changes the pods."""
    annotations = {RESOURCE_NAME: "x/vf"}
    vf = {"metadata": {"name": "vf", "namespace": "default", "annotations": annotations}}

    async def story() -> None:
        async with serving(pair()) as scene:
            scene.server.put(NADS, {**vf, "spec": {"config": '{"cniVersion":"1.0.0","type":"sriov"}'}})
            answer = await scene.ask("pods", review("Pod", pod("vf")))
            template = {"metadata": {"name": "d"}, "spec": {"template": pod("vf")}}

            assert not answer["allowed"]
            assert "[pod-device-missing] k8s.v1.cni.cncf.io/networks[0]" in answer["status"]["message"]
            assert "warnings" not in await scene.ask("templates", review("Deployment", template))

    run(story)


def test_a_template_is_only_warned_of(pair: Pair) -> None:
    body = {"metadata": {"name": "d"}, "spec": {"replicas": 3, "template": pod("lost")}}

    async def story() -> None:
        async with serving(pair()) as scene:
            answer = await scene.ask("templates", review("Deployment", body))
            assert answer["allowed"]
            assert answer["warnings"][0].startswith("[pod-unknown-network]")

            assert "warnings" not in await scene.ask("templates", review("Deployment", body, body))
            assert "warnings" not in await scene.ask("templates", review("Deployment", {"metadata": {}}))

    run(story)


def test_another_text_for_a_network_in_use_is_warned_of(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair()) as scene:
            scene.server.put(
                PODS, {**pod("net"), "metadata": {**pod("net")["metadata"], "namespace": "default"}}
            )
            key = ("default", "net")
            await scene.until(lambda: bool(scene.program._lookup.users(key)))
            changed = nad(SOUND.replace("1.0.0", "0.4.0"))
            answer = await scene.ask("nads", review("NetworkAttachmentDefinition", changed, nad(SOUND)))

            assert answer["allowed"]
            assert "pods use the previous configuration: default/p." in answer["warnings"][0]

    run(story)


def _deletion(old: dict[str, Any], user: str) -> bytes:
    whole = json.loads(review("NetworkAttachmentDefinition", old, old))
    gone = {"operation": "DELETE", "object": None, "userInfo": {"username": user}}
    return json.dumps({**whole, "request": {**whole["request"], **gone}}).encode()


def test_a_deletion_in_use_is_warned_of_and_refused_where_the_network_is_protected(pair: Pair) -> None:
    protected = nad(SOUND)
    protected["metadata"]["annotations"] = {PROTECT: "true"}

    async def story() -> None:
        async with serving(pair()) as scene:
            assert "warnings" not in await scene.ask("deletions", _deletion(protected, "jo"))
            scene.server.put(
                PODS, {**pod("net"), "metadata": {**pod("net")["metadata"], "namespace": "default"}}
            )
            await scene.until(lambda: bool(scene.program._lookup.users(("default", "net"))))

            answer = await scene.ask("deletions", _deletion(nad(SOUND), "jo"))
            assert answer["allowed"]
            assert "pods use this network: default/p." in answer["warnings"][0]
            answer = await scene.ask("deletions", _deletion(protected, "jo"))
            assert answer["status"]["message"].startswith(
                "\nNetworkAttachmentDefinition default/net is refused, 1 finding:\n  deny [deleted-though-protected]"
            )
            other = pod("", **{DEFAULT_NETWORK: "default/own"})
            scene.server.put(
                PODS, {**other, "metadata": {**other["metadata"], "name": "q", "namespace": "lab"}}
            )
            await scene.until(lambda: bool(scene.program._lookup.users(("default", "own"))))
            answer = await scene.ask("deletions", _deletion(nad(SOUND, "own"), "jo"))
            assert "pods use this network: lab/q." in answer["warnings"][0]
            cleaner = "system:serviceaccount:kube-system:namespace-controller"
            assert {"uid": "u", "allowed": True} == await scene.ask(
                "deletions", _deletion(protected, cleaner)
            )

    run(story)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("validation: {severities: {route-defualt: off}}", "did you mean `route-default`?"),
        ("validation: {schemas: {fancy: {type: thing}}}", "validation.schemas.fancy"),
        ("validation: {severities: {route-default: loud}}", "severities"),
    ],
)
def test_settings_that_only_the_validator_knows_to_be_wrong_are_refused(
    pair: Pair, text: str, words: str
) -> None:
    body = {"metadata": {"name": cluster_settings.NAME}, "data": {cluster_settings.KEY: text}}

    async def story() -> None:
        async with serving(pair()) as scene:
            answer = await scene.ask("config", review("ConfigMap", body))

            assert not answer["allowed"]
            assert words in answer["status"]["message"]

    run(story)


def test_an_isolated_namespace_does_not_hear_of_anothers_networks(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair()) as scene:
            metadata = {"name": "secret", "namespace": "other"}
            scene.server.put(NADS, {"metadata": metadata, "spec": {"config": SOUND}})
            await scene.until(lambda: ("other", "secret") in scene.program._lookup.networks())
            ask = ("pods", review("Pod", pod("secret")))
            assert "write other/secret" in (await scene.ask(*ask))["status"]["message"]

            _settings(scene.server, "namespaceIsolation: true")
            await scene.until(lambda: scene.program._lookup.settings().selection.isolated)
            assert "other" not in (await scene.ask(*ask))["status"]["message"]
            for name in ("secret", "nowhere"):
                answer = await scene.ask("pods", review("Pod", pod(f"other/{name}")))
                assert "is refused, 1 finding:\n  deny [pod-isolated]" in answer["status"]["message"]

    run(story)


def test_another_default_network_is_looked_for(pair: Pair) -> None:
    """In the namespace of such networks a file of the nodes will do, and of these the primary alone is known."""
    node = {**NODE, "primary": {"name": "cbr0", "file": "10-flannel.conflist", "pluginTypes": ["flannel"]}}

    async def story() -> None:
        async with serving(pair(), node=node) as scene:

            async def said(asked: str) -> tuple[bool, str]:
                body = pod("sound", **{DEFAULT_NETWORK: asked})
                answer = await scene.ask("pods", review("Pod", body))
                status = answer.get("status", {}).get("message", "")
                return answer["allowed"], "\n".join([*answer.get("warnings", ()), status])

            assert (True, "") == await said("default/sound")
            assert (True, "") == await said("cbr0")
            allowed, words = await said("nowhere")
            assert (True, True) == (allowed, f"[pod-unknown-network] {DEFAULT_NETWORK}: " in words)
            allowed, words = await said("default/sonud")
            assert (False, True) == (allowed, "did you mean `sound`?" in words)
            allowed, words = await said('[{"name":"sound","namespace":"default","mac":"01:00:00:00:00:00"}]')
            assert (False, True) == (allowed, f"[pod-mac] {DEFAULT_NETWORK}[0]" in words)

            _settings(scene.server, "namespaceIsolation: true\nglobalNamespaces: [x]")
            await scene.until(lambda: scene.program._lookup.settings().selection.isolated)
            assert (True, "") == await said("default/sound")
            there, absent = await said("cbr0"), await said("nowhere")
            assert (False, there) == (absent[0], absent)
            assert f"1 finding:\n  deny [pod-isolated] {DEFAULT_NETWORK}[0]" in there[1]

    run(story)


def test_default_networks_that_nobody_knows_are_warned_of_and_known_ones_stay(pair: Pair) -> None:
    """A slip of the pen there would keep every pod of the cluster from starting."""
    text = "networksNamespace: default\ndefaultNetworks: [sound, sonud, 20-file.conf]"
    body = {"metadata": {"name": cluster_settings.NAME}, "data": {cluster_settings.KEY: text}}

    async def story() -> None:
        async with serving(pair()) as scene:
            answer = await scene.ask("config", review("ConfigMap", body))
            (warning,) = answer["warnings"]
            assert (True, True) == (answer["allowed"], "NetworkAttachmentDefinition 'sonud'" in warning)

            off = f"{text}\njudge: {{severities: {{settings-network-unknown: off}}}}"
            quiet = {**body, "data": {cluster_settings.KEY: off}}
            assert "warnings" not in await scene.ask("config", review("ConfigMap", quiet))

            _settings(scene.server, text)
            await scene.until(lambda: scene.program._lookup.settings().selection.defaults != ())
            assert not (await scene.ask("deletions", _deletion(nad(SOUND, "sound"), "kubernetes-admin")))[
                "allowed"
            ]
            assert (await scene.ask("deletions", _deletion(nad(SOUND, "other"), "kubernetes-admin")))[
                "allowed"
            ]
            controller = "system:serviceaccount:kube-system:namespace-controller"
            assert (await scene.ask("deletions", _deletion(nad(SOUND, "sound"), controller)))["allowed"]

    run(story)


@pytest.mark.parametrize("name", ["10-flanel.conflist", "cbr1"])
def test_a_primary_that_no_node_has_is_warned_of(pair: Pair, name: str) -> None:
    """A slip of the pen there leaves every node without a default network."""
    node = {**NODE, "networks": [{"file": "10-flannel.conflist", "name": "cbr0"}]}

    def asked(text: str) -> bytes:
        body = {"metadata": {"name": cluster_settings.NAME}, "data": {cluster_settings.KEY: text}}
        return review("ConfigMap", body)

    async def story() -> None:
        async with serving(pair(), node=node) as scene:
            answer = await scene.ask("config", asked(f"primaryNetwork: {name}"))
            (warning,) = answer["warnings"]
            assert (True, True) == (
                answer["allowed"],
                f"[settings-primary-unknown] data: primaryNetwork: there is no file '{name}'" in warning,
            )

            off = f"primaryNetwork: {name}\njudge: {{severities: {{settings-primary-unknown: off}}}}"
            for quiet in (
                off,
                "primaryNetwork: cbr0",
                "primaryNetwork: 10-flannel.conflist",
                "primaryNetwork: ''",
            ):
                assert "warnings" not in await scene.ask("config", asked(quiet))

    run(story)
