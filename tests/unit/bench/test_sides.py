"""Which sides can be measured."""

from pathlib import Path

import pytest

from compare import sides

SHIM = Path("netattach")


@pytest.mark.parametrize(
    ("native", "expected"),
    [
        ((), {sides.NATIVE, sides.NATIVE_SECONDARIES}),
        (("macvlan",), {sides.NATIVE_SECONDARIES}),
        (("macvlan", "bridge"), set()),
    ],
    ids=["no drivers", "no driver for the default network", "all drivers"],
)
def test_a_side_that_would_be_the_same_as_another_one_is_left_out(
    monkeypatch: pytest.MonkeyPatch, native: tuple[str, ...], expected: set[str]
) -> None:
    monkeypatch.setattr(sides, "NATIVE_TYPES", native)

    left_out = {side.name for side in sides.all_sides(SHIM, SHIM, SHIM) if side.missing()}

    assert expected == left_out - {sides.MULTUS}


def test_multus_is_left_out_with_the_way_to_get_it_unless_its_programs_are_named(tmp_path: Path) -> None:
    def missing(daemon: Path | None, shim: Path | None) -> str:
        return sides.all_sides(SHIM, daemon, shim)[-1].missing()

    present = tmp_path / "multus"
    present.touch()

    assert "MULTUS_DAEMON" in missing(None, None)
    assert "MULTUS_DAEMON" in missing(present, None)
    assert f"{tmp_path / 'gone'} does not exist" == missing(present, tmp_path / "gone")
    assert "" == missing(present, present)
