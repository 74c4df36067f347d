"""The two nodes of the lab: starts them, runs commands on them, cuts their power."""

from __future__ import annotations

import itertools
import os
import shlex
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from e2e.lab import machine, process
from e2e.lab.places import HERE, WORK, binaries, plugins
from e2e.lab.process import run
from support import uml

_NETNS = _CGROUP = "netattach-node1"
_numbers = itertools.count(1)


class LabNode(ABC):
    """A node; `sh` runs a script on it as root, in its own namespaces."""

    name: str
    address: str
    pods: str
    proxy: str

    @abstractmethod
    def start(self) -> None:
        """Returns at once; the node is ready some seconds later."""

    @abstractmethod
    def result(self, script: str) -> subprocess.CompletedProcess[str]:
        """Runs a script of sh to its end."""

    def sh(self, script: str) -> str:
        """What a script prints. Raises RuntimeError with its output where it fails."""
        done = self.result(script)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {script}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def stop(self) -> None:
        """As a loss of power."""
        process.kill(self.name)

    def load(self, image: Path) -> None:
        """Imports an archive of an image into the node's runtime."""
        (WORK / "images").mkdir(exist_ok=True)
        inside = WORK / "images" / image.name
        if not inside.exists() or not inside.samefile(image):
            run("cp", image, inside)
        self.sh(f"ctr -n k8s.io images import --snapshotter overlayfs {shlex.quote(str(inside))}")

    def sandboxes(self, pod: str) -> list[str]:
        """The ids of the pod's sandboxes that run, from the runtime."""
        running = self.sh("ctr -n k8s.io tasks ls").split("\n")
        alive = {line.split()[0] for line in running if "RUNNING" in line}
        words = f'labels."io.kubernetes.pod.name"=={pod},labels."io.cri-containerd.kind"==sandbox'
        return [
            each for each in self.sh(f"ctr -n k8s.io containers ls -q '{words}'").split() if each in alive
        ]

    def kill_sandbox(self, pod: str) -> None:
        """Kills the sandbox's process, as an accident would; the kubelet creates another sandbox."""
        for each in self.sandboxes(pod):
            self.sh(f"ctr -n k8s.io tasks kill --signal SIGKILL {each}")

    def kill(self, program: str) -> None:
        """Kills containerd or the kubelet, not what they started."""
        self.sh(f"kill -KILL $(cat /run/{program}.pid)")

    def start_again(self, program: str) -> None:
        self.sh(f"sh /run/start-{program}")

    def write_static_pod(self, name: str, text: str) -> None:
        """For the kubelet, which reads these files without the API server."""
        folder = WORK / self.name / "static"
        (folder / f".{name}").write_text(text)
        (folder / f".{name}").rename(folder / f"{name}.json")

    def remove_static_pod(self, name: str) -> None:
        (WORK / self.name / "static" / f"{name}.json").unlink(missing_ok=True)

    def _prepare(self, **more: str) -> None:
        words: Mapping[str, str | Path] = {
            "NAME": self.name,
            "ADDRESS": self.address,
            "PODS": self.pods,
            "PROXY": self.proxy,
            "LAB": HERE,
            "BIN": binaries(),
            "HOME": str(Path.home()),
            **more,
        }
        lines = [f"export {name}={shlex.quote(str(value))}" for name, value in words.items()]
        (WORK / f"{self.name}.env").write_text("\n".join(lines) + "\n")
        programs = WORK / self.name / "opt/cni/bin"
        if not programs.exists():  # not at a reboot, which changes nothing there
            shutil.copytree(plugins(), programs)


class NamespaceNode(LabNode):
    """On the machine's own kernel, in a PID namespace, whose processes end with the first of them."""

    name, address, pods = "node1", "172.30.0.11", "10.244.1.0/24"
    proxy = "nftables"

    def start(self) -> None:
        self._prepare()
        run("ip", "netns", "add", _NETNS)
        inside = ("ip", "-n", _NETNS)
        for interface, bridge, address in (
            ("eth0", machine.UP, self.address),
            ("eth1", machine.LAN, "10.0.3.11"),
        ):
            outside = f"na-n1-{interface}"
            run("ip", "link", "add", outside, "type", "veth", "peer", "name", interface, "netns", _NETNS)
            run("ip", "link", "set", outside, "master", bridge, "up")
            run(*inside, "address", "add", f"{address}/24", "dev", interface)
            run(*inside, "link", "set", interface, "up")
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "route", "add", "default", "via", "172.30.0.1")
        run("ip", "route", "replace", self.pods, "via", self.address)
        # ip netns exec would mount another /sys and hide the cgroups.
        process.start(
            "node1",
            *("nsenter", f"--net=/run/netns/{_NETNS}", "unshare", "--mount", "--propagation", "private"),
            *("--pid", "--fork", "--kill-child", "--mount-proc", "env", f"WORK={WORK}", HERE / "node1.sh"),
        )

    def result(self, script: str) -> subprocess.CompletedProcess[str]:
        return run(
            *("nsenter", "--target", str(self._first()), "--mount", "--net", "--pid", "sh", "-c", script),
            check=False,
        )

    def stop(self) -> None:
        super().stop()
        _remove_cgroups()
        for interface in ("eth0", "eth1"):  # at once; those of a namespace that is gone may take a while
            run("ip", "link", "delete", f"na-n1-{interface}", check=False)
        run("ip", "netns", "delete", _NETNS, check=False)

    def _first(self) -> int:
        """Process 1 of the node, by its number on the machine: the only child of unshare."""
        unshare = process.pid("node1")
        children = run("pgrep", "--parent", str(unshare), check=False).stdout.split()
        if unshare is None or not children:
            raise RuntimeError("node1 does not run")
        return int(children[0])


class UmlNode(LabNode):
    """Another kernel, user-mode-linux."""

    name, address, pods = "node2", "172.30.0.12", "10.244.2.0/24"
    proxy = "iptables"
    _commands = WORK / "node2" / "commands"

    def start(self) -> None:
        self._prepare()
        self._commands.mkdir(parents=True, exist_ok=True)
        for left in self._commands.iterdir():
            left.unlink()
        for interface, bridge in (("eth0", machine.UP), ("eth1", machine.LAN)):
            tap = f"na-n2-{interface}"
            run("ip", "tuntap", "add", "dev", tap, "mode", "tap", check=False)
            run("ip", "link", "set", tap, "master", bridge, "up")
        run("ip", "route", "replace", self.pods, "via", self.address)
        first_cpu = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
        (WORK / "cpuinfo").write_text(first_cpu + "\n\n")
        script = f"#!/bin/bash\nexport WORK={shlex.quote(str(WORK))}\nexec bash {shlex.quote(str(HERE / 'node2.sh'))}\n"
        (WORK / "node2-init").write_text(script)
        (WORK / "node2-init").chmod(0o700)
        device = "transport=tap,ifname=na-n2-{},depth=64,gro=1"
        process.start(
            "node2",
            *(
                *uml.kernel(WORK),
                "rootfstype=hostfs",
                "rootflags=/",
                "ro",
                "mem=4000M",
                f"init={WORK}/node2-init",
            ),
            *("quiet", "con=null", "con0=null,fd:1", f"uml_dir={WORK}", "umid=node2"),
            *(f"vec0:{device.format('eth0')}", f"vec1:{device.format('eth1')}"),
            cwd=WORK,
        )

    def result(self, script: str) -> subprocess.CompletedProcess[str]:
        name = self._commands / f"{os.getpid()}-{next(_numbers)}"
        name.with_suffix(".new").write_text(script)
        name.with_suffix(".new").rename(name.with_suffix(".command"))
        deadline = time.monotonic() + 300
        while not (status := name.with_suffix(".status")).exists():
            if time.monotonic() > deadline or process.pid("node2") is None:
                raise RuntimeError(f"node2 does not end `{script}`")
            time.sleep(0.02)
        output, error = (name.with_suffix(end).read_text(errors="replace") for end in (".output", ".error"))
        code = int(status.read_text())
        for end in (".running", ".output", ".error", ".status"):
            name.with_suffix(end).unlink()
        return subprocess.CompletedProcess(script, code, output, error)


NODES: dict[str, LabNode] = {node.name: node for node in (NamespaceNode(), UmlNode())}


def _remove_cgroups() -> None:
    """The node's, which stay when its kubelet is killed; in v1 there is one in each hierarchy."""
    for root in (*Path("/sys/fs/cgroup").glob(f"*/{_CGROUP}"), Path("/sys/fs/cgroup") / _CGROUP):
        if root.is_dir():
            run("find", root, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+", check=False)
