"""Settings from environment variables: each field of a dataclass has one, and its default says of which type it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

_PREFIX = "NETATTACH_"


T = TypeVar("T")


def read(
    kind: type[T], environment: Mapping[str, str], *, named: Mapping[str, str] | None = None, **computed: Any
) -> T:
    """The settings, an instance of the dataclass `kind`, whose fields have defaults: str, int, float, Path, or None for a Path.

    Each is read from NETATTACH_ and the field's name in capitals, or from the variable that `named` gives for it.

    An empty variable counts as unset; `computed` are defaults that depend on the machine. Raises ValueError, which names the
    variable and what it has to be.
    """
    values = dict(computed)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]  # T is a dataclass
        variable = (named or {}).get(field.name, f"{_PREFIX}{field.name.upper()}")
        text = environment.get(variable)
        if text:
            values[field.name] = _converted(variable, text, type(field.default))
    return kind(**values)


def check_address(variable: str, text: str) -> None:
    """Raises ValueError where the text is no `host:port` to listen at; an empty host means all, an IPv6 one has brackets."""
    host, colon, port = text.rpartition(":")
    valid_port = port.isascii() and port.isdigit() and int(port) < 2**16
    if not colon or not valid_port or (":" in host and not host.startswith("[")):
        raise ValueError(f"{variable} is {text!r}; it has to be an address and a port, as in 0.0.0.0:8081")


def split_address(text: str) -> tuple[str | None, int]:
    """Host, None for all, and port of a checked address."""
    host, _, port = text.rpartition(":")
    return host.strip("[]") or None, int(port)


def _converted(variable: str, text: str, kind: type) -> str | int | float | Path:
    if kind is float:
        return _number(variable, text, float, "a number of seconds", 0)
    if kind is int:
        return _number(variable, text, int, "a whole number above 0", 1)
    return text if kind is str else Path(text)


def _number(variable: str, text: str, kind: type[float], wanted: str, least: float) -> float:
    try:
        number = kind(text)
    except ValueError:
        number = least - 1
    if not least <= number < float("inf"):
        raise ValueError(f"{variable} is {text!r}; it has to be {wanted}")
    return number
