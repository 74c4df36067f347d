"""host-local and static by the daemon, compared with the reference plugins 1.9.1.

For generated configs, stores and sequences of ADD and DEL, on twin directories: the same result or the same error, then the same
files with the same bytes and modes. On one of the twins the daemon and the plugin take turns. What `ipam.read` does not
understand is run by the plugin on both sides, as on a node; of what is valid by construction it understands everything.

The differences that are intended are in test_native_ipam_differences.py.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from netattach_core.cni import result as cni_result
from netattach_core.errors import NetattachError
from netattach_core.native import ipam
from netattach_core.native.host_local import HostLocal
from netattach_core.native.static import Static
from netattach_plugin.state.host_local_store import HostLocalStore
from support.ipam_plugins import Call, Outcome, Plugins, files

VERSIONS = ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
ARGS = "IgnoreUnknown=1;K8S_POD_NAME=p"
Draw = Callable[[st.SearchStrategy[Any]], Any]
JsonObject = dict[str, Any]

# Small ones, so that they run out of addresses; none overlaps another.
SUBNETS = {
    4: ["10.1.0.0/29", "10.1.0.8/30", "10.2.0.0/24", "192.168.0.0/28", "10.3.255.248/29", "255.255.255.0/24"],
    6: ["2001:db8::/125", "2001:db8:1::/64", "fd00:0:0:5::/126", "ffff:ffff::/120"],
}
VALID = settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.found()


@st.composite
def ranges(draw: Draw, subnet: str) -> JsonObject:
    """A range within the subnet; the gateway may be anywhere."""
    network = ip_network(subnet)
    hosts = st.integers(0, min(network.num_addresses, 64) - 1).map(lambda host: network[host])
    body: JsonObject = {"subnet": subnet}
    first, last = sorted((draw(hosts), draw(hosts)))
    default_end = network[-2] if network.version == 4 else network[-1]
    if draw(st.booleans()):
        body["rangeEnd"] = str(last)
    if draw(st.booleans()) and (body.get("rangeEnd") or int(first) <= int(default_end)):
        body["rangeStart"] = str(first)
    elif body.get("rangeEnd") == str(network[0]):
        del body["rangeEnd"]  # before the start that is the default
    if draw(st.booleans()):
        body["gateway"] = str(draw(hosts | st.sampled_from([ip_address("192.0.2.1"), ip_address("fd01::1")])))
    return body


@st.composite
def range_sets(draw: Draw) -> list[list[JsonObject]]:
    """One to three sets of one to three ranges; each subnet is in one set only."""
    unused = {family: list(draw(st.permutations(subnets))) for family, subnets in SUBNETS.items()}
    sets = []
    for _ in range(draw(st.integers(1, 3))):
        family = draw(st.sampled_from([each for each in unused if unused[each]]))
        count = min(draw(st.integers(1, 3)), len(unused[family]))
        sets.append([draw(ranges(unused[family].pop())) for _ in range(count)])
    return sets


ROUTES = st.lists(
    st.fixed_dictionaries(
        {"dst": st.sampled_from(["0.0.0.0/0", "10.9.1.2/8", "::/0", "2001:DB8::1/32", "10.0.0.0/08"])},
        optional={
            "gw": st.sampled_from(["10.1.0.1", "2001:db8::0:1"]),
            **{key: st.integers(0, 2000) for key in ("mtu", "advmss", "priority", "table", "scope")},
        },
    ),
    max_size=2,
)


@st.composite
def host_local_configs(draw: Draw) -> JsonObject:
    """Valid ones: the range sets are divided between the runtime, the old form with one range, and the list."""
    sets = draw(range_sets())
    section: JsonObject = {"type": "host-local"}
    config: JsonObject = {"cniVersion": draw(st.sampled_from(VERSIONS)), "name": "lan", "type": "macvlan"}
    offered = draw(st.integers(0, len(sets)))
    if offered:
        config["runtimeConfig"] = {"ipRanges": sets[:offered], "mac": "02:00:00:00:00:01"}
    rest = sets[offered:]
    if rest and len(rest[0]) == 1 and draw(st.booleans()):
        section |= rest.pop(0)[0]
    if rest or draw(st.booleans()):
        section["ranges"] = rest
    if draw(st.booleans()):
        section["routes"] = draw(ROUTES)
    return {**config, "ipam": section, **draw(st.sampled_from([{}, {"dns": 5, "master": "eth0"}]))}


def _sets(config: JsonObject) -> list[list[JsonObject]]:
    section = config["ipam"]
    own = [[section]] if "subnet" in section else []
    return [*config.get("runtimeConfig", {}).get("ipRanges", []), *own, *section.get("ranges", [])]


@st.composite
def addresses(draw: Draw, range_set: list[JsonObject]) -> str:
    """One that may be in the store or requested; mostly one of the set's."""
    network = ip_network(draw(st.sampled_from([each["subnet"] for each in range_set])))
    host = draw(st.integers(0, min(network.num_addresses, 16) - 1))
    return str(network[host]) if draw(st.integers(0, 19)) else "10.77.0.1"


@st.composite
def requested(draw: Draw, config: JsonObject) -> tuple[JsonObject, str]:
    """The config and CNI_ARGS of an ADD with requests for addresses, by each of the three ways.

    At most one of a range set: of several, host-local takes any and refuses the others, in the order of a map of Go, which is
    another one in each run (`main.go: cmdAdd`, `requestedIPs`).
    """
    asked = draw(st.permutations(_sets(config)))[: draw(st.integers(0, 2))]
    ips = sorted({draw(addresses(range_set)) for range_set in asked})
    if not ips:
        return config, ARGS
    way = draw(st.sampled_from(["capability", "args", "environment"]))
    if way == "environment":
        return config, f"{ARGS};IP={ips[0]}"
    if way == "args":
        return {**config, "args": {"cni": {"ips": [f"{ip}/32" for ip in ips], "labels": []}}}, ARGS
    return {**config, "runtimeConfig": {**config.get("runtimeConfig", {}), "ips": ips}}, ARGS


@dataclass(frozen=True)
class Step:
    """A call; `native`: by the daemon, where it understands the config."""

    call: Call
    native: bool


@st.composite
def steps(draw: Draw, config: JsonObject) -> Step:
    verb = draw(st.sampled_from(["ADD", "ADD", "ADD", "ADD", "DEL"]))
    body, args = draw(requested(config)) if verb == "ADD" else (config, ARGS)
    container = draw(st.sampled_from(["c1", "c2", "c3", "c4", "c5", "c6"]))
    ifname = draw(st.sampled_from(["net1", "net2"]))
    return Step(Call(verb, json.dumps(body), args, container, ifname), draw(st.integers(0, 3)) > 0)


@st.composite
def stores(draw: Draw, config: JsonObject) -> dict[str, str]:
    """Leases of both formats, last addresses also from other configs, and garbage."""
    owner = st.sampled_from(
        ["c1\r\nnet1", "c2\r\nnet1", "c2", "c9\r\nnet1", " c1\r\nnet2\n", "c1\nnet1", "", "\x00"]
    )
    any_address = st.sampled_from(_sets(config)).flatmap(addresses)
    store: dict[str, str] = draw(st.dictionaries(any_address, owner, max_size=4))
    for index in draw(st.sets(st.integers(0, 3), max_size=2)):
        store[f"last_reserved_ip.{index}"] = draw(any_address | st.sampled_from(["", "10.1.0.2\n", "x"]))
    garbage: dict[str, str] = draw(st.dictionaries(st.sampled_from(["x", "2001:DB8::2"]), owner, max_size=1))
    return store | garbage


@contextlib.contextmanager
def twins(content: Mapping[str, str]) -> Iterator[tuple[Path, Path]]:
    """Two stores with the same files in the network's directory, or none."""
    with TemporaryDirectory() as root:
        for name in ("ours", "theirs"):
            if content:
                (Path(root) / name / "lan").mkdir(parents=True)
            for file, text in content.items():
                path = Path(root) / name / "lan" / file
                path.touch(mode=0o600)
                path.write_bytes(text.encode())
        yield Path(root) / "ours", Path(root) / "theirs"


def _native(store: Path, call: Call) -> Outcome | None:
    """None for what the plugin's program has to run."""
    recipe = ipam.read(call.stdin, call.args)
    if recipe is None:
        return None
    try:
        if isinstance(recipe, Static):
            addressing = recipe.addressing
        elif call.verb == "DEL":
            HostLocalStore(store).release(recipe, call.container_id, call.ifname)
            return Outcome()
        else:
            addressing = HostLocalStore(store).allocate(recipe, call.container_id, call.ifname)
    except NetattachError as error:
        return Outcome(code=error.code, message=error.message)
    version = json.loads(call.stdin)["cniVersion"]
    return Outcome(json.loads(cni_result.dump(addressing.result(), version)))


def _has_leases(store: Path, call: Call) -> bool:
    """Before an ADD."""
    owners = {f"{call.container_id}\r\n{call.ifname}", call.container_id} if call.verb == "ADD" else set()
    return any(path.read_bytes().decode().strip() in owners for path in store.glob("lan/*"))


@VALID
@given(data=st.data())
def test_a_store_has_the_same_leases_whoever_writes_it(plugins: Plugins, data: st.DataObject) -> None:
    """Results, errors, files, bytes and modes, after each call of a sequence."""
    config = data.draw(host_local_configs())
    assert isinstance(ipam.read(json.dumps(config), ARGS), HostLocal)
    content = data.draw(st.just({}) | stores(config))
    with twins(content) as (ours, theirs):
        for step in data.draw(st.lists(steps(config), min_size=3, max_size=12)):
            if len(_sets(config)) > 1 and _has_leases(theirs, step.call):
                continue  # a failed ADD would release them, which is one of the differences
            native = _native(ours, step.call) if step.native else None
            found = native or plugins.run(step.call, ours)

            assert native or not step.native or found.code, "what host-local grants is understood"
            assert plugins.run(step.call, theirs) == found
            assert files(theirs) == files(ours)


@VALID
@given(data=st.data())
def test_most_requests_for_addresses_are_understood(plugins: Plugins, data: st.DataObject) -> None:
    """All that host-local grants on an empty store."""
    config = data.draw(host_local_configs())
    body, args = data.draw(requested(config))
    call = Call("ADD", json.dumps(body), args)
    with twins({}) as (ours, theirs):
        expected = plugins.run(call, theirs)
        if expected.result is not None:
            assert expected == _native(ours, call)


@st.composite
def static_configs(draw: Draw) -> tuple[JsonObject, str]:
    """Valid ones, with CNI_ARGS."""
    cidrs = st.sampled_from(["10.1.0.5/24", "10.1.0.6/24", "10.2.0.5/8", "2001:DB8::5/64", "10.1.0.5/032"])
    ips = st.sampled_from(["10.1.0.1", "2001:db8::1", "10.1.0.2", "192.0.2.1"])
    address = st.fixed_dictionaries({"address": cidrs}, optional={"gateway": ips})
    texts = st.lists(st.sampled_from(["10.0.0.10", "a.example", "", "<&>é"]), max_size=2)
    dns = {
        "nameservers": texts,
        "search": texts,
        "options": texts,
        "domain": st.sampled_from(["", "a.example"]),
    }
    sections = {
        "addresses": st.lists(address, max_size=3),
        "routes": ROUTES,
        "dns": st.fixed_dictionaries({}, optional=dns),
    }
    section = draw(st.fixed_dictionaries({"type": st.just("static")}, optional=sections))
    config = {"cniVersion": draw(st.sampled_from(VERSIONS)), "name": "lan", "ipam": section}
    wanted = st.fixed_dictionaries({}, optional={"ips": st.lists(cidrs, max_size=2), "mac": st.just("x")})
    more = {"runtimeConfig": wanted, "args": st.fixed_dictionaries({}, optional={"cni": wanted})}
    environment = {"IP": st.lists(cidrs).map(", ".join), "GATEWAY": st.lists(ips).map(",".join)}
    args = draw(st.fixed_dictionaries({}, optional=environment))
    text = ";".join([ARGS, *(f"{key}={value}" for key, value in args.items())])
    return config | draw(st.fixed_dictionaries({}, optional=more)), text


@VALID
@given(drawn=static_configs())
def test_static_answers_the_same(plugins: Plugins, drawn: tuple[JsonObject, str]) -> None:
    config, args = drawn
    assert isinstance(ipam.read(json.dumps(config), args), Static)
    with twins({}) as (ours, theirs):
        call = Call("ADD", json.dumps(config), args)
        assert plugins.run(call, theirs) == _native(ours, call)


ODD: Sequence[Any] = (
    None, True, 0, -1, 5, 1.0, "", "x", "10.1.0.3", "10.1.0.0/24", "10.1.0.1/24", "::/64", "::ffff:10.1.0.0/120",
    "::ffff:10.1.0.3", "2001:db8::9", "fe80::1%eth0", "10.1.0.0/33", "010.1.0.3", [], {}, [[]], [None], ["10.1.0.4"],
)  # fmt: skip


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _paths(each, (*path, key))


@st.composite
def spoilt(draw: Draw, config: JsonObject) -> str:
    """The config with a value, a key or a repetition that nobody expects."""
    config = json.loads(json.dumps(config))
    path = draw(
        st.sampled_from([each for each in _paths(config) if each[0] in ("ipam", "runtimeConfig", "args")])
    )
    place: Any = config
    for key in path[:-1]:
        place = place[key]
    key = path[-1]
    change = draw(st.sampled_from(["value", "case", "twice", "unknown"]))
    if change == "value" or isinstance(place, list):
        place[key] = draw(st.sampled_from(ODD))
    elif change == "case":
        place[draw(st.sampled_from([key.upper(), key.capitalize(), key.replace("s", "\u017f")]))] = place.pop(
            key
        )
    elif change == "twice":
        odd = json.dumps(draw(st.sampled_from(ODD)))
        return json.dumps(config).replace(f'"{key}":', f'"{key}": {odd}, "{key}":', 1)
    else:
        place[draw(st.sampled_from(["Name", "exclude", "resolvConf", "Version", "ips"]))] = draw(
            st.sampled_from(ODD)
        )
    return json.dumps(config)


@settings(VALID, max_examples=200)
@given(data=st.data())
def test_what_is_understood_is_understood_as_the_plugin_does(plugins: Plugins, data: st.DataObject) -> None:
    """Spoilt configs: the daemon leaves them to the plugin, or they mean the same to both."""
    config, args = data.draw(static_configs() | host_local_configs().flatmap(requested))
    call = Call("ADD", data.draw(spoilt(config)), args)
    with twins({}) as (ours, theirs):
        found = _native(ours, call)
        if found is not None:
            assert plugins.run(call, theirs) == found
            assert files(theirs) == files(ours)


THREADS = 8
PODS = 12


def test_no_address_is_given_twice_by_the_daemon_and_the_plugin_at_once(
    plugins: Plugins, tmp_path: Path
) -> None:
    """Processes of the plugin and threads of the daemon on one store, then the DEL of all."""
    section = {"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "2001:db8::/64"}]]}
    stdin = json.dumps({"cniVersion": "1.0.0", "name": "lan", "ipam": section})
    recipe = ipam.read(stdin, "")
    assert isinstance(recipe, HostLocal)
    store, begin = HostLocalStore(tmp_path), threading.Barrier(2 * THREADS)

    def by_plugin(thread: int, verb: str) -> list[str]:
        calls = [Call(verb, stdin, ARGS, f"theirs{thread}-{pod}") for pod in range(PODS)]
        begin.wait()
        return [
            ip["address"]
            for call in calls
            for ip in (plugins.run(call, tmp_path).result or {}).get("ips", [])
        ]

    def by_daemon(thread: int, verb: str) -> list[str]:
        pods = [f"ours{thread}-{pod}" for pod in range(PODS)]
        begin.wait()
        if verb == "ADD":
            return [ip.address for pod in pods for ip in store.allocate(recipe, pod, "net1").ips]
        for pod in pods:
            store.release(recipe, pod, "net1")
        return []

    with ThreadPoolExecutor(2 * THREADS) as pool:
        for verb in ("ADD", "DEL"):
            runs = [
                pool.submit(run, thread, verb) for thread in range(THREADS) for run in (by_plugin, by_daemon)
            ]
            found = [address for each in runs for address in each.result()]
            if verb == "ADD":
                assert 2 * THREADS * PODS * 2 == len(set(found)) == len(found)

    assert {"last_reserved_ip.0", "last_reserved_ip.1", "lock"} == {
        p.name for p in (tmp_path / "lan").iterdir()
    }
