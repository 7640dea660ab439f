"""Why a chat message is not acted on. What was in the message is never repeated."""

from codex_auth.core.errors import AuthError


class MessageRefused(AuthError):
    """A message does not have the published form."""

    code = "bad_message"
    sentence = "The chat message cannot be read: {problem}."
    remedy = "Run `codex-auth chat --schema message` for its form."
    status = 2


class ButtonStale(AuthError):
    """A button of another version, or of a profile that is gone."""

    code = "stale_button"
    sentence = "That button is from an earlier message."
    remedy = "Send /codex_auth for new ones."
    status = 2


class NotAnOperator(AuthError):
    """The sender is not on the list of operators."""

    code = "not_an_operator"
    sentence = "This sender is not on the list of operators."
    remedy = "Add the sender to `chat_operators` in the configuration, as channel:sender."
    status = 6


class NotConfirmed(AuthError):
    """A confirmation that was never asked of this sender, was used, or is too old."""

    code = "not_confirmed"
    sentence = "There is nothing to confirm: it was done already, or the question is too old."
    remedy = "Ask for it again."
    status = 2


class TooManyMessages(AuthError):
    """A sender, or all together, send faster than anybody types."""

    code = "too_many_messages"
    sentence = "There are too many messages at once."
    remedy = "Wait {seconds} seconds."
    status = 8


class UsageUnavailable(AuthError):
    """Nothing here can ask about rate limits."""

    code = "usage_unavailable"
    sentence = "The limits cannot be asked about here."
    remedy = "Update codex-auth."
