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

from netattach_core.cni import config as cni_config
from netattach_core.cni import netattach_conf
from netattach_core.errors import ConfigError, NetattachError
from netattach_plugin.files.ownership import owner_hint
from netattach_plugin.node.first_place import FirstPlace
from netattach_plugin.node.own_conflist import OwnConflist
from netattach_plugin.node.shim_binary import ShimBinary
from netattach_plugin.node.uninstall_chain import UninstallChain
from netattach_plugin.ports import NodeNetworks

_log = logging.getLogger(__name__)

_INTERVAL = 2.0
"""Seconds between checks: the default network may appear later, or be replaced by another version."""


class Installer:
    """`problem` is the reason why netattach is not installed, None if it is.

    `compile_default_network` updates the file that the shim runs without the daemon; it gets the conflist's name. `contested` is
    called, in the event loop, when a contest for the conflist begins.
    """

    def __init__(
        self,
        *,
        shim: ShimBinary,
        conflist: OwnConflist,
        networks: NodeNetworks,
        uninstall_chain: UninstallChain,
        first_place: FirstPlace,
        compile_default_network: Callable[[str], None] = lambda _: None,
        contested: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._shim = shim
        self._conflist = conflist
        self._first_place = first_place
        self._networks = networks
        self._uninstall_chain = uninstall_chain
        self._compile_default_network = compile_default_network
        self._report_contest = contested
        self._in_contest = False
        self._lock = threading.Lock()
        self._stopped = False
        self.problem: str | None = "netattach's conflist is not installed yet"

    async def run(self) -> None:
        """Installs, then repairs at intervals. Never returns."""
        while True:
            await asyncio.to_thread(self.install)
            self._report()
            await asyncio.sleep(_INTERVAL)

    def _report(self) -> None:
        """Once for each contest."""
        contest = self._conflist.contest
        if contest and not self._in_contest:
            self._report_contest(contest)
        self._in_contest = bool(contest)

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
                _log.log(level, problem or f"installed: {self._conflist.path}")
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
        default_network = self._networks.default_network()
        name = self._first_place.file_name(default_network)
        version = cni_config.parse(default_network.config_text).cni_version
        self._conflist.use(name)
        self._conflist.write(netattach_conf.text(version, name).encode())
        self._uninstall_chain.remove()
        self._conflist.require_first()
        self._compile_default_network(name)
        if self._conflist.contest:
            raise ConfigError(self._conflist.contest)
