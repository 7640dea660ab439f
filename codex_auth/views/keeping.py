"""What `keep` says: each alert as it comes, to the person and to their hook, and the sum of a round."""

from codex_auth.core.errors import AuthError
from codex_auth.edge.hooks import Hook
from codex_auth.edge.world import World
from codex_auth.stories.alerts import REFRESHED, Alert
from codex_auth.stories.keep import Round
from codex_auth.views import show as words
from codex_auth.views.document import print_document
from codex_auth.views.outcome import refreshed_row


class Teller:
    """Tells alerts. A hook that fails is complained about once, and changes nothing."""

    def __init__(self, hook: Hook | None, world: World, *, as_json: bool) -> None:
        self._hook = hook
        self._world = world
        self._as_json = as_json
        self._has_complained = False

    def tell(self, alert: Alert) -> None:
        """Tell one alert; to the person only what is no good news, which `print_round` has."""
        if alert.event != REFRESHED and not self._as_json:
            _complain(alert.message, alert.hint, self._world)
        problem = self._hook.run(alert.facts()) if self._hook else ""
        if problem and not self._has_complained:
            self._world.tell(f"codex-auth: The hook failed: {problem}. The logins are not affected.")
        self._has_complained = bool(problem)


def print_round(done: Round, world: World, *, quiet: bool, as_json: bool) -> None:
    """Say what was renewed; or, as JSON, all of it."""
    if as_json:
        print_document(
            world,
            ok=not done.failures,
            profiles=[refreshed_row(profile, result) for profile, result in done.results.items()],
            alerts=[alert.facts() for alert in done.alerts],
            next_due_at=words.stamp(done.next_due),
        )
        return
    for profile, result in done.results.items() if not quiet else ():
        if not isinstance(result, AuthError):
            world.out(f"{profile}: the access token ends in {words.duration(result.expires - world.now())}.")


def print_rest(done: Round, world: World) -> None:
    """Say what else a person who asked for one round wants to know."""
    told = {alert.card.profile for alert in done.alerts}
    for profile, error in done.failures.items():
        if profile not in told:  # not in this round, but in an earlier one
            _complain(str(error), error.hint, world)
    if done.next_due is None:
        world.out("There is no login that we could renew ahead of its end.")
    elif not done.results:
        world.out(f"Nothing is due; the next login will be in {words.duration(done.next_due - done.at)}.")


def _complain(message: str, hint: str, world: World) -> None:
    world.tell(f"codex-auth: {message}")
    world.tell(f"  {hint}")
