"""Names that CNI, Kubernetes and the kernel accept, and how messages quote names."""

from __future__ import annotations

import re

_CNI_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_KERNEL_SPACE = " \t\n\v\f\r\u0085\u00a0"
_RESERVED = {".", "..", "all", "default", "lo"}
MAX_INTERFACE_BYTES = 15
MAX_OBJECT_NAME = 253
_MAX_QUOTED = 60


def shown(text: str) -> str:
    """The text as a message quotes it, cut off at 60 characters."""
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}…"


def is_cni_name(name: str) -> bool:
    """Whether libcni accepts it as a container ID or network name (CNI SPEC, section 1)."""
    return _CNI_NAME.fullmatch(name) is not None


def is_label(name: str) -> bool:
    """Whether it is a DNS-1123 label, as the name of a namespace has to be."""
    return _LABEL.fullmatch(name) is not None


def is_object_name(name: str) -> bool:
    """Whether it is a DNS-1123 subdomain, labels separated by dots, as most object names have to be."""
    return all(is_label(part) for part in name.split("."))


def interface_problem(name: str) -> str | None:
    """Why the kernel refuses this interface name, or None.

    libcni accepts `all`, `default` and `%`. The first two fail in the kernel, which also turns `net%d` into net0; the plugin then
    does not find its interface and does not clean it up.
    """
    if not name:
        return "the interface name is empty"
    if not name.isprintable():
        return f"interface name {shown(name)!r} contains an unprintable character"
    if size(name) > MAX_INTERFACE_BYTES:
        return f"interface name {shown(name)!r} is longer than {MAX_INTERFACE_BYTES} bytes"
    if name in _RESERVED:
        return f"interface name {name!r} is reserved by the kernel"
    if any(char in name for char in "/:%" + _KERNEL_SPACE):
        return f"interface name {name!r} contains a space, '/', ':' or '%'"
    return None


def size(text: str) -> int:
    """Length of a text in UTF-8, in bytes. A lone surrogate, which JSON allows, counts as three, as in Go."""
    return len(text.encode(errors="surrogatepass"))
