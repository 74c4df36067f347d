"""rdma: moves the RDMA device of a virtual function into the pod (rdma-cni `cmd/rdma/main.go`)."""

from __future__ import annotations

from netattach_core.plugins import schema_types
from netattach_core.plugins.plugin import Plugin, Role

PLUGIN = Plugin(
    type="rdma",
    source="rdma-cni cmd/rdma/main.go",
    role=Role.CHAINED,
    capabilities=frozenset({"deviceID"}),
    schema=schema_types.object_of(deviceID=schema_types.STRING),
)
