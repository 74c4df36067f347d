"""dummy: an interface that is connected to nothing (`dummy.go: parseNetConf, cmdAdd`)."""

from __future__ import annotations

from netattach_core.plugins import schema_types
from netattach_core.plugins.plugin import Ipam, Plugin, Role

PLUGIN = Plugin(
    type="dummy",
    source="plugins/main/dummy/dummy.go",
    role=Role.MAIN,
    capabilities=frozenset(),
    schema=schema_types.object_of(),
    ipam=Ipam.REQUIRED,
)
