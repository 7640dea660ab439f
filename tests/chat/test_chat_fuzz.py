"""A short run of what `scripts/fuzz --door chat` does for long."""

from collections import Counter
from pathlib import Path

from tests.chat.fuzzed import Fuzz


def test_every_message_gets_one_valid_reply_with_nothing_secret(tmp_path: Path) -> None:
    """1,500 messages, whole and broken: a reply by the schema to each, no secret in any, and nothing unexpected."""
    fuzz = Fuzz(tmp_path / "home", seed=7)

    verdicts = Counter(fuzz.once() for _ in range(1500))

    assert not any("unexpected" in verdict for verdict in verdicts), verdicts
    reached = {"menu ok", "link ok", "cancel ok", "finish provider_unreachable", "finish pending_login_gone"}
    assert reached | {"help not_an_operator", "none bad_message", "restart ok"} <= verdicts.keys(), verdicts
