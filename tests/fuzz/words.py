"""The fuzzer's dictionary: keys and values that the validator, the annotation and the AdmissionReview use."""

from __future__ import annotations

from netattach_core import plugins
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS, SKIP_DEFAULT_NETWORKS
from netattach_core.cni import versions
from netattach_kube import cluster_settings

_JSON = [
    '{"',
    '":',
    '",',
    "[{",
    "}]",
    "null",
    "true",
    "false",
    '{"type":"',
    '"ipam":{"type":"',
    '"plugins":[{"type":"',
]
_JSON += [r"\u", r"\ud800", "1500.0", "1e3", "//", "NaN", "\u201c"]
_VALUES = [
    "10.1.2.0/24",
    "10.1.2.3",
    "fd00::/64",
    "0.0.0.0/0",
    "::ffff:10.0.0.1/120",
    "02:00:5e:10:00:01",
    "eth0",
    "eth1",
    "lo",
]
_ANNOTATION = [
    "name",
    "namespace",
    "interface",
    "interfaceRequest",
    "ips",
    "mac",
    "infiniband-guid",
    "default-route",
]
_ANNOTATION += [
    "portMappings",
    "hostPort",
    "containerPort",
    "protocol",
    "bandwidth",
    "egressRate",
    "egressBurst",
    "cni-args",
]
_ANNOTATION += ["deviceID", "ipam-claim-reference", "net@", "lab/net", "other/lost"]
_REVIEW = [
    "kind",
    "AdmissionReview",
    "apiVersion",
    "admission.k8s.io/v1",
    "request",
    "uid",
    "operation",
    "CREATE",
    "UPDATE",
]
_REVIEW += [
    "DELETE",
    "CONNECT",
    "object",
    "oldObject",
    "metadata",
    "annotations",
    "deletionTimestamp",
    "generateName",
    "spec",
]
_REVIEW += ["config", "hostNetwork", "data", "config.yaml", "statusForPlainPods", NETWORKS, DEFAULT_NETWORK]
_REVIEW += [SKIP_DEFAULT_NETWORKS, *cluster_settings.SCHEMA["properties"]]


def dictionary() -> str:
    """In libFuzzer's format; it includes the types and keys of all supported plugins."""
    known = {key for plugin in plugins.PLUGINS for key in plugin.schema["properties"]}
    types = {plugin.type for plugin in plugins.PLUGINS}
    words = sorted({*known, *types, *versions.SUPPORTED, *_JSON, *_VALUES, *_ANNOTATION, *_REVIEW})
    return "".join(f'"{_escaped(word)}"\n' for word in words)


def _escaped(word: str) -> str:
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and chr(byte) not in '"\\' else f"\\x{byte:02x}"
        for byte in word.encode()
    )
