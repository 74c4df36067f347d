"""Settings from environment variables: one for each field of a dataclass, of the type of the field's default."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

_PREFIX = "NETATTACH_"


T = TypeVar("T")


def read(
    kind: type[T], environment: Mapping[str, str], *, named: Mapping[str, str] | None = None, **computed: Any
) -> T:
    """An instance of the dataclass `kind`. Its fields have defaults: a str, int, float, Path or tuple of Paths; None: a Path.

    Each field is read from the variable NETATTACH_ plus its name in capitals, or from the one that `named` has for it ("" for
    none). An empty variable counts as unset; `computed` are defaults that depend on the machine. Raises ValueError, which names
    the variable and its type.
    """
    values = dict(computed)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]  # T is a dataclass
        variable = (named or {}).get(field.name, f"{_PREFIX}{field.name.upper()}")
        text = environment.get(variable)
        if text:
            values[field.name] = _converted(variable, text, type(field.default))
    return kind(**values)


def check_address(variable: str, text: str, *, optional: bool = False) -> None:
    """Raises ValueError unless the text is `host:port`; an empty host means all addresses, an IPv6 address is in brackets.

    With `optional` it may be empty.
    """
    if optional and not text:
        return
    host, colon, port = text.rpartition(":")
    valid_port = port.isascii() and port.isdigit() and int(port) < 2**16
    if not colon or not valid_port or (":" in host and not host.startswith("[")):
        raise ValueError(f"{variable} is {text!r}; it has to be an address and a port, as in 0.0.0.0:8081")


def split_address(text: str) -> tuple[str | None, int]:
    """Host (None for all addresses) and port of an address that has been checked."""
    host, _, port = text.rpartition(":")
    return host.strip("[]") or None, int(port)


def _converted(variable: str, text: str, kind: type) -> str | int | float | Path | tuple[Path, ...]:
    if kind is float:
        return _number(variable, text, float, "a finite number of seconds, 0 or more", 0)
    if kind is int:
        return _number(variable, text, int, "a whole number above 0", 1)
    if kind is tuple:
        return _paths(variable, text)
    return text if kind is str else Path(text)


def _paths(variable: str, text: str) -> tuple[Path, ...]:
    """As in PATH."""
    paths = tuple(map(Path, text.split(os.pathsep)))
    if not all(path.is_absolute() for path in paths):
        raise ValueError(f"{variable} is {text!r}; it has to be absolute paths, separated by colons")
    return paths


def _number(variable: str, text: str, kind: type[float], wanted: str, least: float) -> float:
    try:
        number = kind(text)
    except ValueError:
        number = least - 1
    if not least <= number < float("inf"):
        raise ValueError(f"{variable} is {text!r}; it has to be {wanted}")
    return number
