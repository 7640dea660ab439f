"""The only place where failures become words and exit statuses. No exception's own text is ever printed."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress

from codex_auth.core.errors import AuthError, OutputLost, Stop
from codex_auth.edge import plainly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from threading import ExceptHookArgs
    from typing import TextIO

_CTRL_C = 2


def open_doors() -> None:
    """Prepare this process: whatever ends it or goes wrong in it, nothing is shown that must not be.

    Python itself reports what is raised in threads, destructors and exit functions, and what passes by `guarded`;
    from now on it says type and place too, and nothing else. A descriptor that was closed by whoever started us is
    taken, so that no file of ours gets its number and with it what libraries write there. And a stream that cannot
    show a character shows the nearest that it can.
    """
    sys.excepthook = lambda _kind, error, _trace: _tell_unexpected(error)
    sys.unraisablehook = lambda found: _tell_unexpected(found.exc_value)
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=plainly.NAME)


def open_threads() -> None:
    """Do for threads what `open_doors` does; apart, because few verbs load them."""
    import threading

    def report(found: "ExceptHookArgs") -> None:
        if found.exc_type is not SystemExit:
            _tell_unexpected(found.exc_value)

    threading.excepthook = report


def guarded(action: Callable[..., int], *, as_json: bool, **arguments: object) -> int:
    """Run `action` and return its exit status; print what went wrong if it raises."""
    try:
        return _guarded(action, as_json=as_json, **arguments)
    finally:
        if _is_broken(sys.stderr):
            _leave(sys.stderr)


def _guarded(action: Callable[..., int], *, as_json: bool, **arguments: object) -> int:
    try:
        status = action(**arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except AuthError as error:
        return _print_failure(error.code, str(error), error.hint, error.status, as_json=as_json)
    except KeyboardInterrupt as stop:
        status = 128 + (stop.number if isinstance(stop, Stop) else _CTRL_C)
        hint = "Nothing was stored unless a line above says so; `codex-auth status` shows what is there."
        return _print_failure("interrupted", "Stopped.", hint, status, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - this is the door: whatever it is, its text must not get out
        return _lost() if _is_broken(sys.stdout) else _print_failure(*_unexpected(error), 1, as_json=as_json)
    return status


def write(text: str) -> int:
    """Print a text that is ready. Raises `OutputLost`."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, AttributeError):
        raise OutputLost from None
    return 0


def _lost() -> int:
    lost = OutputLost()
    return _print_failure(lost.code, str(lost), lost.hint, lost.status, as_json=False)


def _unexpected(error: BaseException | None) -> tuple[str, str, str]:
    # Type and place only: the message, the cause and the locals may hold what must not be shown.
    where = "unknown"
    step = None if error is None else error.__traceback__
    while step is not None:
        name = step.tb_frame.f_globals.get("__name__", "")
        if name.startswith("codex_auth"):
            where = f"{name}:{step.tb_lineno}"
        step = step.tb_next
    sentence = f"Something unexpected happened ({type(error).__name__} at {where})."
    return (
        "unexpected",
        sentence,
        "What was stored before is untouched. Please report this line; it holds nothing secret.",
    )


def _tell_unexpected(error: BaseException | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        _tell("codex-auth: Stopped.")
    else:
        _, sentence, hint = _unexpected(error)
        _print_failure("unexpected", sentence, hint, 1, as_json=False)


def _print_failure(code: str, sentence: str, hint: str, status: int, *, as_json: bool) -> int:
    if _is_broken(sys.stdout):
        _leave(sys.stdout)
        as_json = False
    if as_json:
        import json

        from codex_auth.views.document import SCHEMA_VERSION

        document = {
            "ok": False,
            "schema_version": SCHEMA_VERSION,
            "error": code,
            "message": sentence,
            "hint": hint,
            "exit_code": status,
        }
        try:
            return write(json.dumps(document) + "\n") or status
        except OutputLost:
            _leave(sys.stdout)
    _tell(f"codex-auth: {sentence}")
    if hint:
        _tell(f"  {hint}")
    return status


def _tell(line: str) -> None:
    try:
        sys.stderr.write(plainly.folded(line, sys.stderr) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return


def _is_broken(stream: "TextIO | None") -> bool:
    if stream is None:
        return True
    try:
        stream.flush()
    except (OSError, ValueError):
        return True
    return False


def _leave(stream: "TextIO | None") -> None:
    # Python flushes its streams once more while it exits; give this one somewhere to go.
    if stream is None:
        return
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
