"""Each platform of the Helm chart: paths, permissions and what else differs there fit each other."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from netattach_plugin.settings import Settings, from_environment
from support.chart import CHART, Body, rendered
from support.manifests import NODE

PLATFORMS = sorted(path.stem for path in (CHART / "platforms").glob("*.yaml"))
DEFAULTS = yaml.safe_load((CHART / "platforms/kubernetes.yaml").read_text())
INSTALLERS = {"install-shim", "install-plugins"}


def facts(platform: str) -> Body:
    return {**DEFAULTS, **(yaml.safe_load((CHART / f"platforms/{platform}.yaml").read_text()) or {})}


def daemon(values: Body) -> Body:
    """The spec of the daemon's pod."""
    (found,) = [each for each in rendered(values) if each["kind"] == "DaemonSet"]
    spec: Body = found["spec"]["template"]["spec"]
    return spec


def containers(pod: Body) -> dict[str, Body]:
    """Without the probe, which sees no directory of the node but that of the socket."""
    found = (*pod["initContainers"], *pod["containers"])
    return {each["name"]: each for each in found if each["name"] != "probe"}


def paths(pod: Body) -> dict[str, str]:
    """The node's path of each volume that has one."""
    return {each["name"]: each["hostPath"]["path"] for each in pod["volumes"] if "hostPath" in each}


def settings(container: Body) -> Settings:
    """As the program in the container reads them."""
    return from_environment({each["name"]: each.get("value", "") for each in container["env"]})


def bin_dirs(container: Body) -> list[str]:
    (found,) = [each["value"] for each in container["env"] if each["name"] == "NETATTACH_BIN_DIR"]
    return str(found).split(":")


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pod(platform: str) -> Body:
    return daemon({"platform": platform})


def test_a_platform_has_the_facts_of_kubernetes_and_no_others(platform: str) -> None:
    assert DEFAULTS.keys() == facts(platform).keys()


def test_every_directory_of_the_node_has_the_same_path_in_every_container(pod: Body) -> None:
    """The daemon writes these paths into files that the shim reads outside of the container."""
    nodes = paths(pod)
    mounts = [
        (mount["name"], mount["mountPath"])
        for container in containers(pod).values()
        for mount in container["volumeMounts"]
        if mount["name"] in nodes
    ]

    assert nodes.keys() == {name for name, _ in mounts}
    assert [] == [(name, path) for name, path in mounts if nodes[name] != path]


def test_each_program_uses_the_directories_that_its_container_has(platform: str, pod: Body) -> None:
    wanted = facts(platform)
    for name, container in containers(pod).items():
        mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
        dirs = wanted["binDirs"][:1] if name == "install-shim" else wanted["binDirs"]
        assert dirs == bin_dirs(container)
        assert {*dirs} <= mounted
    read = settings(containers(pod)["daemon"])

    assert wanted["confDir"] == str(read.conf_dir)
    assert f"{wanted['kubeletRoot']}/pod-resources/kubelet.sock" == str(read.pod_resources)
    assert {str(read.conf_dir), str(read.pod_resources.parent), wanted["netnsDir"]} <= mounted


def test_only_the_installers_can_write_to_plugins(pod: Body) -> None:
    """A directory of plugins inside another one that is writable has a mount of its own, which covers it."""
    for name, container in containers(pod).items():
        writable = {m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")}
        read_only = {m["mountPath"] for m in container["volumeMounts"]} - writable
        for index, directory in enumerate(bin_dirs(container)):
            may_write = name in INSTALLERS and index == 0
            assert directory in (writable if may_write else read_only)


def test_links_of_plugins_can_be_followed(platform: str, pod: Body) -> None:
    for name, container in containers(pod).items():
        mounts = {m["mountPath"]: m.get("readOnly", False) for m in container["volumeMounts"]}
        wanted = [] if name in INSTALLERS else facts(platform)["linkedDirs"]
        assert [True] * len(wanted) == [mounts.get(directory) for directory in wanted]


def test_no_directory_of_the_node_holds_another_programs_files(pod: Body) -> None:
    """Such as / or /etc, by a mistake in a path."""
    for path in paths(pod).values():
        assert len(PurePosixPath(path).parts) > 2


def test_the_plugin_installer_has_the_plugins_directory_and_nothing_else(platform: str, pod: Body) -> None:
    found = containers(pod).get("install-plugins")

    assert facts(platform)["installPlugins"] == (found is not None)
    if found:
        assert ["netattach-install-plugins"] == found["command"]
        assert ["install-shim", "install-plugins", "dhcp"] == [c["name"] for c in pod["initContainers"]]
        assert facts(platform)["binDirs"] == [mount["mountPath"] for mount in found["volumeMounts"]]
        assert ["DAC_OVERRIDE"] == found["securityContext"]["capabilities"]["add"]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_plugin_installer_is_a_value(enabled: bool) -> None:  # noqa: FBT001  # a table's column
    for platform in ("kubernetes", "k3s"):
        pod = daemon({"platform": platform, "pluginInstaller": {"enabled": enabled}})

        assert enabled == ("install-plugins" in containers(pod))


@pytest.mark.parametrize(
    ("platform", "wanted"),
    [(each, None if each == "talos" else {"type": "spc_t"}) for each in PLATFORMS],
)
def test_the_selinux_type_lets_the_daemons_containers_use_the_node(platform: str, wanted: Any) -> None:
    """Talos enforces a policy of its own, which does not know this type."""
    assert wanted == daemon({"platform": platform})["securityContext"].get("seLinuxOptions")


@pytest.mark.parametrize(("given", "wanted"), [("super_t", {"type": "super_t"}), ("", None)])
def test_the_selinux_type_is_a_value(given: str, wanted: Any) -> None:
    for platform in ("kubernetes", "talos"):
        pod = daemon({"platform": platform, "node": {"seLinuxType": given}})
        assert wanted == pod["securityContext"].get("seLinuxOptions")
        assert not any("seLinuxOptions" in c["securityContext"] for c in containers(pod).values())


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("confDir", "/etc/other"),
        ("binDirs", ["/opt/other", "/usr/other"]),
        ("linkedDirs", ["/srv/other"]),
        ("kubeletRoot", "/var/other"),
        ("netnsDir", "/run/other"),
    ],
)
def test_a_single_fact_can_be_given(fact: str, value: Any) -> None:
    """Everything that follows from it changes with it, and nothing else."""
    pod = daemon({"platform": "k3s", "node": {fact: value}})
    before = set(paths(daemon({"platform": "k3s"})).values())
    kubelet = "/var/lib/kubelet/pod-resources"
    given = [value] if isinstance(value, str) else value
    former = facts("k3s")[fact] if isinstance(value, list) else [facts("k3s")[fact]]
    if fact == "kubeletRoot":
        given, former = [f"{value}/pod-resources"], [kubelet]

    assert (before - {*former}) | {*given} == set(paths(pod).values())
    test_every_directory_of_the_node_has_the_same_path_in_every_container(pod)
    test_only_the_installers_can_write_to_plugins(pod)


@pytest.mark.parametrize(
    ("given", "mounted"),
    [
        ("/data/multus", {"/data/multus"}),
        ("/var/lib/cni/other", set()),
        ("/var/lib/cni", set()),
        (None, set()),
    ],
    ids=["elsewhere", "below a mount", "a mount", "the default"],
)
def test_the_directory_of_multus_is_a_value(given: str | None, mounted: set[str]) -> None:
    """The daemon reads what Multus has recorded there, and has the directory at its path on the node."""
    pod = daemon({"node": {"multusDir": given}})
    read = settings(containers(pod)["daemon"])

    assert given in {None, str(read.multus)}
    assert mounted == set(paths(pod).values()) - set(paths(daemon({})).values())
    test_every_directory_of_the_node_has_the_same_path_in_every_container(pod)
    test_only_the_installers_can_write_to_plugins(pod)


class TestOpenShift:
    def test_the_daemons_may_do_what_their_pod_asks_for_and_no_more(self) -> None:
        objects = rendered({"platform": "openshift"})
        (allowed,) = [each for each in objects if each["kind"] == "SecurityContextConstraints"]
        pod = daemon({"platform": "openshift", "pluginInstaller": {"enabled": True}})
        kinds = {next(key for key in volume if key != "name") for volume in pod["volumes"]}
        capabilities = {
            name for c in containers(pod).values() for name in c["securityContext"]["capabilities"]["add"]
        }

        assert [f"system:serviceaccount:{NODE}:{pod['serviceAccountName']}"] == allowed["users"]
        assert sorted(kinds) == allowed["volumes"]
        assert sorted(capabilities) == allowed["allowedCapabilities"]
        assert pod["hostNetwork"] == allowed["allowHostNetwork"]
        assert allowed["allowPrivilegedContainer"] is allowed["allowPrivilegeEscalation"] is False
        assert not {"hostPID", "hostIPC"} & pod.keys()
        assert allowed["allowHostPID"] is allowed["allowHostIPC"] is allowed["allowHostPorts"] is False

    def test_it_chooses_the_user_of_the_other_programs(self) -> None:
        """Its restricted-v2 refuses a user outside of the namespace's range."""
        users = {
            each["metadata"]["name"]: each["spec"]["template"]["spec"]["securityContext"]
            for each in rendered({"platform": "openshift"})
            if each["kind"] == "Deployment"
        }

        assert 2 == len(users)
        for security in users.values():
            assert security["runAsNonRoot"] is True
            assert not {"runAsUser", "runAsGroup"} & security.keys()


def test_gke_admits_the_critical_pods() -> None:
    objects = rendered({"platform": "gke"})
    classes = {
        each["spec"]["template"]["spec"]["priorityClassName"]
        for each in objects
        if each["kind"] in {"Deployment", "DaemonSet"}
    }
    quotas = {
        each["metadata"]["namespace"]: each["spec"] for each in objects if each["kind"] == "ResourceQuota"
    }

    assert {each["metadata"]["name"] for each in objects if each["kind"] == "Namespace"} == quotas.keys()
    for quota in quotas.values():
        (scope,) = quota["scopeSelector"]["matchExpressions"]
        assert classes <= set(scope["values"])


def test_the_facts_of_kubernetes_are_the_defaults_of_the_daemon() -> None:
    read = Settings()

    assert [DEFAULTS["confDir"], DEFAULTS["binDirs"][0]] == [str(read.conf_dir), str(read.bin_dir[0])]
    assert Path(DEFAULTS["kubeletRoot"]) == read.pod_resources.parent.parent
