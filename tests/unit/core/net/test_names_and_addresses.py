"""Names and addresses, with the same outcomes as libcni and Go's `net` package."""

from __future__ import annotations

import pytest

from netattach_core.net import addresses, names

INTERFACES = {
    "abc": True, "": False, "a b": False, "a\u00a0b": False, "15characterslong": False, "exactly15chars0": True,
    "é" * 8: False, "a@b": True, "a%d": False, "a/b": False, "a:b": False, ".": False, "..": False, "all": False,
    "default": False, "lo": False, "eth0.100": True,
}  # fmt: skip  # a table
CONTAINER_IDS = {
    "abc": True, "": False, "-a": False, ".a": False, "a\n": False, "a b": False, "é": False, "a@b": False, "a.b-c_d": True,
}  # fmt: skip  # a table
CIDRS = {
    "10.0.0.5/24": "10.0.0.5/24", "10.0.0.1/024": "10.0.0.1/24", "FD00:0::3/64": "fd00::3/64",
    "::ffff:10.1.0.0/120": "10.1.0.0/24", "10.0.0.1": None, "10.0.0.1/255.255.255.0": None, "10.01.0.1/24": None,
    "fe80::1%eth0/64": None, " 10.0.0.1/24": None, "10.0.0.1/33": None, "10.0.0.1/": None, "10.0.0.1/-1": None,
    "::ffff:10.1.0.0/90": None, "": None,
}  # fmt: skip  # a table
MACS = {
    "02:00:00:00:00:01": True, "02-00-00-00-00-01": True, "0200.0000.0001": True, "AA:bb:cc:dd:ee:ff": True,
    "02:00:00:00:00": False, "02:00:00:00:00:01:02:03": False, "02:00-00:00:00:01": False, "": False,
}  # fmt: skip  # a table


@pytest.mark.parametrize(("name", "valid"), INTERFACES.items())
def test_interface_names(name: str, valid: bool) -> None:  # noqa: FBT001  # a table's column
    """The kernel's rules; libcni accepts some of the other names, too."""
    assert valid == (names.interface_problem(name) is None)


@pytest.mark.parametrize(("name", "valid"), CONTAINER_IDS.items())
def test_container_ids(name: str, valid: bool) -> None:  # noqa: FBT001  # a table's column
    """libcni's regular expression, with the meaning of `$` in Go."""
    assert valid == names.is_cni_name(name)


@pytest.mark.parametrize(("text", "expected"), CIDRS.items())
def test_cidrs(text: str, expected: str | None) -> None:
    """Go's ParseCIDR."""
    parsed = addresses.parse_cidr(text)

    assert expected == (None if parsed is None else str(parsed))


@pytest.mark.parametrize(("text", "valid"), MACS.items())
def test_macs(text: str, valid: bool) -> None:  # noqa: FBT001  # a table's column
    """Go's ParseMAC, six bytes only."""
    assert valid == addresses.is_ethernet_mac(text)
