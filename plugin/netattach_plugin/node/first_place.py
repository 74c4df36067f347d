"""The name of netattach's file in the CNI config directory, and whether to take the first place from a Multus there.

The runtime uses the first file by name. Multus' file is never changed: Multus writes it again, and comes second as soon as ours
precedes it. So no moment has the default network first, and if ours is removed, Multus' is the first again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.attach.attachment import Network
from netattach_core.cni import config as cni_config
from netattach_core.cni import multus_conf, netattach_conf
from netattach_core.errors import ConfigError, NetattachError

RESTART = 120.0
"""Seconds within which a Multus that has removed its config may be restarting, as in an update of its DaemonSet."""

_SETTINGS = "the ConfigMap netattach-config"

_OURS = frozenset({*netattach_conf.OWN_FILE_NAMES, netattach_conf.NAME})
"""What a Multus names that has taken netattach for its default network."""


class FirstPlace:
    """`takeover` returns whether the setting `takeover` is `auto`, `selection` the cluster's settings.

    While Multus serves the node, a file in the ledger's directory says so: Multus and this daemon may restart together.
    """

    def __init__(
        self,
        conf_dir: Path,
        ledger: Path,
        takeover: Callable[[], bool] = bool,
        selection: Callable[[], SelectionSettings] = SelectionSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._conf_dir = conf_dir
        self._mark = ledger / "served-by-multus"
        self._takeover = takeover
        self._selection = selection
        self._clock = clock
        self._served_by_multus: float | None = None

    def file_name(self, default_network: Network) -> str:
        """The name to install netattach's config with. Raises OSError, and ConfigError if Multus has to go on serving the node.

        A place that was taken is kept, whatever the setting is now: DELs reach netattach until an uninstall hands its pods over.
        """
        name = self._name(default_network)
        self._mark.unlink(missing_ok=True)
        return name

    def _name(self, default_network: Network) -> str:
        multus, wanted = self._multus(), self._takeover()
        is_taken = self._exists(netattach_conf.TAKEOVER_FILE_NAME)
        if multus is not None and wanted and not is_taken:
            self._compare(multus, default_network)
        if wanted or (multus is not None and is_taken):
            return netattach_conf.TAKEOVER_FILE_NAME
        if not is_taken and not self._exists(netattach_conf.FILE_NAME):
            self._require_that_multus_is_gone(multus)
        return netattach_conf.FILE_NAME

    def _exists(self, name: str) -> bool:
        return (self._conf_dir / name).is_file()

    def _require_that_multus_is_gone(self, multus: Path | None) -> None:
        """Raises ConfigError. Multus removes its config when it restarts, and would then delegate to a file of ours."""
        if multus is not None:
            self._served_by_multus = self._clock()
            if not self._mark.exists():
                self._mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._mark.touch(0o600)
            raise ConfigError(
                f"Multus serves this node with {multus}; to take its place, set takeover: auto in {_SETTINGS} "
                "(docs/migrating.md), or uninstall one of the two"
            )
        if self._served_by_multus is None and self._mark.exists():
            self._served_by_multus = self._clock()
        if self._served_by_multus is not None and self._clock() - self._served_by_multus < RESTART:
            raise ConfigError(
                f"Multus served this node until now and may be restarting; netattach takes its place after {RESTART:.0f} s, "
                f"or at once with takeover: auto in {_SETTINGS} (docs/migrating.md)"
            )

    def _multus(self) -> Path | None:
        """The file of Multus, if the runtime would use it without netattach. A runtime skips files that it cannot read."""
        for path in self._others():
            try:
                plugins = cni_config.parse(path.read_text()).plugins
            except (OSError, UnicodeDecodeError, NetattachError):
                if path.name.startswith(multus_conf.FILE_PREFIX):
                    return path
                continue
            return path if any(plugin.type in multus_conf.TYPES for plugin in plugins) else None
        return None

    def _others(self) -> Iterator[Path]:
        for path in sorted(self._conf_dir.iterdir()):
            is_config = path.suffix in netattach_conf.SUFFIXES and not path.is_dir()
            if is_config and path.name not in netattach_conf.OWN_FILE_NAMES:
                yield path

    def _compare(self, multus: Path, default_network: Network) -> None:
        """Raises ConfigError if pods would get other networks than from Multus."""
        try:
            conf = multus_conf.read(multus.read_text())
        except (OSError, UnicodeDecodeError, NetattachError) as error:
            raise _not_yet(f"{multus} cannot be read: {error}") from error
        theirs, ours = multus_conf.default_network(conf), Path(default_network.file).name
        if not self._selection().primary and theirs not in {ours, default_network.config_name, *_OURS}:
            raise _not_yet(
                f"Multus' default network is {theirs or 'not named'} in {multus}, and netattach's would be {ours}; "
                f"set primaryNetwork: {theirs or ours} in {_SETTINGS}"
            )
        missing = multus_conf.missing_settings(conf, self._selection())
        if missing:
            raise _not_yet(
                f"{multus} has settings that netattach lacks; set {multus_conf.as_yaml(missing)} in {_SETTINGS}"
            )


def _not_yet(reason: str) -> ConfigError:
    return ConfigError(f"netattach does not take over from Multus yet: {reason}")
