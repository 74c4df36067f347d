"""Interface names and container IDs, with the same outcomes as the kernel and libcni."""

from __future__ import annotations

import pytest

from netattach_core.net import names

INTERFACES = {
    "abc": True, "": False, "a b": False, "a\u00a0b": False, "15characterslong": False, "exactly15chars0": True,
    "é" * 8: False, "a@b": True, "a%d": False, "a/b": False, "a:b": False, ".": False, "..": False, "all": False,
    "default": False, "lo": False, "eth0.100": True,
}  # fmt: skip  # a table
CONTAINER_IDS = {
    "abc": True, "": False, "-a": False, ".a": False, "a\n": False, "a b": False, "é": False, "a@b": False, "a.b-c_d": True,
}  # fmt: skip  # a table


@pytest.mark.parametrize(("name", "valid"), INTERFACES.items())
def test_interface_names(name: str, valid: bool) -> None:  # noqa: FBT001  # a table's column
    """The kernel's rules; libcni accepts some of the other names, too."""
    assert valid == (names.interface_problem(name) is None)


@pytest.mark.parametrize(("name", "valid"), CONTAINER_IDS.items())
def test_container_ids(name: str, valid: bool) -> None:  # noqa: FBT001  # a table's column
    """libcni's regular expression, with the meaning of `$` in Go."""
    assert valid == names.is_cni_name(name)
