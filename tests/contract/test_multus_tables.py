"""Multus' unit tests (v4.3.0) as tables: which networks a pod gets, and the input of their plugins.

`differs` is the reason for an intended difference. Verbs, devices and gateways have tables of their own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from netattach_core.attach.attachment import Attachment
from netattach_core.cni import config as cni_config
from netattach_core.cni import request as cni_request
from netattach_core.errors import ConfigError, EnvironmentVariableError, NetattachError
from netattach_kube import cluster_settings
from netattach_plugin.engine.network_resolver import NetworkResolver
from netattach_plugin.node.cni_conf_dir import CniConfDir
from support.twins import FixedDevices, MemoryStore

CNI = '{"cniVersion":"0.3.1","name":"%s","type":"mynet"}'
ARGS = "IgnoreUnknown=true;K8S_POD_NAMESPACE=%s;K8S_POD_NAME=p;K8S_POD_INFRA_CONTAINER_ID=i;K8S_POD_UID=u"
NAMED = ("net1", "net2", "net3", "other-ns/net3", "default/net1", "kube-system/net1", "my.net")
NADS = {name: CNI % name.rpartition("/")[2] for name in NAMED}
DEFAULT_FILE = {"10-default.conf": CNI % "cbr0"}


@dataclass(frozen=True)
class Row:
    """A pod in the namespace `test`, the available networks, and its networks in order, or a part of the error message."""

    networks: str = ""
    expected: tuple[str, ...] | str = ()
    default: str = ""
    settings: str = ""
    nads: Mapping[str, str] = field(default_factory=lambda: NADS)
    files: Mapping[str, str] = field(default_factory=lambda: DEFAULT_FILE)
    namespace: str = "test"
    differs: str = ""


def attached(row: Row, directory: Path, args: str = "", **stdin: Any) -> tuple[Attachment, ...]:
    """The attachments before any plugin runs."""
    store = MemoryStore()
    for name, config in row.nads.items():
        namespace, _, bare = name.rpartition("/")
        metadata = {"namespace": namespace or "test", "name": bare}
        store.create(
            {"kind": "NetworkAttachmentDefinition", "metadata": metadata, "spec": {"config": config}}
        )
    for name, text in row.files.items():
        (directory / name).write_text(text)
    selection = cluster_settings.parse(row.settings).validation.selection
    networks = CniConfDir(directory, lambda: selection.primary)
    annotations = {NETWORKS: row.networks, DEFAULT_NETWORK: row.default}
    offered = {**stdin.pop("runtimeConfig", {}), cni_request.POD_ANNOTATIONS: annotations}
    environment = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c",
        "CNI_NETNS": "/n",
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": args or ARGS % row.namespace,
    }
    call = cni_request.parse(
        environment, json.dumps({"cniVersion": "1.0.0", "runtimeConfig": offered, **stdin}).encode()
    )
    resolver = NetworkResolver(
        pods=store, nads=store, networks=networks, devices=FixedDevices(), settings=lambda: selection
    )

    async def resolve() -> tuple[Attachment, ...]:
        return await resolver.attachments(call, await resolver.select(call))

    return asyncio.run(resolve())


def plugin_inputs(attachment: Attachment) -> list[dict[str, Any]]:
    """The standard input of each plugin of a network."""
    extra = attachment.runtime_config, attachment.cni_args
    return [
        json.loads(cni_config.plugin_stdin(attachment.config, plugin, *extra))
        for plugin in attachment.config.plugins
    ]


ISOLATED = "namespaceIsolation: true\n"
UNKNOWN = '"ipRequest":"1.2.3.4","macRequest":"aa:bb:cc:dd:ee:ff"'
THREE = f'[{{"name":"net1"}},{{"name":"net2",{UNKNOWN}}},{{"name":"net3","namespace":"other-ns"}}]'
MESSAGE = "the message is netattach's: the problem, its place, and a fix"
CLUSTER = {"kube-system/mycrd1": CNI % "mycrd1", "kube-system/mycrd2": CNI % "mycrd2"}
EMPTY = {"net1": "", "net2": ""}
ON_NODE = {**DEFAULT_FILE, "11-net1.conf": CNI % "net1", "20-net2.conf": CNI % "net2"}

ANNOTATION = {
    "a name": Row("net1", ("test/net1 net1",)),
    "a namespace": Row("default/net1", ("default/net1 net1",)),
    "an interface": Row("net1@my_interface", ("test/net1 my_interface",)),
    "all three": Row("default/net1@my_interface", ("default/net1 my_interface",)),
    "two, in order": Row("net1,net2", ("test/net1 net1", "test/net2 net2")),
    "JSON, unknown keys ignored": Row(THREE, ("test/net1 net1", "test/net2 net2", "other-ns/net3 net3")),
    "bare words in a list": Row("[adsfasdfasdfasf]", "line 1, column 2", differs=MESSAGE),
    "two slashes": Row("root@someIP/root@someOtherIP/root@thirdIP", "longer than 15 bytes"),
    "trailing garbage": Row("root@someIP/root@someOtherIP@garbagevalue", "longer than 15 bytes"),
    "a slash in the interface": Row("root@someIP/root@someOtherIP", "longer than 15 bytes"),
    "a blank in the interface": Row("default/net1@myIfc Name", "contains a space"),
    "a long interface": Row("default/net1@very_long_interface_name", "longer than 15 bytes"),
    "nothing": Row("", ()),
    "an empty element": Row("net1,,net2", "is not a network", differs="Multus fails later, at an empty name"),
    "an empty interface": Row("net1@", "the interface name is empty", differs="Multus treats it as no request"),
    "an object alone": Row('{"name":"a"}', "the JSON form must be a list"),
    "a dot, comma form": Row("my.net", ("test/my.net net1",), differs="Kubernetes has such names; Multus in JSON only"),
    "a dot, JSON form": Row('[{"name":"my.net"}]', ("test/my.net net1",)),
    "no MAC": Row('[{"name":"net1","mac":"aa:.."}]', "`mac` 'aa:..' is not 6 bytes"),
    "no GUID": Row('[{"name":"net1","infiniband-guid":"aa"}]', "`infiniband-guid` 'aa' is not 8 bytes"),
    "no address": Row('[{"name":"net1","ips":["10.0.0"]}]', "`ips` '10.0.0' is not a valid IP address"),
    "no subnet": Row('[{"name":"net1","ips":["10.0.0.1/33"]}]', "`ips` '10.0.0.1/33' is not a valid IP address"),
    "one interface twice": Row("net1@a,net2@a", "interface 'a' is test/net1's already"),
    "no such NADs": Row(
        "net1,net2",
        "network test/net1: there is no NetworkAttachmentDefinition 'net1' in namespace 'test'",
        nads={},
        differs=MESSAGE,
    ),
    "isolated": Row("kube-system/net1", "pods in namespace 'test' cannot use networks", settings=ISOLATED, differs=MESSAGE),
    "isolated, a global namespace": Row(
        "kube-system/net1",
        ("kube-system/net1 net1",),
        settings=f"{ISOLATED}globalNamespaces: [kube-system, donkey-kong]",
    ),
    "isolated, the global one by default": Row("default/net1", ("default/net1 net1",), settings=ISOLATED),
    "isolated, without the default one": Row(
        "default/net1", "pods in namespace 'test' cannot use networks", settings=f"{ISOLATED}globalNamespaces: [foo, bar]"
    ),
    "isolated, bypassed in Multus": Row(
        default="kube-system/net1",
        expected="pods in namespace 'test' cannot use networks",
        settings=ISOLATED,
        differs="Multus does not check this annotation",
    ),
}  # fmt: skip  # a table

CLUSTER_NETWORKS = {
    "an empty NAD is found on the node": Row("net1,net2", ("test/net1 net1", "test/net2 net2"), nads=EMPTY, files=ON_NODE),
    "next to a broken file": Row(
        "net1",
        ("test/net1 net1",),
        nads=EMPTY,
        files={**ON_NODE, "20-net2.conf": "garbage"},
        differs="in Multus one broken file fails every lookup",
    ),
    "an empty NAD, no file": Row("net1", "its config is empty, and no file of this node", nads=EMPTY),
    "the default network is a NAD": Row(
        expected="primaryNetwork is 'mycrd1'",
        settings="primaryNetwork: mycrd1",
        nads=CLUSTER,
        differs="the default network is a file of the node, so that pods start without the API; defaultNetworks may be NADs",
    ),
    "a NAD for all": Row(expected=("kube-system/mycrd2 net1",), settings="defaultNetworks: [mycrd2]", nads=CLUSTER),
    "not in a system namespace": Row(settings="defaultNetworks: [mycrd2]", nads=CLUSTER, namespace="kube-system"),
    "a JSON name": Row("net1", ("test/net1 net1",), settings="primaryNetwork: net2", files=ON_NODE),
    "unknown": Row(expected="no default network yet", settings="primaryNetwork: nobody", files=ON_NODE),
    "a directory without any": Row(expected="no default network yet", files={}),
    "no type": Row(expected="cannot be read", files={"10-a.conf": '{"name":"a","_not_type":"x"}'}),
    "another default network": Row(default="kube-system/net1", settings="primaryNetwork: net2", files=ON_NODE),
}  # fmt: skip  # a table


@pytest.mark.parametrize("row", (ANNOTATION | CLUSTER_NETWORKS).values(), ids=ANNOTATION | CLUSTER_NETWORKS)
def test_which_networks_a_pod_gets(row: Row, tmp_path: Path) -> None:
    if isinstance(row.expected, str):
        with pytest.raises(NetattachError) as error:
            attached(row, tmp_path)
        assert row.expected in error.value.message
        return

    default, *others = attached(row, tmp_path)

    assert (True, "eth0") == (default.default, default.ifname)
    assert [(each, False) for each in row.expected] == [
        (f"{o.network} {o.ifname}", o.default) for o in others
    ]


DEFAULT_NETWORKS = {
    "the first file": (Row(), "cbr0"),
    "a JSON name": (Row(settings="primaryNetwork: net2", files=ON_NODE), "net2"),
    "a file": (Row(settings="primaryNetwork: 20-net2.conf", files=ON_NODE), "net2"),
    "another one that the pod requests": (
        Row(default="kube-system/net1", settings="primaryNetwork: net2", files=ON_NODE),
        "kube-system/net1",
    ),
    "a bare name, in the namespace of such networks": (
        Row(default="net1", files=ON_NODE),
        "kube-system/net1",
    ),
}


@pytest.mark.parametrize(("row", "expected"), DEFAULT_NETWORKS.values(), ids=DEFAULT_NETWORKS)
def test_default_network_of_a_pod(row: Row, expected: str, tmp_path: Path) -> None:
    """Multus' delegate 0. Multus' settings have an absolute path inside its container; netattach's have the file's name."""
    assert [expected] == [each.network for each in attached(row, tmp_path)]


@pytest.mark.parametrize(
    "text", ['globalNamespaces: " foo,bar ,default"', "primaryNetwork: /host/etc/cni/net.d/10-a.conf"]
)
def test_settings_in_multus_format_are_refused(text: str) -> None:
    """A comma-separated list instead of a YAML list; a path inside Multus' container."""
    with pytest.raises(ConfigError):
        cluster_settings.parse(text)


NAMES = {
    "none": ('{"type":"mynet"}', "net1"),
    "empty": ('{"name":"","type":"mynet"}', "net1"),
    "its own": (CNI % "own", "own"),
}


@pytest.mark.parametrize(("config", "expected"), NAMES.values(), ids=NAMES)
def test_a_configuration_without_a_name_gets_that_of_its_nad(
    config: str, expected: str, tmp_path: Path
) -> None:
    assert expected == plugin_inputs(attached(Row("net1", nads={"net1": config}), tmp_path)[1])[0]["name"]


HAD = {"args": {"cni": {"args0": "val0", "args1": "val1"}}}
CNI_ARGS: dict[str, tuple[list[dict[str, Any]], dict[str, str]]] = {
    "new": ([{}], {"args1": "val1a"}),
    "merged": ([HAD], {"args0": "val0", "args1": "val1a"}),
    "in every plugin": ([HAD, HAD], {"args0": "val0", "args1": "val1a"}),
    "instead of values that are not objects, with which Multus panics": (
        [{"args": {"cni": 5}}, {"args": 5}],
        {"args1": "val1a"},
    ),
}


@pytest.mark.parametrize(("plugins", "expected"), CNI_ARGS.values(), ids=CNI_ARGS)
def test_cni_args_of_a_pod(plugins: list[dict[str, Any]], expected: dict[str, str], tmp_path: Path) -> None:
    config = json.dumps({"name": "n", "plugins": [{"type": "t", **plugin} for plugin in plugins]})
    row = Row('[{"name":"net1","cni-args":{"args1":"val1a"}}]', nads={"net1": config})

    assert [{"cni": expected}] * len(plugins) == [
        each["args"] for each in plugin_inputs(attached(row, tmp_path)[1])
    ]


def test_a_network_gets_its_own_requests_by_capability(tmp_path: Path) -> None:
    """Only the default network gets the runtime's runtimeConfig; with Multus all do.

    Kubernetes Network Plumbing Working Group spec, section 7.5.
    """
    requests = {
        "ips": ["10.0.0.1/24"],
        "mac": "02:00:00:00:00:01",
        "bandwidth": {"ingressRate": 1, "ingressBurst": 2},
    }
    plugins = [
        {"type": "a", "capabilities": {"mac": True, "portMappings": True}},
        {"type": "b", "capabilities": {"bandwidth": True, "ips": False}},
    ]
    capable = json.dumps({"type": "t", "name": "p", "capabilities": {"mac": True, "portMappings": True}})
    row = Row(
        json.dumps([{"name": "net1", **requests}, {"name": "net2"}]),
        nads={"net1": json.dumps({"plugins": plugins}), "net2": capable},
        files={"10.conf": capable},
    )
    ports = {"portMappings": [{"hostPort": 80, "containerPort": 80}]}

    networks = attached(row, tmp_path, runtimeConfig=ports)

    assert [[ports], [{"mac": requests["mac"]}, {"bandwidth": requests["bandwidth"]}], [None]] == [
        [stdin.get("runtimeConfig") for stdin in plugin_inputs(each)] for each in networks
    ]


def test_arguments_of_the_runtime_keep_their_order(tmp_path: Path) -> None:
    """Including unknown ones. A value may contain `=`, which thick Multus refuses."""
    args = f"{ARGS % 'test'};BLAHBLAH=foo=bar"

    (default,) = attached(Row(), tmp_path, args)

    order = ["K8S_POD_NAMESPACE", "K8S_POD_NAME", "K8S_POD_INFRA_CONTAINER_ID", "K8S_POD_UID", "BLAHBLAH"]
    assert (["IgnoreUnknown", *order], "foo=bar") == (list(default.args), default.args["BLAHBLAH"])
    assert cni_request.args_text(default.args).endswith(";K8S_POD_UID=u;BLAHBLAH=foo=bar")


def test_arguments_with_a_colon_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentVariableError, match="K8S_POD_NAME:x"):
        attached(Row(), tmp_path, "K8S_POD_NAME:x;K8S_POD_NAMESPACE=test")


def test_a_prev_result_for_netattach_is_accepted(tmp_path: Path) -> None:
    """It changes nothing."""
    assert 1 == len(attached(Row(), tmp_path, prevResult={"cniVersion": "1.0.0", "ips": []}))
