"""What the validator knows about one CNI plugin, and the context in which a check reads the plugin's config."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.cni import versions
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule


class Role(enum.Enum):
    """The place of a plugin in a chain."""

    MAIN = "creates or moves an interface"
    CHAINED = "changes what earlier plugins of the list created"
    IPAM = "assigns addresses for a main plugin"


class Ipam(enum.Enum):
    """What a main plugin does without an `ipam` section."""

    NONE = "takes no ipam section"
    OPTIONAL = "creates an interface without addresses"
    REQUIRED = "fails"


@dataclass(frozen=True, slots=True)
class Context:
    """What a check may know beyond the object that it reads.

    `cni_version` and `capabilities` are those in force for the plugin, `type` and `mode` are its own. About the NAD: its
    `namespace` and `name`, `network_name` from the config, `has_resource`: it names a device plugin's resource.

    About the chain: `chained`: it is not the first plugin; `first_type` and `first_ipam`: the types of the first one and of its
    IPAM plugin; `has_successor`: more plugins follow; `interface_exists`: an earlier one creates the interface;
    `no_address_before`: all earlier ones are known to assign no address; `routes_moved_before`: sbr moved all routes to another
    table; `routes_moved_after`: a later plugin takes the default routes out of the main table.

    For the plugin's IPAM: `sets_routes`: the plugin certainly passes each route to the kernel; `adds_gateways`: it adds a
    gateway where its IPAM returns none (bridge); `supplies_ranges`: it writes the node's own ranges into the section before its
    IPAM plugin reads it, None where that is unknown.
    """

    cni_version: str = versions.NEWEST
    type: str = ""
    capabilities: frozenset[str] = frozenset()
    chained: bool = False
    has_successor: bool = False
    interface_exists: bool = False
    first_type: str = ""
    first_ipam: str = ""
    routes_moved_before: bool = False
    routes_moved_after: bool = False
    mode: str = ""
    has_resource: bool = False
    namespace: str = ""
    name: str = ""
    network_name: str = ""
    no_address_before: bool = False
    sets_routes: bool = False
    adds_gateways: bool = False
    supplies_ranges: bool | None = False

    def older_than(self, version: str) -> bool:
        """Whether the config's CNI version is older."""
        return not versions.at_least(self.cni_version, version)


Check = Callable[[ConfigView, Context], Iterator[Finding]]


def no_check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """For a plugin that its schema describes completely."""
    yield from ()


@dataclass(frozen=True, slots=True)
class Plugin:
    """One CNI plugin.

    `source` is the file that defines the plugin's config. `schema` holds the plugin's own keys; those that every config may
    have are added (`schema_types.COMMON`); it is marked `open` where the plugin may read more keys. `aliases` are wrong names
    that people use for a key and that no spelling distance finds; `instead` says what to do for a key that other plugins read,
    and this one does not. `capabilities` are those that the plugin reads, None where
    that is unknown. `min_version` is the first CNI version that it supports.

    `interface_key` is the key that names an interface of the node; with `uses_default_route_interface`, an absent one means the
    interface of the node's default route. `supplies_ranges`: the plugin itself writes the node's ranges into its `ipam`
    section; `default_ipam`: the type that it writes there where the section has none.
    """

    type: str
    source: str
    role: Role
    schema: Mapping[str, Any]
    check: Check = no_check
    rules: tuple[Rule, ...] = ()
    ipam: Ipam = Ipam.NONE
    min_version: str = versions.SUPPORTED[0]
    aliases: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    interface_key: str = ""
    capabilities: frozenset[str] | None = None
    uses_default_route_interface: bool = False
    supplies_ranges: bool = False
    default_ipam: str = ""
