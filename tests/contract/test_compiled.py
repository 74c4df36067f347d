"""The bytes of a compiled chain, which shims of other releases read and write: a change here is a new version of the format."""

from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Call, Chain, Feature, Record, Source, Step
from support.records import encode_record


def _frame(kind: bytes, *fields: bytes) -> bytes:
    payload = b"".join(len(field).to_bytes(4, "little") + field for field in fields)
    return len(payload).to_bytes(4, "little") + kind + payload


def test_bytes_of_a_record() -> None:
    """Each frame and each field, in order."""
    source = Source("/etc/cni/net.d", "00-netattach.conflist", True, (("10-a.conf", b"{}"),), "a")
    step = Step("a", "bridge", "", "", '"name":"a"}', ("ips", "mac"))
    chain = Chain("1.0.0", 5000, frozenset({Feature.RESULT, Feature.PLAIN}), (step,), source, ("shop",))
    record = Record(
        chain, Call("/n", "eth0", "IgnoreUnknown=1", '{"mac":"c2"}'), '{"ips":[]}', status_written=True
    )

    data = b"".join(
        [
            _frame(b"N", b"netattach-chain", b"1", b"1.0.0", b"5000", b"pr"),
            _frame(b"O", b"/etc/cni/net.d", b"00-netattach.conflist", b"first", b"a"),
            _frame(b"F", b"10-a.conf", b"{}"),
            _frame(b"X", b"shop"),
            _frame(b"S", b"a", b"bridge", b"", b"", b'"name":"a"}', b"ips", b"mac"),
            _frame(b"E"),
            _frame(b"C", b"/n", b"eth0", b"IgnoreUnknown=1", b'{"mac":"c2"}'),
            _frame(b"R", b'{"ips":[]}'),
            _frame(b"T"),
        ]
    )

    assert data == encode_record(record)
    assert record == compiled_chain.parse_record(data)


def test_bytes_of_a_deletion() -> None:
    """Without the node's files, on which it does not depend."""
    chain = Chain("", 0, frozenset(), (Step("shop/a", "macvlan", "net1", "MAC=c2", '"name":"a"}'),))

    assert b"".join(
        [
            _frame(b"N", b"netattach-chain", b"1", b"", b"0", b""),
            _frame(b"S", b"shop/a", b"macvlan", b"net1", b"MAC=c2", b'"name":"a"}'),
            _frame(b"E"),
        ]
    ) == compiled_chain.encode(chain)
