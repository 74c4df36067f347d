"""cilium-cni: keys and their types (cilium `plugins/cilium-cni/types/types.go`). Incomplete, since releases differ."""

from __future__ import annotations

from netattach_core.plugins import schema_types
from netattach_core.plugins.plugin import Plugin, Role

PLUGIN = Plugin(
    type="cilium-cni",
    source="cilium plugins/cilium-cni/types/types.go",
    role=Role.MAIN,
    schema={
        **schema_types.object_of(
            mtu=schema_types.INTEGER,
            eni=schema_types.OBJECT,
            azure=schema_types.OBJECT,
            **{
                "alibaba-cloud": schema_types.OBJECT,
                "enable-debug": schema_types.BOOLEAN,
                "log-file": schema_types.STRING,
                "log-format": schema_types.STRING,
                "chaining-mode": schema_types.STRING,
            },
        ),
        "open": True,
    },
)
