"""Options and arguments that several verbs share: the same words everywhere."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from codex_auth.cli import completing
from codex_auth.core.errors import UsageError
from codex_auth.core.names import read_name
from codex_auth.core.provider import DEVICE_DIALECTS, OPENAI_DIALECT

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

    function = click.argument("name", required=False, callback=one_name, shell_complete=completing.profiles)(function)
    return click.option(
        "--profile",
        "named",
        metavar="NAME",
        is_eager=True,
        shell_complete=completing.profiles,
        help="The profile; the same as the argument.",
    )(function)


NON_INTERACTIVE = "--non-interactive"


def non_interactive(function: Any) -> Any:
    """Take `--non-interactive`, which `choosing` finds, so the function needs no argument."""

    def note(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        ctx.meta[NON_INTERACTIVE] = value

    words = "Ask nothing, on a terminal too; what would be asked is an error."
    return click.option(NON_INTERACTIVE, is_flag=True, expose_value=False, callback=note, help=words)(function)


def existing_profile(function: Any) -> Any:
    """Take the name of a profile that is there; `choosing` asks a person who names none that is, unless told not to."""
    return non_interactive(profile(function))


json_output: Wrapper = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
queue_apply: Wrapper = click.option(
    "--queue-apply", is_flag=True, help="Then bring the login into OpenClaw's gateway, in the background."
)
full: Wrapper = click.option("--full", is_flag=True, help="Show account ids and e-mail addresses whole.")
auth_path: Wrapper = click.option(
    "--auth-path",
    default="",
    metavar="FILE",
    shell_complete=completing.files,
    help="Use this auth-profiles.json instead of the usual one.",
)
requester: Wrapper = click.option(
    "--requester", default="", metavar="ID", help="Who is asking, e.g. a chat user; only they can finish."
)
replace_account: Wrapper = click.option(
    "--replace", "replace_account", is_flag=True, help="Let another account take over this profile."
)
store: Wrapper = click.option(
    "--store",
    default="",
    metavar="KIND",
    shell_complete=completing.stores,
    help="Where a new profile is put: file, keyring, vault or auto.",
)
issuer: Wrapper = click.option(
    "--issuer", default="", metavar="URL", help="Another provider: loopback, or https and listed in the configuration."
)
kept_issuer: Wrapper = click.option(
    "--issuer", default="", metavar="URL", help="The provider of the login that is kept, where it is not OpenAI."
)
callback_port: Wrapper = click.option(
    "--callback-port", type=int, metavar="PORT", help="Let the browser come back to this port (not with OpenAI)."
)
callback_url_base: Wrapper = click.option(
    "--callback-url-base",
    default="",
    metavar="URL",
    help="An ingress that leads to this machine: the redirect becomes URL/auth/callback (not with OpenAI).",
)
client_id: Wrapper = click.option("--client-id", default="", metavar="ID", help="Another client id.")
device_dialect: Wrapper = click.option(
    "--device-dialect",
    type=click.Choice(DEVICE_DIALECTS),
    default=OPENAI_DIALECT,
    help="How device codes are spoken of; rfc8628 for a provider that is not like OpenAI.",
)
scope: Wrapper = click.option("--scope", default="", help="Other scopes, separated by spaces.")


def descriptor(name: str, words: str) -> Wrapper:
    """Take a file descriptor that a passphrase is read from; `opening` finds it, so the functions need no argument.

    From here on no child inherits it.
    """

    def open_it(ctx: click.Context, _param: click.Parameter, value: int | None) -> None:
        from codex_auth.keys.passphrases import from_descriptor

        if value is None or ctx.resilient_parsing:  # a Tab key reads no passphrase
            return
        if value < 0 or value in _OUTPUTS:
            raise UsageError(problem=f"The value of {name} is not one that can be read.", command=str(ctx.info_name))
        ctx.meta[name] = from_descriptor(value)

    return click.option(name, type=int, metavar="N", expose_value=False, callback=open_it, help=words)


PASSPHRASE_FD, NEW_PASSPHRASE_FD = "--passphrase-fd", "--new-passphrase-fd"
_OUTPUTS = (1, 2)
passphrase_fd: Wrapper = descriptor(PASSPHRASE_FD, "Read the vault's passphrase from this file descriptor.")
new_passphrase_fd: Wrapper = descriptor(NEW_PASSPHRASE_FD, "Read the passphrase it is to have from this one.")


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


def check_kept_issuer(keep_as: str, issuer: str, *, command: str) -> None:
    """Refuse an issuer of no login."""
    if issuer and not keep_as:
        from codex_auth.core.errors import UsageError

        raise UsageError(problem="--issuer goes with --keep-as.", command=command)
