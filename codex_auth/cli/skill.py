"""The calls the former skill documented: the same verbs, answering with one JSON document."""

from codex_auth.cli.doors import guarded, open_doors, open_threads

_VERBS = {"start", "finish", "status", "cancel"}
_CHAT = "chat"
"""What always answers with JSON, and has no option to."""


def run(arguments: list[str]) -> int:
    """Run one documented call and return its exit status.

    Two things differ from the command: the answer is always JSON, and a missing OpenClaw folder means OpenClaw's
    own `auth-profiles.json`, which is what the skill writes.
    """
    from codex_auth.cli.group import invoke
    from codex_auth.core.errors import UsageError
    from codex_auth.edge.signals import stop_cleanly

    open_doors()
    open_threads()
    stop_cleanly()

    def call() -> int:
        if not arguments or arguments[0] not in {*_VERBS, _CHAT}:
            raise UsageError(problem="Say start, finish, status, cancel or chat.", command="start")
        verb, *rest = arguments
        if verb == _CHAT:
            return invoke(arguments, assume_openclaw=True)
        return invoke([verb, "--json", *rest], assume_openclaw=True)

    return guarded(call, as_json=True)
