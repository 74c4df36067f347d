"""The policy of a namespace, at admission."""

from __future__ import annotations

import json

from netattach_core.policy.levels import ENFORCE_LABEL
from netattach_kube import cluster_settings
from netattach_kube.resource import CONFIG_MAPS, NADS, NAMESPACES
from support.api_server import ApiServer
from unit.webhooks.harness import VALID_CONFIG, Harness, NewKeyPair, nad, pod, review, run, serving, until

TWO_PLUGINS = json.dumps(
    {"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "macvlan", "master": "eth1"}] * 2}
)
ONE_IS_THE_LIMIT = "policy: {limits: {pluginsPerNetwork: 1, networksPerPod: 1}"


async def in_force(harness: Harness, text: str) -> None:
    """Puts the settings and waits until the program has them."""
    metadata = {"name": cluster_settings.NAME, "namespace": cluster_settings.NAMESPACE}
    harness.server.put(CONFIG_MAPS, {"metadata": metadata, "data": {cluster_settings.KEY: text}})
    wanted = cluster_settings.parse(text)
    await until(lambda: harness.program._cache._settings.current == wanted)


def put_namespace(server: ApiServer, level: str) -> None:
    server.put(NAMESPACES, {"metadata": {"name": "default", "labels": {ENFORCE_LABEL: level}}})


def test_a_network_that_policy_forbids_is_refused_and_the_message_names_the_setting(
    new_key_pair: NewKeyPair,
) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            await in_force(harness, f"{ONE_IS_THE_LIMIT}}}")
            answer = await harness.post_review(
                "nads", review("NetworkAttachmentDefinition", nad(TWO_PLUGINS))
            )

            assert not answer["allowed"]
            assert "deny [policy-too-many-plugins] plugins" in answer["status"]["message"]
            assert "raise policy.limits.pluginsPerNetwork to 2" in answer["status"]["message"]

    run(scenario)


def test_where_policy_only_warns_the_pod_is_admitted_with_the_warning(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            await in_force(harness, f"{ONE_IS_THE_LIMIT}, mode: warn}}")
            metadata = {"name": "net", "namespace": "default"}
            harness.server.put(NADS, {"metadata": metadata, "spec": {"config": VALID_CONFIG}})
            answer = await harness.post_review("pods", review("Pod", pod("net, net")))

            assert answer["allowed"]
            assert ["[policy-too-many-networks]"] == [each.split()[0] for each in answer["warnings"]]

    run(scenario)


def test_the_label_of_the_namespace_decides_even_where_it_was_created_a_moment_ago(
    new_key_pair: NewKeyPair,
) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            await in_force(harness, f"{ONE_IS_THE_LIMIT}}}")
            put_namespace(harness.server, "privileged")
            answer = await harness.post_review(
                "nads", review("NetworkAttachmentDefinition", nad(TWO_PLUGINS))
            )

            assert "policy-" not in json.dumps(answer)

    run(scenario)


def test_settings_for_validation_do_not_touch_policy(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            await in_force(harness, f"{ONE_IS_THE_LIMIT}}}\nvalidation: {{mode: warn}}")
            answer = await harness.post_review(
                "nads", review("NetworkAttachmentDefinition", nad(TWO_PLUGINS))
            )
            assert not answer["allowed"]

            exempt = "validation: {severities: {policy-too-many-plugins: off}}"
            settings = {
                "metadata": {"name": cluster_settings.NAME, "namespace": cluster_settings.NAMESPACE},
                "data": {cluster_settings.KEY: exempt},
            }
            answer = await harness.post_review("config", review("ConfigMap", settings))
            assert "policy decides on this rule; set policy.mode" in answer["status"]["message"]

    run(scenario)
