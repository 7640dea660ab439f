"""What can go wrong with refreshing, and with the token that comes of it."""

from collections.abc import Mapping

from codex_auth.core.errors import AuthError


class RefreshEnded(AuthError):
    """The provider will never take this refresh token again. Remembered, so that nothing asks with it again."""

    code = "refresh_refused"
    sentence = "{host} does not accept the refresh token of {profile} any more ({error})."
    remedy = "Run `codex-auth login {profile}` to sign in again."
    status = 3


class RefreshTokenSpent(RefreshEnded):
    """The refresh token was used before, by somebody: another copy of it exists, or a reply was lost."""

    code = "refresh_token_spent"
    sentence = "The refresh token of {profile} was already used."
    remedy = "Another program or machine holds a copy. Run `codex-auth login {profile}`, and keep one copy only."


class RefreshTokenExpired(RefreshEnded):
    """The refresh token was not used for too long."""

    code = "refresh_token_expired"
    sentence = "The refresh token of {profile} has expired."


class RefreshTokenRevoked(RefreshEnded):
    """Somebody signed this login out, here or elsewhere; `codex login` and `codex logout` do."""

    code = "refresh_token_revoked"
    sentence = "The refresh token of {profile} was revoked; somebody signed this login out."


class RefreshLost(RefreshEnded):
    """A refresh died between request and reply, and the one retry found the token spent (RFC 9700 4.14.2)."""

    code = "refresh_lost"
    sentence = (
        "A refresh of {profile} was cut off between request and reply, and the provider has spent the token: "
        "the reply is lost. This is the one gap that cannot be closed."
    )
    remedy = "Run `codex-auth login {profile}`. Until it expires, the access token that is there keeps being served."


class RefreshedOtherAccount(RefreshEnded):
    """The reply to a refresh belongs to another account; it was not stored."""

    code = "refreshed_other_account"
    sentence = "{host} answered the refresh of {profile} with another account ({found}); it was not stored."
    status = 5


class RefreshUncertain(AuthError):
    """A refresh was cut off between request and reply; it may not be repeated yet."""

    code = "refresh_uncertain"
    sentence = "A refresh of {profile} was cut off after its request was sent; its reply may still be lost."
    remedy = "Run `codex-auth refresh {profile}` in {wait}; it tries the old token once more."
    status = 8


class RefreshStuck(AuthError):
    """A refresh and its one retry were both cut off; only a person may decide to try again."""

    code = "refresh_stuck"
    sentence = "Two refreshes of {profile} in a row were cut off between request and reply; its token may be spent."
    remedy = "Run `codex-auth refresh {profile} --again` to try once more, or `codex-auth login {profile}`."
    status = 9


class RefreshRefused(AuthError):
    """The provider refused a refresh for a reason that does not end the login."""

    code = "refresh_not_understood"
    sentence = "{host} refused to refresh {profile} with HTTP status {http_status} ({error})."
    remedy = "Try again in a minute; if it stays, run `codex-auth login {profile}`."


class ExpiredOnArrival(AuthError):
    """The provider sent an access token that had already ended."""

    code = "expired_on_arrival"
    sentence = "{host} sent an access token for {profile} that has already expired."
    remedy = "Check the clock of this machine. The new refresh token was kept; try again in a minute."


class RefreshNotDue(AuthError):
    """A refresh failed a moment ago, and the provider asked for patience."""

    code = "refresh_resting"
    sentence = "{host} asked for patience with {profile}."
    remedy = "Try again in {wait}."
    status = 8


class ApiKeyNotMoved(AuthError):
    """A move was asked of an API key; only logins are kept in another store than the file."""

    code = "api_key_not_moved"
    sentence = "{profile} is an API key and was not moved: only logins are kept elsewhere than in the file."
    remedy = "Use it where it is: `codex-auth run {profile} -- COMMAND`."
    status = 2


class KeyNotLoggedOut(AuthError):
    """An API key is no login: there is nothing at the provider that we could end."""

    code = "key_not_logged_out"
    sentence = "{profile} is an API key and cannot be logged out."
    remedy = "Delete it where it was made; `codex-auth key remove {profile}` forgets it here."


class OwnerReadsIt(AuthError):
    """Another program owns the login and reads it where it is; moving it would log that program out."""

    code = "owner_reads_it"
    sentence = "{profile} is owned by {owner}, which reads it where it is; it was not moved."
    remedy = "Sign in under a name of its own instead, e.g. `codex-auth login NAME --store {store}`."
    status = 3


class NotOurs(AuthError):
    """Another program owns the refresh token, so only that program may spend it."""

    code = "owned_elsewhere"
    sentence = "{profile} is owned by {owner}, which alone may refresh it."
    remedy = "Use it there once, or run `codex-auth login {profile}` to take it over with a login of its own."
    status = 3


class NothingToRefresh(AuthError):
    """The login came without a refresh token."""

    code = "no_refresh_token"
    sentence = "{profile} has no refresh token; it lives as long as its access token."
    remedy = "Run `codex-auth login {profile}` to sign in again."
    status = 3


class RefreshSlow(AuthError):
    """A refresh takes longer than whoever asks for a token can wait; it goes on by itself."""

    code = "refresh_slow"
    sentence = "The token of {profile} has expired, and its refresh is not done yet."
    remedy = "It goes on by itself; ask again in a moment, or run `codex-auth refresh {profile}` to see why."
    status = 8


class TokenOnTerminal(AuthError):
    """A token would be printed where people look."""

    code = "token_on_terminal"
    sentence = "A token is not printed on a terminal."
    remedy = "Send it to a program, or add `--show` if it really is for your eyes."
    status = 2


class ApiKeyStays(AuthError):
    """A refresh was asked of an API key."""

    code = "is_api_key"
    sentence = "{profile} is an API key, which never ends and cannot be refreshed."
    remedy = "Use it as it is: `codex-auth run {profile} -- COMMAND`."
    status = 2


class TwoCopies(AuthError):
    """The same refresh token lies in two live places: whoever spends it first logs the other out."""

    code = "two_copies"
    sentence = "The refresh token of {profile} also lies in {place}."
    remedy = "Remove one of the two, or run `codex-auth refresh {profile} --despite-copies`, which logs that one out."
    status = 9


def remembered(code: str, facts: Mapping[str, str]) -> AuthError:
    """Return an error again that was kept as its code and facts; one we do not know any more becomes the base."""
    kinds: list[type[AuthError]] = [AuthError]
    for kind in kinds:
        kinds += kind.__subclasses__()
        if kind.code == code:
            return kind(**facts)
    return AuthError()
