"""The inventory of this node: gathered from the kernel, the binaries' own answers and the configuration directory."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from netattach_core import cni_config, versions
from netattach_core.errors import TryAgainError
from netattach_core.inventory import NodeInventory, Plugin, Primary
from netattach_plugin.ports import Links, NodeNetworks

_ANSWER_SECONDS = 5.0
_AT_ONCE = 2


async def gather(node: str, links: Links, networks: NodeNetworks, bin_dir: Path) -> NodeInventory:
    """Looks at everything once."""
    return NodeInventory(
        node=node,
        interfaces=await links.interfaces(),
        default_interfaces=await links.default_interfaces(),
        plugins=await _plugins(bin_dir),
        primary=_primary(networks),
    )


def _primary(networks: NodeNetworks) -> Primary | None:
    try:
        network = networks.primary()
    except TryAgainError:
        return None
    conf = cni_config.parse(network.conf_text)
    return Primary(conf.name, network.file, tuple(plugin.type for plugin in conf.plugins))


async def _plugins(bin_dir: Path) -> tuple[Plugin, ...]:
    places = asyncio.Semaphore(_AT_ONCE)

    async def ask(path: Path) -> Plugin:
        async with places:
            return Plugin(path.name, await _spoken_versions(path))

    return tuple(await asyncio.gather(*(ask(path) for path in _binaries(bin_dir))))


def _binaries(bin_dir: Path) -> list[Path]:
    try:
        return sorted(path for path in bin_dir.iterdir() if path.is_file() and os.access(path, os.X_OK))
    except FileNotFoundError:
        return []


async def _spoken_versions(path: Path) -> tuple[str, ...]:
    """What the binary answers to VERSION; nothing where it does not answer, which is no reason to leave it out."""
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"CNI_COMMAND": "VERSION", "CNI_PATH": str(path.parent)},
        )
    except OSError:
        return ()
    try:
        question = json.dumps({"cniVersion": versions.NEWEST}).encode()
        answer, _ = await asyncio.wait_for(process.communicate(question), _ANSWER_SECONDS)
        return tuple(str(version) for version in json.loads(answer)["supportedVersions"])
    except (TimeoutError, ValueError, KeyError, TypeError):
        return ()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
