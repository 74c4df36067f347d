"""ovn-k8s-cni-overlay: networks of OVN-Kubernetes (go-controller/pkg/util/multi_network.go: ParseNetConf, validation)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, ovn_subnets, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

OVN_NETWORK = Rule("ovn-network", Severity.DENY, "a network that OVN-Kubernetes refuses")

_RESERVED_NAMES = {"default", "ovn-kubernetes"}
_TRANSPORTS = ("no-overlay", "evpn")
_SNAT = ("enabled", "disabled")
_COMMAS = {"type": "string", "fix": 'write one text with commas: "10.1.0.0/16,fd01::/48"'}


def check(conf: View, context: Context) -> Iterator[Finding]:
    """ON1 to ON6. Without a topology it is the default network, whose NAD says nothing else (ON rules do not apply)."""
    if not conf.text("topology"):
        yield from _default_network(conf)
        return
    ipam = conf.inner("ipam")
    if ipam is not None and ipam.text("type"):
        problem = "OVN-Kubernetes gives addresses by itself, and refuses an `ipam` with a type"
        yield ipam.found(OVN_NETWORK, problem, "remove `ipam`, and write `subnets`", "type")
    yield from _identity(conf, context)
    yield from ovn_subnets.check(conf)
    yield from _topology(conf)
    yield from _vlan(conf)
    yield from _newer(conf)
    if context.followed and not context.chained:
        problem = "OVN-Kubernetes refuses a network with further plugins behind its own"
        yield conf.found(OVN_NETWORK, problem, "leave this plugin alone in `plugins`", "type")


def _default_network(conf: View) -> Iterator[Finding]:
    given = next(
        (key for key in ("role", "subnets", "physicalNetworkName", "vlanID") if conf.value(key)), None
    )
    if given:
        problem = f"without `topology` this is the cluster's default network, and `{given}` is not read"
        yield conf.found(
            common_rules.NO_EFFECT, problem, 'add one: "topology": "layer2", "layer3" or "localnet"', given
        )


def _vlan(conf: View) -> Iterator[Finding]:
    """The tag of a localnet port, which OVN's database holds to 1 to 4095."""
    vlan, topology = conf.whole("vlanID"), conf.text("topology")
    if vlan and topology != "localnet":
        problem = f"`vlanID` is read for localnet alone, and this is {topology}"
        yield conf.found(
            common_rules.NO_EFFECT, problem, "remove it, or write the topology localnet", "vlanID"
        )
    elif vlan is not None and not 0 <= vlan <= 4094:
        problem = f"`vlanID` {vlan} is no VLAN: OVN cannot make the port of the physical network"
        yield conf.found(common_rules.KEY_VALUE, problem, "write 1 to 4094", "vlanID", severity=Severity.WARN)


def _topology(conf: View) -> Iterator[Finding]:
    """ON4, and what each topology does not bear."""
    topology, role = conf.text("topology"), conf.text("role")
    if topology == "layer2" and role == "primary" and conf.value("subnets") in (None, ""):
        problem = "a primary network of topology layer2 without `subnets`; OVN-Kubernetes refuses it"
        where = ("subnets",) if conf.given("subnets") else ()
        yield conf.found(common_rules.KEY_NEEDED, problem, 'write "subnets": "10.1.0.0/16"', *where)
    if topology == "layer3" and conf.flag("allowPersistentIPs"):
        problem = "`allowPersistentIPs` is for layer2 and localnet; OVN-Kubernetes refuses it for layer3"
        yield conf.found(OVN_NETWORK, problem, "remove it", "allowPersistentIPs")
    if topology == "localnet" and role == "primary":
        problem = "a network of topology localnet cannot be primary; OVN-Kubernetes refuses it"
        yield conf.found(OVN_NETWORK, problem, "write role secondary, or leave it out", "role")


def _newer(conf: View) -> Iterator[Finding]:
    """What release 1.0 passes over, and later ones refuse: nobody does what it says. `transport` is too new."""
    topology, transport, snat = conf.text("topology"), conf.text("transport"), conf.text("outboundSNAT")
    if topology == "localnet" and conf.text("joinSubnet"):
        problem = "`joinSubnet` is not for localnet; OVN-Kubernetes 1.1 and newer refuse it"
        yield conf.found(OVN_NETWORK, problem, "remove it", "joinSubnet")
    for key in (*ovn_subnets.RESERVED, "defaultGatewayIPs"):
        if topology != "layer2" and conf.value(key):
            problem = f"`{key}` is for layer2; OVN-Kubernetes 1.2 and newer refuse it for {topology}"
            yield conf.found(OVN_NETWORK, problem, "remove it", key)
    if transport and transport not in _TRANSPORTS:
        problem = f"`transport` {transport!r} is none; OVN-Kubernetes 1.3 and newer refuse it"
        fix = f"write one of {', '.join(_TRANSPORTS)}, or leave it out for the overlay"
        yield conf.found(common_rules.KEY_VALUE, problem, fix, "transport", severity=Severity.WARN)
    if snat and transport != "no-overlay":
        problem = "`outboundSNAT` is for the transport no-overlay; newer releases of OVN-Kubernetes refuse it for others"
        yield conf.found(
            common_rules.KEYS_EXCLUDE, problem, "remove it", "outboundSNAT", severity=Severity.WARN
        )
    elif snat and snat not in _SNAT:
        problem = f"`outboundSNAT` {snat!r} is none; newer releases of OVN-Kubernetes refuse it"
        fix = f"write one of {', '.join(_SNAT)}"
        yield conf.found(common_rules.KEY_VALUE, problem, fix, "outboundSNAT", severity=Severity.WARN)


def _identity(conf: View, context: Context) -> Iterator[Finding]:
    """ON1. The namespace is compared only where the NAD names it."""
    if not context.network:
        problem = "no `name`; OVN-Kubernetes refuses a network without one, and no other is put in its place"
        yield conf.found(OVN_NETWORK, problem, 'add the name of the network: "name": "tenant-blue"')
    elif context.network in _RESERVED_NAMES:
        problem = f"`name` {context.network} is kept for OVN-Kubernetes' own network, and refused for others"
        where = ("name",) if conf.given("name") else ()
        yield conf.found(OVN_NETWORK, problem, 'write another: "name": "tenant-blue"', *where)
    text = conf.text("netAttachDefName")
    namespace, _, name = (text or "").rpartition("/")
    elsewhere = context.namespace and namespace != context.namespace
    if not conf.given("netAttachDefName") or (
        text is not None and context.name and (name != context.name or elsewhere)
    ):
        own = f"{context.namespace or '<namespace>'}/{context.name}"
        given = f"is {text!r}" if text is not None else "is missing"
        problem = (
            f"`netAttachDefName` {given}; it has to name this very NAD, and OVN-Kubernetes refuses others"
        )
        place = ("netAttachDefName",) if text is not None else ()
        yield conf.found(OVN_NETWORK, problem, f'write "netAttachDefName": "{own}"', *place)


PLUGIN = Plugin(
    type="ovn-k8s-cni-overlay",
    source="ovn-kubernetes go-controller/pkg/util/multi_network.go",
    role=Role.MAIN,
    schema=schema_types.record(
        topology=schema_types.one_of("layer3", "layer2", "localnet"),
        role=schema_types.one_of("primary", "secondary"),
        netAttachDefName=schema_types.TEXT,
        **dict.fromkeys(ovn_subnets.LISTS, _COMMAS),
        mtu=schema_types.WHOLE,
        vlanID=schema_types.WHOLE,
        allowPersistentIPs=schema_types.FLAG,
        **dict.fromkeys(
            ("physicalNetworkName", "transitSubnet", "transport", "outboundSNAT", "uplink"), schema_types.TEXT
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
