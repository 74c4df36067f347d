"""The policy of a namespace, at admission."""

from __future__ import annotations

import json
import re

import pytest

from netattach_core.api.networks_annotation import DEFAULT_NETWORK
from netattach_core.policy.levels import ENFORCE_LABEL
from netattach_core.policy.settings import Mode
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_kube import cluster_settings
from netattach_kube.resource import CONFIG_MAPS, NADS, NAMESPACES
from netattach_webhooks import messages
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


@pytest.mark.parametrize("mode", Mode)
def test_the_audit_log_has_the_findings_under_their_mode_whatever_the_answer_is(
    new_key_pair: NewKeyPair, mode: Mode
) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            await in_force(harness, f"{ONE_IS_THE_LIMIT}, mode: {mode}}}\nvalidation: {{mode: warn}}")
            answer = await harness.post_review(
                "nads", review("NetworkAttachmentDefinition", nad(TWO_PLUGINS))
            )
            audited = answer["auditAnnotations"]

            assert (mode is not Mode.ENFORCE) == answer["allowed"]
            assert [f"policy-{mode}"] == list(audited)
            assert audited[f"policy-{mode}"].startswith("[policy-too-many-plugins] plugins")
            shown = json.dumps({**answer, "auditAnnotations": {}})
            assert (mode is not Mode.AUDIT) == ("policy-too-many-plugins" in shown)

    run(scenario)


def test_findings_of_policy_are_counted_by_namespace_until_it_is_gone(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            await in_force(harness, f"{ONE_IS_THE_LIMIT}}}")
            posted = ("nads", review("NetworkAttachmentDefinition", nad(TWO_PLUGINS)))
            metric = 'netattach_policy_findings_total{mode="enforce",namespace="%s",rule="policy-too-many-plugins"}'
            await harness.post_review(*posted)
            put_namespace(harness.server, "baseline")
            await until(lambda: harness.program._cache.has_namespace("default"))
            await harness.post_review(*posted)

            _, text = await harness.get("metrics")
            assert f"{metric % ''} 1.0" in text.splitlines()
            assert f"{metric % 'default'} 1.0" in text.splitlines()

            harness.server.delete(NAMESPACES, "default")
            await until(lambda: not harness.program._cache.has_namespace("default"))
            _, text = await harness.get("metrics")
            assert metric % "default" not in text

    run(scenario)


HOST_PORT = json.dumps([{"name": "net", "portMappings": [{"hostPort": 8080, "containerPort": 80}]}])


def put_network(server: ApiServer, config: str = VALID_CONFIG) -> None:
    server.put(NADS, {"metadata": {"name": "net", "namespace": "default"}, "spec": {"config": config}})


@pytest.mark.parametrize(
    ("level", "severity"), [("baseline", "deny"), ("restricted", "deny"), ("privileged", "")]
)
def test_a_pod_gets_no_host_port_by_annotation_that_pod_security_refuses_in_its_spec(
    new_key_pair: NewKeyPair, level: str, severity: str
) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            put_namespace(harness.server, level)
            put_network(harness.server)
            answer = await harness.post_review("pods", review("Pod", pod(HOST_PORT)))

            assert (severity == "") == answer["allowed"]
            assert severity in answer.get("status", {}).get("message", "")
            assert bool(severity) == ("[policy-host-port]" in json.dumps(answer))

    run(scenario)


def test_the_network_that_would_replace_the_default_network_is_looked_up_for_policy_too(
    new_key_pair: NewKeyPair,
) -> None:
    """Whether it has a resource, of which the kubelet could have given the pod a device, is known from its NAD."""
    default = json.dumps([{"name": "net", "namespace": "default", "deviceID": "0000:3b:00.1"}])

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            put_network(harness.server)
            answer = await harness.post_review("pods", review("Pod", pod("", **{DEFAULT_NETWORK: default})))

            assert "deny [policy-device] v1.multus-cni.io/default-network[0]" in answer["status"]["message"]

    run(scenario)


def test_the_clusters_own_networks_are_known_to_policy(new_key_pair: NewKeyPair) -> None:
    config = {"type": "ptp", "ipam": {"type": "static"}, "capabilities": {"ips": True}}

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            await in_force(harness, "clusterNetworks: {services: [10.96.0.0/12]}")
            put_network(harness.server, json.dumps({"cniVersion": "1.0.0", **config}))
            annotation = json.dumps([{"name": "net", "ips": ["10.96.0.10/24"]}])
            answer = await harness.post_review("pods", review("Pod", pod(annotation)))

            assert "deny [policy-cluster-address]" in answer["status"]["message"]

    run(scenario)


def test_a_template_gets_the_findings_for_its_pods_as_warnings(new_key_pair: NewKeyPair) -> None:
    template = pod("", **{DEFAULT_NETWORK: "default/net"})
    body = {"metadata": {"name": "d"}, "spec": {"replicas": 1, "template": template}}

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            put_namespace(harness.server, "restricted")
            put_network(harness.server)
            answer = await harness.post_review("templates", review("Deployment", body))

            assert answer["allowed"]
            assert ["[policy-default-network]"] == [each.split()[0] for each in answer["warnings"]]

    run(scenario)


def test_what_is_only_audited_is_no_warning_for_a_template(new_key_pair: NewKeyPair) -> None:
    template = pod("", **{DEFAULT_NETWORK: "default/net"})
    body = {"metadata": {"name": "d"}, "spec": {"replicas": 1, "template": template}}

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            await in_force(
                harness, "policy: {namespaces: [{match: [default], level: baseline, audit: restricted}]}"
            )
            put_network(harness.server)
            answer = await harness.post_review("templates", review("Deployment", body))

            assert "warnings" not in answer
            assert ["policy-audit"] == list(answer["auditAnnotations"])

    run(scenario)


def test_the_audit_log_stays_short_whatever_an_author_writes() -> None:
    rule = Rule("policy-x", Severity.DENY, "", policy=True)
    findings = [Finding(rule, ("plugins", index), "x" * 900, "y\x1b[2J") for index in range(50)]
    findings.append(Finding(Rule("schema", Severity.DENY, ""), (), "not of policy", ""))

    audited = messages.audit_annotations(findings)

    assert ["policy-enforce"] == list(audited)
    assert len(audited["policy-enforce"]) <= 2000
    assert audited["policy-enforce"].isprintable()
    assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", "policy-enforce"), "a qualified name"
