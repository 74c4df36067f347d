"""dummy: an interface that leads nowhere (dummy.go: parseNetConf, cmdAdd)."""

from __future__ import annotations

from netattach_core.plugins import fields
from netattach_core.plugins.plugin import Ipam, Plugin, Role

PLUGIN = Plugin(
    type="dummy",
    source="plugins/main/dummy/dummy.go",
    role=Role.MAIN,
    capabilities=frozenset(),
    schema=fields.record(),
    ipam=Ipam.REQUIRED,
)
