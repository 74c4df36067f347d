"""The runtimeConfig of container runtimes: all of it reaches the default network's plugins with the capability.

A runtime passes the values for which netattach's conflist declares the capability, and no others (libcni: injectRuntimeConfig).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.attach import attachment
from netattach_core.attach.attachment import Network
from netattach_core.cni import config as cni_config
from netattach_core.cni import netattach_conf
from netattach_core.cni import request as cni_request
from netattach_core.cni.request import POD_ANNOTATIONS
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Source

PORTS = [{"hostPort": 80, "containerPort": 8080, "protocol": "tcp", "hostIP": ""}]
RATES = {"ingressRate": 1000, "ingressBurst": 2000, "egressRate": 0, "egressBurst": 0}
RANGES = [
    [{"subnet": "10.9.0.0/16", "rangeStart": "10.9.1.1", "gateway": "10.9.0.1"}],
    [{"subnet": "fd00:9::/64"}],
]

CONTAINERD: dict[str, Any] = {
    "portMappings": PORTS,
    "bandwidth": RATES,
    "dns": {"servers": ["10.96.0.10"], "searches": ["svc"], "options": ["ndots:5"]},
    "cgroupPath": "/kubepods/pod1",
    POD_ANNOTATIONS: {"a": "b"},
}
"""internal/cri/server/sandbox_run.go"""

OCICNI: dict[str, Any] = {
    "portMappings": PORTS,
    "bandwidth": RATES,
    "ipRanges": RANGES,
    "aliases": ["web"],
    "cgroupPath": "/kubepods.slice/pod1.slice",
    POD_ANNOTATIONS: {"a": "b"},
}
"""pkg/ocicni/ocicni.go, for CRI-O and others; CRI-O itself sets neither ipRanges nor aliases (server/sandbox_network.go)."""


def _passed_by_runtime(available: dict[str, Any]) -> dict[str, Any]:
    (plugin,) = json.loads(netattach_conf.text("1.0.0"))["plugins"]
    return {key: value for key, value in available.items() if plugin["capabilities"].get(key) is True}


@pytest.mark.parametrize("available", [CONTAINERD, OCICNI], ids=["containerd", "ocicni"])
def test_plugins_get_all_values_for_their_capabilities(available: dict[str, Any]) -> None:
    """Except the annotations, which are for netattach."""
    others = {key: value for key, value in available.items() if key != POD_ANNOTATIONS}
    plugins = [
        {"type": "all", "capabilities": dict.fromkeys(available, True)},
        {"type": "ranges", "capabilities": {"ipRanges": True, "mac": True}},
        {"type": "none", "capabilities": {"aliases": False}},
    ]
    text = json.dumps({"cniVersion": "1.0.0", "name": "cbr0", "plugins": plugins})
    environment = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_NETNS": "/n", "CNI_IFNAME": "eth0"}
    stdin = {"cniVersion": "1.0.0", "name": "netattach", "runtimeConfig": _passed_by_runtime(available)}

    call = cni_request.parse(environment, json.dumps(stdin).encode())
    made = attachment.of_default_network(call, Network("cbr0", text, "cbr0"))

    received = [
        json.loads(cni_config.plugin_stdin(made.config, each, made.runtime_config, {})).get("runtimeConfig")
        for each in made.config.plugins
    ]
    assert available == call.runtime_config
    ranges = {"ipRanges": RANGES} if "ipRanges" in available else None
    assert [others, ranges, None] == received


def test_the_shim_passes_the_same_without_the_daemon() -> None:
    plugin = {"type": "all", "capabilities": dict.fromkeys({**CONTAINERD, **OCICNI}, True)}
    text = json.dumps({"cniVersion": "1.0.0", "name": "cbr0", "plugins": [plugin]})

    chain = compiled_chain.default_network(
        Network("cbr0", text, "cbr0"), Source("", "", True, (), ""), plain=True
    )

    assert {*CONTAINERD, *OCICNI} - {POD_ANNOTATIONS} == set(chain.steps[0].capabilities)
