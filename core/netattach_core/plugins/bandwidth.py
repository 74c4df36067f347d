"""bandwidth: a token bucket on a veth pair (bandwidth/main.go: PluginConf, validateRateAndBurst)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.finding import Finding, Rule, Severity
from netattach_core.plugins import fields
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View

RATE = Rule("bandwidth-rate", Severity.DENY, "a rate that the bandwidth plugin refuses")

_WITHOUT_VETH = {"macvlan", "ipvlan", "sriov", "host-device", "vlan", "tap"}
_BURST_LIMIT = 8 * (2**32 - 1)


def check(conf: View, context: Context) -> Iterator[Finding]:
    """BW1 to BW3, BW5."""
    for direction in ("ingress", "egress"):
        yield from _direction(conf, f"{direction}Rate", f"{direction}Burst")
    main = context.main if context.chained else ""
    limited = next((key for key in ("ingressRate", "egressRate") if conf.whole(key)), None)
    if limited and main in _WITHOUT_VETH:
        problem = (
            f"a rate after {main}, which makes no veth pair: the bandwidth plugin finds no peer and fails"
        )
        yield conf.found(RATE, problem, "use bridge or ptp, or remove the rate", limited)


def _direction(conf: View, rate_key: str, burst_key: str) -> Iterator[Finding]:
    rate, burst = conf.whole(rate_key) or 0, conf.whole(burst_key) or 0
    wrong_type = any(conf.given(key) and conf.whole(key) is None for key in (rate_key, burst_key))
    if bool(rate) != bool(burst) and not wrong_type:
        there, missing = (rate_key, burst_key) if rate else (burst_key, rate_key)
        problem = f"`{there}` without `{missing}`; the bandwidth plugin refuses it"
        yield conf.found(RATE, problem, f"add `{missing}`", there)
    if burst >= _BURST_LIMIT:
        yield conf.found(RATE, f"`{burst_key}` is too large", f"write less than {_BURST_LIMIT}", burst_key)
    if 0 < rate < 8:
        problem = f"`{rate_key}` is {rate} bits a second, less than a byte; the kernel refuses it"
        yield conf.found(RATE, problem, "write it in bits a second: 1000000 for 1 Mbit/s", rate_key)


PLUGIN = Plugin(
    type="bandwidth",
    source="plugins/meta/bandwidth/main.go",
    role=Role.CHAINED,
    schema=fields.record(
        **dict.fromkeys(("ingressRate", "ingressBurst", "egressRate", "egressBurst"), fields.UINT),
    ),
    check=check,
    rules=(RATE,),
    floor="0.3.0",
)
