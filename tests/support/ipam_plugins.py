"""The reference IPAM plugins as programs, on a store of the test's own."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import require

VERSION = "1.9.1"
"""What `core/netattach_core/native` follows."""


@dataclass(frozen=True)
class Call:
    """A call of an IPAM plugin; `stdin` has no `dataDir`."""

    verb: str
    stdin: str
    args: str = ""
    container_id: str = "c1"
    ifname: str = "net1"


@dataclass(frozen=True)
class Outcome:
    """The result of an ADD, or an error with its code and message."""

    result: dict[str, Any] | None = None
    code: int = 0
    message: str = ""


@dataclass(frozen=True)
class Plugins:
    """Needs no privileges: these plugins touch neither links nor namespaces."""

    directory: Path

    @classmethod
    def found(cls) -> Plugins:
        directory = require.plugins()
        # Go writes the module and its version into the program; the plugin itself does not know it.
        if f"containernetworking/plugins\tv{VERSION}" not in (directory / "host-local").read_bytes().decode(
            "latin-1"
        ):
            require.left_out(f"needs the reference plugins of version {VERSION}: tools/cni-plugins --pinned")
        return cls(directory)

    def process(self, call: Call, store: Path, wrapper: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Started, with its standard input written: the config, with the store as its `dataDir`."""
        kind = json.loads(call.stdin)["ipam"]["type"]
        environment = {
            "CNI_COMMAND": call.verb,
            "CNI_CONTAINERID": call.container_id,
            "CNI_NETNS": "/run/netns/none",
            "CNI_IFNAME": call.ifname,
            "CNI_ARGS": call.args,
            "CNI_PATH": str(self.directory),
        }
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [*wrapper, self.directory / kind],
            env=environment,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(
            call.stdin.replace('"type": "host-local"', f'"type": "host-local", "dataDir": "{store}"')
        )
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, call: Call, store: Path, wrapper: Sequence[str] = ()) -> Outcome:
        process = self.process(call, store, wrapper)
        stdout, stderr = process.communicate(timeout=60)
        if process.returncode == 0:
            return Outcome(json.loads(stdout) if stdout else None)
        try:
            error = json.loads(stdout)
        except ValueError:
            pytest.fail(f"{call} ended with {process.returncode}: {stdout} {stderr}")
        return Outcome(code=error["code"], message=_in_order(error["msg"]))


def _in_order(message: str) -> str:
    """host-local lists the addresses that it could not give in the order of a map of Go, another one in each run."""
    text, colon, addresses = message.partition("failed to allocate all requested IPs: ")
    return f"{text}{colon}{' '.join(sorted(addresses.split(' ')))}" if colon else message


def files(store: Path) -> dict[str, tuple[int, bytes]]:
    """Everything in the store: mode, and content of a file."""
    return {
        str(path.relative_to(store)): (
            stat.S_IMODE(path.lstat().st_mode),
            path.read_bytes() if path.is_file() else b"",
        )
        for path in store.glob("**/*")
    }
