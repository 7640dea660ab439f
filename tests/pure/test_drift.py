"""What a program has, compared with what it was given."""

from datetime import UTC, datetime, timedelta

import pytest

from codex_auth.core.drift import GONE, NEWER, OLDER, OTHER, SAME, drift

ENDS = datetime(2026, 6, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
CASES = {
    "what was given": ("token", "a", ENDS, "token", SAME),
    "its end counted from another moment": ("token", "a", ENDS + timedelta(seconds=40), "token", SAME),
    "nothing": ("", "", None, "token", GONE),
    "an older token": ("token", "a", ENDS - HOUR, "token", OLDER),
    "a newer token": ("token", "a", ENDS + HOUR, "token", NEWER),
    "a token that does not say when it ends": ("token", "a", None, "token", SAME),
    "another account": ("token", "b", ENDS, "token", OTHER),
    "a whole login in place of a lease": ("oauth", "a", ENDS, "token", OTHER),
    "a key": ("api_key", "", None, "token", OTHER),
    "a whole login that its owner renewed": ("oauth", "a", ENDS + HOUR, "oauth", SAME),
    "a lease in place of a whole login": ("token", "a", ENDS, "oauth", OTHER),
    "a whole login of somebody else": ("oauth", "b", ENDS, "oauth", OTHER),
}


@pytest.mark.parametrize(("kind", "account", "expires", "wanted", "said"), CASES.values(), ids=CASES)
def test_what_is_there_is_compared(kind: str, account: str, expires: datetime | None, wanted: str, said: str) -> None:
    """Kind first, then account, then the end of the token, which only matters for a lease."""
    found = drift(kind=kind, account=account, expires=expires, wanted=wanted, our_account="a", our_expires=ENDS)

    assert found == said
