"""What policy refuses stays refused in every other spelling that Go reads as the same, and no text makes a check fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core import plugins
from netattach_core.api.inventory import DefaultInterface, Interface, NetworkFile, NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.plugins.plugin import Plugin
from netattach_core.policy import networks
from netattach_core.policy.case import Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import AllowLists, Level
from netattach_core.validation.settings import ClusterNetworks

NODE = NodeInventory(
    "worker-1",
    interfaces=(
        Interface(
            "eth0",
            mac="02:00:5e:10:00:0a",
            alt_names=("enp0s3",),
            addresses=("192.0.2.7/24",),
            device_path="/sys/devices/pci0000:00/0000:00:03.0",
        ),
        Interface("eth1"),
    ),
    default_interfaces=(DefaultInterface("eth0", ("carries the IPv4 default route",)),),
    networks=(NetworkFile("10-cbr0.conflist", "cbr0"),),
)
AROUND = Surroundings((NODE,), ClusterNetworks(services=("10.96.0.0/12",), pods=("10.244.0.0/16",)))
BASELINE = NamespacePolicy("lab", enforce=Level.BASELINE, pod_security=Level.BASELINE)
LISTS = AllowLists(
    ("macvlan", "bridge"), ("static",), ("eth1",), ("br-t-*",), ("10.50.0.0/16",), ("net.ipv4.*",)
)
RESTRICTED = NamespacePolicy("lab", enforce=Level.RESTRICTED, allowed=LISTS)


def static(address: str) -> dict[str, Any]:
    return {"type": "static", "addresses": [{"address": address}]}


REFUSED: list[tuple[NamespacePolicy, dict[str, Any]]] = [
    *(
        (BASELINE, config)
        for config in (
            {"type": "macvlan", "master": "eth0"},
            {"type": "macvlan"},
            {"type": "ipvlan", "master": "enp0s3"},
            {"type": "host-device", "hwaddr": "02:00:5e:10:00:0a"},
            {"type": "host-device", "pciBusID": "0000:00:03.0"},
            {"type": "bond", "links": [{"name": "eth0"}, {"name": "eth1"}]},
            {"type": "flannel", "delegate": {"type": "macvlan", "master": "eth0"}},
            {"type": "other", "nested": [{"master": "eth0"}]},
            {"type": "ptp", "ipam": static("10.96.0.1/12")},
            {"type": "ptp", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.3.0/24"}]]}},
            {"type": "bridge", "bridge": "br9", "isGateway": True, "ipam": static("192.0.2.99/24")},
            {"type": "bridge", "bridge": "br9", "isDefaultGateway": True, "ipam": static("10.96.0.1/12")},
            {"type": "bridge", "bridge": "br9", "ipMasq": True, "ipam": static("10.96.0.1/12")},
            {"type": "flannel", "delegate": {"type": "ptp", "ipam": static("10.96.0.1/12")}},
            {"type": "tuning", "sysctl": {"net.core.rmem_max": "1"}},
            {"type": "tuning", "args": {"cni": {"sysctl": {"net.core.rmem_max": "1"}}}},
            {"type": "tuning", "dataDir": "/etc/cron.d"},
            {"type": "macvlan", "master": "eth1", "ipam": {"type": "host-local", "dataDir": "/etc/x"}},
            {"type": "macvlan", "master": "eth1", "ipam": {"type": "whereabouts", "log_file": "/etc/x.log"}},
            {"type": "other", "deep": {"deeper": ["/etc/shadow"]}},
            {"type": "portmap", "conditionsV4": ["--modprobe=/tmp/x"]},
            {"type": "portmap", "externalSetMarkChain": "OTHER"},
            {"type": "portmap", "markMasqBit": 5},
            {"type": "firewall", "iptablesAdminChainName": "INPUT"},
            {"type": "firewall", "ingressPolicy": "same-bridge"},
            {"type": "flannel", "delegate": {"runtimeConfig": {"portMappings": [{"hostPort": 80}]}}},
            {"type": "sriov", "deviceID": "../x"},
            {"type": "calico", "kubernetes": {"k8s_api_root": "http://192.0.2.66"}},
            {"name": "cbr0", "type": "macvlan", "master": "eth1", "ipam": {"type": "host-local"}},
            {"plugins": [{"type": "tuning"}] * 17},
            {"plugins": [{"type": "bandwidth"}, {"type": "macvlan", "master": "eth0"}]},
        )
    ),
    *(
        (RESTRICTED, config)
        for config in (
            {"type": "ptp"},
            {"type": "macvlan", "master": "eth1", "ipam": {"type": "dhcp"}},
            {"type": "macvlan", "master": "eth9"},
            {"type": "bridge", "bridge": "br9"},
            {"type": "bridge"},
            {"type": "bridge", "bridge": "br-t-1", "ipam": static("10.51.0.1/16")},
            {"type": "macvlan", "master": "eth1", "sysctl": {"net.core.somaxconn": "1"}},
        )
    ),
]
"""Configurations that policy refuses, at least one for each rule."""


def refused(policy: NamespacePolicy, text: str) -> set[str]:
    found = networks.check(Nad("lab", "net", text), policy, AROUND)
    return {each.rule.id for each in found}


def in_full(config: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "net", **config}


@pytest.mark.parametrize(("policy", "config"), REFUSED)
def test_each_configuration_of_the_list_is_refused(policy: NamespacePolicy, config: dict[str, Any]) -> None:
    assert refused(policy, json.dumps(in_full(config)))


EXACT = frozenset({"plugins", "sysctl", "delegate"})
"""Keys that keep their spelling, and those inside `sysctl` and `delegate`, which Go reads into a map: `plugins` is read by the
daemon, in exactly this case."""

_ALIKE = {"s": "sS\u017f", "k": "kK\u212a"}
_LIGATURES = {"st": "\ufb06", "ss": "ß", "fi": "\ufb01", "ff": "\ufb00"}

Draw = Callable[[st.SearchStrategy[Any]], Any]


def respelt_key(key: str, draw: Draw) -> str:
    """The key in another case, also by the two characters outside of ASCII that Go folds into it."""
    return "".join(
        draw(st.sampled_from(_ALIKE.get(char.lower(), char.lower() + char.upper()))) for char in key
    )


def quoted(text: str, draw: Draw) -> str:
    """A string of JSON with some of its characters as escapes."""
    escape = draw(st.sets(st.integers(0, max(len(text) - 1, 0)), max_size=4))
    parts = (
        f"\\u{ord(char):04x}" if index in escape else json.dumps(char, ensure_ascii=False)[1:-1]
        for index, char in enumerate(text)
    )
    return f'"{"".join(parts)}"'


DECOYS = (
    "null",
    '"eth1"',
    '"open"',
    '"bandwidth"',
    '"10.50.0.9/16"',
    "false",
    "true",
    "[]",
    "{}",
    "[{}]",
    "13",
)


def respelt(value: Any, draw: Draw, *, exact: bool = False) -> str:
    """JSON that Go reads as the same value."""
    blank = str(draw(st.sampled_from(["", " ", "\n\t"])))
    if isinstance(value, dict):
        members = [
            member for key, inner in value.items() for member in _members(key, inner, draw, exact=exact)
        ]
        return blank + "{" + ",".join(members) + blank + "}"
    if isinstance(value, list):
        return "[" + ",".join(respelt(item, draw, exact=exact) for item in value) + "]" + blank
    return blank + (quoted(value, draw) if isinstance(value, str) else json.dumps(value))


def _members(key: str, value: Any, draw: Draw, *, exact: bool) -> list[str]:
    """The member, perhaps with others that it overrides, or that Go does not take for the same key."""
    keep = exact or key in EXACT
    written = key if keep else respelt_key(key, draw)
    inner = respelt(value, draw, exact=exact or key in EXACT - {"plugins"})
    members = [f"{quoted(written, draw)}:{inner}"]
    if keep:
        return members
    if isinstance(value, str) and draw(st.booleans()):  # the last one counts, whatever its spelling
        members.insert(0, f"{quoted(respelt_key(key, draw), draw)}:{draw(st.sampled_from(DECOYS[:5]))}")
    if isinstance(value, str | bool | int) and draw(st.booleans()):  # null changes nothing
        members.append(f"{quoted(respelt_key(key, draw), draw)}:null")
    if isinstance(value, list) and draw(
        st.booleans()
    ):  # null in an existing list leaves its items as they are
        members.append(f"{quoted(respelt_key(key, draw), draw)}:[{{}}]" if _of_objects(value) else members[0])
    for letters, ligature in _LIGATURES.items():
        if letters in key:
            other = key.replace(letters, ligature)
            members.append(f"{json.dumps(other, ensure_ascii=False)}:{draw(st.sampled_from(DECOYS))}")
    return members


def _of_objects(value: list[Any]) -> bool:
    return len(value) == 1 and isinstance(value[0], dict)


@given(st.sampled_from(REFUSED), st.data())
def test_what_is_refused_stays_refused_in_each_spelling(
    chosen: tuple[NamespacePolicy, dict[str, Any]], data: st.DataObject
) -> None:
    policy, config = chosen
    plain = refused(policy, json.dumps(in_full(config)))
    text = respelt(in_full(config), data.draw)

    assert plain <= refused(policy, text), text


KEYS = sorted(
    {key for plugin in plugins.PLUGINS for key in plugin.schema["properties"]}
    | {"type", "ipam", "plugins", "name", "capabilities", "args", "cni", "links", "address", "runtimeConfig"}
    | {"TYPE", "Ipam", "MASTER", "portMappings", "deviceID", "a/../b"}
)
WORDS = [
    "eth0",
    "eth1",
    "",
    "10.96.0.1",
    "10.96.0.0/12",
    "::/0",
    "/etc/x",
    "a/../b",
    "net.core.x",
    "\0",
    "\ud800",
    "-",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([*WORDS, *(plugin.type for plugin in plugins.PLUGINS)])
    | st.text(max_size=4)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=30,
)
POLICIES = st.sampled_from([BASELINE, RESTRICTED, NamespacePolicy("lab", enforce=Level.RESTRICTED)])


@given(
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8),
    POLICIES,
    st.sampled_from([AROUND, Surroundings()]),
)
def test_no_configuration_makes_a_check_fail(
    config: dict[str, Any], policy: NamespacePolicy, around: Surroundings
) -> None:
    text = json.dumps(config)

    for finding in networks.check(Nad("lab", "net", text), policy, around):
        assert finding.problem
        assert finding.fix
        assert finding.offset is None or 0 <= finding.offset <= len(text)


@given(st.sampled_from(plugins.PLUGINS), st.data(), POLICIES)
def test_no_value_under_a_plugins_own_keys_makes_a_check_fail(
    plugin: Plugin, data: st.DataObject, policy: NamespacePolicy
) -> None:
    own = {
        "type": plugin.type,
        **data.draw(st.dictionaries(st.sampled_from(sorted(plugin.schema["properties"]) or ["x"]), VALUES)),
    }
    for config in (
        own,
        {"type": "ptp", "ipam": own},
        {"type": "flannel", "delegate": own},
        {"plugins": [own, own]},
    ):
        networks.check(Nad("lab", "net", json.dumps(config)), policy, AROUND)


@given(st.text(max_size=40))
def test_no_text_makes_a_check_fail(text: str) -> None:
    for config in (text, f'{{"type":"{text}"}}', f'{{"type":"macvlan","master":"{text}"}}'):
        networks.check(Nad("lab", "net", config), BASELINE, AROUND)
