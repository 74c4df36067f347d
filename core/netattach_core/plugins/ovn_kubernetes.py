"""ovn-k8s-cni-overlay: networks of OVN-Kubernetes (go-controller/pkg/util/multi_network.go: ParseNetConf, validation)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.finding import Finding, Rule, Severity
from netattach_core.plugins import common, fields, ovn_subnets
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View

OVN_NETWORK = Rule("ovn-network", Severity.DENY, "a network that OVN-Kubernetes refuses")
_COMMAS = {"type": "string", "mend": 'write one text with commas: "10.1.0.0/16,fd01::/48"'}


def check(conf: View, context: Context) -> Iterator[Finding]:
    """ON1 to ON6. Without a topology it is the default network, whose NAD says nothing else (ON rules do not apply)."""
    if not conf.text("topology"):
        return
    ipam = conf.inner("ipam")
    if ipam is not None and ipam.text("type"):
        problem = "OVN-Kubernetes gives addresses by itself, and refuses an `ipam` with a type"
        yield ipam.found(OVN_NETWORK, problem, "remove `ipam`, and write `subnets`", "type")
    yield from _identity(conf, context)
    yield from ovn_subnets.check(conf)
    if conf.text("topology") == "layer2" and conf.text("role") == "primary" and not conf.given("subnets"):
        problem = "a primary network of topology layer2 without `subnets`; OVN-Kubernetes refuses it"
        yield conf.found(common.KEY_NEEDED, problem, 'add "subnets": "10.1.0.0/16"')
    if conf.text("topology") == "layer3" and conf.flag("allowPersistentIPs"):
        problem = "`allowPersistentIPs` is for layer2 and localnet; OVN-Kubernetes refuses it for layer3"
        yield conf.found(OVN_NETWORK, problem, "remove it", "allowPersistentIPs")
    if conf.text("topology") == "localnet" and conf.text("role") == "primary":
        problem = "a network of topology localnet cannot be primary; OVN-Kubernetes refuses it"
        yield conf.found(OVN_NETWORK, problem, "write role secondary, or leave it out", "role")


def _identity(conf: View, context: Context) -> Iterator[Finding]:
    """ON1. The namespace is compared only where the NAD names it."""
    if not context.network:
        problem = "no `name`; OVN-Kubernetes refuses a network without one, and no other is put in its place"
        yield conf.found(OVN_NETWORK, problem, 'add the name of the network: "name": "tenant-blue"')
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
        where = ("netAttachDefName",) if text is not None else ()
        yield conf.found(OVN_NETWORK, problem, f'write "netAttachDefName": "{own}"', *where)


PLUGIN = Plugin(
    type="ovn-k8s-cni-overlay",
    source="ovn-kubernetes go-controller/pkg/util/multi_network.go",
    role=Role.MAIN,
    schema=fields.record(
        topology=fields.one_of("layer3", "layer2", "localnet"),
        role=fields.one_of("primary", "secondary"),
        netAttachDefName=fields.TEXT,
        **dict.fromkeys(ovn_subnets.LISTS, _COMMAS),
        mtu=fields.WHOLE,
        vlanID=fields.WHOLE,
        allowPersistentIPs=fields.FLAG,
        **dict.fromkeys(("physicalNetworkName", "transitSubnet", "transport", "outboundSNAT"), fields.TEXT),
        defaultGatewayIPs=fields.ANYTHING,
        evpn=fields.ANYTHING,
        deviceID=fields.ANYTHING,
        logFile=fields.ANYTHING,
        logLevel=fields.ANYTHING,
        **{
            "logfile-maxsize": fields.ANYTHING,
            "logfile-maxbackups": fields.ANYTHING,
            "logfile-maxage": fields.ANYTHING,
        },
    ),
    check=check,
    rules=(OVN_NETWORK, ovn_subnets.SUBNETS),
)
