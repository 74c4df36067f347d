"""cilium-cni: fields and their types (cilium plugins/cilium-cni/types/types.go). Versions differ, so some are missing."""

from __future__ import annotations

from netattach_core.plugins import fields
from netattach_core.plugins.plugin import Plugin, Role

PLUGIN = Plugin(
    type="cilium-cni",
    source="cilium plugins/cilium-cni/types/types.go",
    role=Role.MAIN,
    schema={
        **fields.record(
            mtu=fields.WHOLE,
            eni=fields.ANY_OBJECT,
            azure=fields.ANY_OBJECT,
            **{
                "alibaba-cloud": fields.ANY_OBJECT,
                "enable-debug": fields.FLAG,
                "log-file": fields.TEXT,
                "log-format": fields.TEXT,
                "chaining-mode": fields.TEXT,
            },
        ),
        "open": True,
    },
)
