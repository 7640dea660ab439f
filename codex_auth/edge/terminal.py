"""The terminal: reading a pasted redirect without showing it, and one line that counts down."""

import contextlib
import os
import re
import select
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from types import FrameType, TracebackType
from typing import Any, BinaryIO, Self, TextIO

from codex_auth.core.errors import NotATerminal, RedirectRefused
from codex_auth.core.text import is_utf8
from codex_auth.edge import world

MAX_PASTE = 64 * 1024
"""Bytes of a paste or a piped redirect. A cooked terminal line would be cut to 4,095 (Linux `N_TTY_BUF_SIZE`)."""
QUIET_SECONDS = 0.05
"""After a line end and this much silence a paste is whole; a line end with more behind it was only a wrapped line."""

PATIENCE_SECONDS = 0.5
"""Seconds in which nobody wonders whether anything happens."""
_FRAME_SECONDS = 0.1

_PASTE_MODE_ON = b"\x1b[?2004h"
_PASTE_MODE_OFF = b"\x1b[?2004l"
_PASTE_BEGINS = b"\x1b[200~"
_PASTE_ENDS = b"\x1b[201~"
_KEY = re.compile(rb"\x1b\[[0-?]{0,16}[ -/]{0,4}[@-~]|\x1b[^\[]|[^\x00-\x1f\x7f]+|[^\x1b]", re.DOTALL)
"""One control sequence, one Alt-key, a run of characters, or one control key (ECMA-48 section 5.4)."""
_BEGUN_KEY = re.compile(rb"\x1b(?:\[[0-?]{0,16}[ -/]{0,4})?")
_LFLAG, _CC = 3, 6
"""Where `termios.tcgetattr` keeps the local modes and the control characters."""
_LOOKS = 20
"""At most this many waits for silence in one `read`, so that a stuck key cannot hold the caller."""


class HiddenInput:
    """A terminal that shows nothing of what is typed or pasted, while the context lasts.

    Ctrl-C still interrupts, Ctrl-Z gives the terminal back until the program continues. Whatever is left unread on
    leaving is thrown away, so that half a redirect never reaches the shell. Raises `NotATerminal` when `descriptor`
    is no terminal, or one whose echo cannot be turned off; `profile` is for its remedy.
    """

    def __init__(self, descriptor: int, *, profile: str) -> None:
        self._descriptor = descriptor
        self._profile = profile
        self._keys = _Keys()
        self._shown: list[Any] = []
        self._on_suspend: Any = None

    def __enter__(self) -> Self:
        for line in world.drawn:
            line.hold()
        self._hide()
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
            self._on_suspend = signal.signal(signal.SIGTSTP, self._suspend)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._on_suspend is not None:
            signal.signal(signal.SIGTSTP, self._on_suspend)
        self._show()
        for line in world.drawn:
            line.go_on()

    def read(self) -> str | None:
        """Take what has arrived; return a whole paste, None while it is incomplete, "" when the person gave up.

        Call it when the descriptor is readable. Complete means: Enter, or the end of a bracketed paste, and then
        silence; line ends inside are kept. Ctrl-D or a hang-up ends the input. More than `MAX_PASTE` is cut one byte
        above it, so that its reader finds it too long.
        """
        for _ in range(_LOOKS):
            try:
                data = os.read(self._descriptor, MAX_PASTE)
            except OSError:  # the terminal hung up
                data = b""
            self._keys.press(data)
            if not data or self._keys.is_over:
                return self._keys.take()
            if not self._keys.is_whole:
                return None
            if not select.select([self._descriptor], [], [], QUIET_SECONDS)[0]:
                return self._keys.take()
        return None

    def _hide(self) -> None:
        try:
            import termios

            self._shown = termios.tcgetattr(self._descriptor)
        except (ImportError, OSError, termios.error):
            raise NotATerminal(profile=self._profile) from None
        hidden = [*self._shown]
        hidden[_LFLAG] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN)
        hidden[_LFLAG] |= termios.ISIG
        hidden[_CC] = [*self._shown[_CC]]
        hidden[_CC][termios.VMIN], hidden[_CC][termios.VTIME] = 1, 0
        try:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, hidden)
            is_hidden = not termios.tcgetattr(self._descriptor)[_LFLAG] & (termios.ECHO | termios.ICANON)
            self._write(_PASTE_MODE_ON)
        except BaseException:  # Ctrl-C in between must not leave a silent terminal behind
            self._show()
            raise
        if not is_hidden:
            self._show()
            raise NotATerminal(profile=self._profile)

    def _show(self) -> None:
        import termios

        self._write(_PASTE_MODE_OFF)
        try:
            termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, self._shown)
        except termios.error:  # hung up: nothing is left to restore
            return

    def _suspend(self, number: int, _frame: FrameType | None) -> None:
        self._show()
        ours = signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # stops here; what follows happens after `fg`
        signal.signal(number, ours)
        self._hide()

    def _write(self, sequence: bytes) -> None:
        try:
            os.write(self._descriptor, sequence)
        except OSError:  # opened for reading only: an unbracketed paste is read as well
            return


class _Keys:
    """The text that a series of key presses makes."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._begun = b""
        self._pasting = False
        self.is_whole = False
        """Enter, or the end of a bracketed paste, was the last thing."""
        self.is_over = False
        """Ctrl-D was pressed."""

    def press(self, data: bytes) -> None:
        """Take bytes as they come, even half a control sequence."""
        data, at = self._begun + data, 0
        while at < len(data):
            key = _KEY.match(data, at)
            if key:
                self._obey(key[0])
                at = key.end()
            elif _BEGUN_KEY.fullmatch(data, at):
                break
            else:
                at += 1
        self._begun = data[at:]

    def take(self) -> str:
        """Return the text without its last line end, and begin anew."""
        text = bytes(self._text).decode("utf-8", "replace")
        self._text.clear()
        self.is_whole = False
        return text.rstrip("\r\n")

    def _obey(self, key: bytes) -> None:
        if key == _PASTE_BEGINS:
            self._pasting, self.is_whole = True, False
        elif key == _PASTE_ENDS:
            self._pasting, self.is_whole = False, bool(self._text)
        elif self._pasting or (key[0] >= 0x20 and key != b"\x7f"):  # noqa: PLR2004 - below are the control keys
            self._text += key
            del self._text[MAX_PASTE + 1 :]
            self.is_whole = False
        elif key in b"\r\n" and self._text:
            self._text += key
            self.is_whole = True
        elif key in b"\x08\x7f":
            self._text[:] = self._text.decode("utf-8", "replace")[:-1].encode()
        elif key == b"\x15":  # Ctrl-U
            self._text.clear()
        elif key == b"\x04":  # Ctrl-D
            self.is_over = True


def read_piped(stream: BinaryIO, limit: int = MAX_PASTE) -> str:
    """Return all that a pipe holds, without the last line end. Raises `RedirectRefused` above `limit` bytes."""
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise RedirectRefused(problem="it is longer than any redirect")
    return data.decode("utf-8", "replace").rstrip("\r\n")


@contextlib.contextmanager
def unseen(descriptor: int) -> Iterator[None]:
    """Show nothing of what is written to a terminal, and take lines of any length; do nothing where it is none.

    Unlike `HiddenInput` it writes nothing to it, so that what a program prints there is all that is read from it.
    """
    try:
        import termios

        before = termios.tcgetattr(descriptor)
    except (ImportError, OSError, termios.error):
        yield
        return
    hidden = [*before]
    hidden[_LFLAG] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON)
    try:
        termios.tcsetattr(descriptor, termios.TCSANOW, hidden)
        yield
    finally:
        with contextlib.suppress(termios.error):  # it hung up
            termios.tcsetattr(descriptor, termios.TCSANOW, before)


class Progress:
    """One line on a terminal: a spinner, a text, how far it is. Nothing where it could not be removed again."""

    def __init__(self, stream: TextIO, text: str, *, env: Mapping[str, str]) -> None:
        self._stream = stream
        self._text = text
        self._is_shown = stream.isatty() and env.get("TERM") != "dumb"
        self._in_colour = not env.get("NO_COLOR")  # https://no-color.org: set and not empty
        self._frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if speaks_unicode(stream) else "|/-\\"
        self._dots = "…" if speaks_unicode(stream) else "..."
        self._turn = 0
        self._is_drawn = False

    def show(self, reached: str) -> None:
        """Draw the line anew; it never wraps."""
        if not self._is_shown:
            return
        frame = self._frames[self._turn % len(self._frames)]
        self._turn += 1
        room = self._width() - len(f"{frame}  {reached}") - 1
        text = self._text if len(self._text) <= room else self._text[: max(0, room - len(self._dots))] + self._dots
        line = f"{frame} {text} {reached}"[: self._width() - 1]
        if self._in_colour:
            line = line.replace(frame, f"\x1b[36m{frame}\x1b[39m", 1)
        self._stream.write(f"\r{line}\x1b[K")
        self._stream.flush()
        self._is_drawn = True

    def clear(self) -> None:
        """Remove the line, if one was drawn."""
        if self._is_drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._is_drawn = False

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except OSError:
            return 80


class Countdown(Progress):
    """The same, where what is left is time."""

    def draw(self, seconds_left: float) -> None:
        """Draw the line anew."""
        self.show(_clock(seconds_left))


class Stopwatch(Progress):
    """The same, where nobody knows what is left, and it is told how long it has been going on."""

    def draw(self, seconds: float) -> None:
        """Draw the line anew."""
        self.show(f"{_clock(seconds)} so far")


class Patience(Stopwatch):
    """The same, drawn by a thread of its own while a block lasts, but for its first half second.

    What `World` prints meanwhile takes the line's place, and the line comes back below.
    """

    def __enter__(self) -> Self:
        if self._is_shown:
            self._lock = threading.Lock()
            self._over = threading.Event()
            self._began = time.monotonic()
            self._quiet_until = self._began + PATIENCE_SECONDS
            self._is_held = False
            self._thread = threading.Thread(target=self._go_on, daemon=True)
            self._thread.start()
            world.drawn.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_shown:
            world.drawn.remove(self)
            self._over.set()
            self._thread.join()
            self.clear()

    def make_room(self) -> None:
        """Remove the line for now, and for long enough to print something."""
        with self._lock:
            self._quiet_until = time.monotonic() + PATIENCE_SECONDS
            self.clear()

    def hold(self) -> None:
        """Remove the line, and draw nothing more."""
        with self._lock:
            self._is_held = True
            self.clear()

    def go_on(self) -> None:
        """Count from now on, and draw the line again after a while."""
        with self._lock:
            self._began = time.monotonic()
            self._quiet_until = self._began + PATIENCE_SECONDS
            self._is_held = False

    def _go_on(self) -> None:
        while not self._over.wait(_FRAME_SECONDS):
            with self._lock, contextlib.suppress(OSError, ValueError):
                now = time.monotonic()
                if self._is_held or self._is_over_or_read():
                    self._quiet_until = now + PATIENCE_SECONDS
                elif now >= self._quiet_until:
                    self.draw(now - self._began)

    def _is_over_or_read(self) -> bool:
        """Whether there is nothing to wait for any more, or somebody reads the keys of this terminal one by one."""
        if self._over.is_set():
            return True
        try:
            import termios

            return not termios.tcgetattr(self._stream.fileno())[_LFLAG] & termios.ICANON
        except (ImportError, OSError, termios.error):
            return False


def _clock(seconds: float) -> str:
    return "{:02}:{:02}".format(*divmod(max(0, round(seconds)), 60))


def speaks_unicode(stream: TextIO) -> bool:
    """Whether a stream can show more than letters and digits."""
    return is_utf8(stream.encoding)
