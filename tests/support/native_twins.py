"""Two test nodes that get the same calls: on one a plugin's program attaches, on the other its native driver."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netattach_plugin.netlink.links import GROUP
from support import require

Report = dict[str, Any]

_MAC = re.compile(r"\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b")
_BRIDGE_ID = re.compile(r"\b8000\.([0-9a-f:]+)")
_LINK_LOCAL = re.compile(r"\bfe80::[0-9a-f]{1,4}:[0-9a-f]{0,2}ff:fe[0-9a-f]{2}:[0-9a-f]{1,4}")
"""Made from a MAC that the interface does not have any more."""
_VETH = re.compile(r"\bveth[0-9a-f]{8}\b")
_VARYING = ("link_netnsid", "ifindex", "link_index")
_FIXED = "02:00:00:"
"""The first bytes of addresses that a test or the node has set."""


@dataclass
class Twins:
    """`program` and `driver` are the sides."""

    _program: subprocess.Popen[str]
    _driver: subprocess.Popen[str]

    def reports(self, config: Mapping[str, Any], **more: Any) -> tuple[Report, Report]:
        """What each side has done for a call, comparable: random MACs and names are numbered, paths of the pod replaced.

        `more`: `args`, `runtime_config`, `cni_args` of the attachment, `ifname`, scripts: `before` for the pod, `node_before` and
        `node_after` for the node, and `earlier`: calls that attach other pods before, which remain.
        """
        line = json.dumps({"config": json.dumps({"name": "lab", **config}), **more}) + "\n"
        for side in (self._program, self._driver):
            assert side.stdin is not None
            side.stdin.write(line)
            side.stdin.flush()
        return _read(self._program), _read(self._driver)


@contextlib.contextmanager
def twins() -> Iterator[Twins]:
    """Each in new namespaces, which end with it."""
    require.own_namespaces()
    plugins = require.plugins()
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as running:
        sides = [running.enter_context(_worker(side, plugins, Path(place))) for side in ("program", "driver")]
        yield Twins(*sides)


@contextlib.contextmanager
def _worker(side: str, plugins: Path, place: Path) -> Iterator[subprocess.Popen[str]]:
    scratch = place / side
    scratch.mkdir()
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", "--net", "--mount", *user, sys.executable, "-m", "support.native_worker"]
    with subprocess.Popen(
        [*command, side, str(plugins), str(scratch)],
        env={**os.environ, "PYTHONPATH": str(require.REPOSITORY / "tests")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _read(side: subprocess.Popen[str]) -> Report:
    assert side.stdout is not None
    line = side.stdout.readline()
    assert line, "the worker ended"
    found: Report = json.loads(line)
    if _has_failed(
        found
    ):  # until the DEL, which the runtime has to call then, some programs leave interfaces
        found["added"] = {}
    report: Report = json.loads(_numbered(json.dumps(found)))
    for verb in ("add", "delete"):
        if "result" in report[verb]:
            report[verb]["result"] = json.loads(report[verb]["result"] or "null")
    for state in ("added", "deleted"):
        for namespace in ("node", "pod"):
            if report[state]:
                _sort(report[state][namespace])
                _drop_varying(report[state][namespace])
    return report


def _numbered(text: str) -> str:
    text = _BRIDGE_ID.sub(lambda found: f"8000.{_padded(found[1])}", text)
    text = re.sub(r"/proc/\d+/fd/\d+", "POD", text)
    for number, mac in enumerate(dict.fromkeys(m for m in _MAC.findall(text) if _is_random(m))):
        text = text.replace(mac, f"MAC{number}").replace(_link_local(mac), f"fe80::MAC{number}")
    for number, address in enumerate(dict.fromkeys(_LINK_LOCAL.findall(text))):
        text = text.replace(address, f"fe80::OLD{number}")
    for number, name in enumerate(dict.fromkeys(_VETH.findall(text))):
        text = text.replace(name, f"veth{number}")
    return text


def _padded(mac: str) -> str:
    return ":".join(f"{int(part, 16):02x}" for part in mac.split(":"))


def _is_random(mac: str) -> bool:
    is_group = int(mac[:2], 16) & 1
    return not mac.startswith(_FIXED) and mac != "00:00:00:00:00:00" and not is_group


def _link_local(mac: str) -> str:
    parts = bytes.fromhex(mac.replace(":", ""))
    identifier = bytes([parts[0] ^ 2, *parts[1:3], 0xFF, 0xFE, *parts[3:]])
    return str(ipaddress.ip_address(b"\xfe\x80" + bytes(6) + identifier))


def _sort(state: Report) -> None:
    """The kernel lists links by index, of which a driver may choose another order, and routes of IPv6 by their address."""
    for key in ("links", "addresses", "ports", "vlans"):
        state[key].sort(key=lambda link: str(link.get("ifname")))
    for key in ("routes4", "routes6"):
        state[key].sort(key=lambda route: json.dumps(route, sort_keys=True))


def _drop_varying(value: Any) -> None:
    """Timers of bridges, which run on; ids of namespaces, freed a moment later; indices, which count failed attempts too."""
    if isinstance(value, dict):
        for key in [key for key in value if key.endswith("_timer") or key in _VARYING]:
            del value[key]
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _drop_varying(each)


def differences(program: Any, driver: Any, path: str = "") -> list[str]:
    """The paths of all values that differ, with both values; the intended differences of all drivers are left out."""
    if isinstance(program, dict) and isinstance(driver, dict):
        keys = sorted(program.keys() | driver.keys())
        if _has_failed(program) and _has_failed(driver):
            keys.remove(
                "added"
            )  # some programs leave the interface for the DEL, which the runtime has to call
        return [
            line for key in keys for line in differences(program.get(key), driver.get(key), f"{path}/{key}")
        ]
    if isinstance(program, list) and isinstance(driver, list) and len(program) == len(driver):
        return [
            line
            for number, (one, other) in enumerate(zip(program, driver, strict=True))
            for line in differences(one, other, f"{path}[{number}]")
        ]
    if isinstance(program, str) and isinstance(driver, str) and "\n" in program + driver:
        ours, theirs = set(program.splitlines()), set(driver.splitlines())
        return [f"{path}: {sorted(ours - theirs)} | {sorted(theirs - ours)}"] if ours != theirs else []
    return (
        [] if program == driver or _is_intended(path, program, driver) else [f"{path}: {program} | {driver}"]
    )


def _has_failed(report: Report) -> bool:
    return "added" in report and "error" in report["add"]


def _is_intended(path: str, program: Any, driver: Any) -> bool:
    """The group of a link, by which DEL finds it; the words of an error, whose code has to be the same."""
    if path.endswith("/group"):
        return (program, driver) == ("default", str(GROUP))
    return path == "/add/error" and bool(program) and bool(driver)
