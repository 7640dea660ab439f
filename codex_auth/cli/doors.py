"""The only place where failures become words and exit statuses. No exception's own text is ever printed."""

import os
import sys
from collections.abc import Callable

from codex_auth.core.errors import AuthError, Stop

SCHEMA_VERSION = 1
_CTRL_C = 2


def guarded(action: Callable[..., int], *, as_json: bool, **arguments: object) -> int:
    """Run `action` and return its exit status; print what went wrong if it raises."""
    try:
        status = action(**arguments)
        sys.stdout.flush()
    except AuthError as error:
        return _print_failure(error.code, str(error), error.hint, error.status, as_json=as_json)
    except KeyboardInterrupt as stop:
        status = 128 + (stop.number if isinstance(stop, Stop) else _CTRL_C)
        hint = "Nothing was stored unless a line above says so; `codex-auth status` shows what is there."
        return _print_failure("interrupted", "Stopped.", hint, status, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - this is the door: whatever it is, its text must not get out
        return _no_output() if _stdout_is_broken() else _unexpected(error, as_json=as_json)
    return status


def _no_output() -> int:
    _leave_stdout()
    _tell("codex-auth: the output could not be written.")
    return 1


def _unexpected(error: BaseException, *, as_json: bool) -> int:
    # Type and place only: the message, the cause and the locals may hold what must not be shown.
    where = "unknown"
    step = error.__traceback__
    while step is not None:
        name = step.tb_frame.f_globals.get("__name__", "")
        if name.startswith("codex_auth"):
            where = f"{name}:{step.tb_lineno}"
        step = step.tb_next
    sentence = f"Something unexpected happened ({type(error).__name__} at {where})."
    hint = "What was stored before is untouched. Please report this line; it holds nothing secret."
    return _print_failure("unexpected", sentence, hint, 1, as_json=as_json)


def _print_failure(code: str, sentence: str, hint: str, status: int, *, as_json: bool) -> int:
    if as_json:
        import json

        document = {
            "ok": False,
            "schema_version": SCHEMA_VERSION,
            "error": code,
            "message": sentence,
            "hint": hint,
            "exit_code": status,
        }
        try:
            print(json.dumps(document), flush=True)  # noqa: T201 - a result, on stdout
        except OSError:
            _leave_stdout()
    else:
        _tell(f"codex-auth: {sentence}")
        if hint:
            _tell(f"  {hint}")
    return status


def _tell(line: str) -> None:
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return


def _stdout_is_broken() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        return True
    return False


def _leave_stdout() -> None:
    # Python flushes stdout once more while it exits; give it somewhere to go.
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return
