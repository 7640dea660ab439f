"""What can go wrong with other programs: giving them a login, and asking their gateways."""

from codex_auth.core.errors import AuthError


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


class OpenClawHidesWhose(DeliveryError):
    """A token has this id at OpenClaw; its command line does not show whose it is, and our note knows of none."""

    code = "openclaw_hides_whose"
    sentence = "{profile_id} at OpenClaw is a token that was not delivered from here, and its list does not say whose."
    remedy = "Deliver under another name, or let this login take its place: add `--replace`."
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
    """An API key has no lease: it never ends. Codex may ask for it, each time."""

    code = "key_not_delivered"
    sentence = "{profile} is an API key; those are neither leased nor handed over."
    remedy = "Codex may ask for it: `codex-auth deliver codex {profile} --provider-id ID --base-url URL`."
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
    remedy = "Import under another name: `{again}`."
    status = 2

    def __init__(self, *, target: str, profile_id: str, **facts: object) -> None:
        named = f" --profile-id {profile_id}" if target == "openclaw" else ""
        super().__init__(**facts, again=f"codex-auth import {target} NAME{named}")


class NothingLeased(DeliveryError):
    """There is nothing of ours at the target that could be taken back."""

    code = "nothing_delivered"
    sentence = "{profile} was not leased to {target}."
    remedy = "Run `codex-auth status` to see what was delivered where."
    status = 3
