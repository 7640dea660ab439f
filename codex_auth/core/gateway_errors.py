"""What can be wrong with a gateway that took all it was asked."""

from codex_auth.core.errors import GatewayError


class GatewayBlind(GatewayError):
    """It runs, it was told, and it does not list the login that is there for it."""

    code = "gateway_blind"
    sentence = "The gateway of {state} was told, and still does not list the login {profile}."
    remedy = (
        "The login is delivered. Stop the gateway and start it again ({start}): it then reads where logins are kept. "
        "A restart inside its own process, as `openclaw gateway restart --safe` does, is not enough."
    )
    status = 8
