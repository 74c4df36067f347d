"""The failure of a gRPC call, for those who do not import HTTP/2."""

from __future__ import annotations


class CallError(Exception):
    """A failed call; `status` is gRPC's, or -1 without one."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{message} (gRPC status {status})" if status >= 0 else message)
        self.status = status
