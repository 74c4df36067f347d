"""What an IPAM plugin's result says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.cni.result import Address, Result, Route


@dataclass(frozen=True, slots=True)
class Addressing:
    """Addresses with their gateways, routes, and the members of `dns` that are not empty."""

    ips: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: Mapping[str, Any] = field(default_factory=dict)

    def result(self) -> Result:
        """As the plugin builds it: in the newest format, which `cni.result.dump` converts to any other."""
        return Result("1.1.0", (), self.ips, self.routes, self.dns)
