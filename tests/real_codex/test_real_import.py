"""A login of the real codex, imported and handed back."""

import json

from codex_auth.sandbox.record import fingerprint
from tests.real_codex.bed import Bed
from tests.real_codex.test_real_sign_in import sign_in


def import_codex(bed: Bed, *words: str) -> dict[str, object]:
    """Import from this Codex's home."""
    return bed.program.json("import", "codex", *words, "--codex-home", str(bed.codex.codex_home))


def test_codex_stays_the_owner(bed: Bed) -> None:
    """Only its access token is read; its file is as it was, and it goes on refreshing."""
    assert sign_in(bed.codex, "client").code == 0
    before = bed.auth_file.read_bytes()

    imported = import_codex(bed, "theirs")

    assert imported["owner"] == "codex"
    assert bed.auth_file.read_bytes() == before
    assert bed.codex.auth["tokens"]["refresh_token"] not in bed.program.store.read_text()
    assert bed.program("token", "theirs").stdout.strip() == bed.codex.auth["tokens"]["access_token"]


def test_taken_over_and_handed_back(bed: Bed) -> None:
    """Taken over, Codex works with a lease; handed back, it has every field that it had, and refreshes itself."""
    assert sign_in(bed.codex, "client").code == 0
    document = bed.codex.auth
    document["x_future"] = {"kept": [1, 2]}
    document["tokens"]["x_inner"] = "kept too"
    bed.auth_file.write_text(json.dumps(document))

    refused = import_codex(bed, "theirs", "--take-over")
    taken = import_codex(bed, "theirs", "--take-over", "--issuer", bed.codex.issuer)

    assert refused["error"] == "foreign_issuer"
    assert taken["ok"] is True, taken
    assert bed.codex.auth["tokens"]["refresh_token"] == ""
    assert bed.entry("theirs")["refresh"] == document["tokens"]["refresh_token"]
    assert bed.exec().code == 0
    assert bed.sandbox.log("responses")[-1].fingerprints["bearer"] == fingerprint(document["tokens"]["access_token"])
    back = bed.deliver("theirs", "--hand-over")
    assert back["ok"] is True, back
    handed = bed.codex.auth
    assert handed["tokens"] == document["tokens"]
    assert handed["x_future"] == document["x_future"]
    assert handed["auth_mode"] == "chatgpt"
    assert bed.exec().code == 0
    assert document["tokens"]["refresh_token"] not in bed.program.store.read_text()
