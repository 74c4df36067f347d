"""What the validator knows of one CNI plugin, and the surroundings in which it looks at its configuration."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.cni import versions
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule


class Role(enum.Enum):
    """Where a plugin stands."""

    MAIN = "makes or moves an interface"
    CHAINED = "changes what a plugin before it in the list has made"
    IPAM = "gives addresses to a main plugin"


class Ipam(enum.Enum):
    """What a main plugin does without addresses."""

    NONE = "takes no ipam section"
    OPTIONAL = "makes an interface without addresses"
    REQUIRED = "fails"


@dataclass(frozen=True, slots=True)
class Context:
    """What a check may know besides its own object.

    `main` is the type of the first plugin, `chained` whether that is another one, `followed` whether others come after this one;
    `made` whether a plugin before this one makes
    the interface; `bare` whether all before it are known to give the pod no address; `resource` whether the NAD names a device
    plugin's resource. What follows is for the IPAM of a plugin. `sets_routes`: the plugin surely hands each route to the kernel;
    `makes_gateways`: it puts in the gateways that its IPAM leaves out (bridge); `fills_ranges`: it writes the node's own ranges
    into the section before its IPAM reads it, None where that is not known.
    """

    cni_version: str = versions.NEWEST
    capabilities: frozenset[str] = frozenset()
    chained: bool = False
    followed: bool = False
    made: bool = False
    main: str = ""
    mode: str = ""
    resource: bool = False
    namespace: str = ""
    name: str = ""
    network: str = ""
    bare: bool = False
    sets_routes: bool = False
    makes_gateways: bool = False
    fills_ranges: bool | None = False

    def older_than(self, version: str) -> bool:
        """Whether the configuration speaks an older version of CNI."""
        return not versions.at_least(self.cni_version, version)


Check = Callable[[View, Context], Iterator[Finding]]


def no_check(conf: View, context: Context) -> Iterator[Finding]:
    """For a plugin whose schema says everything."""
    yield from ()


@dataclass(frozen=True, slots=True)
class Plugin:
    """One CNI plugin.

    `source` names the code from which the schema and the checks were read. `schema` holds the plugin's own keys, those that
    every configuration may have are added (`fields.COMMON`); it is marked `open` where there may be more. `aliases` are words
    that people write for a key and that no measure of spelling would find. `capabilities` are those that it reads, None where
    that is not known. `interface_key` names a link of the node; where `falls_back` is set, a missing one means the interface
    of the node's default route. `fills_ranges`: it writes the node's ranges into its IPAM section itself; `default_ipam`:
    the type that it writes there too, where none stands.
    """

    type: str
    source: str
    role: Role
    schema: Mapping[str, Any]
    check: Check = no_check
    rules: tuple[Rule, ...] = ()
    ipam: Ipam = Ipam.NONE
    floor: str = versions.SUPPORTED[0]
    aliases: Mapping[str, str] = field(default_factory=dict)
    interface_key: str = ""
    capabilities: frozenset[str] | None = None
    falls_back: bool = False
    fills_ranges: bool = False
    default_ipam: str = ""
