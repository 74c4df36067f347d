"""The copy of the default network's conflist with netattach appended, for the time after an uninstall.

A runtime with a libcni before 1.3, which appends no plugins from directories, calls DEL with what it finds in its configuration
directory. While pods with secondary networks run, that has to contain netattach.
"""

from __future__ import annotations

import json

from netattach_core.cni import config as cni_config
from netattach_core.cni import netattach_conf, versions
from netattach_core.errors import ConfigError
from netattach_core.text import json_document

LEAST_VERSION = "0.3.0"
"""The first version of the CNI SPEC with plugin lists and prevResult."""


def text(default_network: str, own: str) -> str:
    """The conflist with the plugin `own` after the default network's plugins; converts a single plugin's config as libcni does.

    All else keeps its bytes; libcni appends plugins from directories to the copy as it does to the original. Raises ConfigError
    if the text is not a network, or older than prevResult: there the shim would have no result to pass on.
    """
    config = cni_config.parse(default_network)
    if not versions.at_least(config.cni_version, LEAST_VERSION):
        raise ConfigError(
            f"cniVersion {config.cni_version} has no prevResult, which came with {LEAST_VERSION}"
        )
    if _is_list(default_network):
        return cni_config.with_plugins(default_network, [own])
    head = {"cniVersion": config.cni_version, "name": config.name, "loadOnlyInlinedPlugins": True}
    return json_document.with_members(f'{{"plugins": [{default_network.strip()}, {own}]}}', _texts(head))


def without_netattach(text: str) -> str:
    """The conflist without netattach at its end, if it has it: runtimes cache the copy for pods created after an uninstall."""
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
