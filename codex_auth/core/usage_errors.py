"""What can go wrong when a login's usage is asked for. Nothing of it concerns the login itself, which stays."""

from codex_auth.core.errors import AuthError, ProviderUnreachable


class UsageNotAccepted(AuthError):
    """The usage endpoint does not take the access token of a login that is otherwise good."""

    code = "usage_not_accepted"
    sentence = (
        "{profile} is signed in, but the usage endpoint of {host} does not accept this session (HTTP {http_status})."
    )
    remedy = "The login may work all the same; if it does not, run `codex-auth login {profile}` to sign in anew."


class UsageBusy(ProviderUnreachable):
    """The usage endpoint asks to be left alone for a while."""

    code = "usage_busy"
    sentence = "{host} answers no more questions about usage for now (HTTP {http_status})."
    remedy = "Ask again in {wait}."


class UsageUnreadable(AuthError):
    """The usage endpoint answered with something that is no usage."""

    code = "usage_unreadable"
    sentence = "{host} did not say what is left: {problem}."
    remedy = "The login is untouched. Check that no proxy or captive portal answers for {host}, and ask again."


class UsageOfKey(AuthError):
    """An API key has no windows: it is billed as it is used."""

    code = "usage_of_key"
    sentence = "{profile} is an API key, which has no usage windows."
    remedy = "The platform's own pages show what a key has used."
    status = 2


class NothingLeft(AuthError):
    """No profile that could be asked has anything left."""

    code = "nothing_left"
    sentence = "No profile has anything left{until}."
    remedy = "Run `codex-auth usage --all` to see when each one resets."
    status = 8


class NobodyToSuggest(AuthError):
    """No profile's usage could be found out."""

    code = "nobody_to_suggest"
    sentence = "The usage of no profile could be found out."
    remedy = "Run `codex-auth usage --all` to see why."
