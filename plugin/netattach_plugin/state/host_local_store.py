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
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from netattach_core.errors import AllocationError, TryAgainError
from netattach_core.native import host_local
from netattach_core.native.addressing import Addressing
from netattach_core.native.host_local import HostLocal, Stored
from netattach_plugin.state import host_local_directory
from netattach_plugin.state.host_local_contents import ContentCache
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
        with self._network(recipe.network) as network:
            decision = host_local.decide(
                recipe, self._stored(network, recipe, container_id, ifname), container_id
            )
            names = [each.address.partition("/")[0] for each in decision.chosen]
            for index, name in enumerate(names):  # also after a failure, as the plugin does
                network.overwrite(f"{host_local.LAST_RESERVED}{index}", name.encode())
            if decision.failure is not None:
                raise decision.failure
            _lease(network, names, host_local.lease(container_id, ifname))
        return recipe.addressing(decision.chosen)

    def release(self, recipe: HostLocal, container_id: str, ifname: str, known: Collection[str] = ()) -> None:
        """Removes the leases of the interface; no error where there are none. Raises AllocationError, TryAgainError.

        `known` are addresses that the interface is known to have: if it has them, no other file is read.
        """
        with self._network(recipe.network) as network:
            lease = host_local.lease(container_id, ifname)
            names = [name for name in known if host_local.is_address(name)]
            if not names or any(network.read(name) != lease for name in names):
                contents = self._contents.contents(recipe.network, network, _leases(network.names()))
                owners = {name: host_local.owner(content) for name, content in contents.items()}
                names = host_local.released(owners, container_id, ifname, len(recipe.range_sets))
            for name in names:
                network.remove(name)

    def _stored(self, network: NetworkDirectory, recipe: HostLocal, container_id: str, ifname: str) -> Stored:
        names = network.names()
        owned: list[str] = []
        if recipe.needs_owned:
            mine = {host_local.lease(container_id, ifname), container_id.encode()}
            contents = self._contents.contents(recipe.network, network, _leases(names))
            owned = sorted(name for name, content in contents.items() if content.strip() in mine)
        last = {
            index: network.read(f"{host_local.LAST_RESERVED}{index}").decode(errors="replace")
            for index in range(len(recipe.range_sets))
        }
        return Stored(frozenset(names), owned, last)

    @contextlib.contextmanager
    def _network(self, name: str) -> Iterator[NetworkDirectory]:
        """One thread after the other, so that only one of them asks for the lock."""
        path = self._directory / name
        turn = self._turns[name]
        if not turn.acquire(timeout=self._patience):
            raise TryAgainError(f"{path}: other pods have been waiting for its lock for {self._patience:g} s")
        try:
            with host_local_directory.locked(path, self._patience, create=True) as network:
                yield network
        except OSError as error:
            raise _failure(path, error) from error
        finally:
            turn.release()


def _leases(names: Iterable[str]) -> list[str]:
    """All files but those that host-local keeps for itself."""
    return [
        name
        for name in names
        if name != host_local_directory.LOCK and not name.startswith(host_local.LAST_RESERVED)
    ]


def _lease(network: NetworkDirectory, names: list[str], lease: bytes) -> None:
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


def _failure(path: Path, error: OSError) -> AllocationError:
    return AllocationError(
        f"host-local's store {path}: {(error.strerror or str(error)).lower()}; it has to be a directory on a disk that is "
        "writable and has space"
    )
