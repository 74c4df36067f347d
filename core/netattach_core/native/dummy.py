"""The config of the plugin dummy, as far as its driver understands it (`plugins/main/dummy/dummy.go: cmdAdd`)."""

from __future__ import annotations

from netattach_core.native import strict
from netattach_core.native.config import Config
from netattach_core.native.recipe import Dummy

KEYS = ()


def read(found: Config) -> Dummy:
    """Raises NotUnderstoodError, also without an IPAM, which the program refuses, and with `dns`, which it ignores."""
    strict.require(found.has_ipam and not found.dns)
    return Dummy()
