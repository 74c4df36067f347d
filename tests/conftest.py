"""For all tests: budgets of hypothesis, which kernel runs which case, and the list of tests that were left out."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from support import require, second_kernel, uml

SOAK = bool(os.environ.get("NETATTACH_SOAK"))

# Short runs have the same inputs each time; long ones generate new ones.
settings.register_profile("short", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("soak", max_examples=2000, deadline=None)
settings.load_profile("soak" if SOAK else "short")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # that is a worker process of pytest-xdist
        config.pluginmanager.register(second_kernel.SecondKernel())
    config.addinivalue_line("markers", "both_kernels: depends on the kernel; tests/kernel runs it once more")
    config.addinivalue_line("markers", "soak: takes long, runs in `make soak` only")
    config.addinivalue_line(
        "markers", "kernel_link(kind): needs a kernel with this kind of link; see tests/kernel"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects tests of `make soak`, and cases that only the second kernel can run (tests/kernel)."""
    elsewhere = [item for item in items if _runs_in_soak(item) or _runs_in_guest(item)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]


def pytest_runtest_setup(item: pytest.Item) -> None:
    for kind in _kernel_links(item):
        require.kernel_link(kind)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = terminalreporter.stats.get("skipped", [])
    if not left_out:
        return
    terminalreporter.section("left out on this machine")
    for report in left_out:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.line(f"{report.nodeid}: {str(reason).removeprefix('Skipped: ')}")
    terminalreporter.line(f"{len(left_out)} left out")


def _kernel_links(item: pytest.Item) -> Iterator[str]:
    for marker in item.iter_markers("kernel_link"):
        yield from marker.args


def _runs_in_soak(item: pytest.Item) -> bool:
    return not SOAK and item.get_closest_marker("soak") is not None


def _runs_in_guest(item: pytest.Item) -> bool:
    """Whether only the guest has the links. Where no kernel has them, the case stays and is listed as left out."""
    kinds = list(_kernel_links(item))
    if not kinds or uml.inside() or uml.missing():
        return False
    return not all(map(require.has_kernel_link, kinds))
