"""How a gateway is, by what it answers over HTTP on loopback. Nothing secret is sent, so no certificate is judged."""

import http.client
import json
import ssl
from dataclasses import dataclass

UP, STARTING, DOWN, SILENT, STRANGE = "up", "starting", "down", "silent", "strange"
"""It serves; it is on its way; nobody listens; somebody listens and says nothing; somebody else listens."""
SECONDS = 2.0
"""A gateway that works answers in milliseconds; one whose event loop is blocked by a start takes up to a second."""
_LIMIT = 64 * 1024
_OK = 200
_NO_HTTP = (http.client.BadStatusLine, ConnectionResetError, ConnectionAbortedError)
"""What plain HTTP meets where TLS is spoken (`RemoteDisconnected` is one of the first)."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a gateway is, and since when, if it says so."""

    state: str
    uptime_ms: int | None = None


def ask(port: int, *, seconds: float = SECONDS) -> Health:
    """Return how the gateway on this port of the loopback is."""
    for tls in (False, True):
        try:
            return _ask(port, tls=tls, seconds=seconds)
        except _NO_HTTP:
            continue
        except TimeoutError:
            return Health(SILENT)
        except ssl.SSLError:
            return Health(STRANGE)
        except OSError:
            return Health(DOWN)
        except http.client.HTTPException:
            return Health(STRANGE)
    return Health(STRANGE)


def _ask(port: int, *, tls: bool, seconds: float) -> Health:
    status, live = _get(port, "/healthz", tls=tls, seconds=seconds)
    if not isinstance(live.get("ok"), bool):
        return Health(STRANGE)
    _, ready = _get(port, "/readyz", tls=tls, seconds=seconds)  # 503 because of one broken channel is no matter
    uptime = ready.get("uptimeMs")
    started, startup = _get(port, "/startupz", tls=tls, seconds=seconds)  # only since 2026.9; a page of HTML before
    is_up = status == _OK and live["ok"] is True and (not startup or started == _OK)
    return Health(UP if is_up else STARTING, uptime if isinstance(uptime, int) else None)


def _get(port: int, path: str, *, tls: bool, seconds: float) -> tuple[int, dict[str, object]]:
    """Return the status and the JSON object of an answer; nothing in place of what is none."""
    line: http.client.HTTPConnection
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # by hand: the other way honours SSLKEYLOGFILE
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        line = http.client.HTTPSConnection("127.0.0.1", port, timeout=seconds, context=context)
    else:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        line.request("GET", path, headers={"Accept": "application/json"})
        answer = line.getresponse()
        text = answer.read(_LIMIT)
    finally:
        line.close()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    return answer.status, document if isinstance(document, dict) else {}
