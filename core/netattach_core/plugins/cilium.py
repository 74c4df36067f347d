"""cilium-cni: fields and their types (cilium plugins/cilium-cni/types/types.go). Versions differ, so some are missing."""

from __future__ import annotations

from netattach_core.plugins import schema_types
from netattach_core.plugins.plugin import Plugin, Role

PLUGIN = Plugin(
    type="cilium-cni",
    source="cilium plugins/cilium-cni/types/types.go",
    role=Role.MAIN,
    schema={
        **schema_types.record(
            mtu=schema_types.WHOLE,
            eni=schema_types.ANY_OBJECT,
            azure=schema_types.ANY_OBJECT,
            **{
                "alibaba-cloud": schema_types.ANY_OBJECT,
                "enable-debug": schema_types.FLAG,
                "log-file": schema_types.TEXT,
                "log-format": schema_types.TEXT,
                "chaining-mode": schema_types.TEXT,
            },
        ),
        "open": True,
    },
)
