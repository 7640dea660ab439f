"""What can go wrong with a gateway: finding it, asking it, restarting it, and the queue in front of it."""

from codex_auth.core.errors import AuthError


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
    remedy = "Its log says why. Where its process is gone, start it as usual ({start})."


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
    remedy = "Wait for its end (`codex-auth apply --list`){then}."
    status = 8


class ApplyUnfinished(AuthError):
    """The time to wait is over before the request is."""

    code = "apply_unfinished"
    sentence = "The request {id} is not done yet ({step}{waits}); it goes on without this command."
    remedy = "Run `codex-auth status {profile}` to see how it goes."
    status = 8


class GatewayBlind(GatewayError):
    """It runs, it was told, and it does not list the login that is there for it."""

    code = "gateway_blind"
    sentence = "The gateway of {state} was told, and still does not list the login {profile}."
    remedy = (
        "The login is delivered. Stop the gateway and start it again ({start}): it then reads where logins are kept. "
        "A restart inside its own process, as `openclaw gateway restart --safe` does, is not enough."
    )
    status = 8
