"""Performing the faults that concern a whole reply; the mint bends the ones that concern tokens."""

import threading
from collections.abc import Iterator

from flask import Response, g, jsonify

from codex_auth.sandbox.faults import Fault

_MEGABYTE = 1024 * 1024
_CAPTIVE_PORTAL = "<!doctype html><title>Welcome to the hotel</title><p>Please accept our terms to go online."


class _HungUp:
    """A body that closes the connection where the server asks for more than it begins with."""

    def __init__(self, begin: bytes = b"") -> None:
        self._begin = begin

    def __iter__(self) -> "_HungUp":
        return self

    def __next__(self) -> bytes:
        if not self._begin:
            raise ConnectionAbortedError
        begin, self._begin = self._begin, b""
        return begin


def fault_name() -> str:
    """Return the fault that the current request meets, or an empty string."""
    fault: Fault | None = g.fault
    return fault.name if fault else ""


def instead_of_acting(fault: Fault | None, stopping: threading.Event) -> Response | None:
    """Return the reply of a fault that keeps the request from being acted on; None lets the request through."""
    match fault:
        case Fault(name="slow"):
            stopping.wait(2 if fault.value is None else fault.value)
        case Fault(name="drop_before"):
            return Response(_HungUp())
        case Fault(name="status"):
            return _refusal(int(fault.value or 503), fault.retry_after)
        case Fault(name="html"):
            return Response(_CAPTIVE_PORTAL)
        case Fault(name="redirect"):
            return Response(status=302, headers={"Location": "http://elsewhere.invalid/oauth/token"})
        case Fault(name="huge"):
            return Response(_padding(int(fault.value or 32)), mimetype="application/json")
    return None


def after_acting(fault: Fault | None, response: Response) -> Response:
    """Return the response, or a closed connection when it shall be lost on the way, or half of it."""
    if fault and fault.name == "cut":
        whole = response.get_data()
        headers = [*((k, v) for k, v in response.headers if k != "Content-Length"), ("Content-Length", str(len(whole)))]
        return Response(_HungUp(whole[: len(whole) // 2 + 1]), response.status_code, headers)
    return Response(_HungUp()) if fault and fault.name == "drop" else response


def _refusal(status: int, retry_after: int) -> Response:
    response = jsonify(error={"code": f"sandbox_{status}", "message": "The sandbox was asked to answer so."})
    response.status_code = status
    if status in (429, 503):
        response.headers["Retry-After"] = str(retry_after)
    return response


def _padding(megabytes: int) -> Iterator[bytes]:
    yield b'{"access_token": "'
    for _ in range(megabytes):
        yield b"A" * _MEGABYTE
    yield b'"}'
