"""`codex-auth token`, for everything that the quick path in `hot` leaves to us."""

import sys
from datetime import timedelta

import click

from codex_auth.cli import hot, options
from codex_auth.core.card import OWNER_SELF
from codex_auth.core.policy import Policy
from codex_auth.core.refresh_errors import TokenOnTerminal
from codex_auth.core.store_errors import VaultLocked
from codex_auth.edge.folders import private_folder
from codex_auth.edge.places import Places
from codex_auth.neighbours import policies
from codex_auth.stores.protocol import Store
from codex_auth.stores.seals import Seals
from codex_auth.stores.vault import Vault

_LONG = 1e9
"""Seconds: what never ends lives at least this long."""


@click.command()
@options.existing_profile
@click.option(
    "--min-validity",
    type=options.Span(),
    default=timedelta(seconds=hot.MIN_VALIDITY),
    metavar="TIME",
    help="How much life the token must have left, e.g. 10m; 6m if not said.",
)
@options.json_output
@click.option("--header", "as_header", is_flag=True, help="Print a whole Authorization header.")
@click.option("--show", "is_shown", is_flag=True, help="Print it although stdout is a terminal.")
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    min_validity: timedelta,
    as_json: bool,
    as_header: bool,
    is_shown: bool,
    auth_path: str,
) -> int:
    """Print one live access token on stdout, within five seconds.

    A token that is due is refreshed first, once however many processes ask; when that fails, one that still lives
    is printed and the reason said on stderr. For `auth.command` in Codex, scripts and CI.
    """
    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.edge.world import World
    from codex_auth.stories.refresh import why_not

    if not is_shown and sys.stdout is not None and sys.stdout.isatty():
        raise TokenOnTerminal(profile=name or "")
    world = World()
    places, store = open_places(ctx, world, auth_path)
    profile = existing(ctx, name, store=store, places=places, world=world, may_ask=False)
    asked = hot.Asked([])
    asked.as_json, asked.as_header = as_json, as_header
    private_folder(places.locks)
    policy = policies.in_force(places, world.env)
    place = _StorePlace(profile, policy, store=store, places=places, auth_path=auth_path)
    wanted = max(min_validity, policy.minimum_lease())
    try:
        held = place.live(int(wanted.total_seconds()), hot.deadline())
    except hot.Unsure:
        raise place.locked or why_not(profile, store=store, places=places, world=world) from None
    if refusal := policy.lease_refusal(timedelta(seconds=min(held.life(), _LONG))):
        raise refusal
    return hot.show(held, asked)


class _StorePlace(hot.Place):
    """One profile in whatever store it is kept."""

    def __init__(self, profile: str, policy: Policy, *, store: Store, places: Places, auth_path: str) -> None:
        self.name = profile
        self.state = places.state
        self.auth_path = auth_path
        self._store = store
        self._places = places
        self.locked: VaultLocked | None = None
        """Why nobody could be started who refreshes."""
        self._policy = policy

    def read(self) -> hot.Held:
        credential = self._store.load(self.name)
        if credential is None:
            raise hot.Unsure
        if refusal := self._policy.use_refusal(credential):
            raise refusal
        return hot.Held(
            token=credential.access.reveal(),
            expires=credential.expires.timestamp(),
            account_id=credential.identity.account_id,
            may_refresh=credential.owner == OWNER_SELF and credential.refresh is not None,
        )

    def has_changed(self) -> bool:
        return True

    def _start_refresh(self, min_validity: int, began: float) -> int:
        """Start nobody where a passphrase would have to be asked for: the process has no terminal and inherits none."""
        kept_in = Seals(self._places, self._store).kept_in(self.name)
        if isinstance(kept_in, Vault) and kept_in.may_ask and not self._places.config.passphrase_command:
            self.locked = VaultLocked(
                path=kept_in.path,
                problem="the login is due, and the refresh that runs beside this command cannot ask for its passphrase",
                todo=f"Refresh it with `codex-auth refresh {self.name}`, or name a `passphrase_command`",
            )
            return -1
        return super()._start_refresh(min_validity, began)
