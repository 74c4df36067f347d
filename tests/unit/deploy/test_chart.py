"""The Helm chart: its values, and the kustomizations that `make manifests` renders from it."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from netattach_kube import cluster_settings
from support import require, scripts, webhook_clients_page
from support.chart import CHART, Body, built, by_name, hooks, rendered
from support.manifests import CONTROL, DEPLOY, NODE

manifests = scripts.load("manifests")
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
DIGEST = f"sha256:{'a' * 64}"


def pods(objects: list[Body]) -> dict[str, Body]:
    """The pod's spec of each workload, by the workload's name."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in objects
        if each["kind"] in {"Deployment", "DaemonSet"}
    }


def images(objects: list[Body]) -> set[str]:
    return {
        container["image"]
        for pod in pods(objects).values()
        for container in (*pod.get("initContainers", ()), *pod["containers"])
    }


def only(objects: list[Body], kind: str, name: str) -> Body:
    (found,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


class TestSource:
    def test_the_chart_has_the_projects_version(self) -> None:
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        project = tomllib.loads((require.REPOSITORY / "pyproject.toml").read_text())["project"]

        assert [project["version"]] * 2 == [chart["version"], chart["appVersion"]]
        assert project["description"] == chart["description"]

    @pytest.mark.parametrize("platform", manifests.platforms())
    def test_helm_finds_nothing_to_criticise(self, platform: str) -> None:
        words = ("lint", "--strict", "--quiet", CHART, "--set", f"platform={platform}")
        done = subprocess.run([require.helm(), *words], capture_output=True, text=True, check=False)

        assert (0, "") == (done.returncode, done.stdout + done.stderr)

    def test_make_manifests_has_nothing_to_change(self) -> None:
        generated = manifests.generated(str(require.helm()))
        written = [CHART / "README.md", CHART / "values.schema.json"]
        for directory in manifests.GENERATED:
            written += [path for path in (DEPLOY / "kustomize" / directory).rglob("*") if path.is_file()]

        assert generated == {path: path.read_text() for path in written}

    def test_deploy_is_the_platform_kubernetes(self) -> None:
        assert by_name(rendered()) == by_name(built(DEPLOY))

    @pytest.mark.parametrize("platform", manifests.platforms())
    def test_kustomize_and_helm_install_the_same_objects(self, platform: str) -> None:
        overlay = DEPLOY / "kustomize/platforms" / platform

        assert by_name(rendered({"platform": platform})) == by_name(built(overlay))

    def test_each_value_is_described(self) -> None:
        assert sorted(_leaves(VALUES)) == sorted(path for path, _, _ in manifests.described())


def _leaves(values: Body, before: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict) and value and key != "resources":
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


class TestRefusals:
    """What values.schema.json and the templates refuse, with Helm's message."""

    @pytest.mark.parametrize(
        "section", ["", *(key for key, value in VALUES.items() if isinstance(value, dict))]
    )
    def test_an_unknown_value_is_refused(self, section: str) -> None:
        values: Body = {section: {"unknown": 1}} if section else {"unknown": 1}

        with pytest.raises(ValueError, match="unknown"):
            rendered(values)

    @pytest.mark.parametrize(
        ("values", "named"),
        [
            ({"platform": "k3"}, "'k3s'"),
            ({"node": {"confDir": "etc/cni"}}, "/node/confDir"),
            ({"node": {"binDirs": ["/a:/b"]}}, "/node/binDirs/0"),
            ({"node": {"binDirs": []}}, "/node/binDirs"),
            ({"node": {"confDir": "/."}}, "/node/confDir"),
            ({"node": {"netnsDir": "/run/../.."}}, "/node/netnsDir"),
            ({"node": {"linkedDirs": ["/opt/./cni"]}}, "/node/linkedDirs/0"),
            ({"node": {"multusDir": "data"}}, "/node/multusDir"),
            ({"image": {"digest": "abc"}}, "/image/digest"),
            ({"image": {"registry": "registry.example.com/"}}, "/image/registry"),
            ({"node": {"kubeletRoot": "/var/lib/kubelet # mine"}}, "/node/kubeletRoot"),
            ({"image": {"tag": "1.0 # mine"}}, "/image/tag"),
            ({"daemon": {"maxUnavailable": "10"}}, "/daemon/maxUnavailable"),
            ({"webhooks": {"replicas": 0}}, "/webhooks/replicas"),
            ({"settings": {"statusForPlainPods": "sometimes"}}, "/settings/statusForPlainPods"),
            ({"networkPolicies": {"apiServerPorts": [70000]}}, "/networkPolicies/apiServerPorts/0"),
        ],
        ids=str,
    )
    def test_an_impossible_value_is_named(self, values: Body, named: str) -> None:
        with pytest.raises(ValueError, match=r"values don't meet the specifications") as refused:
            rendered(values)

        assert named in str(refused.value)

    @pytest.mark.parametrize("namespace", [CONTROL, NODE])
    def test_a_release_in_a_namespace_that_the_chart_creates_is_refused(self, namespace: str) -> None:
        with pytest.raises(ValueError, match="leave out --namespace and --create-namespace"):
            rendered({}, "--namespace", namespace)

        assert "Namespace" not in {
            each["kind"] for each in rendered({"createNamespaces": False}, "--namespace", namespace)
        }


class TestImages:
    def test_the_registry_is_one_value(self) -> None:
        plain = images(rendered({"platform": "k3s"}))
        elsewhere = images(rendered({"platform": "k3s", "image": {"registry": "registry.example.com/more"}}))

        assert 2 == len(plain)
        assert {f"registry.example.com/more/{name}" for name in plain} == elsewhere

    def test_a_digest_is_used_instead_of_a_tag(self) -> None:
        assert {f"netattach@{DIGEST}"} == images(rendered({"image": {"tag": "1", "digest": DIGEST}}))
        assert {"netattach:1"} == images(rendered({"image": {"tag": "1"}}))

    def test_every_pod_has_the_pull_secrets(self) -> None:
        found = pods(rendered({"imagePullSecrets": [{"name": "registry"}]}))

        assert 3 == len(found)
        assert {"registry"} == {each["name"] for pod in found.values() for each in pod["imagePullSecrets"]}


class TestSettings:
    def test_without_settings_the_config_map_has_no_data(self) -> None:
        """So Helm, which compares what it wrote before with what it writes now, leaves the data of others alone."""
        assert "data" not in only(rendered(), "ConfigMap", cluster_settings.NAME)

    def test_settings_are_written_as_the_programs_read_them(self) -> None:
        settings: Body = {
            "defaultNetworks": ["storage"],
            "validation": {"severities": {"mtu": False, "route": "warn"}, "mode": "warn"},
            "clusterNetworks": {"pods": ["10.244.0.0/16"]},
        }
        body = only(rendered({"settings": settings}), "ConfigMap", cluster_settings.NAME)

        assert cluster_settings.parse(yaml.safe_dump(settings)) == cluster_settings.from_config_map(body)
        assert ("storage",) == cluster_settings.from_config_map(body).validation.selection.defaults


class TestPrograms:
    def test_one_replica_of_the_webhooks_can_be_evicted(self) -> None:
        """A budget would block draining its node forever."""
        assert "PodDisruptionBudget" not in {e["kind"] for e in rendered({"webhooks": {"replicas": 1}})}

    def test_nodes_can_be_selected_and_their_taints_tolerated(self) -> None:
        where: Body = {"nodeSelector": {"pool": "a"}, "tolerations": [{"key": "a", "operator": "Exists"}]}
        found = pods(rendered({"daemon": where, "operator": where, "webhooks": where}))

        assert [{"kubernetes.io/os": "linux", "pool": "a"}] * 3 == [p["nodeSelector"] for p in found.values()]
        assert [where["tolerations"]] * 3 == [pod["tolerations"] for pod in found.values()]

    def test_priorities_and_resources_are_values(self) -> None:
        more: Body = {"priorityClassName": "mine", "resources": {"requests": {"memory": "1Gi"}}}
        found = pods(rendered({"daemon": more, "operator": more, "webhooks": more}))

        assert ["mine"] * 3 == [pod["priorityClassName"] for pod in found.values()]
        assert ["1Gi"] * 3 == [
            pod["containers"][0]["resources"]["requests"]["memory"] for pod in found.values()
        ]

    def test_the_dhcp_client_can_be_left_out(self) -> None:
        with_it, without = pods(rendered()), pods(rendered({"dhcp": {"enabled": False}}))

        assert ["install-shim", "dhcp"] == [c["name"] for c in with_it["netattach-daemon"]["initContainers"]]
        assert ["install-shim"] == [c["name"] for c in without["netattach-daemon"]["initContainers"]]

    def test_the_format_of_the_log_is_one_value_for_all_programs(self) -> None:
        values: Body = {"platform": "k3s", "logFormat": "json", "webhooks": {"clientCA": "ca"}}
        containers = [
            c
            for p in pods(rendered(values)).values()
            for c in (*p.get("initContainers", ()), *p["containers"])
            if c["name"] != "probe"  # which logs nothing
        ]

        assert 6 == len(containers)
        for container in containers:
            assert {"name": "NETATTACH_LOG_FORMAT", "value": "json"} in container["env"]

    def test_the_apparmor_profile_is_that_of_the_kustomize_component(self, tmp_path: Path) -> None:
        kustomization = {"resources": ["deploy"], "components": ["deploy/kustomize/apparmor"]}

        assert by_name(rendered({"appArmor": True})) == by_name(_next_to_deploy(tmp_path, kustomization))

    @pytest.mark.parametrize("platform", ["kubernetes", "k3s", "openshift"])
    def test_the_components_for_metrics_are_those_of_the_chart(self, tmp_path: Path, platform: str) -> None:
        """Over platforms, too, which add to the same lists as the patches."""
        values: Body = {"platform": platform, "metrics": {"enabled": True}}
        overlay = f"deploy/kustomize/platforms/{platform}"
        kustomization = {"resources": [overlay], "components": ["deploy/kustomize/metrics"]}
        assert _sorted(rendered(values)) == _sorted(_next_to_deploy(tmp_path, kustomization))

        values["metrics"] |= {"monitor": "ServiceMonitor", "rules": True, "dashboard": True}
        kustomization["components"].append("deploy/kustomize/monitoring")
        (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        assert _sorted(rendered(values)) == _sorted(built(tmp_path))

    def test_a_client_certificate_is_required_as_the_page_about_it_says(self, tmp_path: Path) -> None:
        kustomization = yaml.safe_load(webhook_clients_page.kustomization())
        (volume,) = webhook_clients_page.deployment_patch()["spec"]["template"]["spec"]["volumes"]
        webhooks = {"clientCA": volume["configMap"]["name"], "clientNames": ["kube-apiserver-admission"]}

        assert by_name(rendered({"webhooks": webhooks})) == by_name(_next_to_deploy(tmp_path, kustomization))


def _sorted(objects: list[Body]) -> dict[tuple[str, ...], Body]:
    """The objects by name; lists of objects with names in the order of these, which means nothing to a pod."""
    return {key: _with_sorted_lists(body) for key, body in by_name(objects).items()}


def _with_sorted_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_sorted_lists(inner) for key, inner in value.items()}
    if not isinstance(value, list):
        return value
    has_names = all(isinstance(each, dict) and "name" in each for each in value)
    return sorted(value, key=lambda each: str(each["name"])) if has_names else value


def _next_to_deploy(directory: Path, kustomization: Body) -> list[Body]:
    """What a kustomization next to a copy of deploy/ applies."""
    shutil.copytree(DEPLOY, directory / "deploy")
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return built(directory)


class TestNetworkPolicies:
    def test_they_can_be_left_out(self) -> None:
        objects = rendered({"networkPolicies": {"enabled": False}})

        assert "NetworkPolicy" not in {each["kind"] for each in objects}

    def test_the_ports_of_the_api_servers_are_a_value(self) -> None:
        objects = rendered({"networkPolicies": {"apiServerPorts": [12345]}})

        for name in ("netattach-operator", "netattach-webhooks"):
            (rule,) = only(objects, "NetworkPolicy", name)["spec"]["egress"]
            assert {12345, 53} == {port["port"] for port in rule["ports"]}

    @pytest.mark.parametrize(
        ("ranges", "sources"),
        [
            ([], None),
            (["10.0.0.0/8"], [("0.0.0.0/0", ["10.0.0.0/8"]), ("::/0", None)]),
            (
                ["10.0.0.0/8", "fd00::/48", "11.0.0.0/8"],
                [("0.0.0.0/0", ["10.0.0.0/8", "11.0.0.0/8"]), ("::/0", ["fd00::/48"])],
            ),
        ],
    )
    def test_pods_can_be_kept_from_the_reviews_but_not_from_the_metrics(
        self, ranges: list[str], sources: Any
    ) -> None:
        objects = rendered({"networkPolicies": {"podCIDRs": ranges}})
        reviews, metrics = only(objects, "NetworkPolicy", "netattach-webhooks")["spec"]["ingress"]
        blocks = [each["ipBlock"] for each in reviews.get("from", ())]

        assert [8443] == [port["port"] for port in reviews["ports"]]
        assert (sources or []) == [(block["cidr"], block.get("except")) for block in blocks]
        assert {"ports": [{"port": 8081}]} == metrics


class TestHelmTest:
    """The pod that `helm test` starts."""

    def test_an_installation_creates_none_of_its_objects(self) -> None:
        names = {each["metadata"]["name"] for each in rendered()}

        assert len(hooks()) == 9
        assert not names & {each["metadata"]["name"] for each in hooks()}

    def test_every_object_is_a_hook_that_helm_deletes_and_the_pod_is_the_last_one(self) -> None:
        found = {each["kind"]: each["metadata"]["annotations"] for each in hooks()}

        assert {"test"} == {hook["helm.sh/hook"] for hook in found.values()}
        assert {"before-hook-creation,hook-succeeded"} == {
            hook["helm.sh/hook-delete-policy"] for hook in found.values()
        }
        assert {"Pod"} == {kind for kind, hook in found.items() if "helm.sh/hook-weight" not in hook}
        assert {"-1"} == {hook.get("helm.sh/hook-weight", "-1") for hook in found.values()}

    def test_its_pod_is_as_confined_as_the_operators(self) -> None:
        values: Body = {
            "appArmor": True,
            "imagePullSecrets": [{"name": "registry"}],
            "operator": {"tolerations": [{"operator": "Exists"}], "nodeSelector": {"pool": "a"}},
        }
        (pod,) = [each["spec"] for each in hooks(values) if each["kind"] == "Pod"]
        operator = pods(rendered(values))["netattach-operator"]
        same = ("securityContext", "imagePullSecrets", "tolerations", "nodeSelector", "dnsPolicy")

        assert {key: operator[key] for key in same} == {key: pod[key] for key in same}
        (mine,), (theirs,) = pod["containers"], operator["containers"]
        for key in ("securityContext", "image", "imagePullPolicy"):
            assert theirs[key] == mine[key]
        assert ["netattach-verify"] == mine["command"]
        assert "volumes" not in pod

    def test_it_reads_two_kinds_and_creates_one(self) -> None:
        rules = [
            rule for each in hooks() if each["kind"] in {"Role", "ClusterRole"} for rule in each["rules"]
        ]

        assert {
            ("daemonsets", "get"),
            ("nodenetworkinventories", "list"),
            ("network-attachment-definitions", "create"),
        } == {(name, verb) for rule in rules for name in rule["resources"] for verb in rule["verbs"]}

    def test_it_may_connect_where_the_operator_may(self) -> None:
        (mine,) = [each["spec"] for each in hooks() if each["kind"] == "NetworkPolicy"]
        theirs = only(rendered(), "NetworkPolicy", "netattach-operator")["spec"]
        (pod,) = [each for each in hooks() if each["kind"] == "Pod"]

        assert theirs["egress"] == mine["egress"]
        assert "ingress" not in mine
        assert mine["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
