"""Names, as CNI, Kubernetes and the kernel each allow them (cni-spec section 1, npwg-spec section 3)."""

from __future__ import annotations

import re

_CNI_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_KERNEL_SPACE = " \t\n\v\f\r\u0085\u00a0"
_TAKEN = {".", "..", "all", "default", "lo"}
MAX_INTERFACE_BYTES = 15
MAX_OBJECT_NAME = 253
_LONGEST_QUOTE = 60


def shown(text: str) -> str:
    """As a message quotes it: what somebody wrote in a name's place, of which the beginning is enough where it is long."""
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def is_cni_name(name: str) -> bool:
    """Whether libcni takes it as a container id or a network's name."""
    return _CNI_NAME.fullmatch(name) is not None


def is_label(name: str) -> bool:
    """Whether it is a DNS-1123 label, as namespaces are."""
    return _LABEL.fullmatch(name) is not None


def is_object_name(name: str) -> bool:
    """Whether it is a Kubernetes object's name: labels with dots between them."""
    return all(is_label(part) for part in name.split("."))


def interface_problem(name: str) -> str | None:
    """Why the kernel would not take this interface name, or None.

    libcni lets `all`, `default` and `%` through: the first two fail in the kernel, and `net%d` becomes net0, which the
    plugin then does not find and leaves behind (cni-spec section 1).
    """
    if not name:
        return "an interface name is empty"
    if not name.isprintable():
        return f"interface name {shown(name)!r} holds a character that cannot be seen"
    if size(name) > MAX_INTERFACE_BYTES:
        return f"interface name {shown(name)!r} has more than {MAX_INTERFACE_BYTES} bytes"
    if name in _TAKEN:
        return f"interface name {name!r} is taken by the kernel"
    if any(char in name for char in "/:%" + _KERNEL_SPACE):
        return f"interface name {name!r} holds a blank, '/', ':' or '%'"
    return None


def size(text: str) -> int:
    """Bytes of a text in UTF-8. JSON can hold half a character, which has none; it counts as three, as Go writes it."""
    return len(text.encode(errors="surrogatepass"))
