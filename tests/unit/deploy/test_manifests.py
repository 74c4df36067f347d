"""deploy/: minimal permissions, restricted programs, and webhooks that cannot block a cluster."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields

import pytest
import yaml

from netattach_kube import cluster_settings, resource
from netattach_operator.settings import Settings as OperatorSettings
from netattach_plugin.settings import Settings as DaemonSettings
from netattach_webhooks import app
from netattach_webhooks.settings import Settings as WebhookSettings
from support import require
from support.manifests import BASE, CONTROL, DEPLOY, KUSTOMIZATION, MANIFESTS, NODE, ROLES, Body, kind

PROJECT: Body = tomllib.loads((require.REPOSITORY / "pyproject.toml").read_text())["project"]
WORKLOADS = {**kind("Deployment"), **kind("DaemonSet")}
DAEMON = WORKLOADS[f"{NODE}/netattach-daemon"]["spec"]["template"]["spec"]
RULES = [
    pytest.param(rule, id=f"{name} {rule['resources']}")
    for name, role in ROLES.items()
    for rule in role["rules"]
]
WEBHOOKS = {w["name"]: w for w in kind("ValidatingWebhookConfiguration")["netattach"]["webhooks"]}


def granted(role: str, resource_name: str) -> dict[str, set[str]]:
    """The verbs that a role grants for a resource, by the object's name ("" for all)."""
    found: dict[str, set[str]] = {}
    for rule in ROLES[role]["rules"]:
        if resource_name in rule["resources"]:
            for name in rule.get("resourceNames", [""]):
                found.setdefault(name, set()).update(rule["verbs"])
    return found


def containers() -> Iterator[tuple[str, Body, Body]]:
    """The name of each workload, the spec of its pod, and the container."""
    for name, workload in WORKLOADS.items():
        pod = workload["spec"]["template"]["spec"]
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            yield name, pod, container


DAEMON_CONTAINERS = {c["name"]: c for c in (*DAEMON["initContainers"], *DAEMON["containers"])}
EACH_CONTAINER = [pytest.param(*each, id=f"{each[0]} {each[2]['name']}") for each in containers()]
EACH_MAIN_CONTAINER = [each for each in EACH_CONTAINER if each.values[2] in each.values[1]["containers"]]  # type: ignore[index]  # see containers()
EACH_PROGRAM = [each for each in EACH_CONTAINER if not str(each.id).endswith(" probe")]
"""Those in Python; the probe's command is asserted where its container is."""

EACH_SERVER = [each for each in EACH_MAIN_CONTAINER if each in EACH_PROGRAM]
EACH_POD = [pytest.param(w["spec"]["template"]["spec"], id=name) for name, w in WORKLOADS.items()]
EACH_RESTRICTED = [each for each in EACH_CONTAINER if str(each.id).startswith(f"{CONTROL}/")]


class TestWhole:
    def test_the_kustomization_contains_every_file(self) -> None:
        assert sorted(KUSTOMIZATION["resources"]) == sorted(
            p.name for p in BASE.glob("*.yaml") if p.name != "kustomization.yaml"
        )

    def test_there_is_no_crd_so_that_uninstalling_deletes_no_networks(self) -> None:
        assert {} == kind("CustomResourceDefinition")
        assert not [r for r in KUSTOMIZATION["resources"] if "crds" in r]

    def test_the_image_and_the_labels_have_the_projects_version(self) -> None:
        label = "app.kubernetes.io/version"
        pods = [workload["spec"]["template"] for workload in WORKLOADS.values()]

        assert {f"netattach:{PROJECT['version']}"} == {container["image"] for _, _, container in containers()}
        assert {PROJECT["version"]} == {each["metadata"]["labels"][label] for each in (*MANIFESTS, *pods)}

    def test_every_object_is_in_a_namespace_of_netattach(self) -> None:
        namespaces = {m["metadata"]["namespace"] for m in MANIFESTS if "namespace" in m["metadata"]}

        assert {CONTROL, NODE} == namespaces == kind("Namespace").keys()

    def test_only_the_namespace_of_the_daemons_is_privileged(self) -> None:
        label = "pod-security.kubernetes.io/enforce"

        assert {CONTROL: ("restricted", "v1.30"), NODE: ("privileged", "v1.30")} == {
            name: (body["metadata"]["labels"][label], body["metadata"]["labels"][f"{label}-version"])
            for name, body in kind("Namespace").items()
        }

    def test_the_settings_have_no_data_so_that_an_upgrade_overwrites_nothing(self) -> None:
        name = f"{cluster_settings.NAMESPACE}/{cluster_settings.NAME}"

        assert [name] == list(kind("ConfigMap"))
        assert "data" not in kind("ConfigMap")[name]


class TestPermissions:
    @pytest.mark.parametrize("rule", RULES)
    def test_no_rule_has_a_wildcard(self, rule: Body) -> None:
        assert not [word for words in rule.values() for word in words if "*" in word]

    @pytest.mark.parametrize("rule", RULES)
    def test_no_rule_allows_escalation_or_deletion(self, rule: Body) -> None:
        assert not {"escalate", "bind", "impersonate", "delete", "deletecollection"} & set(rule["verbs"])
        assert not {"roles", "clusterroles", "serviceaccounts/token", "pods/exec", "nodes/proxy"} & set(
            rule["resources"]
        )

    def test_secrets_are_accessed_by_name_in_one_namespace(self) -> None:
        settings = OperatorSettings()
        verbs = {"get", "list", "watch", "update"}

        assert {"": {"create"}, settings.ca_secret: verbs, settings.tls_secret: verbs} == granted(
            f"{settings.namespace}/netattach-operator", "secrets"
        )
        assert {settings.tls_secret: {"get", "list", "watch"}} == granted(
            f"{CONTROL}/netattach-webhooks", "secrets"
        )
        assert {} == granted("netattach-daemon", "secrets")
        assert not [name for name in kind("ClusterRole") if granted(name, "secrets")]

    def test_the_operator_changes_only_its_own_crds_webhooks_and_lease(self) -> None:
        settings = OperatorSettings()
        crds = {f"{r.plural}.{r.group}": {"get", "patch"} for r in (resource.NADS, resource.INVENTORIES)}

        assert {"": {"create"}, **crds} == granted("netattach-operator", "customresourcedefinitions")
        assert {settings.webhooks: {"get", "list", "watch", "update"}} == granted(
            "netattach-operator", "validatingwebhookconfigurations"
        )
        assert {"": {"create"}, settings.lease: {"get", "update"}} == granted(
            f"{CONTROL}/netattach-operator", "leases"
        )

    def test_only_the_status_of_networks_is_written(self) -> None:
        for role in kind("ClusterRole"):
            assert {"": {"get", "list", "watch"}} == granted(role, "network-attachment-definitions")
        assert ["netattach-operator"] == [
            r for r in ROLES if granted(r, "network-attachment-definitions/status")
        ]

    def test_only_the_daemon_writes_to_pods_and_only_their_status(self) -> None:
        assert {"get", "list", "watch"} == set().union(*(granted(r, "pods").get("", set()) for r in ROLES))
        assert ["netattach-daemon"] == [role for role in ROLES if granted(role, "pods/status")]

    def test_every_binding_refers_to_an_existing_role_and_account(self) -> None:
        accounts = kind("ServiceAccount")
        for name, binding in {**kind("RoleBinding"), **kind("ClusterRoleBinding")}.items():
            prefix = name.rpartition("/")[0]
            role = binding["roleRef"]["name"]
            assert (f"{prefix}/{role}" if prefix else role) in ROLES
            assert {f"{s['namespace']}/{s['name']}" for s in binding["subjects"]} <= accounts.keys()

    def test_every_program_has_its_own_account(self) -> None:
        used = {
            f"{name.partition('/')[0]}/{workload['spec']['template']['spec']['serviceAccountName']}": name
            for name, workload in WORKLOADS.items()
        }

        assert kind("ServiceAccount").keys() == used.keys()
        assert all(account == name for account, name in used.items())


class TestPrograms:
    @pytest.mark.parametrize(("name", "pod", "container"), EACH_PROGRAM)
    def test_a_container_runs_a_program_of_the_project(self, name: str, pod: Body, container: Body) -> None:
        assert [f"netattach-{container['name']}"] == container["command"]
        assert set(container["command"]) <= PROJECT["scripts"].keys()

    @pytest.mark.parametrize(("name", "pod", "container"), EACH_SERVER)
    def test_a_program_has_probes(self, name: str, pod: Body, container: Body) -> None:
        assert name.rpartition("-")[2] == container["name"]
        assert "/healthz" == container["startupProbe"]["httpGet"]["path"]
        assert "/healthz" == container["livenessProbe"]["httpGet"]["path"]
        assert "/readyz" == container["readinessProbe"]["httpGet"]["path"]

    @pytest.mark.parametrize(("name", "pod", "container"), EACH_CONTAINER)
    def test_a_container_has_requests_and_no_cpu_limit(self, name: str, pod: Body, container: Body) -> None:
        assert {"cpu", "memory"} == container["resources"]["requests"].keys()
        assert "cpu" not in container["resources"].get("limits", {})

    @pytest.mark.parametrize(("name", "pod", "container"), EACH_CONTAINER)
    def test_no_container_is_privileged_or_writes_to_its_image(
        self, name: str, pod: Body, container: Body
    ) -> None:
        security = container["securityContext"]

        assert "privileged" not in security
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert ["ALL"] == security["capabilities"]["drop"]
        assert {"type": "RuntimeDefault"} == pod["securityContext"]["seccompProfile"]
        assert not {"hostPID", "hostIPC", "shareProcessNamespace"} & pod.keys()

    @pytest.mark.parametrize(("name", "pod", "container"), EACH_RESTRICTED)
    def test_containers_other_than_the_daemon_meet_the_restricted_profile(
        self, name: str, pod: Body, container: Body
    ) -> None:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert "add" not in container["securityContext"]["capabilities"]
        assert "hostNetwork" not in pod
        assert not [v for v in pod.get("volumes", []) if "hostPath" in v]

    @pytest.mark.parametrize("pod", EACH_POD)
    def test_a_pod_is_critical_and_names_no_profile_that_a_node_may_lack(self, pod: Body) -> None:
        """The kubelet refuses a pod with `appArmorProfile` on a node without AppArmor; a runtime uses its default one anyway."""
        assert pod["priorityClassName"] in {"system-node-critical", "system-cluster-critical"}
        assert "appArmorProfile" not in pod["securityContext"]
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            assert not {"seccompProfile", "appArmorProfile"} & container["securityContext"].keys()

    def test_the_component_for_apparmor_names_the_profile_in_every_pod(self) -> None:
        component = yaml.safe_load((DEPLOY / "kustomize/apparmor/kustomization.yaml").read_text())
        patched = {patch["target"]["kind"]: yaml.safe_load(patch["patch"]) for patch in component["patches"]}

        profile = {"op": "add", "path": "/spec/template/spec/securityContext/appArmorProfile"}
        wanted = [{**profile, "value": {"type": "RuntimeDefault"}}]
        assert {workload["kind"]: wanted for workload in WORKLOADS.values()} == patched
        assert "Component" == component["kind"]

    def test_only_the_container_that_installs_the_shim_can_write_to_the_plugins(self) -> None:
        """And it sees nothing else of the node, and has no token."""
        writers = {
            name
            for name, container in DAEMON_CONTAINERS.items()
            for mount in container["volumeMounts"]
            if mount["name"] == "cni-binaries" and not mount.get("readOnly")
        }

        assert {"install-shim"} == writers
        (mount,) = DAEMON_CONTAINERS["install-shim"]["volumeMounts"]
        assert str(DaemonSettings().bin_dir[0]) == mount["mountPath"]
        assert ["install-shim", "dhcp"] == [c["name"] for c in DAEMON["initContainers"]]
        assert "restartPolicy" not in DAEMON_CONTAINERS["install-shim"]

    def test_only_the_daemons_container_has_a_token(self) -> None:
        assert DAEMON["automountServiceAccountToken"] is False
        assert kind("ServiceAccount")[f"{NODE}/netattach-daemon"]["automountServiceAccountToken"] is False
        assert {"daemon"} == {
            name
            for name, container in DAEMON_CONTAINERS.items()
            if "token" in {mount["name"] for mount in container["volumeMounts"]}
        }

    def test_the_dhcp_client_has_nothing_of_the_node_but_its_socket_binary_and_namespaces(self) -> None:
        """It ends after the daemon, whose last DELs release leases: so it is a sidecar."""
        client = DAEMON_CONTAINERS["dhcp"]

        assert "Always" == client["restartPolicy"]
        assert {"cni-binaries": True, "dhcp": False, "namespaces": True} == {
            mount["name"]: mount.get("readOnly", False) for mount in client["volumeMounts"]
        }

    def test_the_probe_has_nothing_of_the_node_but_the_daemons_socket(self) -> None:
        """And starts after the daemon, which it must not delay."""
        assert ["daemon", "probe"] == [container["name"] for container in DAEMON["containers"]]
        assert [{"name": "socket", "mountPath": "/run/netattach"}] == DAEMON_CONTAINERS["probe"][
            "volumeMounts"
        ]
        assert ["/opt/netattach/shim/netattach-probe"] == DAEMON_CONTAINERS["probe"]["command"]

    def test_each_container_has_the_capabilities_that_it_needs(self) -> None:
        assert {
            "install-shim": ["DAC_OVERRIDE"],
            "dhcp": ["NET_ADMIN", "SYS_ADMIN", "NET_RAW", "NET_BIND_SERVICE"],
            "daemon": ["NET_ADMIN"],
            "probe": ["NET_ADMIN", "SYS_ADMIN"],
        } == {
            name: container["securityContext"]["capabilities"]["add"]
            for name, container in DAEMON_CONTAINERS.items()
        }

    def test_the_daemon_has_nine_directories_of_the_node_and_writes_to_four(self) -> None:
        container = DAEMON_CONTAINERS["daemon"]
        settings = DaemonSettings()
        paths = {v["name"]: v["hostPath"]["path"] for v in DAEMON["volumes"] if "hostPath" in v}

        assert {
            str(settings.conf_dir),
            str(settings.tuning),
            str(settings.bin_dir[0]),
            str(settings.socket.parent),
            str(settings.libcni),
            str(settings.dhcp.parent),
            "/run/netns",
            str(settings.pod_resources.parent),
            str(settings.device_info),
        } == set(paths.values())
        assert settings.libcni in settings.ledger.parents
        assert settings.libcni in settings.multus.parents
        mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
        token = "/var/run/secrets/kubernetes.io/serviceaccount"
        assert {**paths, "settings": str(settings.config.parent), "token": token} == mounts
        writable = {m["name"] for m in container["volumeMounts"] if not m.get("readOnly")}
        assert {"cni-configurations", "socket", "sandboxes", "device-info"} == writable
        (namespaces,) = [m for m in container["volumeMounts"] if m["name"] == "namespaces"]
        assert "HostToContainer" == namespaces["mountPropagation"]

    def test_the_daemon_starts_without_the_settings_and_on_every_node(self) -> None:
        (settings,) = [v["configMap"] for v in DAEMON["volumes"] if "configMap" in v]  # not that of the token

        assert {"name": cluster_settings.NAME, "optional": True} == settings
        assert cluster_settings.KEY == DaemonSettings().config.name
        assert [{"operator": "Exists"}] == DAEMON["tolerations"]
        assert "system-node-critical" == DAEMON["priorityClassName"]

    def test_the_environment_of_the_daemon_has_only_known_settings(self) -> None:
        container = DAEMON_CONTAINERS["daemon"]
        known = {f"NETATTACH_{field.name.upper()}" for field in fields(DaemonSettings)}

        environment = {e["name"]: e.get("value") for e in container["env"]}
        (token,) = [m["mountPath"] for m in container["volumeMounts"] if m["name"] == "token"]
        assert f"{token}/ca.crt" == environment.pop("SSL_CERT_FILE")  # OpenSSL reads it
        assert environment.keys() <= known
        probes = [container[p]["httpGet"] for p in ("startupProbe", "readinessProbe", "livenessProbe")]
        (health,) = [e["value"] for e in container["env"] if e["name"] == "NETATTACH_HEALTH"]
        assert {health} == {f"{probe['host']}:{probe['port']}" for probe in probes}

    def test_at_least_one_replica_of_the_webhooks_is_always_available(self) -> None:
        webhooks = WORKLOADS[f"{CONTROL}/netattach-webhooks"]["spec"]

        assert webhooks["replicas"] > 1
        assert 0 == webhooks["strategy"]["rollingUpdate"]["maxUnavailable"]
        assert 1 == kind("PodDisruptionBudget")[f"{CONTROL}/netattach-webhooks"]["spec"]["minAvailable"]

    def test_selectors_match_the_labels_of_their_pods(self) -> None:
        for name, workload in WORKLOADS.items():
            labels = workload["spec"]["template"]["metadata"]["labels"]
            assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()
            assert name.rpartition("-")[2] == labels["app.kubernetes.io/component"]
        webhooks = WORKLOADS[f"{CONTROL}/netattach-webhooks"]["spec"]["selector"]["matchLabels"]
        (service,) = kind("Service").values()
        (budget,) = kind("PodDisruptionBudget").values()
        assert webhooks == service["spec"]["selector"] == budget["spec"]["selector"]["matchLabels"]


NETWORK_POLICIES = kind("NetworkPolicy")


class TestNetworkPolicies:
    def test_everything_in_the_control_namespace_is_denied_by_default(self) -> None:
        spec = NETWORK_POLICIES[f"{CONTROL}/netattach-default"]["spec"]

        assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} == spec

    def test_each_program_without_host_network_has_a_policy_for_its_pods(self) -> None:
        """On pods with hostNetwork a policy has no effect."""
        programs = {
            name: workload["spec"]["selector"]["matchLabels"]
            for name, workload in WORKLOADS.items()
            if "hostNetwork" not in workload["spec"]["template"]["spec"]
        }

        assert programs == {
            name: policy["spec"]["podSelector"]["matchLabels"]
            for name, policy in NETWORK_POLICIES.items()
            if policy["spec"]["podSelector"]
        }

    @pytest.mark.parametrize("name", [n for n in NETWORK_POLICIES if not n.endswith("-default")])
    def test_the_ports_of_the_pods_are_reachable_and_no_others(self, name: str) -> None:
        ports = {
            port["containerPort"]
            for container in WORKLOADS[name]["spec"]["template"]["spec"]["containers"]
            for port in container.get("ports", ())
        }

        assert ports == {
            port["port"] for rule in NETWORK_POLICIES[name]["spec"]["ingress"] for port in rule["ports"]
        }

    def test_only_api_servers_and_dns_can_be_connected_to(self) -> None:
        tcp, udp = {443, 6443, 8443, 16443, 53}, {53}
        for name, policy in NETWORK_POLICIES.items():
            rules = policy["spec"].get("egress", [{"ports": []}])
            ports = [port for rule in rules for port in rule["ports"]]
            if name != f"{CONTROL}/netattach-default":
                assert tcp == {port["port"] for port in ports if port.get("protocol", "TCP") == "TCP"}
                assert udp == {port["port"] for port in ports if port.get("protocol") == "UDP"}
            assert all(rule.keys() == {"ports"} for rule in rules)

    def test_the_ports_of_the_webhooks_are_those_that_the_program_listens_on(self) -> None:
        settings = WebhookSettings()
        listened = {int(each.rpartition(":")[2]) for each in (settings.listen, settings.health)}
        rules = NETWORK_POLICIES[f"{CONTROL}/netattach-webhooks"]["spec"]["ingress"]

        assert listened == {port["port"] for rule in rules for port in rule["ports"]}


class TestAdmission:
    @pytest.mark.parametrize("webhook", WEBHOOKS.values(), ids=WEBHOOKS)
    def test_a_webhook_has_a_short_timeout_no_side_effects_and_the_right_service(self, webhook: Body) -> None:
        settings = OperatorSettings()
        (service,) = kind("Service").values()
        client = webhook["clientConfig"]["service"]

        assert 3 == webhook["timeoutSeconds"] == app._MAX_SECONDS
        assert "None" == webhook["sideEffects"]
        assert "Equivalent" == webhook["matchPolicy"]
        assert f"/{webhook['name'].partition('.')[0]}" == client["path"]
        assert (settings.namespace, settings.service) == (client["namespace"], client["name"])
        assert (client["namespace"], client["name"]) == (
            service["metadata"]["namespace"],
            service["metadata"]["name"],
        )
        assert [client["port"]] == [port["port"] for port in service["spec"]["ports"]]
        assert "caBundle" not in webhook["clientConfig"]  # an upgrade must not remove the operator's

    def test_only_the_validation_of_networks_fails_closed(self) -> None:
        assert {
            "nads.netattach.io": "Fail",
            "deletions.netattach.io": "Ignore",
            "pods.netattach.io": "Ignore",
            "templates.netattach.io": "Ignore",
            "config.netattach.io": "Ignore",
        } == {name: webhook["failurePolicy"] for name, webhook in WEBHOOKS.items()}

    def test_the_pods_of_netattach_never_depend_on_its_webhooks(self) -> None:
        for name in ("pods.netattach.io", "templates.netattach.io"):
            (excluded,) = WEBHOOKS[name]["namespaceSelector"]["matchExpressions"]

            assert ("kubernetes.io/metadata.name", "NotIn", {CONTROL, NODE}) == (
                excluded["key"],
                excluded["operator"],
                set(excluded["values"]),
            )

    @pytest.mark.parametrize(
        "expression",
        [c["expression"] for webhook in WEBHOOKS.values() for c in webhook["matchConditions"]],
    )
    def test_a_condition_works_if_parts_of_the_object_are_missing(self, expression: str) -> None:
        """Optional parts are guarded by has() or `.?`; an old object is only used in updates."""
        for part in ("annotations", "deletionTimestamp", "spec"):
            bare = rf"(?<!\?)\b(?:object|oldObject)(?:\.metadata)?\.{part}\b"  # not `.?annotations`
            assert f"has(object.metadata.{part})" in expression or not re.search(bare, expression)
        assert "oldObject" not in expression or expression.startswith("request.operation != 'UPDATE' ||")

    def test_pods_and_templates_that_are_being_deleted_are_not_validated(self) -> None:
        for name in ("pods.netattach.io", "templates.netattach.io"):
            assert "!has(object.metadata.deletionTimestamp)" in [
                c["expression"] for c in WEBHOOKS[name]["matchConditions"]
            ]

    def test_a_network_that_is_being_deleted_is_validated_where_it_changes(self) -> None:
        """Nodes use it until its last finalizer is removed."""
        conditions = WEBHOOKS["nads.netattach.io"]["matchConditions"]

        assert not any("deletionTimestamp" in each["expression"] for each in conditions)
