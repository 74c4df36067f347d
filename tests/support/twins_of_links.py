"""Twins of the ports for links and routes: one pod's, in memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from netattach_core.api.inventory import DefaultInterface, Interface
from netattach_core.attach.default_route import DefaultRoute
from support.twins_of_drivers import MemoryNative


@dataclass
class FakeRoutes:
    """The port Routes: `refused` has the errno of each gateway that is refused, `stubborn` the routes that cannot be removed."""

    present: list[DefaultRoute] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    stubborn: list[DefaultRoute] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def all(self) -> list[DefaultRoute]:
        self.asked.append("all")
        return list(self.present)

    async def remove(self, route: DefaultRoute) -> None:
        self.asked.append("remove")
        if route not in self.present:
            raise OSError(3, "No such process")
        if route not in self.stubborn:
            self.present.remove(route)

    async def add(self, route: DefaultRoute) -> None:
        self.asked.append("add")
        number = self.refused.get(route.hops[0].gateway)
        if number:
            raise OSError(number, os.strerror(number))
        self.present.append(route)


@dataclass
class FakePodLinks:
    """The port PodLinks: an ADD of FakeShim creates a link."""

    present: set[str] = field(default_factory=lambda: {"lo"})
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    default_routes: FakeRoutes = field(default_factory=FakeRoutes)
    drivers: MemoryNative = field(init=False)

    def __post_init__(self) -> None:
        self.drivers = MemoryNative(self.present)

    async def existing(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(self.present.intersection(names))

    async def appeared(self, name: str) -> None:
        while name not in self.present:
            self.changed.clear()
            await self.changed.wait()

    def routes(self) -> AbstractAsyncContextManager[FakeRoutes]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[FakeRoutes]:
            yield self.default_routes

        return opened()

    def native(self, path: str) -> AbstractAsyncContextManager[MemoryNative]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[MemoryNative]:
            assert path == "/n"
            yield self.drivers

        return opened()

    def add(self, name: str) -> None:
        self.present.add(name)
        self.changed.set()


@dataclass
class FakeLinks:
    """The port Links over one pod's links; `entered` has the arguments of each call, `refusal` is raised by deletions."""

    pod: FakePodLinks
    entered: list[tuple[int, Sequence[int]]] = field(default_factory=list)
    deletions: list[list[str]] = field(default_factory=list)
    refusal: OSError | None = None

    async def delete(self, netns: int | None, names: Collection[str], first: Callable[[], None]) -> None:
        first()
        if netns is None:
            return
        self.entered.append((netns, ()))
        self.deletions.append(list(names))
        if self.refusal is not None:
            raise self.refusal
        self.pod.present.difference_update(names)

    def names(self, netns: int) -> frozenset[str]:
        self.entered.append((netns, ()))
        return frozenset(self.pod.present)

    def open(
        self, netns: int, route_sockets: Sequence[int] = ()
    ) -> AbstractAsyncContextManager[FakePodLinks]:
        self.entered.append((netns, route_sockets))

        @asynccontextmanager
        async def opened() -> AsyncIterator[FakePodLinks]:
            yield self.pod

        return opened()

    async def interfaces(self) -> tuple[Interface, ...]:
        return ()

    async def default_interfaces(self) -> tuple[DefaultInterface, ...]:
        return ()
