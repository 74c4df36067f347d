"""ovn-k8s-cni-overlay: networks of OVN-Kubernetes (`go-controller/pkg/util/multi_network.go: ParseNetConf`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, ovn_subnets, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

OVN_NETWORK = Rule("ovn-network", Severity.DENY, "a network that OVN-Kubernetes refuses")

_RESERVED_NAMES = {"default", "ovn-kubernetes"}
_ADD_TOPOLOGY = 'add "topology" with the value "layer2", "layer3" or "localnet"'
_TRANSPORTS = ("no-overlay", "evpn")
_SNAT_VALUES = ("enabled", "disabled")
_COMMA_LIST = {"type": "string", "fix": 'write one string with commas: "10.1.0.0/16,fd01::/48"'}


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a network of OVN-Kubernetes; without `topology` it is the default network."""
    if not config.text("topology"):
        yield from _default_network(config, context)
        return
    ipam = config.object("ipam")
    if ipam is not None and ipam.text("type"):
        problem = "OVN-Kubernetes assigns addresses itself, and refuses an `ipam` section with a type"
        yield ipam.found(OVN_NETWORK, problem, "remove `ipam`, and add `subnets`", "type")
    yield from _identity(config, context)
    yield from ovn_subnets.check(config)
    yield from _topology(config)
    yield from _vlan(config)
    yield from _newer(config)
    if context.has_successor and not context.chained:
        problem = "OVN-Kubernetes refuses a list with more than its own plugin"
        yield config.found(OVN_NETWORK, problem, "remove the other plugins from `plugins`", "type")


def _default_network(config: ConfigView, context: Context) -> Iterator[Finding]:
    """Without `topology` (`cni.go: ParseNetConf`), as is meant where the NAD has the name of that network, or a device for it."""
    ignored = next(
        (key for key in ("role", "subnets", "physicalNetworkName", "vlanID") if config.value(key)), None
    )
    if ignored:
        problem = (
            f"without `topology` this is the cluster's default network, for which `{ignored}` has no effect"
        )
        yield config.found(
            common_rules.NO_EFFECT,
            problem,
            _ADD_TOPOLOGY,
            ignored,
        )
    elif context.network_name not in {"", *_RESERVED_NAMES} and not context.has_resource:
        problem = "`topology` is missing: this is no network of its own, but the cluster's default network, a second time"
        yield config.found(OVN_NETWORK, problem, _ADD_TOPOLOGY, severity=Severity.WARN)


def _vlan(config: ConfigView) -> Iterator[Finding]:
    """The VLAN tag of a localnet port, which the schema of OVN's database limits to 1 to 4095."""
    vlan, topology = config.integer("vlanID"), config.text("topology")
    if vlan and topology != "localnet":
        problem = f"`vlanID` has no effect in topology {topology}, only in localnet"
        yield config.found(common_rules.NO_EFFECT, problem, "remove it, or write topology localnet", "vlanID")
    elif vlan is not None and not 0 <= vlan <= 4094:
        problem = (
            f"`vlanID` {vlan} is not a valid VLAN ID: OVN cannot create the port to the physical network"
        )
        yield config.found(
            common_rules.KEY_VALUE, problem, "write a value from 1 to 4094", "vlanID", severity=Severity.WARN
        )


def _topology(config: ConfigView) -> Iterator[Finding]:
    """Keys that a topology requires or excludes."""
    topology, role = config.text("topology"), config.text("role")
    if topology == "layer2" and role == "primary" and config.value("subnets") in (None, ""):
        problem = "a primary network of topology layer2 requires `subnets`; OVN-Kubernetes refuses it"
        where = ("subnets",) if config.has("subnets") else ()
        yield config.found(common_rules.KEY_NEEDED, problem, 'add "subnets": "10.1.0.0/16"', *where)
    if topology == "layer3" and config.flag("allowPersistentIPs"):
        problem = "OVN-Kubernetes supports `allowPersistentIPs` only in topologies layer2 and localnet, and refuses it in layer3"
        yield config.found(OVN_NETWORK, problem, "remove it", "allowPersistentIPs")
    if topology == "localnet" and role == "primary":
        problem = "a network of topology localnet cannot be primary; OVN-Kubernetes refuses it"
        yield config.found(OVN_NETWORK, problem, "write role secondary, or remove it", "role")


def _newer(config: ConfigView) -> Iterator[Finding]:
    """Keys that release 1.0 ignores and later releases refuse, so that they never have an effect; `transport` only warns."""
    topology, transport, snat = config.text("topology"), config.text("transport"), config.text("outboundSNAT")
    if topology == "localnet" and config.text("joinSubnet"):
        problem = "OVN-Kubernetes 1.1 and newer refuse `joinSubnet` in topology localnet"
        yield config.found(OVN_NETWORK, problem, "remove it", "joinSubnet")
    for key in (*ovn_subnets.RESERVED, "defaultGatewayIPs"):
        if topology != "layer2" and config.value(key):
            problem = f"OVN-Kubernetes 1.2 and newer support `{key}` only in topology layer2, and refuse it in {topology}"
            yield config.found(OVN_NETWORK, problem, "remove it", key)
    if transport and transport not in _TRANSPORTS:
        problem = f"`transport` {transport!r} is not supported; OVN-Kubernetes 1.3 and newer refuse it"
        fix = f"write {' or '.join(_TRANSPORTS)}, or remove it to use the overlay"
        yield config.found(common_rules.KEY_VALUE, problem, fix, "transport", severity=Severity.WARN)
    if snat and transport != "no-overlay":
        problem = "newer releases of OVN-Kubernetes refuse `outboundSNAT` without transport no-overlay"
        yield config.found(
            common_rules.KEYS_EXCLUDE, problem, "remove it", "outboundSNAT", severity=Severity.WARN
        )
    elif snat and snat not in _SNAT_VALUES:
        problem = f"`outboundSNAT` {snat!r} is not supported; newer releases of OVN-Kubernetes refuse it"
        fix = f"write {' or '.join(_SNAT_VALUES)}"
        yield config.found(common_rules.KEY_VALUE, problem, fix, "outboundSNAT", severity=Severity.WARN)


def _identity(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The name of the network, and the reference to its own NAD; its namespace is compared only where it is known."""
    if not context.network_name:
        problem = (
            "`name` is missing; OVN-Kubernetes refuses the network, and the NAD's name is not used instead"
        )
        yield config.found(OVN_NETWORK, problem, 'add the name of the network: "name": "tenant-blue"')
    elif context.network_name in _RESERVED_NAMES:
        problem = f"`name` {context.network_name} is reserved for OVN-Kubernetes' own network; it refuses the name for others"
        where = ("name",) if config.has("name") else ()
        yield config.found(
            OVN_NETWORK, problem, 'write another name, for example "name": "tenant-blue"', *where
        )
    text = config.text("netAttachDefName")
    namespace, _, name = (text or "").rpartition("/")
    elsewhere = context.namespace and namespace != context.namespace
    if not config.has("netAttachDefName") or (
        text is not None and context.name and (name != context.name or elsewhere)
    ):
        own = f"{context.namespace or '<namespace>'}/{context.name}"
        state = f"is {text!r}" if text is not None else "is missing"
        problem = f"`netAttachDefName` {state}; it must name this NAD, or OVN-Kubernetes refuses the network"
        place = ("netAttachDefName",) if text is not None else ()
        yield config.found(OVN_NETWORK, problem, f'write "netAttachDefName": "{own}"', *place)


PLUGIN = Plugin(
    type="ovn-k8s-cni-overlay",
    source="ovn-kubernetes go-controller/pkg/util/multi_network.go",
    role=Role.MAIN,
    schema=schema_types.object_of(
        topology=schema_types.one_of("layer3", "layer2", "localnet"),
        role=schema_types.one_of("primary", "secondary"),
        netAttachDefName=schema_types.STRING,
        **dict.fromkeys(ovn_subnets.LISTS, _COMMA_LIST),
        mtu=schema_types.INTEGER,
        vlanID=schema_types.INTEGER,
        allowPersistentIPs=schema_types.BOOLEAN,
        **dict.fromkeys(
            ("physicalNetworkName", "transitSubnet", "transport", "outboundSNAT", "uplink"),
            schema_types.STRING,
        ),
        defaultGatewayIPs=schema_types.ANYTHING,
        evpn=schema_types.ANYTHING,
        deviceID=schema_types.ANYTHING,
        logFile=schema_types.ANYTHING,
        logLevel=schema_types.ANYTHING,
        **{
            "logfile-maxsize": schema_types.ANYTHING,
            "logfile-maxbackups": schema_types.ANYTHING,
            "logfile-maxage": schema_types.ANYTHING,
        },
    ),
    check=check,
    rules=(OVN_NETWORK, ovn_subnets.SUBNETS),
    aliases={"vlan": "vlanID", "tag": "vlanID", "physicalNetwork": "physicalNetworkName"},
)
