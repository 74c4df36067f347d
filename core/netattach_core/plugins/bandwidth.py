"""bandwidth: a token bucket on a veth pair (bandwidth/main.go: PluginConfig, validateRateAndBurst)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

RATE = Rule("bandwidth-rate", Severity.DENY, "a rate that the bandwidth plugin refuses")

_WITHOUT_VETH = {"macvlan", "ipvlan", "sriov", "host-device", "vlan", "tap"}
_KEYS = ("ingressRate", "ingressBurst", "egressRate", "egressBurst")
_TICK = 64
_BURST_LIMIT = 8 * (2**32 - 1)


def check(conf: View, context: Context) -> Iterator[Finding]:
    """BW1 to BW3, BW5, BW6."""
    for direction in ("ingress", "egress"):
        yield from _direction(conf, f"{direction}Rate", f"{direction}Burst")
    if _limited_here(conf) and "bandwidth" in context.capabilities:
        problem = (
            "the capability `bandwidth` is not read where a rate stands here: what a pod asks for is lost"
        )
        yield conf.found(common_rules.NO_EFFECT, problem, "remove one of the two", "capabilities")
    main = context.main if context.chained else ""
    limited = next((key for key in ("ingressRate", "egressRate") if conf.whole(key)), None)
    if limited and main in _WITHOUT_VETH:
        problem = (
            f"a rate after {main}, which makes no veth pair: the bandwidth plugin finds no peer and fails"
        )
        yield conf.found(RATE, problem, "use bridge or ptp, or remove the rate", limited)


def _limited_here(conf: View) -> bool:
    """Whether any rate or burst stands in the configuration, be it 0 (main.go: getBandwidth)."""
    return any(conf.given(key) for key in _KEYS)


def _direction(conf: View, rate_key: str, burst_key: str) -> Iterator[Finding]:
    rate, burst = conf.whole(rate_key) or 0, conf.whole(burst_key) or 0
    wrong_type = any(conf.given(key) and conf.whole(key) is None for key in (rate_key, burst_key))
    if bool(rate) != bool(burst) and not wrong_type:
        there, missing = (rate_key, burst_key) if rate else (burst_key, rate_key)
        problem = f"`{there}` without `{missing}`; the bandwidth plugin refuses it"
        yield conf.found(RATE, problem, f"add `{missing}`", there)
    if burst >= _BURST_LIMIT:
        yield conf.found(RATE, f"`{burst_key}` is too large", f"write less than {_BURST_LIMIT}", burst_key)
    if rate >= 8 and 0 < burst < _BURST_LIMIT and _bucket(rate // 8, burst // 8) == 0:
        problem = f"`{burst_key}` {burst} is too small for `{rate_key}` {rate}: not a byte fits between two ticks of the kernel"
        yield conf.found(
            RATE, problem, "write at least a packet, 12000 bits, and more for a fast link", burst_key
        )
    if 0 < rate < 8:
        problem = f"`{rate_key}` is {rate} bits a second, less than a byte; the kernel refuses it"
        yield conf.found(RATE, problem, "write it in bits a second: 1000000 for 1 Mbit/s", rate_key)


def _bucket(rate: int, burst: int) -> int:
    """The burst as the kernel has it, in bytes a second and bytes; it refuses a bucket of none.

    The plugin writes it as a time in ticks of 64 ns (ifb_creator.go: buffer; the kernel's tbf_change reads it back). Of a time
    that does not fit into its 32 bits nothing is said.
    """
    microseconds = burst * 1_000_000 // rate
    ticks = microseconds * 1000 // _TICK
    return 1 if ticks >= 2**32 else rate * ticks * _TICK // 1_000_000_000


PLUGIN = Plugin(
    type="bandwidth",
    source="plugins/meta/bandwidth/main.go",
    role=Role.CHAINED,
    capabilities=frozenset({"bandwidth"}),
    schema=schema_types.record(
        **dict.fromkeys(_KEYS, schema_types.UINT),
    ),
    check=check,
    rules=(RATE,),
    floor="0.3.0",
)
