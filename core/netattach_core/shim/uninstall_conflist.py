"""The stand-in: the default network's configuration with our shim at its end, for a node that we have left.

A runtime whose libcni chains no directories (before 1.3) calls DEL with what it finds in its configuration directory, and that
has to know of us as long as pods of ours run.
"""

from __future__ import annotations

import json

from netattach_core.cni import config as cni_config
from netattach_core.cni import netattach_conf, versions
from netattach_core.errors import ConfigError
from netattach_core.text import json_document

LEAST_VERSION = "0.3.0"
"""Chains and prevResult came with it (cni-spec section 0)."""


def text(primary: str, own: str) -> str:
    """The conflist, `own` being our plugin: a conflist with it behind its plugins, or a conf as libcni makes a list of one.

    Everything else keeps its bytes; what libcni chains from directories it chains to the copy as to the primary. Raises
    ConfigError where the text is no network, or nothing may stand behind its plugins: in a version older than prevResult we would
    have no result to pass on.
    """
    conf = cni_config.parse(primary)
    if not versions.at_least(conf.cni_version, LEAST_VERSION):
        raise ConfigError(f"cniVersion {conf.cni_version} has no prevResult, which came with {LEAST_VERSION}")
    if _is_list(primary):
        return cni_config.with_plugins(primary, [own])
    head = {"cniVersion": conf.cni_version, "name": conf.name, "loadOnlyInlinedPlugins": True}
    return json_document.with_members(f'{{"plugins": [{primary.strip()}, {own}]}}', _texts(head))


def primary(text: str) -> str:
    """The text without our place at its end, where it has one: what a runtime has cached of a pod that it made meanwhile."""
    listed = json_document.locate(json_document.parse(text), ("plugins",))
    if listed is None or len(listed.items) < 2 or not _is_ours(listed.items[-1].value):
        return text
    return text[: listed.items[-2].end] + text[listed.items[-1].end :]


def _is_list(text: str) -> bool:
    return json_document.locate(json_document.parse(text), ("plugins",)) is not None


def _is_ours(plugin: object) -> bool:
    return isinstance(plugin, dict) and plugin.get("type") == netattach_conf.TYPE and "uninstalled" in plugin


def _texts(members: dict[str, object]) -> dict[str, str | None]:
    return {key: json.dumps(value) for key, value in members.items()}
