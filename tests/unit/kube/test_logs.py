"""The log of a program: who is heard, at which level, and how often."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from typing import TextIO

import pytest

from netattach_kube import logs, settings
from netattach_kube.log_levels import LogLevel
from netattach_kube.settings import Settings
from support import require

OURS = logging.getLogger("netattach_plugin.calls.server")
FOREIGN = logging.getLogger("kubernetes.aio.client.rest")


class Log:
    """A log, and what has been written to it."""

    def __init__(self, handler: logging.StreamHandler[TextIO]) -> None:
        self.handler = handler
        self._stream = io.StringIO()
        handler.setStream(self._stream)

    def lines(self) -> list[str]:
        return self._stream.getvalue().splitlines()

    def messages(self) -> list[str]:
        return [line.split('"')[1] for line in self.lines()]


@pytest.fixture
def log() -> Iterator[Log]:
    with logs.handled() as handler:
        yield Log(handler)


@pytest.fixture(autouse=True)
def unchanged_levels() -> Iterator[None]:
    """Loggers outlive a test."""
    names = ("", *logs.PACKAGES)
    before = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize("level", LogLevel)
def test_messages_below_the_level_are_not_written(level: LogLevel, log: Log) -> None:
    logs.set_level(level)
    for each in LogLevel:
        OURS.log(logging.getLevelNamesMapping()[each.upper()], "of level %s", each)

    written = [line.split()[1].lower() for line in log.lines()]
    assert list(LogLevel)[list(LogLevel).index(level) :] == written


def test_without_a_level_in_the_settings_it_is_that_of_the_environment(log: Log) -> None:
    logs.configure(log.handler, Settings(log_level="error"))
    OURS.warning("unheard")
    logs.set_level(LogLevel.DEBUG)
    OURS.debug("heard")
    logs.set_level(None)
    OURS.warning("unheard")

    assert ["heard"] == log.messages()


def test_libraries_are_heard_from_warning_on(log: Log) -> None:
    """At debug, the client of Kubernetes logs the bodies of responses, which may be Secrets."""
    logs.set_level(LogLevel.DEBUG)
    FOREIGN.debug("response body: %s", "a Secret")
    FOREIGN.info("unheard")
    FOREIGN.warning("heard")
    logs.set_level(LogLevel.ERROR)
    FOREIGN.warning("unheard")

    assert ["heard"] == log.messages()


def test_a_message_is_written_once_also_after_a_second_start() -> None:
    for _ in range(2):
        with logs.handled() as handler:
            log = Log(handler)
            OURS.warning("once")

            assert ["once"] == log.messages()


def test_a_warning_of_python_is_a_line_of_the_log(log: Log) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("odd", RuntimeWarning, stacklevel=1)

    (line,) = log.lines()
    assert ' WARNING py.warnings "' in line
    assert "RuntimeWarning: odd" in line


def test_every_program_has_its_packages_level() -> None:
    packages = {path.parent.name for path in require.REPOSITORY.glob("*/netattach_*/__main__.py")}

    assert packages - {"netattach_cli"} | {"netattach_kube"} == set(logs.PACKAGES)


@pytest.mark.parametrize(("variable", "choices"), [
    ("NETATTACH_LOG_FORMAT", "text, json"),
    ("NETATTACH_LOG_LEVEL", "debug, info, warning, error"),
])  # fmt: skip  # a table
def test_an_unknown_word_in_the_environment_is_named(variable: str, choices: str) -> None:
    with pytest.raises(ValueError, match=f"{variable} is 'loud'; it has to be one of {choices}"):
        settings.from_environment({variable: "loud"})
