"""Every failure a user can meet: a code for programs, a sentence, what to type next, an exit status.

A class is made from facts that may be shown (profile, path, port, HTTP status, a code from a list), never
from text that arrived from outside. The doors (`cli`, `chat`) print sentence and remedy; `--json` prints the
same fields.
"""

from collections.abc import Sequence
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


_MOST_NAMED = 5


def one_of(names: Sequence[str]) -> str:
    """Return names as a sentence has them; of many, the first few and how many more."""
    if len(names) > _MOST_NAMED + 1:
        return f"{', '.join(names[:_MOST_NAMED])} or {len(names) - _MOST_NAMED} more"
    return " or ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


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

    def __init__(self, *, command: str, **facts: object) -> None:
        super().__init__(command=command, **facts)
        if not command:
            self.remedy = "Run `codex-auth --help` for the commands."


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
    remedy = "{todo}"
    status = 3

    def __init__(self, *, near: Sequence[str] = (), **facts: object) -> None:
        anew = "Run `codex-auth login {profile}` to sign in, or `codex-auth status` to see the profiles."
        todo = f"Did you mean {one_of(near)}? `codex-auth list` shows all." if near else anew.format_map(facts)
        super().__init__(**facts, todo=todo)


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
        count = max(1, round(seconds))
        super().__init__(**facts, wait=f"{count} second{'' if count == 1 else 's'}")
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


# --- what this machine does for us -----------------------------------------------------------------------------


class TimerRefused(AuthError):
    """systemd did not take the units of `keep --install`; they were removed again."""

    code = "timer_refused"
    sentence = "systemd did not take the timer: `systemctl --user {step}` failed."
    remedy = "Nothing was installed. Run that command to see why, or let `codex-auth keep` run in a terminal."
