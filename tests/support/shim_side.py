"""The shim's side of the protocol, frame by frame, without a shim."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from netattach_core.api.pod import PodRef
from netattach_core.cni import netattach_conf
from netattach_core.cni import request as cni_request
from netattach_core.shim import protocol as shim_protocol
from netattach_core.shim.protocol import Decoder, Frame, Kind
from support.twins import PluginRun, Reply, succeeded

HELLO = Frame(Kind.HELLO, (b"netattach", b"1", b"1", b"test"))


class ShimSide:
    """One connection."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self._decoder = Decoder()
        self._frames: list[Frame] = []

    def send(self, frame: Frame, descriptor: int | None = None) -> None:
        socket.send_fds(
            self.socket, [shim_protocol.encode(frame)], [] if descriptor is None else [descriptor]
        )

    def receive(self) -> Frame | None:
        """The next frame; None if the daemon has closed the connection."""
        while not self._frames:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)

    def greet(self) -> None:
        self.send(HELLO)
        assert self.receive() == Frame(Kind.WELCOME, (b"1",))


def call(
    path: Path,
    command: str,
    pod: PodRef,
    annotations: Mapping[str, str] | None = None,
    reply: Reply = succeeded,
    more: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int, Any]:
    """A whole call for the pod, all plugins of which answer with `reply`; returns exit status and output.

    `more` are other variables of the call.
    """
    environment = {
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": f"sandbox-{pod.name}",
        "CNI_NETNS": "/n",
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": f"K8S_POD_NAMESPACE={pod.namespace};K8S_POD_NAME={pod.name};K8S_POD_UID={pod.uid}",
        **more,
    }
    stdin: dict[str, Any] = {"cniVersion": "1.0.0", "name": netattach_conf.NAME, "type": netattach_conf.TYPE}
    if annotations is not None:
        stdin["runtimeConfig"] = {cni_request.POD_ANNOTATIONS: annotations}
    side = ShimSide(path)
    netns = os.open(os.devnull, os.O_RDONLY)
    try:
        side.greet()
        variables = (f"{key}={value}".encode() for key, value in environment.items())
        side.send(Frame(Kind.CALL, (json.dumps(stdin).encode(), *variables)), netns)
        while (frame := side.receive()) is not None and frame.kind is Kind.RUN:
            side.send(_ran(frame, reply))
    finally:
        os.close(netns)
        side.socket.close()
    assert frame is not None
    return int(frame.fields[0]), json.loads(frame.fields[1] or b"null")


def _ran(frame: Frame, reply: Reply) -> Frame:
    number, plugin, _, stdin, *variables = frame.fields
    environment = dict(variable.decode().split("=", 1) for variable in variables)
    verb, ifname = environment["CNI_COMMAND"], environment["CNI_IFNAME"]
    ran = reply(PluginRun(verb, ifname, plugin.decode(), json.loads(stdin), environment))
    return Frame(Kind.RAN, (number, ran.outcome.encode(), b"%d" % ran.number, ran.stdout, ran.stderr))
