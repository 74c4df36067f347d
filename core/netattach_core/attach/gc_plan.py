"""The plan of GC: each plugin of the node's networks learns which attachments are valid, and removes what belongs to others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from netattach_core.attach.attachment import Attachment
from netattach_core.attach.plan import Plan, Step, Verb
from netattach_core.cni import config as cni_config
from netattach_core.cni import versions
from netattach_core.text import json_document


def collect(
    default: Attachment, listed: Iterable[tuple[str, str]], alive: Sequence[tuple[str, Attachment]]
) -> Plan:
    """GC of the default network and of every configuration in `alive`, one plugin after the other, whether others fail or not.

    Each gets the valid attachments (container id, interface) of all configurations with its network's name; those of the default
    network include what the runtime has `listed`.
    """
    valid = {default.config.name: list(listed)}
    for container_id, each in alive:
        valid.setdefault(each.config.name, []).append((container_id, each.ifname))
    used = {(each.config.name, each.config_text): each for each in (default, *(each for _, each in alive))}
    steps: list[Step] = []
    for each in filter(_supports_gc, used.values()):
        for plugin in each.config.plugins:
            step = Step(
                id=f"{each.network}/{len(steps)}",
                ifname="",
                plugin=plugin.type,
                stdin=_with_valid(
                    cni_config.plugin_stdin(each.config, plugin, {}, {}), valid[each.config.name]
                ),
                args="",
                cni_version=each.config.cni_version,
                after=(steps[-1].id,) if steps else (),
            )
            steps.append(step)
    return Plan(Verb.GC, tuple(steps), halt=False)


def _supports_gc(attachment: Attachment) -> bool:
    """From cniVersion 1.1.0, and without `disableGC`."""
    disabled = str(json_document.value(attachment.config_text).get("disableGC", False)).lower() == "true"
    return versions.at_least(attachment.config.cni_version, "1.1.0") and not disabled


def _with_valid(stdin: str, valid: Iterable[tuple[str, str]]) -> str:
    """Under both keys: that of the later specification text and that of the released one."""
    listed = [
        {"containerID": container_id, "ifname": ifname} for container_id, ifname in dict.fromkeys(valid)
    ]
    text = json.dumps(listed)
    return json_document.with_members(stdin, {"cni.dev/valid-attachments": text, "cni.dev/attachments": text})
