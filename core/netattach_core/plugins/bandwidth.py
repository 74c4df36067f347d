"""bandwidth: traffic shaping on a veth pair (`bandwidth/main.go: PluginConf, validateRateAndBurst`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

RATE = Rule("bandwidth-rate", Severity.DENY, "a rate that the bandwidth plugin refuses")

_WITHOUT_VETH = {"macvlan", "ipvlan", "sriov", "host-device", "vlan", "tap"}
_KEYS = ("ingressRate", "ingressBurst", "egressRate", "egressBurst")
_TICK = 64
_BURST_LIMIT = 8 * (2**32 - 1)


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of bandwidth."""
    for direction in ("ingress", "egress"):
        yield from _direction(config, f"{direction}Rate", f"{direction}Burst")
    if _has_static_limit(config) and "bandwidth" in context.capabilities:
        problem = "the capability `bandwidth` has no effect, since the config sets a rate: requests of pods are ignored"
        fix = "remove the capability, or the rates and bursts"
        yield config.found(common_rules.NO_EFFECT, problem, fix, "capabilities")
    main = context.first_type if context.chained else ""
    limited = next((key for key in ("ingressRate", "egressRate") if config.integer(key)), None)
    if limited and main in _WITHOUT_VETH:
        problem = f"`{limited}` after {main}, which creates no veth pair: the bandwidth plugin finds no veth peer and fails"
        yield config.found(RATE, problem, "use bridge or ptp, or remove the rates", limited)


def _has_static_limit(config: ConfigView) -> bool:
    """Whether the config has any rate or burst, even 0 (`main.go: getBandwidth`)."""
    return any(config.has(key) for key in _KEYS)


def _direction(config: ConfigView, rate_key: str, burst_key: str) -> Iterator[Finding]:
    rate, burst = config.integer(rate_key) or 0, config.integer(burst_key) or 0
    wrong_type = any(config.has(key) and config.integer(key) is None for key in (rate_key, burst_key))
    if bool(rate) != bool(burst) and not wrong_type:
        present, missing = (rate_key, burst_key) if rate else (burst_key, rate_key)
        problem = f"`{present}` without `{missing}`; the bandwidth plugin refuses it"
        yield config.found(RATE, problem, f"add `{missing}`", present)
    if burst >= _BURST_LIMIT:
        yield config.found(
            RATE, f"`{burst_key}` is too large", f"write a value less than {_BURST_LIMIT}", burst_key
        )
    if rate >= 8 and 0 < burst < _BURST_LIMIT and _bucket(rate // 8, burst // 8) == 0:
        problem = f"`{burst_key}` {burst} is too small for `{rate_key}` {rate}: it is less than one byte per kernel tick"
        yield config.found(
            RATE,
            problem,
            "write at least the size of a packet, 12000 bits, and more for a high rate",
            burst_key,
        )
    if 0 < rate < 8:
        problem = f"`{rate_key}` is {rate} bit/s, less than one byte per second; the kernel refuses it"
        yield config.found(RATE, problem, "write the rate in bit/s: 1000000 for 1 Mbit/s", rate_key)


def _bucket(rate: int, burst: int) -> int:
    """The burst in bytes as the kernel computes it from a rate in bytes per second and a burst in bytes; it refuses 0.

    The plugin passes it as a time in ticks of 64 ns (`ifb_creator.go: buffer`), and the kernel converts it back (Linux
    `sch_tbf.c: tbf_change`). A time that overflows 32 bits counts as valid.
    """
    microseconds = burst * 1_000_000 // rate
    ticks = microseconds * 1000 // _TICK
    return 1 if ticks >= 2**32 else rate * ticks * _TICK // 1_000_000_000


PLUGIN = Plugin(
    type="bandwidth",
    source="plugins/meta/bandwidth/main.go",
    role=Role.CHAINED,
    capabilities=frozenset({"bandwidth"}),
    schema=schema_types.object_of(
        **dict.fromkeys(_KEYS, schema_types.UINT64),
    ),
    check=check,
    rules=(RATE,),
    min_version="0.3.0",
)
