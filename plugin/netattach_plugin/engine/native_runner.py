"""Native steps of one call: on ADD links, addresses, sysctls and their configuration, on DEL addresses and links.

What the reference plugins do one after the other for each network is done here for all networks of a batch at once. A failure
undoes nothing: the engine detaches all that was started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from netattach_core.attach.plan import Step, Verb
from netattach_core.errors import AllocationError, NetattachError
from netattach_core.native import gateway_addresses, result
from netattach_core.native.addressing import Addressing
from netattach_core.native.failure import failure
from netattach_core.native.recipe import Ipam, Recipe, Tuning
from netattach_core.shim import sysctls
from netattach_core.shim.protocol import Sysctl
from netattach_plugin.call_ports import Shim, StepOutcomes
from netattach_plugin.engine import native_node, native_tuning
from netattach_plugin.native_ports import AddressStore, Created, NativeLinks
from netattach_plugin.ports import PodLinks


class NativeAdd:
    """The port BatchExecutor for an ADD, of which several batches may run at once; a context that closes what they use."""

    def __init__(
        self, container_id: str, path: str, shim: Shim, links: PodLinks, addresses: AddressStore
    ) -> None:
        """`path`: the runtime's of the pod's namespace."""
        self._container_id = container_id
        self._path = path
        self._shim = shim
        self._links = links
        self._addresses = addresses
        self._opened = contextlib.AsyncExitStack()
        self._opening = asyncio.Lock()
        self._native: NativeLinks | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def execute(self, verb: Verb, steps: Sequence[Step]) -> StepOutcomes:  # noqa: ARG002  # the port's signature
        outcomes = StepOutcomes(started={step.id for step in steps})
        recipes = [(step, step.recipe) for step in steps if isinstance(step.recipe, Recipe)]
        tunings = [(step, step.recipe) for step in steps if isinstance(step.recipe, Tuning)]
        try:
            native = await self._open()
            await self._execute(native, recipes, outcomes)
            if tunings and not outcomes.failures:
                await native_tuning.tune(native, self._shim, tunings, outcomes)
        except NetattachError as error:  # no socket, or no shim
            outcomes.failures.append((steps[0], error))
        return outcomes

    async def _open(self) -> NativeLinks:
        """With the first batch."""
        async with self._opening:
            if self._native is None:
                self._native = await self._opened.enter_async_context(self._links.native(self._path))
            return self._native

    async def _execute(
        self, native: NativeLinks, recipes: Sequence[tuple[Step, Recipe]], outcomes: StepOutcomes
    ) -> None:
        steps = [step for step, _ in recipes]
        created, addressed = await native.create(
            [(step.ifname, recipe.link) for step, recipe in recipes],
            lambda: self._addresses.allocate(self._container_id, _ipams(recipes)),
        )
        addressed = addressed or ()
        made = [each for each in created if isinstance(each, Created)]
        if _note_failure(steps, created, outcomes) or _note_failure(steps, addressed, outcomes):
            await self._write_node_sysctls(made)
            return
        given = [
            gateway_addresses.complete(recipe.link, each)
            for (_, recipe), each in zip(recipes, addressed, strict=True)
            if not isinstance(each, NetattachError)
        ]
        try:
            await self._write_sysctls(steps, made, given)
        except NetattachError as error:
            outcomes.failures.append((steps[0], error))
            return
        pairs = list(zip(made, given, strict=True))
        if _note_failure(steps, await native.configure(pairs), outcomes):
            return
        finished = await native_node.finish(native, self._shim, pairs)
        if _note_failure(steps, finished, outcomes):
            return
        interfaces = [each for each in finished if not isinstance(each, NetattachError)]
        for (step, recipe), each, addressing in zip(recipes, interfaces, given, strict=True):
            outcomes.results[step.id] = result.text(recipe, step.cni_version, each, addressing)

    async def _write_node_sysctls(self, made: Sequence[Created]) -> None:
        """After a failure: what is shared by pods remains on the node, as a bridge."""
        wanted = [sysctl for created in made for sysctl in created.sysctls if not sysctl.in_pod]
        if wanted:
            with contextlib.suppress(NetattachError):  # the shim is gone
                await self._shim.write_sysctls(wanted)

    async def _write_sysctls(
        self, steps: Sequence[Step], made: Sequence[Created], given: Sequence[Addressing | None]
    ) -> None:
        """Those of the drivers as far as the kernel has them, as the plugins do; those of IPv6 have to be written."""
        wanted: list[tuple[Sysctl, bool]] = []
        for step, created, addressing in zip(steps, made, given, strict=True):
            own = (*created.sysctls, *(created.addressed if addressing else ()))
            wanted += [(sysctl, True) for sysctl in sysctls.forwarding(created.forwarding, addressing)]
            wanted += [(sysctl, False) for sysctl in own]
            wanted += sysctls.for_addresses(step.ifname, addressing)
        if not wanted:
            return
        errnos = await self._shim.write_sysctls([sysctl for sysctl, _ in wanted])
        for (sysctl, required), errno in zip(wanted, errnos, strict=True):
            if errno and required:
                raise failure(steps[0].plugin, f"failed to write sysctl {sysctl.path}: {os.strerror(errno)}")


class NativeDelete:
    """The port BatchExecutor for a DEL: addresses first, then all links at once."""

    def __init__(
        self,
        container_id: str,
        delete_links: Callable[[Sequence[str], Callable[[], None]], Awaitable[None]],
        addresses: AddressStore,
    ) -> None:
        """`delete_links` does what it is given, then deletes the pod's links of these names, as far as they exist.

        It raises OSError.
        """
        self._container_id = container_id
        self._delete_links = delete_links
        self._addresses = addresses

    async def execute(self, verb: Verb, steps: Sequence[Step]) -> StepOutcomes:  # noqa: ARG002  # the port's signature
        recipes = [(step, _recipe(step)) for step in steps]
        failures: dict[str, NetattachError] = {}

        def release() -> None:
            failures.update(self._addresses.release(self._container_id, _ipams(recipes)))

        try:
            await self._delete_links([step.ifname for step in steps], release)
        except OSError as error:
            for step in steps:
                failures.setdefault(step.ifname, _not_deleted(step, error))
        failed = [
            (step, _as_failure(step, failures[step.ifname])) for step in steps if step.ifname in failures
        ]
        results = {step.id: "" for step in steps if step.ifname not in failures}
        return StepOutcomes(results, failed, {step.id for step in steps})


def _recipe(step: Step) -> Recipe:
    if isinstance(step.recipe, Recipe):
        return step.recipe
    raise LookupError(f"native step {step.id} has no recipe for an interface")


def _ipams(recipes: Sequence[tuple[Step, Recipe]]) -> list[tuple[str, Ipam | None]]:
    return [(step.ifname, recipe.ipam) for step, recipe in recipes]


def _note_failure(steps: Sequence[Step], done: Sequence[object], outcomes: StepOutcomes) -> bool:
    """The failure of a batch is its last value."""
    if not done or not isinstance(done[-1], NetattachError):
        return False
    step = steps[len(done) - 1]
    outcomes.failures.append((step, _as_failure(step, done[-1])))
    return True


def _as_failure(step: Step, error: NetattachError) -> NetattachError:
    """Without an address the main plugin fails with the message and code of its IPAM plugin."""
    return failure(step.plugin, error.message) if isinstance(error, AllocationError) else error


def _not_deleted(step: Step, error: OSError) -> NetattachError:
    return failure(step.plugin, f"failed to delete {step.ifname}: {error.strerror}")
