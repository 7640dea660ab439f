"""Every failure a user can meet: a code for programs, a sentence, what to type next, an exit status.

A class is made from facts that may be shown (profile, path, port, HTTP status, a code from a list), never
from text that arrived from outside. The doors (`cli`, `chat`) print sentence and remedy; `--json` prints the
same fields.
"""

from collections.abc import Mapping
from datetime import timedelta

from codex_auth.core.text import printable

EXIT_CODES = {
    0: "ok",
    1: "failure",
    2: "usage",
    3: "login required",
    4: "expiring soon (status --check)",
    5: "identity mismatch",
    6: "refused by policy",
    7: "store locked or needs a person",
    8: "temporarily unreachable, try again",
    9: "state uncertain after a crash, or a token with a copy (the message says what to run)",
    126: "run: the command cannot be started",
    127: "run: the command was not found",
    130: "stopped with Ctrl-C (129 and 143: by a hang-up or stop signal)",
}
"""What each exit status means; `--help` and README print this table."""


class Stop(KeyboardInterrupt):
    """A signal asked the program to end; its number decides the exit status, as shells report it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class AuthError(Exception):
    """Base of every expected failure. `facts` fill the placeholders of sentence and remedy."""

    code: str = "failure"
    sentence: str = "Something went wrong."
    remedy: str = "Run `codex-auth status` to see where things stand."
    status: int = 1

    def __init__(self, **facts: object) -> None:
        self.facts = {key: printable(str(value), limit=400) for key, value in facts.items()}
        super().__init__(self.sentence.format_map(self.facts))

    @property
    def hint(self) -> str:
        """What to do next, in one line."""
        return self.remedy.format_map(self.facts)


# --- what the user typed -------------------------------------------------------------------------------------


class UsageError(AuthError):
    """The command line or the environment asks for something that does not exist."""

    code = "usage"
    sentence = "{problem}"
    remedy = "Run `codex-auth {command} --help` for the options."
    status = 2


class BadProfileName(AuthError):
    """A profile name is not one we can keep."""

    code = "bad_profile_name"
    sentence = "That is not a profile name."
    remedy = "Use 1 to 64 lower-case letters, digits and . _ @ + - and start with a letter or digit, e.g. `work`."
    status = 2


class ProfileNotFound(AuthError):
    """No credential is stored under this name."""

    code = "profile_not_found"
    sentence = "There is no profile named {profile}."
    remedy = "Run `codex-auth login {profile}` to sign in, or `codex-auth status` to see the profiles."
    status = 3


class BadIssuer(AuthError):
    """`--issuer` names an address we must not talk to."""

    code = "bad_issuer"
    sentence = "That issuer cannot be used: {problem}."
    remedy = 'Use http only for loopback; list any https issuer in {config} as `issuers = ["https://…"]`.'
    status = 6


class CallbackRefused(AuthError):
    """`--callback-port` or `--callback-url-base` asks for a redirect that cannot be."""

    code = "callback_refused"
    sentence = "The browser cannot come back there: {problem}."
    remedy = (
        "Leave --callback-port and --callback-url-base out; elsewhere than here, `codex-auth start` needs no callback."
    )
    status = 2


class OutputLost(AuthError):
    """The result could not be written; what was done stays done."""

    code = "output_lost"
    sentence = "The output could not be written."
    remedy = "What the command did stays done; `codex-auth status` shows where things stand."


class ConfigDamaged(AuthError):
    """The configuration file cannot be read."""

    code = "config_damaged"
    sentence = "The configuration file {path} cannot be used: {problem}."
    remedy = "Correct it, or move it away, and run the command again."


# --- what came back from the browser -------------------------------------------------------------------------


class RedirectRefused(AuthError):
    """A pasted redirect or a visit to the callback cannot be accepted; `reason` says why, from a fixed list."""

    code = "redirect_refused"
    sentence = "That is not the redirect of this sign-in: {problem}."
    remedy = "Copy the whole address of the page the browser ended on, and paste it again."


class ConsentDenied(AuthError):
    """The provider sent the browser back with an error, for this login's own state."""

    code = "consent_denied"
    sentence = "The sign-in was not approved ({error})."
    remedy = "Run `codex-auth login {profile}` to try again."
    status = 3

    @classmethod
    def of(cls, error: str, *, profile: str) -> "ConsentDenied":
        """Return what to raise about this error; one is not the person's own decision."""
        kind = EntitlementMissing if error == "missing_codex_entitlement" else ConsentDenied
        return kind(error=error, profile=profile)


class EntitlementMissing(ConsentDenied):
    """The workspace does not let this account use Codex; only its administrators can change that."""

    code = "missing_codex_entitlement"
    sentence = "This account has no access to Codex ({error})."
    remedy = "Contact your ChatGPT administrator for access."
    status = 6


class NoPendingLogin(AuthError):
    """`finish` or `cancel` found nothing to work on."""

    code = "no_pending_login"
    sentence = "No sign-in is waiting for {profile}."
    remedy = "Run `codex-auth start --profile {profile}` to begin one."
    status = 3


class PendingLoginGone(AuthError):
    """The redirect belongs to a sign-in that was replaced, cancelled, finished or has expired."""

    code = "pending_login_gone"
    sentence = "That sign-in {what}."
    remedy = "Run `codex-auth start --profile {profile}` to begin anew (with `--device` if it was by device code)."
    status = 3


class ForeignPendingLogin(AuthError):
    """The pending login was started by somebody else."""

    code = "foreign_pending_login"
    sentence = "The sign-in waiting for {profile} was started by somebody else."
    remedy = (
        "Only whoever started it can finish or cancel it; take another name (`codex-auth start NAME`), or wait until "
        "it ends, a quarter of an hour at most after it was started."
    )
    status = 6


class LoginTimedOut(AuthError):
    """Nobody came back from the browser in time."""

    code = "login_timed_out"
    sentence = "Nobody approved the sign-in within {minutes}."
    remedy = "Run `codex-auth login {profile}` to try again; `--timeout` gives more time."
    status = 3


class DeviceLoginDisabled(AuthError):
    """The provider has no device codes for this client."""

    code = "device_login_disabled"
    sentence = "{host} does not offer device codes here."
    remedy = "{todo}; device codes have to be allowed in the account's or workspace's security settings."
    status = 3

    def __init__(self, *, may_paste: bool = True, **facts: object) -> None:
        paste = "Run `codex-auth login {profile} --paste`, or `codex-auth start {profile}`".format_map(facts)
        super().__init__(
            **facts, todo=paste if may_paste else "Pasting a redirect is not allowed here, so ask for them"
        )


class DevicePending(AuthError):
    """Nobody has approved the device code yet, or it is too early to ask again."""

    code = "authorization_pending"
    sentence = "The sign-in of {profile} is not approved yet."
    remedy = "Run `codex-auth finish {profile}` again in {wait}; with `--wait` it asks until the code ends."
    status = 8

    def __init__(self, *, seconds: float, **facts: object) -> None:
        super().__init__(**facts, wait=f"{max(1, round(seconds))} seconds")
        self.seconds = seconds


class DeviceCodeExpired(AuthError):
    """Nobody typed the device code in time."""

    code = "device_code_expired"
    sentence = "The device code has expired; nobody approved it in time."
    remedy = "Run `codex-auth login {profile} --device`, or `codex-auth start {profile} --device`, for a new one."
    status = 3


class ApprovalLost(AuthError):
    """A device code was approved, and the login could not be fetched; an approval is handed out once."""

    code = "approval_lost"
    sentence = "The sign-in was approved, but {host} could not be reached to fetch it: {problem}."
    remedy = "Nothing was stored. Run `codex-auth login {profile} --device` to try again."
    status = 8


class WaitsForDevice(AuthError):
    """A redirect was given to a sign-in that waits for its device code."""

    code = "waits_for_device"
    sentence = "The sign-in waiting for {profile} is by device code; it takes no address."
    remedy = "Run `codex-auth finish {profile}` without one, or `codex-auth start {profile}` for a link."
    status = 2


class WaitsForRedirect(AuthError):
    """`finish --wait` found a sign-in that waits for its redirect."""

    code = "waits_for_redirect"
    sentence = "The sign-in waiting for {profile} is finished with the address that the browser ended on."
    remedy = "Pipe it in: `codex-auth finish --profile {profile} --callback-url -`."
    status = 2


class WayRefused(AuthError):
    """No way of signing in is left that is allowed and can work here."""

    code = "way_refused"
    sentence = "There is no way to sign in here: {problem}."
    remedy = "Run `codex-auth start {profile}`, which prints a link and returns, or ask whoever set the rules."
    status = 6


class PortInUse(AuthError):
    """Another program listens where the callback must arrive."""

    code = "port_in_use"
    sentence = "The callback ports are taken: {holders}."
    remedy = "Close that program, or run `codex-auth login {profile} --paste`, which needs no port."


class NotATerminal(AuthError):
    """A redirect would have to be typed, and there is no terminal that can hide it."""

    code = "not_a_terminal"
    sentence = "There is no terminal to paste the redirect into."
    remedy = "Pipe it in: `codex-auth finish --profile {profile} --callback-url -`."
    status = 2


# --- what the provider said ----------------------------------------------------------------------------------


class ProviderUnreachable(AuthError):
    """The provider could not be reached, or asked for patience; nothing was lost.

    `sent` is False only if it is certain that nothing of the request left: what may have arrived must not be sent
    again. `answered` is True if the provider said itself that it did nothing; `retry_after` is how long it asked to
    be left alone.
    """

    code = "provider_unreachable"
    sentence = "{host} could not be reached: {problem}."
    remedy = "Try again in a moment."
    status = 8

    def __init__(
        self, *, sent: bool = True, answered: bool = False, retry_after: timedelta | None = None, **facts: object
    ) -> None:
        super().__init__(**facts)
        self.sent = sent
        self.answered = answered
        self.retry_after = retry_after


class ProxyFailed(ProviderUnreachable):
    """The proxy on the way to the provider did not let us through; nothing of the request left."""

    code = "proxy_failed"
    sentence = "{host} could not be reached through the proxy {proxy}, which {variable} names: {problem}."
    remedy = "Correct {variable}, or exempt the host with NO_PROXY; `codex-auth status --why` shows what counts."


class ProxyUnusable(AuthError):
    """A variable names a proxy that we cannot go through; we do not go past it either."""

    code = "proxy_unusable"
    sentence = "The proxy in {variable} cannot be used: {problem}."
    remedy = "Correct or unset {variable}, or exempt the provider with NO_PROXY."


class CaUnusable(AuthError):
    """A variable names authorities that cannot be read."""

    code = "ca_unusable"
    sentence = "{variable} names {path}, which cannot be used: {problem}."
    remedy = "Let {variable} name a PEM file of certificates (SSL_CERT_DIR: a folder), or unset it."


class AnswerLost(AuthError):
    """The code was sent and no answer came: it may be spent, and a code is never sent twice."""

    code = "answer_lost"
    sentence = "{host} was sent the code and its answer did not arrive: {problem}."
    remedy = (
        "Nothing was stored. Run `codex-auth start --profile {profile}` to begin anew "
        "(with `--device` if it was by device code)."
    )
    status = 8


class ProviderRefused(AuthError):
    """The provider answered with an error that trying again will not mend."""

    code = "provider_refused"
    sentence = "{host} refused the sign-in ({error})."
    remedy = "Run `codex-auth login {profile}` to sign in anew."
    status = 3


class ProviderReplyUnusable(AuthError):
    """The provider's reply is not what the protocol says; nothing was stored."""

    code = "provider_reply_unusable"
    sentence = "{host} sent a reply that cannot be used: {problem}."
    remedy = "Nothing was stored. Check that no proxy or captive portal answers for {host}, then sign in anew."


class ReplyCutOff(ProviderReplyUnusable):
    """The reply began and did not end: nothing is known of what it would have said."""

    code = "reply_cut_off"


class HostNotAllowed(AuthError):
    """A request would leave for a host that is neither OpenAI's nor the profile's issuer."""

    code = "host_not_allowed"
    sentence = "A request to {host} was stopped: it is not the provider of this sign-in."
    remedy = "Check `--issuer`; only the provider itself is ever contacted."
    status = 6


class IdTokenRefused(AuthError):
    """The id token failed a check of OpenID Connect Core section 3.1.3.7."""

    code = "id_token_refused"
    sentence = "The provider's id token was refused: {problem}."
    remedy = "Nothing was stored. Check the clock of this machine, then run `codex-auth login {profile}`."


class IdentityMismatch(AuthError):
    """Signing in to an existing profile gave another account."""

    code = "identity_mismatch"
    sentence = "That is another account ({found}) than the one {profile} belongs to ({expected})."
    remedy = (
        "Sign in under another name (`codex-auth login NAME`), or give {profile} to the new account: "
        "`codex-auth login {profile} --replace`."
    )
    status = 5


class AccessNotGranted(ProviderRefused):
    """The provider knows the account and does not let it use Codex; only its administrators can change that."""

    code = "access_not_granted"
    sentence = "{host} answered 403: this account has no access to Codex."
    remedy = "Contact your ChatGPT administrator for access."
    status = 6


# --- what administrators allow -------------------------------------------------------------------------------


class PolicyRefused(AuthError):
    """A rule of an administrator, or one that the user set, forbids it. `rules` names each with its file."""

    code = "refused_by_policy"
    sentence = "{problem} ({rules})."
    remedy = "{todo}; `codex-auth status --why` lists every rule in force."
    status = 6


class PolicyUnusable(AuthError):
    """A file with rules cannot be read or trusted. What it says is not known, so nothing it may forbid is done."""

    code = "policy_unusable"
    sentence = "{path} holds rules and cannot be used: {problem}."
    remedy = "Until that is put right no login is made, given out or refreshed. {todo}."
    status = 6

    @classmethod
    def of(cls, path: str, problem: str, *, is_own: bool) -> "PolicyUnusable":
        """Return the error for a file of the user's own or of an administrator."""
        todo = "The file is yours: correct it" if is_own else "Ask whoever administers this machine"
        return cls(path=path, problem=problem, todo=todo)


# --- refreshing -----------------------------------------------------------------------------------------------


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


# --- running a command ---------------------------------------------------------------------------------------


class CommandNotFound(AuthError):
    """`run` was given a command that is not there. What was typed is not repeated: it may be anything."""

    code = "command_not_found"
    sentence = "The command to run was not found."
    remedy = "Check its name, and that its folder is on PATH."
    status = 127


class CommandNotRunnable(AuthError):
    """`run` was given a file that the system does not run."""

    code = "command_not_runnable"
    sentence = "The command to run cannot be started: {problem}."
    remedy = "Make it executable (`chmod +x`), or name the interpreter that runs it."
    status = 126


# --- delivering to another program ----------------------------------------------------------------------------


class DeliveryError(AuthError):
    """Another program could not be given a login, or be asked for one; what it holds is as it was."""

    code = "delivery_failed"
    sentence = "{profile} could not be delivered to {target}."


class NoOpenClaw(DeliveryError):
    """There is no OpenClaw that could be given anything."""

    code = "no_openclaw"
    sentence = "There is no OpenClaw here: {problem}."
    remedy = "Install it or put it on PATH, set OPENCLAW_STATE_DIR to its state folder, and run the command again."


class OpenClawUnknown(DeliveryError):
    """The release does not say what it is, so nobody knows where it keeps credentials."""

    code = "openclaw_unknown"
    sentence = "The OpenClaw in {path} does not say which release it is."
    remedy = "Install it anew (`npm install -g openclaw`), and run the command again."


class OpenClawNodeUnusable(DeliveryError):
    """No Node that was found can load the SDK of the installed OpenClaw."""

    code = "openclaw_node_unusable"
    sentence = "No Node here loads the SDK of OpenClaw {release} (tried: {nodes})."
    remedy = "Put the Node on PATH that runs `openclaw`; `codex-auth status --why` shows which were found."


class OpenClawMigrationPending(DeliveryError):
    """OpenClaw found credentials of an older release and refuses its store until they are migrated."""

    code = "openclaw_migration_pending"
    sentence = "OpenClaw in {state} has credentials of an older release to migrate first, and refuses until then."
    remedy = "Stop its gateway and run `openclaw doctor --fix`, which also repairs other things, then deliver again."


class OpenClawRefreshing(DeliveryError):
    """OpenClaw is refreshing this very profile."""

    code = "openclaw_refreshing"
    sentence = "OpenClaw is refreshing {profile_id} at this moment."
    remedy = "Try again in a minute."
    status = 8


class OpenClawRefreshFailed(DeliveryError):
    """What OpenClaw holds is only the mark of a refresh that failed; there is no token in it."""

    code = "openclaw_refresh_failed"
    sentence = "OpenClaw holds no token for {profile_id} any more: its own refresh failed."
    remedy = "Run `codex-auth login {profile}`, then `codex-auth deliver openclaw {profile}`."
    status = 3


class OpenClawHasOther(DeliveryError):
    """The profile of this id at OpenClaw belongs to another account, or does not say to which."""

    code = "openclaw_other_account"
    sentence = "{profile_id} at OpenClaw belongs to another account, or is no login."
    remedy = "Deliver under another name, or let this login take its place: add `--replace`."
    status = 5


class OpenClawHasLogin(DeliveryError):
    """The profile of this id at OpenClaw is a login with a refresh token of its own."""

    code = "openclaw_has_login"
    sentence = "{profile_id} at OpenClaw is a login of the same account that OpenClaw refreshes itself."
    remedy = "Deliver under another name, or give that login up for this one: add `--replace`."
    status = 5


class OpenClawHides(DeliveryError):
    """Agents have a profile of their own of this id, which they would use instead of the shared one."""

    code = "openclaw_hides"
    sentence = "{profile_id} would not be used by the agents {agents}: they have a profile of their own of that id."
    remedy = "Deliver to each of them (`--agent {agent}`), or under another name."
    status = 5


class OpenClawModeConflict(DeliveryError):
    """OpenClaw's configuration expects another type of credential under this id, and would not use ours."""

    code = "openclaw_mode_conflict"
    sentence = "OpenClaw's configuration wants another type of login for {profile_id}, so it would not use this one."
    remedy = "Run `openclaw config set 'auth.profiles[\"{profile_id}\"].mode' {mode}`, then deliver again."


class OpenClawBusy(DeliveryError):
    """OpenClaw's store could not be locked or written."""

    code = "openclaw_busy"
    sentence = "OpenClaw's store in {state} could not be locked or written."
    remedy = "Try again in a moment; `openclaw models auth list` shows whether OpenClaw can read it."
    status = 8


class OpenClawSlow(DeliveryError):
    """OpenClaw's SDK took too long and was ended."""

    code = "openclaw_slow"
    sentence = "OpenClaw's SDK did not answer within {seconds} seconds and was ended."
    remedy = "Run the same command again; it is safe to repeat."
    status = 8


class OpenClawFailed(DeliveryError):
    """OpenClaw's SDK ended in a way that has no name here; its text is not shown, because it could hold a token."""

    code = "openclaw_failed"
    sentence = "OpenClaw's SDK could not do it ({step})."
    remedy = "Run `openclaw models auth list` to see what OpenClaw itself says."


class OpenClawKeptOther(DeliveryError):
    """What OpenClaw gives back is not what it was given."""

    code = "openclaw_kept_other"
    sentence = "OpenClaw did not keep {profile_id} as it was given: {problem}."
    remedy = "Run `codex-auth deliver openclaw {profile}` again; if it stays, look at `openclaw models auth list`."


class OpenClawNotThere(DeliveryError):
    """OpenClaw has no profile of this id."""

    code = "openclaw_not_there"
    sentence = "OpenClaw has no {profile_id}. It has: {ids}."
    remedy = "Name one with `--profile-id`."
    status = 3


class OrderNotSet(DeliveryError):
    """An explicit order of profiles leaves ours out, and OpenClaw's own command did not add it."""

    code = "openclaw_order"
    sentence = "{profile_id} is delivered, but OpenClaw's order of profiles leaves it out and could not be changed."
    remedy = "Run `openclaw models auth order set --provider {provider} --agent {agent} {ids}`."


class AlreadyOpenClaws(DeliveryError):
    """The login is kept in the very file that this OpenClaw reads."""

    code = "openclaw_reads_it"
    sentence = "{profile} is kept in the file that this OpenClaw reads: it has it already."
    remedy = "To keep the login to ourselves and lease it, run `codex-auth move {profile} --to vault` first."
    status = 2


class KeyNotDelivered(DeliveryError):
    """An API key has no lease: it never ends."""

    code = "key_not_delivered"
    sentence = "{profile} is an API key; those are not delivered."
    remedy = "Give it to the program in its own way."
    status = 2


class HandOverUnclear(DeliveryError):
    """A hand-over was cut off, and the target cannot be asked whether it has the login; nobody spends it now."""

    code = "hand_over_unclear"
    sentence = "A hand-over of {profile} to {target} was cut off; it is not known yet who has it."
    remedy = "Run `codex-auth deliver openclaw {profile} --hand-over`, which finds out and finishes it."
    status = 9


class ImportInTheWay(DeliveryError):
    """A profile of this name is a login of ours, which an import would destroy."""

    code = "import_in_the_way"
    sentence = "{profile} is a login of our own already, which importing would replace."
    remedy = "Import under another name: `codex-auth import openclaw NAME --profile-id {profile_id}`."
    status = 2


class NothingLeased(DeliveryError):
    """There is nothing of ours at the target that could be taken back."""

    code = "nothing_delivered"
    sentence = "{profile} was not leased to {target}."
    remedy = "Run `codex-auth status` to see what was delivered where."
    status = 3


# --- gateways, and what waits for them -----------------------------------------------------------------------


class GatewayError(AuthError):
    """A gateway could not be asked, or did not do what it was asked for; it runs on as it did."""

    code = "gateway_failed"
    sentence = "The gateway of {state} did not do what it was asked for ({step})."
    remedy = "The login is delivered and counts from the second turn on; `openclaw gateway status` says more."


class GatewayUnreachable(GatewayError):
    """It runs, by its lock file, and takes no connection."""

    code = "gateway_unreachable"
    sentence = "The gateway of {state} runs, but takes no connection on port {port}."
    remedy = (
        "It is starting, or crashes as it starts: `openclaw gateway status` says which. The login is delivered; "
        "run `codex-auth apply {profile}` when it is up."
    )
    status = 8


class GatewaySlow(GatewayError):
    """It takes connections and does not answer in time."""

    code = "gateway_slow"
    sentence = "The gateway of {state} did not answer within {seconds} seconds ({step})."
    remedy = "It may be busy; run `codex-auth apply {profile}` again when it answers."
    status = 8


class GatewayStrange(GatewayError):
    """What listens on its port is no OpenClaw gateway."""

    code = "gateway_strange"
    sentence = "Something that is no OpenClaw gateway answers on port {port}, which {state} names."
    remedy = "See what it is; set `gateway.port` in OpenClaw's configuration if the gateway is elsewhere."


class GatewayOfOther(GatewayError):
    """It belongs to another user of this machine."""

    code = "gateway_of_other_user"
    sentence = "The gateway of {state} is run by user {user}, and so is what it keeps."
    remedy = "Run this command as that user."
    status = 7


class GatewayScope(GatewayError):
    """OpenClaw's command line here was paired with fewer rights than this needs."""

    code = "gateway_scope"
    sentence = "The gateway of {state} lets this machine read only ({step}): the scope upgrade waits for approval."
    remedy = (
        "Approve this device in OpenClaw's Control UI (`openclaw dashboard`), then run `codex-auth apply {profile}`."
    )
    status = 7


class GatewayUnauthorized(GatewayError):
    """OpenClaw's command line here has no token or password that the gateway takes."""

    code = "gateway_unauthorized"
    sentence = "The gateway of {state} did not accept the token or password that is set here ({step})."
    remedy = "Set the gateway's own (`gateway.auth` in the configuration, or OPENCLAW_GATEWAY_TOKEN), then apply again."
    status = 7


class RestartsTooOften(GatewayError):
    """A gateway that was restarted so often lately is not restarted again."""

    code = "restarts_too_often"
    sentence = "The gateway of {state} was restarted {count} times in the last {minutes} minutes; it is left alone now."
    remedy = "Look why (`openclaw gateway status`), wait, then run `codex-auth apply {profile} --restart`."
    status = 8


class GatewayDidNotRestart(GatewayError):
    """It took the request and is the same process as before, after all the time it may take."""

    code = "gateway_did_not_restart"
    sentence = "The gateway of {state} was asked to restart and did not within {minutes} minutes{waits}."
    remedy = (
        "The login is delivered. Restart the gateway as you started it, or run `codex-auth apply {profile} --restart`."
    )
    status = 8


class GatewayStaysDown(GatewayError):
    """It went down for the restart and did not come back."""

    code = "gateway_stays_down"
    sentence = "The gateway of {state} did not come back within {seconds} seconds of its restart."
    remedy = "Start it as usual ({start}); its log says why it did not come back."


class GatewayCrashLoops(GatewayError):
    """It starts, and starts again."""

    code = "gateway_crash_loops"
    sentence = "The gateway of {state} starts again and again since its restart."
    remedy = (
        "Stop it (`openclaw gateway stop`), mend what `openclaw doctor` finds and start it again ({start}); "
        "then run `codex-auth apply {profile}`."
    )


class NotVerified(GatewayError):
    """The target does not hold what it was given."""

    code = "not_verified"
    sentence = "After the delivery OpenClaw in {state} does not hold the login {profile} as it was given."
    remedy = "Another program may have changed it; run `codex-auth apply {profile}` again."
    status = 8


class NoSuchRequest(AuthError):
    """Nothing of that id is in the queue."""

    code = "no_such_request"
    sentence = "Nothing with the id {id} is queued."
    remedy = "Run `codex-auth apply --list` to see what is."
    status = 2


class RequestUnderWay(AuthError):
    """What has begun is brought to its end."""

    code = "request_under_way"
    sentence = "The request {id} is under way ({step}) and cannot be cancelled any more."
    remedy = "Wait for its end (`codex-auth apply --list`), then undo it with `{revert}`."
    status = 8


class ApplyUnfinished(AuthError):
    """The time to wait is over before the request is."""

    code = "apply_unfinished"
    sentence = "The request {id} is not done yet ({step}{waits}); it goes on without this command."
    remedy = "Run `codex-auth status {profile}` to see how it goes."
    status = 8


# --- where things are kept -----------------------------------------------------------------------------------


class StoreError(AuthError):
    """A file or folder cannot be used as it is; what was there before is untouched."""

    code = "store_error"
    sentence = "{path} cannot be used: {problem}."
    remedy = "Nothing was changed. Correct that and run the command again."


class UnsafeFile(StoreError):
    """Somebody else could read or change a file or folder that holds secrets; `todo` says what to type."""

    code = "unsafe_file"
    remedy = "{todo}, then run the command again."


class StoreDamaged(AuthError):
    """A file of ours does not read as what it should be; it was moved aside, whole, or left where it is.

    `kept` is its new name, or `it is`.
    """

    code = "store_damaged"
    sentence = "{path} is damaged ({problem}). It was kept as {kept}."
    remedy = "Restore it from {backup}, or sign in again with `codex-auth login`."


class PendingDamaged(StoreDamaged):
    """The pending-state file does not read; it holds no login, only sign-ins in progress."""

    code = "pending_damaged"
    remedy = "No login was in it. Run `codex-auth start` to begin a sign-in anew."


class ForeignFileDamaged(AuthError):
    """Another program's file does not read as what it should be; it was left where it is."""

    code = "foreign_file_damaged"
    sentence = "{path} is damaged ({problem}). It belongs to {owner} and was left as it is."
    remedy = "Repair it with {owner}, then run the command again."


class StoreNewer(AuthError):
    """A file was written by a newer version than this one understands."""

    code = "store_newer"
    sentence = "{path} has version {found}; this program understands up to {known}."
    remedy = "Update with `pipx upgrade codex-auth-profiles`. Nothing was changed."


class StoreNotDurable(AuthError):
    """The save did not reach the disk; the old state is still there."""

    code = "not_saved"
    sentence = "{path} could not be saved: {problem}. What was there before is unchanged."
    remedy = "Make room or make the folder writable, then run the command again; a sign-in has to begin anew."


class SaveUnconfirmed(StoreNotDurable):
    """The new state is in place, but the disk did not confirm it; a power cut could bring the old one back."""

    code = "save_unconfirmed"
    sentence = "{path} was saved, but the disk did not confirm it: {problem}."
    remedy = "Check the disk, then run `codex-auth status` to see which state is there."
    status = 9


class IndexDamaged(StoreError):
    """The list of what a keyring or vault holds does not read; it can be made anew from there."""

    code = "index_damaged"
    sentence = "{path} is damaged ({problem}). The logins themselves are kept elsewhere and are not affected."
    remedy = (
        "Let the keyring answer and run the command again, which makes the list anew; "
        "if you keep no login in a keyring, remove that file."
    )


class KeyringUnavailable(StoreError):
    """There is no keyring we would use, or it stopped answering."""

    code = "keyring_unavailable"
    sentence = "The keyring cannot be used: {problem}."
    remedy = "Start it and run the command again. A new login can go to the vault, which needs none: `--store vault`."


class KeyringLocked(StoreError):
    """The keyring is there, and a person has to open it."""

    code = "keyring_locked"
    sentence = "The keyring is locked: {problem}."
    remedy = (
        "Unlock it on the desktop, or over SSH with `gnome-keyring-daemon --unlock` (the password comes from stdin), "
        "and run the command again."
    )
    status = 7


class KeyringSilent(StoreError):
    """The keyring did not answer in time; most likely it asks a person something, perhaps on another screen."""

    code = "keyring_silent"
    sentence = "The keyring did not answer within {seconds} seconds."
    remedy = "Look for a window that asks for its password, unlock it, and run the command again."
    status = 7


class KeyringUnfaithful(StoreError):
    """The keyring accepted something and gives something else back."""

    code = "keyring_unfaithful"
    sentence = "The keyring did not keep what it was given: {problem}."
    remedy = "What was stored before is unchanged. Keep the login in the vault instead: `--store vault`."


class KeyringDamaged(StoreError):
    """What the keyring holds of a profile is incomplete or was changed."""

    code = "keyring_damaged"
    sentence = "What the keyring holds of {profile} is damaged ({problem})."
    remedy = "Run `codex-auth login {profile}` to sign in again."


class CopyDiffers(AuthError):
    """A store gave back something else than it was given; the login stays where it was."""

    code = "copy_differs"
    sentence = "The {store} did not give back what it was given for {profile}; the login stays where it was."
    remedy = "Try another store: `codex-auth move {profile} --to vault` or `--to file`."


class OpenClawOwnsStore(AuthError):
    """OpenClaw keeps its credentials in SQLite; a JSON file beside it would break the agent."""

    code = "openclaw_uses_sqlite"
    sentence = "{path} must not be written: this OpenClaw keeps its credentials in SQLite and would stop working."
    remedy = "Leave `--auth-path` out; the login is then kept in codex-auth's own file."


class VaultLocked(AuthError):
    """The vault's key is not there, or somebody has to type the passphrase; `todo` says what to do."""

    code = "vault_locked"
    sentence = "The vault {path} cannot be unlocked: {problem}."
    remedy = "{todo}, then run the command again."
    status = 7


class NoVault(StoreError):
    """There is no vault that something could be done with."""

    code = "no_vault"
    sentence = "There is no vault at {path}."
    remedy = "Put a copy of it back there, or begin one with `codex-auth login --store vault`."


class VaultUnreadable(AuthError):
    """The vault does not open. A wrong key and a damaged file look the same from outside, on purpose."""

    code = "vault_unreadable"
    sentence = "The vault {path} cannot be opened: the passphrase or key is another one, or the file is damaged."
    remedy = (
        "Try the passphrase or key again. If it is right, put a copy of the file back, or move it away and sign in."
    )


class VaultRolledBack(AuthError):
    """The vault is older than the one seen last, or another, so its refresh tokens may be spent; it was left alone."""

    code = "vault_rolled_back"
    sentence = "The vault {path} is not the one that was there last: {problem}."
    remedy = (
        "Put the newer file back. If there is none, run `codex-auth vault accept-rollback`, "
        "and sign in again where a login has ended."
    )
    status = 9


class LockBusy(AuthError):
    """Somebody else held a lock for longer than we may wait."""

    code = "busy"
    sentence = "{what} is in use by {holder}."
    remedy = "Try again in a moment."
    status = 8


class SealBroken(AuthError):
    """A sealed record does not open: the key or the file was replaced."""

    code = "seal_broken"
    sentence = "The sign-in waiting for {profile} cannot be opened; its key or its file was replaced."
    remedy = "Run `codex-auth start --profile {profile}` to begin again."
    status = 3


class TimerRefused(AuthError):
    """systemd did not take the units of `keep --install`; they were removed again."""

    code = "timer_refused"
    sentence = "systemd did not take the timer: `systemctl --user {step}` failed."
    remedy = "Nothing was installed. Run that command to see why, or let `codex-auth keep` run in a terminal."


def remembered(code: str, facts: Mapping[str, str]) -> AuthError:
    """Return an error again that was kept as its code and facts; one we do not know any more becomes the base."""
    kinds: list[type[AuthError]] = [AuthError]
    for kind in kinds:
        kinds += kind.__subclasses__()
        if kind.code == code:
            return kind(**facts)
    return AuthError()
