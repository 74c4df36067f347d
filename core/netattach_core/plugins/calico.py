"""calico, calico-ipam: fields and their types (calico cni-plugin/pkg/types/types.go). Versions differ, so some are missing."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

SECOND_ENDPOINT = Rule(
    "calico-second-endpoint", Severity.WARN, "calico in an additional network, which has one interface a pod"
)

_TEXTS = (
    "nodename",
    "nodename_file",
    "datastore_type",
    "etcd_endpoints",
    "log_level",
    "log_file_path",
    "endpoint_status_dir",
)
_NUMBERS = ("mtu", "num_queues", "log_file_max_size", "log_file_max_age", "log_file_max_count")
_QUOTED_FLAG = {"type": "string", "fix": 'write it in quotes: "true" or "false"'}


def check(conf: View, context: Context) -> Iterator[Finding]:
    """Section 6: the open-source version knows one endpoint a pod."""
    problem = "calico gives a pod one interface: where it is the default network too, this one takes over its endpoint"
    yield conf.found(SECOND_ENDPOINT, problem, "use another plugin for additional networks", "type")


PLUGIN = Plugin(
    type="calico",
    source="calico cni-plugin/pkg/types/types.go",
    role=Role.MAIN,
    schema={
        **schema_types.record(
            **dict.fromkeys(_TEXTS, schema_types.TEXT),
            **dict.fromkeys(_NUMBERS, schema_types.WHOLE),
            nodename_file_optional=schema_types.FLAG,
            include_default_routes=schema_types.FLAG,
            policy=schema_types.ANY_OBJECT,
            kubernetes=schema_types.ANY_OBJECT,
            feature_control=schema_types.ANY_OBJECT,
            container_settings=schema_types.record(allow_ip_forwarding=schema_types.FLAG),
            policy_setup_timeout_seconds=schema_types.WHOLE,
        ),
        "open": True,
    },
    check=check,
    rules=(SECOND_ENDPOINT,),
    fills_ranges=True,  # cni-plugin/internal/pkg/utils/utils.go: ReplaceHostLocalIPAMPodCIDRs
)

IPAM_PLUGIN = Plugin(
    type="calico-ipam",
    source="calico cni-plugin/pkg/types/types.go",
    role=Role.IPAM,
    schema={
        **schema_types.record(
            subnet=schema_types.TEXT,
            assign_ipv4=_QUOTED_FLAG,
            assign_ipv6=_QUOTED_FLAG,
            ipv4_pools=schema_types.TEXTS,
            ipv6_pools=schema_types.TEXTS,
        ),
        "open": True,
    },
)
