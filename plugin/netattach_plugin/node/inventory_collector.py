"""Collects the inventory of this node from the kernel, the plugins' binaries, the CNI configuration directory and the API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from netattach_core.api import inventory
from netattach_core.api.inventory import Dhcp, NodeInventory, Plugin, Primary
from netattach_core.cni import config as cni_config
from netattach_core.cni import netattach_conf
from netattach_core.errors import NetattachError
from netattach_plugin.node import plugin_versions
from netattach_plugin.node.plugin_directories import Binary, PluginDirectories
from netattach_plugin.ports import Links, NodeInfo, NodeNetworks

_CONCURRENT_BINARIES = 2
_Stamp = tuple[str, int, int]


class InventoryCollector:
    """Runs each binary for its CNI versions once, and again after it was replaced."""

    def __init__(  # one collaborator each
        self,
        node: str,
        store: NodeInfo,
        links: Links,
        networks: NodeNetworks,
        directories: PluginDirectories,
        dhcp: Callable[[], Awaitable[Dhcp | None]],
        boot_id: str = "",
    ) -> None:
        self._node = node
        self._store = store
        self._links = links
        self._networks = networks
        self._directories = directories
        self._dhcp = dhcp
        self._boot_id = boot_id
        self._versions: dict[_Stamp, tuple[str, ...]] = {}

    async def collect(self) -> NodeInventory:
        """Raises TryAgainError where the API cannot be reached, and whatever pyroute2 raises."""
        addresses = await self._store.node_addresses()  # first, since it may wait for the API
        interfaces = inventory.without_pods(await self._links.interfaces())
        defaults = await self._links.default_interfaces()
        return NodeInventory(
            node=self._node,
            interfaces=interfaces,
            default_interfaces=inventory.with_node_addresses(defaults, interfaces, addresses),
            plugins=await self._plugins(),
            unseen_plugin_directories=self._directories.unseen,
            primary=_primary(self._networks),
            networks=self._networks.files(),
            dhcp=await self._dhcp(),
            labels=await self._store.node_labels(),
            boot_id=self._boot_id,
        )

    async def _plugins(self) -> tuple[Plugin, ...]:
        slots = asyncio.Semaphore(_CONCURRENT_BINARIES)

        async def plugin(binary: Binary) -> Plugin:
            path, found = binary.path, binary.found
            if found is None:
                return Plugin(path.name, unknown=True)
            stamp = (str(path), found.st_ctime_ns, found.st_size)
            async with slots:
                if stamp not in self._versions:
                    self._versions[stamp] = await plugin_versions.supported(path, self._directories.cni_path)
                return Plugin(path.name, self._versions[stamp])

        binaries = sorted(filter(_is_plugin, self._directories.binaries()), key=lambda each: each.path.name)
        return tuple(await asyncio.gather(*map(plugin, binaries)))


def _primary(networks: NodeNetworks) -> Primary | None:
    try:
        network = networks.default_network()
        config = cni_config.parse(network.config_text)
    except NetattachError:
        return None
    return Primary(config.name, network.file, tuple(plugin.type for plugin in config.plugins))


def _is_plugin(binary: Binary) -> bool:
    """Not the shim, nor a temporary (hidden) file."""
    return not binary.path.name.startswith(".") and binary.path.name != netattach_conf.TYPE
