"""What can go wrong with API keys and personal tokens."""

from codex_auth.core.errors import AuthError


class BadKey(AuthError):
    """What was given is no key, or cannot be used as asked."""

    code = "bad_key"
    sentence = "That is not a key that can be kept: {problem}."
    remedy = "Give the key alone, on stdin or at the hidden prompt: `codex-auth key add NAME < FILE`."
    status = 2


class KeyInTheWay(AuthError):
    """The name belongs to something else, which would be replaced."""

    code = "key_name_taken"
    sentence = "{profile} is {what} already, and was not replaced."
    remedy = "{todo}."
    status = 5


class NotAKey(AuthError):
    """A command about keys names a sign-in."""

    code = "not_a_key"
    sentence = "{profile} is a sign-in, not a key."
    remedy = "`codex-auth key list` shows the keys."
    status = 2


class KeyStoreRefused(AuthError):
    """A key would be put where another program would use it as a login of its own."""

    code = "key_store_refused"
    sentence = "A key is not put into OpenClaw's file: OpenClaw would send it to OpenAI as one of its own logins."
    remedy = "Keep it elsewhere: `--store keyring` or `--store vault`, or the same in the variable CODEX_AUTH_STORE."
    status = 2
