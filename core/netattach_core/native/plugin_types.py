"""The types of plugins that have a native driver, for programs that need their names and not `drivers`, which reads configs."""

TUNING = "tuning"

TYPES = frozenset({"bridge", "dummy", "host-device", "ipvlan", "macvlan", "ptp", "vlan", TUNING})
