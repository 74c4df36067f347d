"""Plugins of which the validator knows only what certainly fails: keys that they need, and values that they cannot read.

They are not in `PLUGINS`: they may read more keys than those here, so policy takes them for unknown plugins, in which every
path and every interface counts, and no rule relies on what they do.
"""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.net.names import shown
from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.sriov import require_device
from netattach_core.plugins.view import ConfigView
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding

_SOCKET = "server_socket"
_KUBE_OVN_KEYS = {
    _SOCKET: schema_types.STRING,
    "provider": schema_types.STRING,
    "routes": schema_types.ANYTHING,
}


def _kube_ovn(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The socket has no default (`cmd/cni/cni.go: loadNetConf`), not even for the network of the documentation."""
    if config.value(_SOCKET):
        return
    written = next((key for key in config.members() if suggestions.closest(key, (_SOCKET,))), "")
    problem = f"`{_SOCKET}` is missing or empty; kube-ovn refuses the config"
    fix = f'add the socket of its daemon: "{_SOCKET}": "/run/openvswitch/kube-ovn-daemon.sock"'
    if written not in {"", _SOCKET}:
        problem = f"{problem}; there is `{shown(written)}` instead"
        fix = f"write `{_SOCKET}`"
    yield config.found(common_rules.KEY_NEEDED, problem, fix, *((written,) if written else ()))


def _kube_ovn_ipam(ipam: ConfigView, context: Context) -> Iterator[Finding]:
    """The section counts only where another plugin creates the interface."""
    if context.type != "kube-ovn":
        yield from _kube_ovn(ipam, context)


def _accelerated_bridge(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The virtual function, which has no default (`pkg/config/config.go: ParseConf`)."""
    yield from require_device(config, context, "accelerated-bridge")
    yield from common_rules.pci_address(config, context, "accelerated-bridge")


_MIRROR = schema_types.with_example(
    schema_types.from_text(
        schema_types.object_of(
            name=schema_types.STRING, ingress=schema_types.BOOLEAN, egress=schema_types.BOOLEAN
        ),
        "name",
    ),
    '{"name": "mirror-1", "ingress": true, "egress": true}',
)
_MIRROR_KEYS = {
    "bridge": schema_types.STRING,
    "mirrors": schema_types.list_of(_MIRROR),
    "configuration_path": schema_types.STRING,
    "socket_file": schema_types.STRING,
}
_VLAN = schema_types.integer(1, 4094)


def _open(**keys: schema_types.Schema) -> schema_types.Schema:
    return schema_types.open_object(schema_types.object_of(**keys))


PLUGINS: tuple[Plugin, ...] = (
    Plugin(
        type="kube-ovn",
        source="kube-ovn cmd/cni/cni.go",
        role=Role.MAIN,
        schema=_open(**_KUBE_OVN_KEYS, deviceID=schema_types.STRING, vf_driver=schema_types.STRING),
        check=_kube_ovn,
    ),
    Plugin(
        type="kube-ovn",
        source="kube-ovn pkg/netconf/ipam_conf.go",
        role=Role.IPAM,
        schema=_open(**_KUBE_OVN_KEYS),
        check=_kube_ovn_ipam,
    ),
    Plugin(
        type="accelerated-bridge",
        source="accelerated-bridge-cni pkg/config/config.go",
        role=Role.MAIN,
        schema=_open(
            bridge=schema_types.STRING,
            vlan=schema_types.VLAN_ID,
            trunk=schema_types.list_of(schema_types.vlan_range(_VLAN)),
            setUplinkVlan=schema_types.BOOLEAN,
            mac=schema_types.STRING,
            mtu=schema_types.INTEGER,
            deviceID=schema_types.STRING,
            debug=schema_types.BOOLEAN,
        ),
        check=_accelerated_bridge,
    ),
    Plugin(
        type="ovs-mirror-producer",
        source="ovs-cni pkg/mirror-producer/producer.go",
        role=Role.CHAINED,
        schema=_open(**_MIRROR_KEYS),
    ),
    Plugin(
        type="ovs-mirror-consumer",
        source="ovs-cni pkg/mirror-consumer/consumer.go",
        role=Role.CHAINED,
        schema=_open(**_MIRROR_KEYS),
    ),
    # It panics without a result of the plugin before it (`command_add.go: CmdAdd`), also in mode disable.
    Plugin(
        type="coordinator",
        source="spiderpool cmd/coordinator/cmd/command_add.go",
        role=Role.CHAINED,
        schema=_open(mode=schema_types.STRING),
    ),
)
