"""Many networks are validated in several processes: with the same output, and never with a finding less."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from netattach_cli.lint import batches
from netattach_cli.lint.batches import Batches
from netattach_cli.lint.forked_call import ForkedCall, ForkedCallError
from netattach_cli.lint.formats import REPORTS
from netattach_cli.lint.network_validator import Candidate, NetworkValidator
from netattach_core.api.nad import KIND
from netattach_core.api.networks_annotation import NETWORKS
from netattach_core.text.finding import Finding
from support import require
from unit.cli.samples import INVALID_CONFIG, Netattach, nad

SEEDS = require.REPOSITORY / "tests/fuzz/seeds/config"

# A test runner has threads, of which a copy of its process knows nothing; what runs in the copies here needs none of them.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the number of processes; batches are of three networks, the first of one."""
    monkeypatch.setattr(batches, "SIZE", 3)
    monkeypatch.setattr(batches, "FIRST_SIZE", 1)
    return lambda count: monkeypatch.setattr(batches, "processes", lambda: count)


def write_files(folder: Path) -> None:
    """Networks with many findings, in all forms, with comments, pods, networks of one name, and documents that are not YAML."""
    configs = [each.read_text(errors="replace") for each in sorted(SEEDS.iterdir())]
    bodies = [
        {"kind": KIND, "metadata": {"name": f"n{index % 40}"}, "spec": {"config": config}}
        for index, config in enumerate(configs)
    ]
    folder.mkdir()
    for index, style in enumerate(["'", '"', "|"]):
        texts = [yaml.safe_dump(each, default_style=style) for each in bodies[index::4]]
        (folder / f"all{index}.yaml").write_text("---\n".join(texts))
    (folder / "list.json").write_text(json.dumps({"kind": "List", "items": bodies[3::4]}))
    for index, body in enumerate(bodies[:9]):
        (folder / f"one{index}.yaml").write_text(yaml.safe_dump(body))
    pod = {"kind": "Pod", "metadata": {"name": "p", "annotations": {NETWORKS: "lab/n1, default/n2@1"}}}
    commented = [
        f"# netattach: ignore schema because\n{nad(f'n{index}', INVALID_CONFIG)}" for index in range(5)
    ]
    ignored = "# netattach: ignore cni-version-missing because\n# netattach: ignroe schema\n"
    parts = [*commented, yaml.safe_dump(pod), ignored + nad("last"), "kind: [\n"]
    (folder / "mixed.yaml").write_text("---\n".join(parts))


@pytest.mark.parametrize("form", list(REPORTS))
def test_the_output_is_that_of_one_process(
    netattach: Netattach, at_once: Callable[[int], None], form: str
) -> None:
    write_files(Path("nets"))
    run = ("lint", "nets", "--advice", "-o", form)
    at_once(1)
    alone = netattach(*run)
    at_once(3)

    assert alone == netattach(*run)
    assert 2 == alone[0]
    assert "mixed.yaml" in alone[1]


def test_networks_of_one_file_are_compared_across_processes(
    netattach: Netattach, at_once: Callable[[int], None]
) -> None:
    """The last one shares addresses with the first one, which another process has validated."""
    at_once(2)
    ipam = {"type": "host-local", "subnet": "10.1.0.0/24"}
    configs = [
        {"cniVersion": "1.0.0", "type": "macvlan", "master": f"eth{index % 14}"} for index in range(15)
    ]
    texts = [nad(f"n{index}", json.dumps({**config, "ipam": ipam})) for index, config in enumerate(configs)]
    Path("a.yaml").write_text("---\n".join(texts))
    _, out, _ = netattach("lint", "a.yaml")

    assert "[addresses-shared] lab/n14" in out


def test_a_killed_process_ends_the_run_with_an_error(
    netattach: Netattach, at_once: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once(2)
    ours, findings = os.getpid(), NetworkValidator.findings

    def killed(self: NetworkValidator, candidates: Sequence[Candidate]) -> list[list[Finding]]:
        if os.getpid() != ours:
            os.kill(os.getpid(), signal.SIGKILL)
        return findings(self, candidates)

    monkeypatch.setattr(NetworkValidator, "findings", killed)
    Path("a.yaml").write_text("---\n".join(nad(f"n{index}", INVALID_CONFIG) for index in range(20)))
    status, out, err = netattach("lint", "a.yaml")

    assert 2 == status
    assert "signal 9 ended it" in err
    assert "NADs: " not in out


def test_where_no_process_can_be_started_one_does_it_all(
    netattach: Netattach, at_once: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once(2)

    def no_process() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", no_process)
    Path("a.yaml").write_text("---\n".join(nad(f"n{index}", INVALID_CONFIG) for index in range(20)))
    status, out, _ = netattach("lint", "a.yaml")

    assert 1 == status
    assert "20 NADs: 20 refused" in out


def test_results_are_handed_over_in_order(at_once: Callable[[int], None]) -> None:
    at_once(3)
    found: list[object] = []
    squares = Batches[int, int](lambda items: [each * each for each in items], lambda _: None)
    for number in range(20):
        squares.put(number, found.append)
        if number % 5 == 0:
            squares.then(lambda number=number: found.append(str(number)))  # type: ignore[misc]  # bound at once
    squares.finish()

    expected: list[object] = []
    for number in range(20):
        expected += [number * number, *([str(number)] if number % 5 == 0 else [])]
    assert expected == found


def test_work_stops_with_what_prevents_it(at_once: Callable[[int], None]) -> None:
    """The reader of the output may go away; no process is left."""
    at_once(2)

    def wait(items: Sequence[int]) -> Sequence[int]:
        signal.pause()
        return items

    signals = Batches[int, int](wait, lambda _: None)
    signals._size = batches.SIZE
    for number in range(6):
        signals.put(number, lambda _: None)
    signals.stop()

    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_an_error_in_a_process_is_printed_and_raised(capfd: pytest.CaptureFixture[str]) -> None:
    call = ForkedCall(lambda: 1 // 0)
    with pytest.raises(ForkedCallError, match="it ended with status 1"):
        call.result()

    assert "ZeroDivisionError" in capfd.readouterr().err


def test_without_exit_statuses_the_result_itself_shows_whether_it_is_complete() -> None:
    """Where our parent ignores SIGCHLD, so do we, and the kernel keeps none."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert [1, 2] == ForkedCall(lambda: [1, 2]).result()
        with pytest.raises(ForkedCallError, match="it left no result"):
            ForkedCall(lambda: os.kill(os.getpid(), signal.SIGKILL)).result()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_system_without_files_in_memory_has_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")

    assert 1 == batches.processes()
