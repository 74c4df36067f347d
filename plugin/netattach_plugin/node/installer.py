"""Installs netattach's conflist on the node, and repairs it.

Runtimes call netattach because of its conflist, so it is written last: after the shim, once the daemon listens and the node has a
default network. It stays when the daemon stops: meanwhile pods with secondary networks have to wait, not start without them
(as they do with Multus during an upgrade).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from netattach_core.cni import config as cni_config
from netattach_core.cni import netattach_conf
from netattach_core.errors import ConfigError, NetattachError
from netattach_plugin.files import atomic_file
from netattach_plugin.files.ownership import owner_hint
from netattach_plugin.node.shim_binary import ShimBinary
from netattach_plugin.node.uninstall_chain import UninstallChain
from netattach_plugin.ports import NodeNetworks

_log = logging.getLogger(__name__)

_INTERVAL = 2.0
"""Seconds between checks: the default network may appear later, or be replaced by another version."""


class Installer:
    """`problem` is the reason why netattach is not installed, None if it is.

    `compile_default_network` updates the file that the shim runs without the daemon.
    """

    def __init__(
        self,
        *,
        shim: ShimBinary,
        conf_dir: Path,
        networks: NodeNetworks,
        uninstall_chain: UninstallChain,
        compile_default_network: Callable[[], None] = lambda: None,
    ) -> None:
        self._shim = shim
        self._conflist = conf_dir / netattach_conf.FILE_NAME
        self._networks = networks
        self._uninstall_chain = uninstall_chain
        self._compile_default_network = compile_default_network
        self._lock = threading.Lock()
        self._stopped = False
        self.problem: str | None = "netattach's conflist is not installed yet"

    async def run(self) -> None:
        """Installs, then repairs at intervals. Never returns."""
        while True:
            await asyncio.to_thread(self.install)
            await asyncio.sleep(_INTERVAL)

    def install(self) -> None:
        """Writes what is missing or differs; sets `problem` to what prevents it."""
        with self._lock:
            if self._stopped:
                return
            try:
                self._install()
                problem = None
            except (OSError, NetattachError) as error:
                problem = f"not installed on this node: {error}{owner_hint(error)}"
            if problem != self.problem:
                level = logging.WARNING if problem else logging.INFO
                _log.log(level, problem or f"installed: {self._conflist}")
            self.problem = problem

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """For an uninstall: no `install` is in progress in the block, and later ones do nothing."""
        with self._lock:
            self._stopped = True
            self.problem = "uninstalled"
            yield

    def _install(self) -> None:
        missing = self._shim.problem()
        if missing:
            raise ConfigError(missing)
        default_network = cni_config.parse(self._networks.default_network().config_text)
        conflist = netattach_conf.text(default_network.cni_version).encode()
        atomic_file.write_if_changed(self._conflist, conflist, 0o600)
        self._uninstall_chain.remove()
        before = netattach_conf.files_before_ours(path.name for path in self._conflist.parent.iterdir())
        if before:
            raise ConfigError(
                f"the container runtime uses {self._conflist.parent / before[0]}, which comes before "
                f"{netattach_conf.FILE_NAME}; rename or remove it"
            )
        self._compile_default_network()
