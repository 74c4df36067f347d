"""README.md: short, and each of its commands is run by a test."""

from __future__ import annotations

from support import pages, require

PAGE = require.REPOSITORY / "README.md"

TESTED = {
    "make demo": ("tests/node/test_demo.py", "def test_the_tutorial("),
    "make test": (".ci/run", "make check"),
    "kubectl apply -k deploy/": ("docs/tutorial.md", "$ kubectl apply -k deploy/\n"),
    "kubectl delete -k deploy/": ("tests/e2e/lab/cluster.py", '"delete", "-k", REPOSITORY / "deploy"'),
}
"""For each command a file, and what in it runs the command."""


def test_it_has_at_most_two_screens() -> None:
    assert len(PAGE.read_text().splitlines()) <= 90


def test_each_command_is_run_by_a_test() -> None:
    commands = [
        step.command.partition("#")[0].strip() for block in pages.blocks(PAGE) for step in pages.steps(block)
    ]

    assert sorted(TESTED) == sorted(commands)
    for path, text in TESTED.values():
        assert text in (require.REPOSITORY / path).read_text()


def test_the_finding_that_it_shows_is_a_real_one() -> None:
    """A test compares docs/mistakes.md with what kubectl prints."""
    (shown,) = [line.strip() for line in PAGE.read_text().splitlines() if line.strip().startswith("`` deny")]

    assert shown in (pages.DOCS / "mistakes.md").read_text()
