"""The names of native drivers are those of the drivers."""

from __future__ import annotations

from netattach_core.native import drivers, plugin_types


def test_each_type_has_a_driver() -> None:
    assert {*drivers._DRIVERS, plugin_types.TUNING} == plugin_types.TYPES
    assert drivers.ATTACHING < plugin_types.TYPES
