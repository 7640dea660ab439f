"""The people who can sign in to the sandbox."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One workspace of one person, as OpenAI's tokens describe it."""

    name: str
    label: str
    email: str
    user_id: str
    account_id: str
    plan: str
    organization_id: str
    organization: str


ACCOUNTS = {
    account.name: account
    for account in (
        Account(
            name="work",
            label="Ada at work",
            email="ada@acme.example",
            user_id="user-sandbox-ada",
            account_id="acct-sandbox-acme",
            plan="team",
            organization_id="org-sandbox-acme",
            organization="Acme",
        ),
        # The same person and address in another workspace: only the account id tells the two apart.
        Account(
            name="client",
            label="Ada at a client",
            email="ada@acme.example",
            user_id="user-sandbox-ada",
            account_id="acct-sandbox-client",
            plan="team",
            organization_id="org-sandbox-client",
            organization="Client of Acme",
        ),
        Account(
            name="personal",
            label="Ada at home",
            email="ada@home.example",
            user_id="user-sandbox-ada-home",
            account_id="acct-sandbox-home",
            plan="plus",
            organization_id="org-sandbox-home",
            organization="Personal",
        ),
        Account(
            name="bot",
            label="Chat bot",
            email="bot@acme.example",
            user_id="user-sandbox-bot",
            account_id="acct-sandbox-bot",
            plan="pro",
            organization_id="org-sandbox-bot",
            organization="Acme bots",
        ),
    )
}


def someone_else(account: Account) -> Account:
    """Return an account of another person: what a provider that mixed up its sessions would answer with."""
    return next(other for other in ACCOUNTS.values() if other.user_id != account.user_id)
