"""calico, calico-ipam: keys and their types (calico `cni-plugin/pkg/types/types.go`). Incomplete, since releases differ."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

SECOND_ENDPOINT = Rule(
    "calico-second-endpoint",
    Severity.WARN,
    "calico in a secondary network; it supports one interface per pod",
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


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The open-source version of calico supports one endpoint per pod."""
    problem = "calico supports one interface per pod: if it is also the default network, this one takes over the pod's endpoint"
    yield config.found(SECOND_ENDPOINT, problem, "use another plugin for secondary networks", "type")


PLUGIN = Plugin(
    type="calico",
    source="calico cni-plugin/pkg/types/types.go",
    role=Role.MAIN,
    schema={
        **schema_types.object_of(
            **dict.fromkeys(_TEXTS, schema_types.STRING),
            **dict.fromkeys(_NUMBERS, schema_types.INTEGER),
            nodename_file_optional=schema_types.BOOLEAN,
            include_default_routes=schema_types.BOOLEAN,
            policy=schema_types.OBJECT,
            kubernetes=schema_types.OBJECT,
            feature_control=schema_types.OBJECT,
            container_settings=schema_types.object_of(allow_ip_forwarding=schema_types.BOOLEAN),
            policy_setup_timeout_seconds=schema_types.INTEGER,
        ),
        "open": True,
    },
    check=check,
    rules=(SECOND_ENDPOINT,),
    supplies_ranges=True,  # cni-plugin/internal/pkg/utils/utils.go: ReplaceHostLocalIPAMPodCIDRs
)

IPAM_PLUGIN = Plugin(
    type="calico-ipam",
    source="calico cni-plugin/pkg/types/types.go",
    role=Role.IPAM,
    schema={
        **schema_types.object_of(
            subnet=schema_types.STRING,
            assign_ipv4=_QUOTED_FLAG,
            assign_ipv6=_QUOTED_FLAG,
            ipv4_pools=schema_types.STRINGS,
            ipv6_pools=schema_types.STRINGS,
        ),
        "open": True,
    },
)
