"""The decision that a plugin has nothing to do, compared with the plugin's program.

Whatever is left out must do nothing: for generated configs, values of the runtime and previous results, the real portmap and
bandwidth succeed on ADD and DEL, print the previous result, and change neither the node nor the pod. What is not left out may do
anything.

One difference is intended: a program prints what its CNI library knows, in that library's words (`pkg/types/100/types.go`: struct
Result). Left out, the previous plugin's result stays as it is, as at the end of a chain. So the first result is compared by its
meaning, and what the program has printed once it prints again key for key.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from netattach_core.attach import idle_plugins
from netattach_core.cni import config as cni_config
from netattach_core.cni import result as cni_result
from netattach_core.cni import versions
from netattach_core.cni.config import NetworkConfig
from support import require
from support.node import CnitoolNode, NodePod

EXAMPLES = 40
SAMPLES = ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
STATE = """
links() { ip -oneline link | sed 's/ state .*//; s/<[^>]*>//'; ip -oneline address show scope global | sed 's/ tentative//'; }
links; ip -4 route show table all; ip -6 route show default; ip rule; tc qdisc; nft list ruleset
cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null; cat /proc/sys/net/ipv4/conf/*/route_localnet
ip -netns "$1" -oneline address show scope global | sed 's/ tentative//'
ip -netns "$1" -4 route show table all; tc -netns "$1" qdisc
"""

Draw = Callable[[st.SearchStrategy[Any]], Any]
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 13, 31, 32, -1, 1.0, "", "iptables", "nftables", "x", [], {}]
)
KEYS: dict[str, tuple[str, ...]] = {
    "portmap": ("snat", "masqAll", "markMasqBit", "backend", "SNAT", "externalSetMarkChain", "conditionsV4"),
    "bandwidth": ("ingressRate", "ingressBurst", "egressRate", "EgressBurst"),
}
COMMON = ("ipam", "dns", "args", "runtimeConfig", "prevResult", "RuntimeConfig", "unknown")
OFFERED: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["portMappings", "bandwidth", "PortMappings", "ips", "mac"]),
    st.sampled_from([None, [], {}, "", [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]]),
    max_size=3,
)
CAPABILITIES = st.dictionaries(
    st.sampled_from(["portMappings", "bandwidth", "PORTMAPPINGS", "Bandwidth", "ips"]),
    st.booleans(),
    max_size=3,
)
LIKELY: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "portmap": st.fixed_dictionaries(
        {},
        optional={
            "snat": st.booleans(),
            "masqAll": st.booleans(),
            "markMasqBit": st.integers(0, 31),
            "backend": st.sampled_from(["iptables", "nftables"]),
            "capabilities": CAPABILITIES,
            "runtimeConfig": st.just(5),
            "PREVRESULT": st.just([]),
        },
    ),
    "bandwidth": st.fixed_dictionaries({}, optional={"capabilities": CAPABILITIES}),
}

V4 = st.sampled_from(["10.1.2.3/24", "192.0.2.1/32", "10.1.2.4/0"])
V6 = st.sampled_from(["fd00::2/64", "2001:DB8::1/128"])
INTERFACES = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["eth0", "cbr0", "veth1"])},
        optional={"mac": st.just("02:00:00:00:00:01"), "sandbox": st.sampled_from(["", "/run/netns/x"])},
    ),
    max_size=3,
)
ROUTES = st.lists(
    st.sampled_from(
        [{"dst": "0.0.0.0/0", "gw": "10.1.2.1"}, {"dst": "10.0.0.0/8"}, {"dst": "::/0", "gw": "fd00::1"}]
    ),
    max_size=2,
)
DNS = st.fixed_dictionaries(
    {},
    optional={
        "nameservers": st.just(["10.0.0.10"]),
        "domain": st.just("a"),
        "search": st.just(["b", "c"]),
        "options": st.just([]),
    },
)


@st.composite
def networks(draw: Draw, kind: str) -> NetworkConfig:
    """A chain with the plugin as its second; most of them are such as may be idle."""
    strange = st.dictionaries(st.sampled_from((*KEYS[kind], *COMMON)), VALUES, max_size=1)
    plugin = {"type": kind, **draw(LIKELY[kind]), **draw(st.just({}) | strange)}
    body = {
        "cniVersion": draw(st.sampled_from(SAMPLES)),
        "name": "n",
        "plugins": [{"type": "bridge"}, plugin],
    }
    return cni_config.parse(json.dumps(body))


@st.composite
def results(draw: Draw, version: str) -> str:
    """A result of the version, as a plugin may print it."""
    interfaces = draw(INTERFACES)
    ips = []
    for address in draw(st.lists(V4 | V6, max_size=3)):
        entry: dict[str, Any] = {"address": address}
        if not versions.at_least(version, "1.0.0"):
            entry["version"] = "6" if ":" in address else "4"
        if interfaces and draw(st.booleans()):
            entry["interface"] = draw(st.integers(0, len(interfaces) - 1))
        if draw(st.booleans()):
            entry["gateway"] = "fd00::1" if ":" in address else "10.1.2.1"
        ips.append(entry)
    body = {
        "cniVersion": version,
        "interfaces": interfaces,
        "ips": ips,
        "routes": draw(ROUTES),
        "dns": draw(DNS),
    }
    return json.dumps({key: value for key, value in body.items() if value or draw(st.booleans())})


class Program:
    """A plugin's program on the node, for one pod."""

    def __init__(self, node: CnitoolNode, pod: NodePod, kind: str) -> None:
        self._node, self._pod, self._kind = node, pod, kind

    def run(self, verb: str, stdin: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": "c1",
            "CNI_NETNS": self._pod.netns,
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(self._node.stage.paths.bin_dir),
        }
        program = self._node.stage.paths.bin_dir / self._kind
        return self._node.stage.run(program, env=environment, stdin=stdin, check=False)

    def state(self) -> str:
        """What a plugin could change; without what the kernel changes by itself, such as a link's state or timers."""
        return self._node.stage.run("sh", "-c", STATE, "sh", self._pod.name).stdout


@pytest.fixture(scope="module", params=["portmap", "bandwidth"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def program(node: CnitoolNode, kind: str) -> Iterator[Program]:
    """For a pod that is attached to the default network."""
    for command in ("iptables", "nft", "tc"):
        require.command(command)
    with node.pod() as pod:
        node.add(pod)
        yield Program(node, pod, kind)
        node.delete(pod)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(data=st.data())
def test_what_is_left_out_would_have_done_nothing(program: Program, kind: str, data: st.DataObject) -> None:
    """ADD and DEL: exit status, result, links, addresses, routes, rules of the firewall, queueing disciplines, sysctls."""
    network = data.draw(networks(kind))
    offered = data.draw(OFFERED)
    assume(idle_plugins.is_idle(network, 1, offered))
    previous = data.draw(results(network.cni_version))
    stdin = cni_config.plugin_stdin(network, network.plugins[1], offered, {})
    before = program.state()

    added = program.run("ADD", cni_config.with_previous(stdin, previous))
    assert 0 == added.returncode, added.stdout
    again = program.run("ADD", cni_config.with_previous(stdin, added.stdout))
    deleted = program.run("DEL", cni_config.with_previous(stdin, added.stdout))
    unchained = program.run("DEL", stdin)

    parsed = [cni_result.parse(text, network.cni_version) for text in (previous, added.stdout)]
    assert parsed[0] == parsed[1]
    assert json.loads(added.stdout) == json.loads(again.stdout)
    assert (0, "", 0, "") == (deleted.returncode, deleted.stdout, unchained.returncode, unchained.stdout)
    assert before == program.state()


def test_a_program_still_forgets_what_its_library_does_not_know(program: Program) -> None:
    """The intended difference: `pkg/types/100/types.go: NewResult` reads into a struct."""
    stdin = '{"cniVersion":"1.0.0","name":"n","type":"portmap","prevResult":{"cniVersion":"1.0.0","x":1}}'

    assert "x" not in json.loads(program.run("ADD", stdin).stdout)


@pytest.mark.parametrize("body", [{"ips": [{"address": "10.1.2.3"}]}, {"cniVersion": "9.9.9"}, {"ips": 5}])
def test_a_previous_result_that_the_program_refuses_is_refused_before_it(
    program: Program, body: dict[str, Any]
) -> None:
    """`libcni/api.go`: prevResult is parsed; netattach parses the result of the plugin that printed it."""
    text = json.dumps({"cniVersion": "1.0.0", **body})
    stdin = f'{{"cniVersion":"1.0.0","name":"n","type":"portmap","prevResult":{text}}}'

    assert 0 != program.run("ADD", stdin).returncode
    with pytest.raises(Exception, match=r"address|9\.9\.9|ips"):
        cni_result.parse(text, "1.0.0")
