"""Settings from the environment: each type is converted, and a message names the variable and what it has to be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from netattach_kube import environment


@dataclass(frozen=True, slots=True)
class Settings:
    name: str = "n"
    directory: Path = Path("/d")
    seconds: float = 2.0
    count: int = 3
    optional: Path | None = None
    search: tuple[Path, ...] = (Path("/s"),)


def test_without_variables_every_field_has_its_default() -> None:
    assert Settings() == environment.read(Settings, {})


def test_each_type_is_converted() -> None:
    variables = {
        "NETATTACH_NAME": "other",
        "NETATTACH_DIRECTORY": "/e",
        "NETATTACH_SECONDS": "0.5",
        "NETATTACH_COUNT": "7",
        "KUBECONFIG": "/k",
        "NETATTACH_SEARCH": "/a:/b",
    }

    read = environment.read(Settings, variables, named={"optional": "KUBECONFIG"})

    assert Settings("other", Path("/e"), 0.5, 7, Path("/k"), (Path("/a"), Path("/b"))) == read


def test_a_variable_overrides_a_computed_default() -> None:
    assert "host" == environment.read(Settings, {}, name="host").name
    assert "set" == environment.read(Settings, {"NETATTACH_NAME": "set"}, name="host").name
    assert "host" == environment.read(Settings, {"NETATTACH_NAME": ""}, name="host").name


@pytest.mark.parametrize("text", ["a", "/a:", ":/a", "/a:b"])
def test_an_invalid_search_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"NETATTACH_SEARCH is .*absolute paths, separated by colons"):
        environment.read(Settings, {"NETATTACH_SEARCH": text})


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "1s"])
def test_an_invalid_number_of_seconds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"NETATTACH_SECONDS is .*number of seconds"):
        environment.read(Settings, {"NETATTACH_SECONDS": text})


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many"])
def test_an_invalid_count_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"NETATTACH_COUNT is .*whole number above 0"):
        environment.read(Settings, {"NETATTACH_COUNT": text})


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("0.0.0.0:8081", "0.0.0.0", 8081),
        (":1", None, 1),
        ("[::1]:65535", "::1", 65535),
        ("localhost:0", "localhost", 0),
    ],
)
def test_an_address_is_split(text: str, host: str | None, port: int) -> None:
    environment.check_address("V", text)

    assert (host, port) == environment.split_address(text)


@pytest.mark.parametrize("text", ["", "8081", "a:65536", "a:-1", "a:x", "::1:80", "a:²"])
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^V is .*an address and a port"):
        environment.check_address("V", text)
