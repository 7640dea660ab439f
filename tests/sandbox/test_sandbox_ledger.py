"""The ledger alone: what two requests could race for is decided once."""

from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.ledger import Code, Ledger, new_code


def test_only_the_first_to_redeem_gets_the_login() -> None:
    """Two requests that both found a code unused: one opens the login, the other ends it."""
    ledger = Ledger(refresh_lifetime=60)
    value = new_code()
    ledger.enter_code(
        value, Code(account=ACCOUNTS["work"], scope="openid", redirect_uri="", code_challenge="", expires=60)
    )
    found = ledger.find_code(value, now=0)
    assert found is not None

    login = ledger.redeem(found)

    assert login is not None
    assert ledger.redeem(found) is None
    assert login.revoked


def test_a_ledger_shows_no_token() -> None:
    """Printing a ledger shows its settings only."""
    ledger = Ledger(refresh_lifetime=60)
    ledger.enter_code(
        "ac_sandbox_x", Code(account=ACCOUNTS["work"], scope="", redirect_uri="", code_challenge="", expires=60)
    )

    assert "ac_sandbox" not in repr(ledger)
