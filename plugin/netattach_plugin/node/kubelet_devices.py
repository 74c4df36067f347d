"""The port Devices: asks the kubelet over its unix socket for the devices of a pod (gRPC, one call per connection)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from netattach_core.api.pod import PodRef
from netattach_core.devices import pod_resources, resource_slices
from netattach_core.devices.pod_resources import Allocated, PodDevices
from netattach_core.errors import DecodeError, NetattachError, TryAgainError
from netattach_core.policy.case import KnownDevices
from netattach_plugin.node.grpc_error import CallError

_TIMEOUT = 10.0
_RETRY_PAUSE = 0.05
_RESOURCE_EXHAUSTED = 8  # the kubelet accepts a hundred calls per second, ten at once

Slices = Callable[[str], Awaitable[Iterable[Mapping[str, Any]]]]


class KubeletDevices:
    """`socket` is the kubelet's, used only for pods that need devices. `slices` returns the ResourceSlices of a driver."""

    def __init__(self, socket: Path, slices: Slices | None = None, timeout: float = _TIMEOUT) -> None:
        self._socket = socket
        self._slices = slices
        self._timeout = timeout

    async def of_pod(self, pod: PodRef) -> Mapping[str, tuple[str, ...]]:
        async with self._asking(pod):
            found = await self._get(pod) or await self._list(pod)
        return {**found.claimed, **found.devices, **await self._by_resource_name(found.allocated)}

    async def known(self, pod: PodRef) -> KnownDevices:
        async with self._asking(pod):
            answer = await self._call(pod_resources.LIST, pod_resources.list_request())
            pods = pod_resources.pods_in_list(answer)
        by_owner: dict[bool, list[PodDevices]] = {True: [], False: []}
        for each in pods:
            by_owner[(each.namespace, each.name) == (pod.namespace, pod.name)].append(each)
        return KnownDevices(own=await self._ids(by_owner[True]), others=await self._ids(by_owner[False]))

    async def _ids(self, pods: Sequence[PodDevices]) -> frozenset[str]:
        allocated = [device for each in pods for device in each.allocated]
        named = [await self._by_resource_name(allocated)]
        for each in pods:
            named += [each.devices, each.claimed]
        return frozenset(device for by_name in named for ids in by_name.values() for device in ids)

    @contextlib.asynccontextmanager
    async def _asking(self, pod: PodRef) -> AsyncIterator[None]:
        """Limits the time of a request for the devices of a pod, and explains its failure."""
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except TimeoutError as error:
            raise TryAgainError(
                f"{self._failed(pod)}: it did not answer within {self._timeout:g} s"
            ) from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise TryAgainError(f"{self._failed(pod)}: {error}; is this the kubelet's socket?") from error
        except (CallError, DecodeError) as error:
            raise NetattachError(f"{self._failed(pod)}: {error}") from error

    async def _by_resource_name(self, allocated: Sequence[Allocated]) -> Mapping[str, tuple[str, ...]]:
        """Devices of claims by their driver's resourceName. Raises TryAgainError where the API cannot be reached."""
        if self._slices is None:
            return {}
        slices: list[Mapping[str, Any]] = []
        for driver in dict.fromkeys(each.driver for each in allocated):
            slices += await self._slices(driver)
        return resource_slices.devices(slices, allocated)

    def _failed(self, pod: PodRef) -> str:
        return f"the kubelet cannot be asked at {self._socket} for the devices of pod {pod}"

    async def _get(self, pod: PodRef) -> pod_resources.PodDevices | None:
        """The pod's devices; None from a kubelet without this call (before 1.34, or disabled)."""
        try:
            request = pod_resources.get_request(pod.namespace, pod.name)
            return pod_resources.get_response(await self._call(pod_resources.GET, request))
        except CallError:
            return None

    async def _list(self, pod: PodRef) -> pod_resources.PodDevices:
        answer = await self._call(pod_resources.LIST, pod_resources.list_request())
        return pod_resources.list_response(answer, pod.namespace, pod.name)

    async def _call(self, path: str, request: bytes) -> bytes:
        """The response message; retries while the kubelet is overloaded. Raises CallError, OSError."""
        from netattach_plugin.node import grpc_call  # noqa: PLC0415  # HTTP/2 takes 1.4 MiB, and most nodes have no devices

        while True:
            reader, writer = await asyncio.open_unix_connection(self._socket)
            try:
                return await grpc_call.unary(reader, writer, path, request)
            except CallError as error:
                if error.status != _RESOURCE_EXHAUSTED:
                    raise
            finally:
                writer.close()
            await asyncio.sleep(_RETRY_PAUSE)
