"""The config of the plugin ptp, as far as its driver understands it (`plugins/main/ptp/ptp.go: cmdAdd`)."""

from __future__ import annotations

from netattach_core.native import strict
from netattach_core.native.config import Config
from netattach_core.native.recipe import Ptp

KEYS = ("ipMasq", "mtu")


def read(found: Config) -> Ptp:
    """Firewall rules are for the program. A requested MAC has no effect. Raises NotUnderstoodError."""
    strict.require(found.has_ipam and not found.flag("ipMasq"))
    strict.require(found.dns or not found.replaces_dns)
    return Ptp(mtu=found.number("mtu"))
