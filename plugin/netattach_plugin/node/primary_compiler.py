"""Keeps the compiled primary on disk: what the shim runs for plain pods, without us.

It is beside the ledger and outlives a restart of daemon and node: the shim compares the node's files with those that it was
compiled from, so a stale one is not used.
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
class PlainPods:
    """What pods get that select nothing: the primary alone (`primary_only`); those of namespaces `excepted`, the opposite."""

    primary_only: bool = True
    excepted: Sequence[str] = ()


def plain_pods(settings: SelectionSettings) -> PlainPods:
    """Cluster default networks are for all pods but those of the system's namespaces."""
    if not settings.defaults:
        return PlainPods()
    return PlainPods(primary_only=False, excepted=sorted(settings.system_namespaces))


class PrimaryCompiler:
    """`plain_pods` is asked at each look; `named`: the primary's file is set, whichever others there are."""

    def __init__(
        self,
        *,
        ledger: Path,
        conf_dir: Path,
        networks: NodeNetworks,
        deadline: float,
        plain_pods: Callable[[], PlainPods] = PlainPods,
        named: Callable[[], bool] = lambda: False,
    ) -> None:
        self._files = ShimFiles(ledger)
        self._conf_dir = conf_dir
        self._networks = networks
        self._deadline_ms = int(deadline * 1000)
        self._plain_pods = plain_pods
        self._named = named

    def look(self) -> None:
        """Compiles the primary where it, or what plain pods get, is another one. Raises NetattachError, OSError."""
        network, plain = self._networks.primary(), self._plain_pods()
        source = self._source(network)
        if source is None:
            return
        chain = compiled_chain.primary(
            network,
            source,
            plain=plain.primary_only,
            excepted=plain.excepted,
            deadline_ms=self._deadline_ms,
        )
        self._files.chains.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._files.notes.mkdir(mode=0o700, exist_ok=True)
        atomic_file.write(self._files.primary, compiled_chain.encode(chain), 0o600)

    def _source(self, network: Network) -> Source | None:
        """The files that decided which one is the primary.

        None where its plugins stand in other files, too, or it has just changed: what was compiled before is not used then.
        """
        path, first = Path(network.file), not self._named()
        if not network.file or (first and path.parent != self._conf_dir):
            raise ConfigError(f"network {network.network} is no file of {self._conf_dir}")
        read = [(each.name, each.read_bytes()) for each in (self._before(path) if first else [path])]
        if read[-1] != (path.name, network.config_text.encode()):
            return None
        inlined = path.suffix != ".conflist" or cni_config.parse(network.config_text).only_inlined
        return Source(
            str(path.parent),
            netattach_conf.FILE_NAME,
            first,
            tuple(read),
            "" if inlined else network.config_name,
        )

    def _before(self, primary: Path) -> list[Path]:
        """The primary's file and those before it, as the shim counts them."""
        return sorted(
            path
            for path in primary.parent.iterdir()
            if path.suffix in netattach_conf.SUFFIXES
            and path.name <= primary.name
            and path.name not in netattach_conf.OWN_FILE_NAMES
            and not path.is_dir()
        )
