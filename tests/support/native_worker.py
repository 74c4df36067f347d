"""A test node that attaches one network to one pod, by a plugin's program or by its native driver, and reports what has changed.

`native_twins` starts two of them, each in namespaces of its own, and compares their reports. One call per line of standard input,
one report per line of standard output, both JSON; the node is cleaned up after each call.
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from netattach_core.attach import plan
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.plan import Carrier, Verb
from netattach_core.cni import config as cni_config
from netattach_core.cni import request as cni_request
from netattach_core.cni.config import PluginConfig
from netattach_core.errors import NetattachError
from netattach_core.native import drivers, plugin_types
from netattach_core.native.recipe import Recipe
from netattach_core.shim.protocol import Sysctl
from netattach_plugin.call_ports import StepOutcomes
from netattach_plugin.engine.native_runner import NativeAdd, NativeDelete
from netattach_plugin.netlink.node_links import NetlinkLinks
from netattach_plugin.state.address_store import NodeAddressStore
from netattach_plugin.state.host_local_store import HostLocalStore
from support.differential_worker import CLONE_NEWNET, IFNAME, SECONDS, Worker

LEASES = Path("/var/lib/cni/networks")
"""A file system of this worker's own is mounted there."""

STATE = r"""
echo '"links":'; ip -json -details link show
echo ',"addresses":'; ip -json address show
for family in 4 6; do echo ",\"routes$family\":"; ip -$family -json route show table all; done
echo ',"rules":'; ip -json rule show
echo ',"neighbours":'; ip -json neigh show nud permanent
echo ',"ports":'; bridge -json -details link show
echo ',"vlans":'; bridge -json vlan show
"""
FIREWALL = "nft list ruleset 2>/dev/null; iptables-save 2>/dev/null | grep -v '^#'; ip6tables-save 2>/dev/null | grep -v '^#'"
SYSCTLS = "cd /proc/sys/net && grep -rs . ipv4/conf ipv6/conf ipv4/ip_forward bridge 2>/dev/null | sort"

FAST_DAD = """
echo 0 > /proc/sys/net/ipv6/conf/default/rtr_solicit_delay
echo 10 > /proc/sys/net/ipv6/neigh/default/retrans_time_ms
"""
"""Duplicate address detection in milliseconds, where a network enables it."""

_libc = ctypes.CDLL(None, use_errno=True)


class NamespaceShim:
    """The part of the port Shim that native drivers use: writes sysctls from a thread in the namespace."""

    def __init__(self, node: int, pod: int) -> None:
        self._node, self._pod = node, pod
        self._thread = ThreadPoolExecutor(max_workers=1)

    async def write_sysctls(self, sysctls: Sequence[Sysctl]) -> Sequence[int]:
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: [self._write(each) for each in sysctls]
        )

    def _write(self, sysctl: Sysctl) -> int:
        _libc.setns(self._pod if sysctl.in_pod else self._node, CLONE_NEWNET)
        try:
            Path("/proc/sys", sysctl.path).write_text(sysctl.value)
        except OSError as error:
            return error.errno or 5
        finally:
            _libc.setns(self._node, CLONE_NEWNET)
        return 0


class NativeWorker(Worker):
    """One side: `native` carries out what drivers understand, else programs do everything."""

    def __init__(self, bin_dir: Path, scratch: Path, *, native: bool) -> None:
        super().__init__(bin_dir, scratch)
        self._native = native

    def report(self, call: dict[str, Any]) -> dict[str, Any]:
        """The outcomes of ADD and DEL, and the state after each; `natively` says whether drivers did it."""
        self._count += 1
        self._run_script(call.get("node_before", ""), self._node)
        pods = [self._with_earlier(each) for each in call.get("earlier", ())]
        pod = self._namespace()
        self._run_script(FAST_DAD + call.get("before", ""), pod)
        try:
            return self._attach_and_detach(_attachment(call), pod)
        finally:
            for each in (pod, *pods):
                os.close(each)
            self._restore()
            self._run_script(call.get("node_after", ""), self._node)
            shutil.rmtree(LEASES)
            LEASES.mkdir()

    def _with_earlier(self, call: dict[str, Any]) -> int:
        """A pod that is attached before, and remains. It has a container ID of its own."""
        self._count += 1
        pod = self._namespace()
        attachment = _attachment(call)
        planned = plan.add([attachment], native=plugin_types.TYPES)
        path = f"/proc/{os.getpid()}/fd/{pod}"
        if "error" in self._add(attachment, planned.steps, path, pod):
            self._run_programs("DEL", attachment, path, "")
        self._count += 1
        return pod

    def _add(self, attachment: Attachment, steps: Sequence[plan.Step], path: str, pod: int) -> dict[str, Any]:
        if _is_native(steps) and self._native:
            return asyncio.run(self._add_natively(steps, path, pod))
        return self._run_programs("ADD", attachment, path, "")

    def _attach_and_detach(self, attachment: Attachment, pod: int) -> dict[str, Any]:
        path = f"/proc/{os.getpid()}/fd/{pod}"
        planned = plan.add([attachment], native=plugin_types.TYPES)
        natively = _is_native(planned.steps)
        add = self._add(attachment, planned.steps, path, pod)
        added = self._state(pod)
        attached = plan.with_native([attachment], planned)
        steps = plan.delete(attached, native=plugin_types.TYPES).steps
        if self._native and [step.carrier for step in steps] == [Carrier.NATIVE]:
            delete = asyncio.run(self._delete_natively(steps, pod))
        else:
            delete = self._run_programs("DEL", attachment, path, add.get("result", ""))
        return {
            "natively": natively,
            "add": add,
            "added": added,
            "delete": delete,
            "deleted": self._state(pod),
        }

    async def _add_natively(self, steps: Sequence[plan.Step], path: str, pod: int) -> dict[str, Any]:
        addresses = NodeAddressStore(HostLocalStore(LEASES))
        shim: Any = NamespaceShim(self._node, pod)
        async with (
            NetlinkLinks().open(pod) as links,
            NativeAdd(f"c{self._count}", path, shim, links, addresses) as add,
        ):
            done = await add.execute(Verb.ADD, steps)
        if done.failures and steps[0].plugin not in drivers.ATTACHING:  # the engine detaches then
            await self._delete_natively(steps, pod)
        return _outcome(done, steps)

    async def _delete_natively(self, steps: Sequence[plan.Step], pod: int) -> dict[str, Any]:
        steps = [step for step in steps if isinstance(step.recipe, Recipe)]
        addresses = NodeAddressStore(HostLocalStore(LEASES))
        links = NetlinkLinks()
        delete = NativeDelete(f"c{self._count}", functools.partial(links.delete, pod), addresses)
        return _outcome(await delete.execute(Verb.DEL, steps), steps)

    def _run_programs(self, verb: str, attachment: Attachment, path: str, previous: str) -> dict[str, Any]:
        """Those of a chain: on ADD each gets the result of the one before it, on DEL all get the last one."""
        plugins = attachment.config.plugins
        done: dict[str, Any] = {"result": previous}
        for plugin in reversed(plugins) if verb == "DEL" else plugins:
            given = previous if verb == "DEL" else done["result"]
            done = self._run_program(verb, attachment, plugin, path, given)
            if "error" in done and verb == "ADD":
                break
        return done

    def _run_program(
        self, verb: str, attachment: Attachment, plugin: PluginConfig, path: str, previous: str
    ) -> dict[str, Any]:
        stdin = cni_config.plugin_stdin(
            attachment.config, plugin, attachment.runtime_config, attachment.cni_args
        )
        environment = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": f"c{self._count}",
            "CNI_NETNS": path,
            "CNI_IFNAME": attachment.ifname,
            "CNI_ARGS": cni_request.args_text(attachment.args),
            "CNI_PATH": str(self._bin_dir),
            "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin",
        }
        done = subprocess.run(
            [self._bin_dir / plugin.type],
            input=cni_config.with_previous(stdin, previous or None),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        if done.returncode == 0:
            return {"result": done.stdout}
        body = json.loads(done.stdout)
        return {"error": body.get("msg", ""), "code": body.get("code", 0)}

    def _state(self, pod: int) -> dict[str, Any]:
        for namespace in (self._node, pod):
            self._settle(namespace)
        files = {
            str(file.relative_to(LEASES)): [oct(file.stat().st_mode), file.read_text()]
            for file in sorted(LEASES.rglob("*"))
            if file.is_file()
        }
        return {"node": self._of(self._node), "pod": self._of(pod), "files": files}

    def _settle(self, namespace: int) -> None:
        """The kernel notes a moment later that a link has got or lost its carrier, and checks addresses then."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = json.loads(self._run_script("ip -json -details address show up", namespace))
            if all(map(_is_settled, found)):
                return
            time.sleep(0.01)

    def _of(self, namespace: int) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(f"{{{self._run_script(STATE, namespace)}}}")
        state["firewall"] = self._run_script(FIREWALL, namespace)
        state["sysctls"] = self._run_script(SYSCTLS, namespace)
        return state

    def _run_script(self, script: str, namespace: int) -> str:
        inside = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{namespace}", "sh", "-c", script]
        done = subprocess.run(inside, capture_output=True, text=True, check=False)
        return done.stdout


def _is_settled(link: dict[str, Any]) -> bool:
    has_carrier = "LOWER_UP" in link.get("flags", ())
    tentative = any(each.get("tentative") for each in link.get("addr_info", ()))
    if (
        has_carrier
        and link["operstate"] == "UNKNOWN"
        and link.get("linkinfo", {}).get("info_kind") == "bridge"
    ):
        return False  # it has got its first port, and is UP once the kernel has noted that
    return not link or (has_carrier == (link["operstate"] != "DOWN") and not (has_carrier and tentative))


def _attachment(call: dict[str, Any]) -> Attachment:
    return Attachment(
        "lab/net",
        call.get("ifname", IFNAME),
        call["config"],
        "lab",
        args=call.get("args", {}),
        runtime_config=call.get("runtime_config", {}),
        cni_args=call.get("cni_args", {}),
    )


def _is_native(steps: Sequence[plan.Step]) -> bool:
    return {step.carrier for step in steps} == {Carrier.NATIVE}


def _outcome(done: StepOutcomes, steps: Sequence[plan.Step]) -> dict[str, Any]:
    if done.failures:
        error = done.failures[0][1]
        return {"error": error.message, "code": getattr(error, "delegate_code", error.code)}
    return {"result": done.results[steps[-1].id]}


def main() -> None:
    side, bin_dir, scratch = sys.argv[1:]
    for place in ("/var/lib", "/run"):  # tuning has files there
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    LEASES.mkdir(parents=True)
    worker = NativeWorker(Path(bin_dir), Path(scratch), native=side == "driver")
    for line in sys.stdin:
        try:
            report: dict[str, Any] = worker.report(json.loads(line))
        except NetattachError as error:
            report = {"broken": error.message}
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
