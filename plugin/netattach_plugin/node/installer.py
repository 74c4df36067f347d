"""The shim and our conf on the node: put there, kept right, and taken away where we are uninstalled.

The conf is what makes a runtime call us, so it comes last: after the shim, when the daemon listens and there is a primary network
to stand before. It is not removed when the daemon stops: pods that want more networks have to wait for us then, not start without
(Multus' gap at each upgrade).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from netattach_core.cni import config as cni_config
from netattach_core.cni import netattach_conf
from netattach_core.errors import ConfigError, NetattachError
from netattach_plugin.files import atomic_file
from netattach_plugin.node.uninstall_chain import UninstallChain
from netattach_plugin.ports import NodeNetworks

_log = logging.getLogger(__name__)

_EVERY = 2.0
"""Seconds between looks: the primary may come later, or be replaced by another version."""


class Installer:
    """`problem` says why it is not installed, None when it is. `compile_primary` is for the shim alone."""

    def __init__(
        self,
        *,
        shim: Path,
        bin_dir: Path,
        conf_dir: Path,
        networks: NodeNetworks,
        behind: UninstallChain,
        compile_primary: Callable[[], None] = lambda: None,
    ) -> None:
        self._shim = shim
        self._bin_dir = bin_dir
        self._conf = conf_dir / netattach_conf.FILE_NAME
        self._networks = networks
        self._behind = behind
        self._compile_primary = compile_primary
        self._looking = threading.Lock()
        self._removed = False
        self.problem: str | None = "our conf is not installed yet"

    async def run(self) -> None:
        """Installs, and looks again and again whether it still is. Never returns."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(_EVERY)

    def look(self) -> None:
        """Installs what is missing or differs; what hinders it is in `problem`."""
        with self._looking:
            if self._removed:
                return
            try:
                self._install()
                problem = None
            except (OSError, NetattachError) as error:
                problem = f"not installed on this node: {error}{_hint(error)}"
            if problem != self.problem:
                _log.log(logging.WARNING if problem else logging.INFO, problem or f"installed: {self._conf}")
            self.problem = problem

    def remove(self, *, needed: bool = False) -> None:
        """The primary's file is the runtime's first again; no look that is under way brings ours back.

        `needed`: pods run on that hold more than the primary knows of. Then we stay at the end of its chain. That is written
        before our conf goes, which makes the runtime look; the shim removes it after the last of them.

        The shim stays: some runtimes call DEL with the conf of ADD, and find it by that. Without a primary our conf goes too:
        behind it every pod would wait for a daemon that is no more, also when a primary comes.
        """
        with self._looking:
            self._removed = True
            self.problem = "uninstalled"
            if needed:
                self._behind.take()
            try:
                self._conf.unlink(missing_ok=True)
                atomic_file.sync_directory(self._conf.parent)
            except OSError as error:
                _log.error("remove %s by hand, no pod of this node starts until then: %s", self._conf, error)
                return
        _log.info("uninstalled: %s is removed", self._conf)
        try:
            self._networks.primary()
        except NetattachError as error:
            _log.warning("this node is left without a network: %s", error)

    def _install(self) -> None:
        atomic_file.write(self._bin_dir / netattach_conf.TYPE, self._shim.read_bytes(), 0o755)
        primary = cni_config.parse(self._networks.primary().config_text)
        atomic_file.write(self._conf, netattach_conf.text(primary.cni_version).encode(), 0o600)
        self._behind.give_up()
        before = netattach_conf.files_before_ours(path.name for path in self._conf.parent.iterdir())
        if before:
            raise ConfigError(
                f"the container runtime takes {self._conf.parent / before[0]}, which comes before {netattach_conf.FILE_NAME}; "
                "rename or remove it"
            )
        self._compile_primary()


def _hint(error: Exception) -> str:
    """We run as root without its power over other users' files, which an archive of plugins may have made of a directory."""
    if not isinstance(error, PermissionError) or error.filename is None:
        return ""
    directory = Path(error.filename).parent
    try:
        owner = directory.stat().st_uid
    except OSError:
        return ""
    return f"; {directory} belongs to user {owner}: chown it to root" if owner else ""
