"""An engine with twins for all its ports, and the calls of a runtime."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.attach.attachment import Network
from netattach_core.cni import request as cni_request
from netattach_core.cni.request import CniRequest
from netattach_plugin.engine.engine import Engine
from netattach_plugin.engine.gate import Gate
from netattach_plugin.engine.network_resolver import NetworkResolver
from support.twins import (
    FakeShim,
    FixedDevices,
    FixedNetworks,
    MemoryCaches,
    MemoryDeviceFiles,
    MemoryLeases,
    MemoryLedger,
    MemoryStore,
    RecordedTimings,
    RecordingEvents,
    RecordingStatusSink,
)
from support.twins_of_drivers import MemoryAddresses
from support.twins_of_links import FakeLinks, FakePodLinks

MACVLAN = '{"cniVersion":"1.0.0","type":"macvlan","master":"eth1"}'
BRIDGE = '{"cniVersion":"1.0.0","type":"bridge"}'


class World:
    """An engine with all its twins, and the calls of a runtime."""

    def __init__(
        self,
        annotation: str = "",
        *,
        hands_over_annotations: bool = True,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`more` are other annotations of the pod."""
        annotations = {"k8s.v1.cni.cncf.io/networks": annotation, **more}
        self.store = MemoryStore()
        self.store.create(body("Pod", "p", uid="u1", annotations=annotations))
        for name, config in {"a": MACVLAN, "b": BRIDGE, "empty": "", "broken": "{"}.items():
            self.store.create({**body("NetworkAttachmentDefinition", name), "spec": {"config": config}})
        self.ledger = MemoryLedger()
        self.leases = MemoryLeases()
        self.caches = MemoryCaches()
        self.links = FakePodLinks()
        self.kernel = FakeLinks(self.links)
        self.shim = FakeShim(self.links)
        self.status = RecordingStatusSink()
        self.devices = FixedDevices()
        self.device_files = MemoryDeviceFiles()
        self.events = RecordingEvents()
        self.timings = RecordedTimings()
        self.networks = FixedNetworks(
            Network("cbr0", '{"cniVersion":"1.0.0","type":"ptp","name":"cbr0"}', "cbr0")
        )
        self.settings = SelectionSettings()
        self.gates: tuple[Gate, ...] = ()
        self.skip_idle_plugins = True
        self.addresses = MemoryAddresses()
        self.native_plugins: frozenset[str] = frozenset()
        self.cni_version = "0.3.1"
        self.offered: dict[str, Any] = {}
        self.annotations = annotations if hands_over_annotations else None

    def engine(self) -> Engine:
        return Engine(
            resolver=self.resolver(),
            gates=self.gates,
            ledger=self.ledger,
            leases=self.leases,
            caches=self.caches,
            networks=self.networks,
            links=self.kernel,
            status=self.status,
            events=self.events,
            device_files=self.device_files,
            addresses=self.addresses,
            plugin_deadline=1.0,
            skip_idle_plugins=lambda: self.skip_idle_plugins,
            native_plugins=lambda: self.native_plugins,
            timings=self.timings,
        )

    def resolver(self) -> NetworkResolver:
        return NetworkResolver(
            pods=self.store,
            nads=self.store,
            networks=self.networks,
            devices=self.devices,
            settings=lambda: self.settings,
        )

    def add(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self._call("ADD"))
        return result

    def delete(self) -> None:
        self._call("DEL")

    def check(self) -> None:
        self._call("CHECK")

    def _call(self, command: str) -> str:
        return asyncio.run(self.engine().call(self.request(command), self.shim))

    def request(self, command: str) -> CniRequest:
        environment = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": "c1",
            "CNI_NETNS": "/n",
            "CNI_IFNAME": "eth0",
            "CNI_ARGS": "K8S_POD_NAMESPACE=test;K8S_POD_NAME=p;K8S_POD_UID=u1",
        }
        stdin: dict[str, Any] = {"cniVersion": self.cni_version, "name": "netattach", "type": "netattach"}
        if self.annotations is not None:
            stdin["runtimeConfig"] = {**self.offered, cni_request.POD_ANNOTATIONS: self.annotations}
        return cni_request.parse(environment, json.dumps(stdin).encode())


def body(kind: str, name: str, **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"namespace": "test", "name": name, **metadata}}
