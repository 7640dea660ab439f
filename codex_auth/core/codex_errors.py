"""What can go wrong when a login is given to Codex."""

from codex_auth.core.delivery_errors import DeliveryError
from codex_auth.core.errors import AuthError


class CodexHasLogin(DeliveryError):
    """The Codex home holds a login that is in no profile of ours, which writing would destroy."""

    code = "codex_has_login"
    sentence = "Codex in {home} is signed in with a login of its own{whose}, which this would destroy."
    remedy = "Keep it as a profile first: add `--keep-as NAME`. Or use another home: `--codex-home FOLDER`."
    status = 5


class CodexHasOther(DeliveryError):
    """The Codex home holds an API key or another kind of login, or a lease of another account."""

    code = "codex_has_other"
    sentence = "Codex in {home} holds {what}, which {profile} would replace."
    remedy = "{todo}."
    status = 5


class CodexFileDamaged(DeliveryError):
    """What Codex keeps does not read, so nobody knows what writing would destroy."""

    code = "codex_file_damaged"
    sentence = "{path} does not read as Codex's login: {problem}."
    remedy = "Move it aside, e.g. `mv {path} {path}.damaged`, and run the command again."


class CodexBusy(DeliveryError):
    """Codex holds its own lock."""

    code = "codex_busy"
    sentence = "Codex is writing its login in {home} at this moment."
    remedy = "Try again in a moment."
    status = 8


class CodexRunning(DeliveryError):
    """A Codex that runs could spend the refresh token that is being taken over."""

    code = "codex_running"
    sentence = "Codex runs with the login that would be taken over: {processes}."
    remedy = "Close it, and run the command again."
    status = 8


class CodexUnwritable(DeliveryError):
    """A file of Codex's could not be read or written."""

    code = "codex_unwritable"
    sentence = "{path} could not be used: {problem}."
    remedy = "{todo}."


class CodexKeptOther(DeliveryError):
    """What is read back is not what was written."""

    code = "codex_kept_other"
    sentence = "Codex's home {home} does not hold what it was given for {profile}: {problem}."
    remedy = "Run the command again; `codex login status` shows what Codex reads."


class CodexNothingThere(DeliveryError):
    """What was delivered is gone: somebody signed Codex out."""

    code = "codex_signed_out"
    sentence = "Codex in {home} was signed out since {profile} was delivered to it."
    remedy = "Deliver it again with `codex-auth deliver codex {profile}`, or forget it: the same with `--take-back`."
    status = 3


class CodexWantsMore(DeliveryError):
    """Codex would not read, or not use, a login that lacks this."""

    code = "codex_wants_more"
    sentence = "{profile} has no {what}, without which Codex does not use a login."
    remedy = "Run `codex-auth refresh {profile}` or `codex-auth login {profile}`, then deliver it again."
    status = 3


class CodexStoreRefused(DeliveryError):
    """Codex is set to keep its login in a way that nobody else can write."""

    code = "codex_store_refused"
    sentence = "Codex in {home} does not read a login that is put there: {problem}."
    remedy = "{todo}."
    status = 6


class CodexKeyringUnusable(DeliveryError):
    """Codex keeps its login in the keyring, and the keyring cannot be used now."""

    code = "codex_keyring_unusable"
    sentence = "Codex in {home} keeps its login in the keyring, and {problem}."
    remedy = 'Unlock the keyring, or set `cli_auth_credentials_store = "file"` in {config}, and run the command again.'
    status = 7


class AccountChanged(AuthError):
    """The profile of a running app server became another account's."""

    code = "account_changed"
    sentence = "{profile} is another account now than this app server began with; it gets no token of it."
    remedy = "Start the program again, which then works as the other account."
    status = 5


class CodexConfigInTheWay(DeliveryError):
    """The configuration of Codex says something else already."""

    code = "codex_config_in_the_way"
    sentence = "{path} cannot take the provider: {problem}."
    remedy = "{todo}."


class KeyWithoutAddress(DeliveryError):
    """Nobody said where a key belongs; the login of a ChatGPT account has an address that is known."""

    code = "key_without_address"
    sentence = "{profile} is a key, and where Codex shall send it was not said."
    remedy = "Say it with `--base-url URL`, the address of the service that the key is for."
    status = 2


CLEAN = (
    CodexHasLogin,
    CodexHasOther,
    CodexFileDamaged,
    CodexBusy,
    CodexWantsMore,
    CodexStoreRefused,
    CodexKeyringUnusable,
    CodexConfigInTheWay,
    KeyWithoutAddress,
)
"""The refusals after which it is certain that nothing was written."""
