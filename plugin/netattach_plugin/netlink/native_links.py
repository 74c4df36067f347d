"""The interfaces that native drivers create in one pod.

All changes of links wait for the kernel's one lock for them (RTNL), so they are made in threads, a few at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from netattach_core.cni.result import Interface
from netattach_core.errors import NetattachError
from netattach_core.native.addressing import Addressing
from netattach_core.native.recipe import Bridge, Dummy, HostDevice, Ipvlan, Link, Macvlan, Ptp, Tuning, Vlan
from netattach_kube import log_context
from netattach_plugin.native_ports import Created, OnNode
from netattach_plugin.netlink import duplicate_addresses, links, pod_interface, readiness, route_socket
from netattach_plugin.netlink.drivers import bridge, dummy, host_device, ipvlan, macvlan, ptp, vlan
from netattach_plugin.netlink.drivers.driver import Namespaces, failing
from netattach_plugin.netlink.route_socket import RouteSocket
from netattach_plugin.netlink.sockets import PodSockets

W = TypeVar("W")
T = TypeVar("T")

_Configuration = tuple[Created, Addressing | None]

_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="links")

_DRIVERS: Mapping[type, Callable[[Namespaces, str, Any], Created]] = {
    Bridge: bridge.create,
    Dummy: dummy.create,
    HostDevice: host_device.create,
    Ipvlan: ipvlan.create,
    Macvlan: macvlan.create,
    Ptp: ptp.create,
    Vlan: vlan.create,
}


@asynccontextmanager
async def open_native(sockets: PodSockets, path: str, *, is_node: bool = False) -> AsyncIterator[NativeLinks]:
    """`is_node`: the namespace takes the place of the node's. Raises EnvironmentVariableError, TryAgainError."""
    pod = RouteSocket(await sockets.routes())
    with pod, RouteSocket(await sockets.routes()) if is_node else route_socket.of_node() as node:
        yield NativeLinks(Namespaces(node, pod, sockets.netns, path))


async def in_thread(action: Callable[[], T]) -> T:
    """Runs it in one of the threads for links."""
    return await asyncio.get_running_loop().run_in_executor(_threads, log_context.carried(action))


class NativeLinks:
    """The port of that name. Batches of one pod share its sockets, so each use of them is exclusive."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._sockets = asyncio.Lock()

    async def create(
        self, wanted: Sequence[tuple[str, Link]], then: Callable[[], T]
    ) -> tuple[Sequence[Created | NetattachError], T | None]:
        """One switch to a thread: two threads would mostly wait for each other, since only one runs Python at a time."""

        def work() -> tuple[Sequence[Created | NetattachError], T | None]:
            created = _until_failure(self._create, wanted)
            return created, None if isinstance(created[-1], NetattachError) else then()

        async with self._sockets:
            return await in_thread(work)

    async def configure(self, wanted: Sequence[_Configuration]) -> Sequence[Created | NetattachError]:
        """One switch to a thread, unless addresses have to settle between."""
        if not any(pod_interface.has_to_settle(addressing) for _, addressing in wanted):
            return await self._in_thread(lambda: self._add_all_routes(self._bring_all_up(wanted), wanted))
        done = await self._in_thread(lambda: self._bring_all_up(wanted))
        for number, (created, addressing) in enumerate(wanted[: len(done)]):
            if pod_interface.has_to_settle(addressing):
                try:
                    await duplicate_addresses.settled(self._namespaces.pod, self._sockets, created)
                except NetattachError as error:
                    return [*done[:number], error]
        return await self._in_thread(lambda: self._add_all_routes(done, wanted))

    async def _until_failure(
        self, action: Callable[[W], T], wanted: Sequence[W]
    ) -> Sequence[T | NetattachError]:
        return await self._in_thread(lambda: _until_failure(action, wanted))

    async def _in_thread(self, action: Callable[[], T]) -> T:
        async with self._sockets:
            return await in_thread(action)

    async def configure_node(self, wanted: Sequence[_Configuration]) -> Sequence[OnNode]:
        return await self._in_thread(lambda: _on_node(wanted))

    async def tune(self, wanted: Sequence[tuple[str, Tuning]]) -> Sequence[NetattachError | None]:
        """The link-local address is made from the MAC that an interface had when it came up, also if it is changed at once."""
        for ifname in (ifname for ifname, tuning in wanted if tuning.mac):
            await readiness.settled(
                functools.partial(self._in_thread, functools.partial(self._is_settled, ifname))
            )
        return await self._until_failure(self._tune, wanted)

    async def interfaces(self, wanted: Sequence[Created]) -> Sequence[tuple[Interface, ...] | NetattachError]:
        done: list[tuple[Interface, ...] | NetattachError] = []
        for each in wanted:
            try:
                done.append(await readiness.interfaces(each, self._in_thread))
            except NetattachError as error:
                return [*done, error]
        return done

    def _create(self, wanted: tuple[str, Link]) -> Created:
        ifname, link = wanted
        return _DRIVERS[type(link)](self._namespaces, ifname, link)

    def _is_settled(self, ifname: str) -> bool:
        with contextlib.suppress(OSError):  # the change of the link reports it
            return not links.by_name(self._namespaces.pod, ifname).notes_carrier
        return True

    def _tune(self, wanted: tuple[str, Tuning]) -> None:
        ifname, tuning = wanted
        if tuning.changes_link:
            with failing("tuning", f"set {_described(tuning)} of {ifname}"):
                links.change(self._namespaces.pod, ifname, tuning)

    def _bring_all_up(self, wanted: Sequence[_Configuration]) -> Sequence[Created | NetattachError]:
        return _until_failure(self._bring_up, wanted)

    def _add_all_routes(
        self, done: Sequence[Created | NetattachError], wanted: Sequence[_Configuration]
    ) -> Sequence[Created | NetattachError]:
        """Not after a failure, which is the last of `done`."""
        return done if isinstance(done[-1], NetattachError) else _until_failure(self._add_routes, wanted)

    def _bring_up(self, wanted: _Configuration) -> Created:
        if not wanted[0].stays_down:
            pod_interface.bring_up(self._namespaces.pod, *wanted)
        return wanted[0]

    def _add_routes(self, wanted: _Configuration) -> Created:
        pod_interface.add_routes(self._namespaces.pod, *wanted)
        return wanted[0]


def _described(tuning: Tuning) -> str:
    """What is set, in the words of the config."""
    values = {
        "mac": tuning.mac or None,
        "promisc": tuning.promiscuous or None,
        "mtu": tuning.mtu or None,
        "allmulti": tuning.all_multicast,
        "txQLen": tuning.queue_length,
    }
    return ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)


def _on_node(wanted: Sequence[_Configuration]) -> Sequence[OnNode]:
    done: list[OnNode] = []
    for created, addressing in wanted:
        done.append(created.on_node.configure(addressing) if created.on_node else OnNode())
        if done[-1].failure is not None:
            break
    return done


def _until_failure(action: Callable[[W], T], wanted: Sequence[W]) -> Sequence[T | NetattachError]:
    done: list[T | NetattachError] = []
    for each in wanted:
        try:
            done.append(action(each))
        except NetattachError as error:
            return [*done, error]
    return done
