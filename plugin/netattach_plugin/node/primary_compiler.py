"""Compiles the default network into the file that the shim runs for pods without secondary networks, without the daemon.

The file is below the ledger's directory and outlives a restart of daemon and node: the shim compares the node's files with those
it was compiled from, and ignores an outdated one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.attach.attachment import Network
from netattach_core.cni import config as cni_config
from netattach_core.cni import netattach_conf
from netattach_core.errors import ConfigError
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Source
from netattach_plugin.files import atomic_file
from netattach_plugin.files.shim_files import ShimFiles
from netattach_plugin.ports import NodeNetworks


@dataclass(frozen=True, slots=True)
class UnselectivePods:
    """Whether pods that select no network get the default network alone; the opposite holds in `except_namespaces`."""

    default_network_only: bool = True
    except_namespaces: Sequence[str] = ()


def unselective_pods(settings: SelectionSettings) -> UnselectivePods:
    """Networks in `defaultNetworks` are for all pods outside the system namespaces."""
    if not settings.defaults:
        return UnselectivePods()
    return UnselectivePods(default_network_only=False, except_namespaces=sorted(settings.system_namespaces))


class PrimaryCompiler:
    """The callables are read at each compilation; `chosen_by_settings` says whether `primaryNetwork` is set."""

    def __init__(
        self,
        *,
        ledger: Path,
        conf_dir: Path,
        networks: NodeNetworks,
        deadline: float,
        unselective_pods: Callable[[], UnselectivePods] = UnselectivePods,
        chosen_by_settings: Callable[[], bool] = lambda: False,
        skip_idle_plugins: Callable[[], bool] = lambda: False,
    ) -> None:
        self._files = ShimFiles(ledger)
        self._conf_dir = conf_dir
        self._networks = networks
        self._deadline_ms = int(deadline * 1000)
        self._unselective_pods = unselective_pods
        self._chosen_by_settings = chosen_by_settings
        self._skip_idle_plugins = skip_idle_plugins

    def compile(self, own: str = netattach_conf.FILE_NAME) -> None:
        """Writes the file if the default network or the settings have changed. Raises NetattachError, OSError.

        `own` is the name of netattach's file, which the shim leaves out when it compares the directory.
        """
        network, pods = self._networks.default_network(), self._unselective_pods()
        source = self._source(network, own)
        if source is None:
            return
        chain = compiled_chain.default_network(
            network,
            source,
            plain=pods.default_network_only,
            except_namespaces=pods.except_namespaces,
            deadline_ms=self._deadline_ms,
            skip_idle=self._skip_idle_plugins(),
        )
        self._files.chains.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._files.records.mkdir(mode=0o700, exist_ok=True)
        atomic_file.write_if_changed(self._files.primary, compiled_chain.encode(chain), 0o600)

    def _source(self, network: Network, own: str) -> Source | None:
        """The files that determine the default network.

        None if some of its plugins are in other files or its file has just changed: the shim then ignores the file on disk.
        """
        path, first = Path(network.file), not self._chosen_by_settings()
        if not network.file or (first and path.parent != self._conf_dir):
            raise ConfigError(f"network {network.network} is no file of {self._conf_dir}")
        read = [(each.name, each.read_bytes()) for each in (self._up_to(path) if first else [path])]
        if read[-1] != (path.name, network.config_text.encode()):
            return None
        inlined = path.suffix != ".conflist" or cni_config.parse(network.config_text).only_inlined
        return Source(
            str(path.parent),
            own,
            first,
            tuple(read),
            "" if inlined else network.config_name,
        )

    def _up_to(self, default_network: Path) -> list[Path]:
        """The default network's file and those that precede it, as the shim lists them."""
        return sorted(
            path
            for path in default_network.parent.iterdir()
            if path.suffix in netattach_conf.SUFFIXES
            and path.name <= default_network.name
            and path.name not in netattach_conf.OWN_FILE_NAMES
            and not path.is_dir()
        )
