"""Devices for a pod's networks: as many as it attaches and lacks, in one container, and nothing else changes."""

from __future__ import annotations

import copy
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.api.nad import RESOURCE_NAME, Nad
from netattach_core.api.networks_annotation import DEVICE_CONTAINER
from netattach_core.mutation import device_requests, quantity
from netattach_core.mutation.device_requests import DeviceChange
from support.json_patches import applied

VF, OTHER = "intel.com/sriov", "mellanox.com/vf"


def nad(resource: str = VF, name: str = "net") -> Nad:
    return Nad("lab", name, '{"type": "sriov"}', {RESOURCE_NAME: resource} if resource else {})


def pod(
    *containers: dict[str, Any], annotations: Any = None, labels: Any = None, **spec: Any
) -> dict[str, Any]:
    named = [{"name": f"c{index}", **each} for index, each in enumerate(containers or ({},))]
    metadata = {"annotations": annotations or {}, "labels": labels or {}}
    return {"metadata": metadata, "spec": {"containers": named, **spec}}


def both(**resources: str) -> dict[str, Any]:
    """Requests and limits, with the names' underscores as slashes."""
    counts = {name.replace("__", "/").replace("_", "."): count for name, count in resources.items()}
    return {"resources": {"requests": dict(counts), "limits": dict(counts)}}


def changed(body: dict[str, Any], *nads: Nad) -> dict[str, Any]:
    return applied(body, device_requests.plan(body, nads).operations)


def resources(body: dict[str, Any], index: int = 0, kind: str = "containers") -> Any:
    return body["spec"][kind][index].get("resources")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_each_attachment_gets_a_device(count: int) -> None:
    body = pod({"resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}, "claims": []}}, {})

    after = changed(body, *[nad()] * count)

    devices = {VF: str(count)} if count else {}
    assert {
        "requests": {"cpu": "1", **devices},
        "limits": {"memory": "1Gi", **devices},
        "claims": [],
    } == resources(after)
    assert None is resources(after, 1)
    assert after == changed(after, *[nad()] * count)


def test_devices_of_several_resources() -> None:
    assert both(intel_com__sriov="2", mellanox_com__vf="1")["resources"] == resources(
        changed(pod(), nad(), nad(OTHER), nad(""), nad())
    )


@pytest.mark.parametrize(
    ("container", "added"),
    [
        (both(intel_com__sriov="1"), 1),
        (both(intel_com__sriov="2"), 0),
        (both(intel_com__sriov="3"), 0),
        ({"resources": {"limits": {VF: "2"}}}, 0),
        ({"resources": {"limits": {VF: 2}}}, 0),
        ({"resources": {"requests": {VF: "2e0"}, "limits": {VF: "2000m"}}}, 0),
        ({"resources": {"limits": {VF: "1k"}}}, 0),
        ({"resources": None}, 2),
        ({"resources": {"requests": None}}, 2),
    ],
)
def test_what_the_pod_requests_itself_counts(container: dict[str, Any], added: int) -> None:
    change = device_requests.plan(pod(container), [nad(), nad()])

    assert added == change.added.get(VF, 0)
    assert bool(added) == bool(change.operations)


def test_requests_of_other_containers_count() -> None:
    """The kubelet gives the devices of all containers to the pod's networks."""
    sidecar = {"name": "s", "restartPolicy": "Always", **both(intel_com__sriov="1")}
    body = pod({}, both(intel_com__sriov="1"), initContainers=[sidecar])

    assert DeviceChange() == device_requests.plan(body, [nad(), nad()])
    assert {VF: 1} == device_requests.plan(body, [nad()] * 3).added


def test_the_requests_of_an_init_container_do_not_count() -> None:
    """It ends before the pod's containers start, and the kubelet does not report its devices."""
    body = pod(initContainers=[{"name": "i", **both(intel_com__sriov="1")}])

    assert {VF: 1} == device_requests.plan(body, [nad()]).added


def test_an_annotation_chooses_the_container() -> None:
    body = pod({}, {}, annotations={DEVICE_CONTAINER: "c1"})

    after = changed(body, nad())

    assert None is resources(after)
    assert {"requests": {VF: "1"}, "limits": {VF: "1"}} == resources(after, 1)


def test_the_annotation_may_choose_a_sidecar() -> None:
    sidecar = {"name": "s", "restartPolicy": "Always"}
    body = pod(annotations={DEVICE_CONTAINER: "s"}, initContainers=[{"name": "i"}, sidecar])

    assert {"requests": {VF: "1"}, "limits": {VF: "1"}} == resources(
        changed(body, nad()), 1, "initContainers"
    )


@pytest.mark.parametrize("name", ["c7", "i", "x" * 1000, "C0"])
def test_a_container_that_does_not_exist_is_reported_and_nothing_is_added(name: str) -> None:
    """A later webhook may add it, and then this one is called again."""
    body = pod(annotations={DEVICE_CONTAINER: name}, initContainers=[{"name": "i"}])

    change = device_requests.plan(body, [nad()])

    assert () == change.operations
    (problem,) = change.problems
    assert problem.startswith(f"{DEVICE_CONTAINER} is '{name[:60]}")
    assert len(problem) < 250


def test_a_virtual_machine_has_its_devices_in_the_container_compute() -> None:
    """KubeVirt 1.9 leaves the requests to others."""
    labels = {"kubevirt.io": "virt-launcher"}
    machine = pod({"name": "guest-console-log"}, {"name": "compute"}, labels=labels)
    ordinary = pod({"name": "app"}, {"name": "compute"})

    assert "compute" == device_requests.plan(machine, [nad()]).container
    assert "app" == device_requests.plan(ordinary, [nad()]).container
    assert "only" == device_requests.plan(pod({"name": "only"}, labels=labels), [nad()]).container


def test_a_resource_without_devices_counts() -> None:
    """KubeVirt marks the nodes that have a bridge by one."""
    bridge = Nad("lab", "br", '{"type": "bridge"}', {RESOURCE_NAME: "bridge.network.kubevirt.io/br1"})

    assert {"bridge.network.kubevirt.io/br1": 1} == device_requests.plan(pod(), [bridge]).added


LEFT_ALONE = {
    "in the node's network": pod(hostNetwork=True),
    "a mirror of a static pod": pod(annotations={"kubernetes.io/config.mirror": "x"}),
    "with resource claims": pod(resourceClaims=[{"name": "nic"}]),
    "without containers": {"metadata": {}, "spec": {"containers": []}},
    "without a spec": {"metadata": {}},
    "containers that are no list": {"spec": {"containers": {"a": 1}}},
    "resources that are no object": pod({"resources": ["x"]}),
    "requests that are no object": pod({"resources": {"requests": "x"}}),
    "limits that are no object": pod({"resources": {"limits": ["x"]}}),
    "a negative request": pod({"resources": {"limits": {VF: "-1"}}}),
    "a request that is no number": pod({"resources": {"requests": {VF: "many"}}}),
    "half a device": pod({"resources": {"requests": {VF: "500m"}}}),
    "a request without end": pod({"resources": {"requests": {VF: "9" * 5000}}}),
    "containers without end": pod(*[{}] * 501),
}


@pytest.mark.parametrize("body", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_a_pod_that_gets_no_devices_or_will_be_refused_is_left_alone(body: dict[str, Any]) -> None:
    assert DeviceChange() == device_requests.plan(body, [nad()])


@pytest.mark.parametrize(
    "resource",
    [
        *("memory", "cpu", "hugepages-2Mi", "ephemeral-storage", "kubernetes.io/vf", "x.kubernetes.io/vf"),
        *("requests.x/vf", "/vf", "x/", "x/a/b", "x/-vf", "x/vf-", "X/vf", "x..y/vf", "x y/vf", "x/v f"),
        *("x/ö", "x/vf\n", "x/" + "v" * 64, "x" * 245 + "/vf", "~1/vf", "x/~0", " x/vf"),
    ],
)
def test_a_name_that_is_no_devices_is_reported_and_not_requested(resource: str) -> None:
    """A network must not limit the memory of a container, and a name that the API server refuses would prevent the pod."""
    change = device_requests.plan(pod(), [nad(resource), nad(resource), nad()])

    assert {VF: 1} == change.added
    (problem,) = change.problems
    assert problem.startswith(RESOURCE_NAME)
    assert len(problem) < 300


@pytest.mark.parametrize("resource", ["x/v", "a.b-c.d/V.f_1", "devices.kubevirt.io/kvm", "x" * 63 + "/vf"])
def test_the_name_of_an_extended_resource(resource: str) -> None:
    after = changed(pod(), nad(resource))

    assert {resource: "1"} == resources(after)["limits"]


def _injector(body: dict[str, Any], nads: list[Nad], *, honour: bool = False) -> dict[str, Any]:
    """As network-resources-injector does it (`pkg/webhook/webhook.go`: createResourcePatch, updateResourcePatch)."""
    after = copy.deepcopy(body)
    containers = after["spec"]["containers"]
    needed = Counter(each.annotations[RESOURCE_NAME] for each in nads if RESOURCE_NAME in each.annotations)
    lists = [
        each.get("resources", {}).get(kind, {}) for each in containers for kind in ("requests", "limits")
    ]
    first = containers[0].setdefault("resources", {})
    for resource, count in needed.items():
        if not honour and any(resource in each for each in lists):
            continue
        for kind in ("requests", "limits"):
            own = first.setdefault(kind, {})
            own[resource] = str(count + (int(own.get(resource, 0)) if honour else 0))
    return after


@pytest.mark.parametrize("count", [0, 1, 2, 4])
@pytest.mark.parametrize("honour", [False, True])
def test_next_to_network_resources_injector_nothing_is_counted_twice(count: int, *, honour: bool) -> None:
    """It comes first, by the names of the configurations, with each of its two ways to count."""
    nads = [nad()] * count + [nad(OTHER)]
    body = _injector(pod(), nads, honour=honour)

    assert DeviceChange() == device_requests.plan(body, nads)


def test_a_pod_that_has_its_devices_gets_none_from_network_resources_injector() -> None:
    """Even if it came afterwards, as it counts by default."""
    nads = [nad(), nad(), nad(OTHER)]
    after = changed(pod(), *nads)

    assert after == _injector(after, nads)


COUNTS = st.sampled_from(["0", "1", "2", "3", 1, "1k", "2000m", "1e0"])
LISTS = st.dictionaries(st.sampled_from([VF, OTHER, "cpu"]), COUNTS, max_size=3)
CONTAINERS = st.lists(
    st.builds(lambda equal: {"resources": {"requests": equal, "limits": dict(equal)}}, LISTS),
    min_size=1,
    max_size=3,
)
NADS = st.lists(st.sampled_from([nad(), nad(OTHER), nad(""), nad("memory")]), max_size=6)


@given(containers=CONTAINERS, nads=NADS, chosen=st.sampled_from(["", "c0", "c1", "c9"]))
def test_a_pod_gets_exactly_what_it_lacks(
    containers: list[dict[str, Any]], nads: list[Nad], chosen: str
) -> None:
    body = pod(*containers, annotations={DEVICE_CONTAINER: chosen} if chosen else None)
    before = copy.deepcopy(body)

    change = device_requests.plan(body, nads)
    after = applied(body, change.operations)

    assert before == body
    assert () == device_requests.plan(after, nads).operations
    exists = not chosen or any(each["name"] == chosen for each in body["spec"]["containers"])
    for resource in (VF, OTHER):
        needed = sum(each.annotations.get(RESOURCE_NAME) == resource for each in nads)
        assert max(needed, _total(body, resource)) == _total(after, resource) or not exists
    for old, new in zip(body["spec"]["containers"], after["spec"]["containers"], strict=True):
        assert {k: v for k, v in old.items() if k != "resources"} == {
            k: v for k, v in new.items() if k != "resources"
        }
        for kind in ("requests", "limits"):
            assert old["resources"][kind].get("cpu") == new["resources"][kind].get("cpu")
            assert "memory" not in new["resources"][kind]
        assert _devices(new, "requests") == _devices(new, "limits")


def _total(body: dict[str, Any], resource: str) -> int:
    return sum(
        quantity.whole(each["resources"]["limits"].get(resource, 0)) or 0
        for each in body["spec"]["containers"]
    )


def _devices(container: dict[str, Any], kind: str) -> dict[str, int | None]:
    return {k: quantity.whole(v) for k, v in container["resources"][kind].items() if "/" in k}


ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "resources",
                    "requests",
                    "limits",
                    VF,
                    "containers",
                    "initContainers",
                    "restartPolicy",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=15,
)


@given(spec=ANY, metadata=ANY)
def test_any_shape_of_a_pod_is_survived(spec: Any, metadata: Any) -> None:
    body = {"metadata": metadata, "spec": spec}

    change = device_requests.plan(body, [nad(), nad("memory")])

    assert json.dumps(list(change.operations))
    assert () == device_requests.plan(applied(body, change.operations), [nad()]).operations
