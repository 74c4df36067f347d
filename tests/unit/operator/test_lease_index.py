"""Which networks are affected by a change of another one's leases."""

from __future__ import annotations

import json
from typing import Any

from netattach_core.api.objects import Key
from netattach_operator.lease_index import LeaseIndex

A, B, C = ("x", "a"), ("y", "b"), ("z", "c")


class Scene:
    def __init__(self) -> None:
        self.affected: list[Key] = []
        self.index = LeaseIndex(self.affected.append)

    def put(self, key: Key, name: str = "shared", subnet: str = "10.1.2.0/24", **keys: Any) -> list[Key]:
        """The networks that a NAD with this config affects."""
        config: Any = {"name": name, "type": "macvlan", "master": "eth1", **keys}
        config["ipam"] = {"type": "host-local", "subnet": subnet}
        return self._changed(key, json.dumps(config))

    def _changed(self, key: Key, config: Any) -> list[Key]:
        self.affected.clear()
        body = {"metadata": {"namespace": key[0], "name": key[1]}, "spec": {"config": config}}
        self.index.put(key, body if config != "gone" else None)
        return sorted(self.affected)

    def remove(self, key: Key) -> list[Key]:
        return self._changed(key, "gone")

    def break_(self, key: Key) -> list[Key]:
        return self._changed(key, 7)


def test_networks_with_one_store_affect_each_other_and_no_others() -> None:
    scene = Scene()
    scene.put(A)
    scene.put(C, name="own")  # on the same link

    assert [A] == scene.put(B)
    assert {B} == {each.key for each in scene.index.others(A)}
    assert set() == scene.index.others(C)


def test_a_change_that_concerns_no_leases_affects_nobody() -> None:
    scene = Scene()
    scene.put(A)
    scene.put(B)

    assert [] == scene.put(B, mtu=1400)
    assert [A] == scene.put(B, subnet="10.1.3.0/24")


def test_a_network_that_leaves_a_store_affects_those_that_stay() -> None:
    scene = Scene()
    scene.put(A)
    for leave in (scene.remove, scene.break_, lambda key: scene.put(key, name="own")):
        assert [A] == scene.put(B)
        assert [A] == leave(B)
        assert set() == scene.index.others(A)
