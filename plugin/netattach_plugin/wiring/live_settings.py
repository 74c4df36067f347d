"""The cluster's settings as the components ask for them: at each use, since they change."""

from __future__ import annotations

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.policy.settings import PolicySettings
from netattach_core.validation.settings import ClusterNetworks
from netattach_kube.cluster_settings import (
    AddedInterfaceEvents,
    SkipIdlePlugins,
    StatusForPlainPods,
    Takeover,
)
from netattach_plugin.cluster.settings_file import SettingsFile


class LiveSettings:
    """One question each."""

    def __init__(self, file: SettingsFile) -> None:
        self._file = file

    def selection(self) -> SelectionSettings:
        return self._file.current.validation.selection

    def policy(self) -> PolicySettings:
        return self._file.current.policy

    def subnets(self) -> ClusterNetworks:
        return self._file.current.validation.networks

    def native_plugins(self) -> frozenset[str]:
        return self._file.current.native_plugins

    def status_for_plain_pods(self) -> bool:
        return self._file.current.status_for_plain_pods is StatusForPlainPods.ASYNC

    def skip_idle_plugins(self) -> bool:
        return self._file.current.skip_idle_plugins is SkipIdlePlugins.AUTO

    def takeover(self) -> bool:
        return self._file.current.takeover is Takeover.AUTO

    def event_per_interface(self) -> bool:
        return self._file.current.added_interface_events is AddedInterfaceEvents.PER_INTERFACE
