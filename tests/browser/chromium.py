"""A real Chromium, driven over the DevTools protocol through a pipe: no port, no driver, nothing but the browser.

With `--remote-debugging-pipe` it reads commands from descriptor 3 and writes replies and events to 4, each a JSON
text ended by NUL. Every wait has an end: `PATIENCE`, or the end of the browser.
"""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE = 20.0

_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # it cannot have one as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
)
_ON_ITS_DESCRIPTORS = 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null'

_BOX = "(e => {e.scrollIntoView(); return e.getBoundingClientRect().toJSON()})(document.querySelector(%s))"


class NoChromium(Exception):
    """There is none on PATH."""


class ChromiumRefused(Exception):
    """It answered a command with an error, threw one in the page, went silent, or ended."""


class NotReached(Exception):
    """A navigation that ended on no answer; the text is Chromium's word, such as `net::ERR_CONNECTION_REFUSED`."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The answer a navigation ended on, after all redirects."""

    url: str
    status: int
    address: str
    """The IP address that answered."""
    headers: dict[str, str]
    """By lower-case name."""
    body: str


class Chromium:
    """A running browser with a profile folder of its own; leaving the `with` block ends it and all its children."""

    def __init__(self, profile: Path, *flags: str) -> None:
        program = shutil.which("chromium")
        if program is None:
            raise NoChromium("This needs a real Chromium on PATH; `scripts/setup --tests` installs Debian's.")
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _ON_ITS_DESCRIPTORS, program, *_FLAGS, f"--user-data-dir={profile}", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(profile), "LANG": "C.UTF-8"},
            start_new_session=True,
            bufsize=0,
        )
        self._received = b""
        self._sent = 0
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.call("Browser.close")  # so that it writes down its history, as it does for people
            self._process.wait(PATIENCE)
        except (ChromiumRefused, OSError, subprocess.TimeoutExpired):
            if error is None:
                raise
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()

    @contextmanager
    def tab(self, *, remembered: bool = False) -> Iterator["Tab"]:
        """Open a tab that shares nothing with others; a `remembered` one is in the profile's history."""
        apart = {} if remembered else {"browserContextId": self.call("Target.createBrowserContext")["browserContextId"]}
        target = self.call("Target.createTarget", url="about:blank", **apart)["targetId"]
        try:
            yield Tab(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        finally:
            if apart:
                self.call("Target.disposeBrowserContext", **apart)
            else:
                self.call("Target.closeTarget", targetId=target)
            self.forget_events()

    def call(self, method: str, *, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; events that come before it are kept."""
        self._sent += 1
        command = {"id": self._sent, "method": method, "params": parameters}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command | ({"sessionId": session} if session else {})).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while (heard := self._hear(deadline)).get("id") != self._sent:
            self._events.append(heard)
        if "error" in heard:
            raise ChromiumRefused(f"{method}: {heard['error']['message']}")
        result: dict[str, Any] = heard["result"]
        return result

    def event(self, session: str, method: str, fits: Callable[[Any], bool]) -> Any:
        """Return what the first fitting event of a page says, among those kept or still to come."""
        return next(
            event["params"]
            for event in self._all_events(time.monotonic() + PATIENCE)
            if (event.get("sessionId"), event.get("method")) == (session, method) and fits(event["params"])
        )

    def forget_events(self) -> None:
        """Throw away the events kept so far: only what happens from now on counts."""
        self._events.clear()

    def _all_events(self, deadline: float) -> Iterator[dict[str, Any]]:
        yield from self._events
        while True:
            self._events.append(self._hear(deadline))
            yield self._events[-1]

    def _hear(self, deadline: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            data = self._process.stdout.read(1 << 20) if ready else b""
            if not data:
                raise ChromiumRefused("it ended" if ready else f"nothing heard for {PATIENCE} seconds")
            self._received += data
        message, _, self._received = self._received.partition(b"\0")
        heard: dict[str, Any] = json.loads(message)
        return heard


class Tab:
    """One page that a person looks at: goes to addresses, clicks, reads."""

    def __init__(self, chromium: Chromium, session: str) -> None:
        self._chromium = chromium
        self._session = session
        for domain in ("Page", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)
        self._frame = self.call("Page.getFrameTree")["frameTree"]["frame"]["id"]

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command to this page."""
        return self._chromium.call(method, session=self._session, **parameters)

    def go(self, url: str) -> Arrival:
        """Type an address and wait for the page; raise NotReached when there is none."""
        self._chromium.forget_events()
        answer = self.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise NotReached(answer["errorText"])
        return self._arrival(answer["loaderId"])

    def press(self, selector: str) -> Arrival:
        """Click on something that leads to another page, and wait for that."""
        self._chromium.forget_events()
        self.click(selector)
        frame = self._event("Page.frameNavigated", lambda said: said["frame"]["id"] == self._frame)["frame"]
        if "unreachableUrl" in frame:
            raise NotReached(frame["unreachableUrl"])
        return self._arrival(frame["loaderId"])

    def click(self, selector: str) -> None:
        """Click with the mouse on the middle of an element."""
        box = self.read(_BOX % json.dumps(selector))
        spot = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **spot, button="left", clickCount=1)

    def read(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise ChromiumRefused(f"{expression}: {answer['exceptionDetails']['exception'].get('description')}")
        return answer["result"].get("value")

    def look(self) -> bytes:
        """Return a picture of what is seen, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def _arrival(self, loader: str) -> Arrival:
        answer = self._event("Network.responseReceived", lambda said: said["requestId"] == loader)["response"]
        self._event("Page.lifecycleEvent", lambda said: (said["loaderId"], said["name"]) == (loader, "load"))
        body = self.call("Network.getResponseBody", requestId=loader)["body"]
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        return Arrival(answer["url"], answer["status"], answer["remoteIPAddress"].strip("[]"), headers, body)

    def _event(self, method: str, fits: Callable[[Any], bool]) -> Any:
        return self._chromium.event(self._session, method, fits)
