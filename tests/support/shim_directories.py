"""The directories that daemon and shim share: the CNI configuration directory and the ledger."""

from __future__ import annotations

from pathlib import Path

from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Call, Chain, Record, Source
from netattach_plugin.files.shim_files import ShimFiles
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.primary_compiler import PrimaryCompiler, UnselectivePods
from support.records import encode_record

DEFAULT_NETWORK = (
    '{"cniVersion": "1.0.0", "name": "cbr0", "plugins": [{"type": "bridge"}, {"type": "portmap"}]}'
)
RESULT = '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/n"}],"ips":[{"address":"10.0.0.2/24","interface":0}]}'


class ShimDirectories:
    """With a default network, compiled; `primary_network` and `pods` are settings that tests change."""

    def __init__(self, root: Path) -> None:
        self.ledger, self.config = root / "ledger", root / "net.d"
        self.shim_files = ShimFiles(self.ledger)
        self.config.mkdir()
        (self.config / "00-netattach.conflist").write_text("{}")
        (self.config / "10-cbr0.conflist").write_text(DEFAULT_NETWORK)
        self.primary_network = ""
        self.pods = UnselectivePods()
        self.compiler = PrimaryCompiler(
            ledger=self.ledger,
            conf_dir=self.config,
            networks=CniConfDir(self.config, lambda: self.primary_network),
            deadline=2.5,
            unselective_pods=lambda: self.pods,
            chosen_by_settings=lambda: bool(self.primary_network),
        )
        self.compiler.compile()

    @property
    def compiled(self) -> Path:
        return self.shim_files.primary

    def chain(self) -> Chain:
        return compiled_chain.parse(self.compiled.read_bytes())

    def source(self) -> Source:
        source = self.chain().source
        assert source is not None
        return source

    def write_record(self, name: str, result: str = RESULT, size: int | None = None) -> Path:
        """As the shim does for the pod of that name, truncated to a size."""
        args = f"IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME={name};K8S_POD_UID=u-{name}"
        record = Record(self.chain(), Call("/n", "eth0", args, "{}"), result)
        path = self.shim_files.records / f"s-{name}"
        path.write_bytes(encode_record(record)[:size])
        return path
