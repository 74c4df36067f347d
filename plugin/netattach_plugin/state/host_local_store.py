"""host-local's store, written by the daemon next to host-local itself: same files, same lock, same errors.

What differs from the plugin, each for safety:
- An ADD that fails creates no lease at all. The plugin creates those of the first range sets and then releases everything that
  the interface has, also what a running pod uses (`main.go: cmdAdd`, `alloc.Release`).
- A lease that cannot be removed fails the DEL. The plugin reports success (`backend.go: ReleaseByKey`).
- Only files directly in the network's directory are leases, and no links (`backend.go: filepath.Walk`, `os.ReadFile`).
"""

from __future__ import annotations

import collections
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from netattach_core.errors import AllocationError, TryAgainError
from netattach_core.native import host_local
from netattach_core.native.addressing import Addressing
from netattach_core.native.host_local import HostLocal, Stored
from netattach_plugin.state import host_local_directory
from netattach_plugin.state.host_local_contents import ContentCache, NetworkContents
from netattach_plugin.state.host_local_directory import NetworkDirectory

_PATIENCE = 15.0
"""Seconds for the lock; kubelet and the runtimes wait for minutes."""


class HostLocalStore:
    """All methods block: they are called in a thread."""

    def __init__(self, directory: Path, patience: float = _PATIENCE) -> None:
        self._directory = directory
        self._patience = patience
        self._contents = ContentCache()
        self._turns: dict[str, threading.Lock] = collections.defaultdict(threading.Lock)

    def allocate(self, recipe: HostLocal, container_id: str, ifname: str) -> Addressing:
        """An address of each range set. Raises AllocationError, TryAgainError; nothing is leased then."""
        with self._network(recipe.network) as (network, contents):
            decision = host_local.decide(
                recipe, _stored(network, contents, recipe, container_id, ifname), container_id
            )
            names = [each.address.partition("/")[0] for each in decision.chosen]
            for index, name in enumerate(names):  # also after a failure, as the plugin does
                last = f"{host_local.LAST_RESERVED}{index}"
                network.overwrite(last, name.encode())
                contents.add(last)
            if decision.failure is not None:  # in the block: no second refusal rests on what is remembered
                raise decision.failure
            _lease(network, contents, names, host_local.lease(container_id, ifname))
        return recipe.addressing(decision.chosen)

    def release(self, recipe: HostLocal, container_id: str, ifname: str) -> None:
        """Removes the leases of the interface; no error where there are none. Raises AllocationError, TryAgainError."""
        with self._network(recipe.network) as (network, contents):
            owners = contents.of(container_id)
            for name in host_local.released(owners, container_id, ifname, len(recipe.range_sets)):
                network.remove(name)
                contents.remove(name, container_id)

    @contextlib.contextmanager
    def _network(self, name: str) -> Iterator[tuple[NetworkDirectory, NetworkContents]]:
        """One thread after the other, so that only one of them asks for the lock."""
        path = self._directory / name
        turn = self._turns[name]
        if not turn.acquire(timeout=self._patience):
            raise TryAgainError(f"{path}: other pods have been waiting for its lock for {self._patience:g} s")
        try:
            with (
                host_local_directory.locked(path, self._patience, create=True) as network,
                self._contents.contents(name, network) as contents,
            ):
                yield network, contents
        except OSError as error:
            raise _failure(path, error) from error
        finally:
            turn.release()


def _stored(
    network: NetworkDirectory, contents: NetworkContents, recipe: HostLocal, container_id: str, ifname: str
) -> Stored:
    """A lease without an interface, of host-local before 0.7.0, is that of any."""
    owned = [name for name, (_, of) in contents.of(container_id).items() if of in ("", ifname)]
    last = {
        index: network.read(f"{host_local.LAST_RESERVED}{index}").decode(errors="replace")
        for index in range(len(recipe.range_sets))
    }
    return Stored(contents.names, sorted(owned), last)


def _lease(network: NetworkDirectory, contents: NetworkContents, names: list[str], lease: bytes) -> None:
    """All of them or none."""
    created: list[str] = []
    try:
        for name in names:
            network.create(name, lease)
            created.append(name)
    except OSError as error:
        for name in created:
            network.remove(name)
        if isinstance(error, FileExistsError):
            raise TryAgainError("an address was taken by a program that ignores host-local's lock") from error
        raise
    for name in created:
        contents.add(name, lease)


def _failure(path: Path, error: OSError) -> AllocationError:
    return AllocationError(
        f"host-local's store {path}: {(error.strerror or str(error)).lower()}; it has to be a directory on a disk that is "
        "writable and has space"
    )
