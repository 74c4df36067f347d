"""The tutorial's NADs, and common mistakes in NADs."""

from __future__ import annotations

import json
from typing import Any

from netattach_cli.demo.demo_node import DEFAULT_NIC, SECOND_NIC

GATEWAY = "10.0.3.1"


def nads() -> dict[str, dict[str, Any]]:
    """The CNI configs of the tutorial's NADs, by name."""
    return {
        "macvlan-conf": {
            "cniVersion": "0.3.0",
            "type": "macvlan",
            "master": SECOND_NIC,
            "mode": "bridge",
            "ipam": {**_host_local("10.0.3.100", "10.0.3.119"), "routes": [{"dst": "0.0.0.0/0"}]},
        },
        "bridge-conf": {
            "cniVersion": "0.3.1",
            "type": "bridge",
            "bridge": "mybr0",
            "ipam": {
                "type": "host-local",
                "subnet": "192.168.12.0/24",
                "rangeStart": "192.168.12.10",
                "rangeEnd": "192.168.12.200",
            },
        },
        "host-device": {
            "cniVersion": "0.3.1",
            "name": "host-device-main",
            "type": "host-device",
            "device": SECOND_NIC,
            "ipam": {"type": "dhcp"},
        },
        "ipvlan": {
            "cniVersion": "0.3.1",
            "name": "ipvlan-main",
            "type": "ipvlan",
            "mode": "l2",
            "master": SECOND_NIC,
            "ipam": _host_local("10.0.3.120", "10.0.3.139"),
        },
        "macvlan": {
            "cniVersion": "0.3.1",
            "name": "macvlan-main",
            "type": "macvlan",
            "mode": "bridge",
            "master": SECOND_NIC,
            "ipam": {"type": "static"},
        },
        "ipvlan-def": {
            "cniVersion": "0.3.1",
            "type": "ipvlan",
            "master": SECOND_NIC,
            "mode": "l2",
            "ipam": _host_local("10.0.3.140", "10.0.3.159"),
        },
    }


def without_ipvlan() -> dict[str, dict[str, Any]]:
    """The same for a kernel without ipvlan: the pods' network is macvlan-def instead of ipvlan-def."""
    all_nads = nads()
    macvlan = {**all_nads.pop("ipvlan-def"), "type": "macvlan", "mode": "bridge"}
    return {**all_nads, "macvlan-def": macvlan}


def mistakes() -> dict[str, str]:
    """The CNI configs of common mistakes, by name; each one is refused."""
    macvlan = {"cniVersion": "0.3.1", "type": "macvlan", "master": SECOND_NIC, "mode": "bridge"}
    bridge = nads()["bridge-conf"]
    outside = {**bridge["ipam"], "rangeStart": "192.168.21.10"}
    return {
        "master-is-default": _text({**macvlan, "master": DEFAULT_NIC}),
        "no-master": _text({"cniVersion": "0.3.1", "type": "macvlan", "mode": "bridge"}),
        "device-is-default": _text({"cniVersion": "0.3.1", "type": "host-device", "device": DEFAULT_NIC}),
        "no-such-plugin": _text({**macvlan, "type": "macvlann"}),
        "range-outside": _text({**bridge, "ipam": outside}),
        "trailing-comma": _text({"cniVersion": "0.3.1", "type": "bridge"}).replace('"bridge"', '"bridge",'),
    }


def nad_body(name: str, config: dict[str, Any] | str) -> dict[str, Any]:
    """A NAD as an API object."""
    text = config if isinstance(config, str) else _text(config)
    return {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"config": text},
    }


def _host_local(start: str, end: str) -> dict[str, Any]:
    return {
        "type": "host-local",
        "subnet": "10.0.3.0/24",
        "rangeStart": start,
        "rangeEnd": end,
        "gateway": GATEWAY,
    }


def _text(config: dict[str, Any]) -> str:
    return json.dumps(config, indent=2)
