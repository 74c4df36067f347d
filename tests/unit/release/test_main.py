"""make release: what it takes from the Dockerfile, and what it refuses before it builds anything."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from netattach_release import __main__ as program
from support import require
from support.release_inputs import SOURCE


def test_the_layers_are_those_that_the_dockerfile_copies() -> None:
    assert [
        "COPY --from=packages /image /",
        "COPY --from=shim /src/plugin/shim/build/netattach /opt/netattach/shim/netattach",
        "COPY --from=programs /tree /",
    ] == program.copies((require.REPOSITORY / "Dockerfile").read_text())


@pytest.mark.parametrize(
    ("registry", "expected"),
    [("registry.example.com/team", "registry.example.com/team/netattach:1.2.3"), ("", "netattach:1.2.3")],
    ids=["a registry", "none"],
)
def test_the_image_is_named_as_in_the_manifests(registry: str, expected: str) -> None:
    assert expected == program.reference(registry, SOURCE)


def test_a_dirty_work_tree_is_refused_and_dist_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([require.command("git"), "init", "--quiet", tmp_path], check=True)
    (tmp_path / "dist").mkdir()
    (tmp_path / "new.py").touch()
    monkeypatch.setattr(program, "ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["make release"])

    with pytest.raises(SystemExit, match=r"(?s)no release: uncommitted changes.*new.py"):
        program.main()

    assert {"dist", "new.py", ".git"} == {path.name for path in tmp_path.iterdir()}
