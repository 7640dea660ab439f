"""Options and arguments that several verbs share: the same words everywhere."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from codex_auth.core.errors import UsageError
from codex_auth.core.names import read_name

Wrapper = Callable[[Any], Any]


def profile(function: Any) -> Any:
    """Take the profile as `NAME` or `--profile NAME`; the function gets `name`, None when neither was given.

    What is no name is refused here, before any message can repeat it: people paste a redirect in its place.
    """

    def one_name(ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
        named: str | None = ctx.params.pop("named", None)
        if named is not None and value is not None and named != value:
            raise UsageError(problem="The profile was named twice, differently.", command=str(ctx.info_name))
        name = named if value is None else value
        if name is not None:
            read_name(name)
        return name

    function = click.argument("name", required=False, callback=one_name)(function)
    return click.option(
        "--profile", "named", metavar="NAME", is_eager=True, help="The profile; the same as the argument."
    )(function)


json_output: Wrapper = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
queue_apply: Wrapper = click.option(
    "--queue-apply", is_flag=True, help="Then bring the login into OpenClaw's gateway, in the background."
)
full: Wrapper = click.option("--full", is_flag=True, help="Show account ids and e-mail addresses whole.")
auth_path: Wrapper = click.option(
    "--auth-path", default="", metavar="FILE", help="Use this auth-profiles.json instead of the usual one."
)
requester: Wrapper = click.option(
    "--requester", default="", metavar="ID", help="Who is asking, e.g. a chat user; only they can finish."
)
replace_account: Wrapper = click.option(
    "--replace", "replace_account", is_flag=True, help="Let another account take over this profile."
)
store: Wrapper = click.option(
    "--store", default="", metavar="KIND", help="Where a new profile is put: file, keyring, vault or auto."
)
issuer: Wrapper = click.option(
    "--issuer", default="", metavar="URL", help="Another provider: loopback, or https and listed in the configuration."
)
client_id: Wrapper = click.option("--client-id", default="", metavar="ID", help="Another client id.")
scope: Wrapper = click.option("--scope", default="", help="Other scopes, separated by spaces.")


class Span(click.ParamType[timedelta]):
    """A time such as `90`, `90s`, `10m` or `1h`; never repeated in an error."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the span; the message names the option, not the value."""
        if isinstance(value, timedelta):
            return value
        text = str(value).strip().lower()
        digits, unit = (text[:-1], text[-1:]) if text[-1:].isalpha() else (text, "s")
        seconds = {"s": 1, "m": 60, "h": 3600}.get(unit)
        if seconds is None or not digits.isascii() or not digits.isdigit() or len(digits) > 6:  # noqa: PLR2004
            self.fail("", param, ctx)
        return timedelta(seconds=int(digits) * seconds)
