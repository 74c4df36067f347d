"""The shim and our conf on the node: put there, kept right, and taken away where we are uninstalled.

The conf is what makes a runtime call us, so it comes last: after the shim, when the daemon listens and there is a primary network
to stand before. It is not removed when the daemon stops: pods that want more networks have to wait for us then, not start without
(Multus' gap at each upgrade).
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from netattach_core import cni_config, own_conf
from netattach_core.errors import NetattachError
from netattach_plugin import atomic
from netattach_plugin.ports import NodeNetworks

_log = logging.getLogger(__name__)

_EVERY = 2.0
"""Seconds between looks: the primary may come later, or be replaced by another version."""


class Installer:
    """`problem` says why it is not installed, None when it is."""

    def __init__(self, *, shim: Path, bin_dir: Path, conf_dir: Path, networks: NodeNetworks) -> None:
        self._shim = shim
        self._bin_dir = bin_dir
        self._conf = conf_dir / own_conf.FILE_NAME
        self._networks = networks
        self._removed = False
        self.problem: str | None = "our conf is not installed yet"

    async def run(self) -> None:
        """Installs, and looks again and again whether it still is. Never returns."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(_EVERY)

    def look(self) -> None:
        """Installs what is missing or differs; what hinders it is in `problem`."""
        if self._removed:
            return
        try:
            self._install()
            problem = None
        except (OSError, NetattachError) as error:
            problem = f"not installed on this node: {error}"
        if problem != self.problem:
            _log.log(logging.WARNING if problem else logging.INFO, problem or f"installed: {self._conf}")
        self.problem = problem

    def remove(self) -> None:
        """The primary's file is the runtime's first again.

        The shim stays: some runtimes call DEL with the conf of ADD, and find it by that.
        """
        self._removed = True
        self.problem = "uninstalled"
        self._conf.unlink(missing_ok=True)
        atomic.sync_directory(self._conf.parent)
        _log.info("uninstalled: %s is removed", self._conf)

    def _install(self) -> None:
        atomic.write(self._bin_dir / own_conf.TYPE, self._shim.read_bytes(), 0o755)
        primary = cni_config.parse(self._networks.primary().conf_text)
        atomic.write(self._conf, own_conf.text(primary.cni_version).encode(), 0o600)
