"""What to type: the examples under each command's `--help` and in its manual page. A test requires some for each."""

EXAMPLES = {
    "login": [
        ("Sign in as work: in the browser here, or by device code where there is none", "codex-auth login work"),
        ("Type a code on another screen", "codex-auth login work --device"),
        ("Open the link anywhere, and paste the address the browser ends on", "codex-auth login work --paste"),
        ("Keep it in the keyring instead of a file", "codex-auth login work --store keyring"),
    ],
    "start": [
        ("Print a link, and return", "codex-auth start work"),
        ("Print a page and a code to type there", "codex-auth start work --device --json"),
    ],
    "finish": [
        ("Paste the address at a hidden prompt", "codex-auth finish work"),
        ("Give it from a file, as no other program can read that", "codex-auth finish work --callback-url - < address"),
        ("Wait until a device code is approved", "codex-auth finish work --wait --timeout 5m"),
    ],
    "cancel": [("Forget the sign-in that waits for work", "codex-auth cancel work")],
    "status": [
        ("Everything there is", "codex-auth status"),
        ("Is work good for a while? The exit status says", "codex-auth status work --check"),
        ("Which rule chose each place, and every rule in force", "codex-auth status --why"),
    ],
    "list": [
        ("Every profile in one table", "codex-auth list"),
        ("For a program", "codex-auth list --json"),
    ],
    "label": [
        ("Say what work is for", 'codex-auth label work "the bot on the devbox"'),
        ("Take the label away", 'codex-auth label work ""'),
    ],
    "rename": [("Call work office from now on", "codex-auth rename work office")],
    "token": [
        ("Ask an API that takes such a token", 'curl -H "$(codex-auth token work --header)" https://example.com/'),
        ("A token that lives for half an hour at least", "codex-auth token work --min-validity 30m"),
        ("Token, end and account for a program", "codex-auth token work --json"),
    ],
    "refresh": [
        ("Renew work now", "codex-auth refresh work"),
        ("Renew all that end within the hour", "codex-auth refresh --all --if-due 1h"),
    ],
    "run": [
        ("Two Codex logins at once, in two terminals", "codex-auth run work -- codex"),
        ("A script that reads CODEX_AUTH_TOKEN", "codex-auth run home -- python agent.py --verbose"),
        ("A script that starts Codex", "codex-auth run work --codex -- node app.js"),
    ],
    "usage": [
        ("What work has left", "codex-auth usage work"),
        ("All of them, anew each minute", "codex-auth usage --all --watch"),
        ("All of them for a program", "codex-auth usage --all --json"),
    ],
    "best": [
        ("The profile with most left", "codex-auth best"),
        ("Run with it", 'codex-auth run "$(codex-auth best)" -- codex'),
    ],
    "use": [
        ("Let Codex use work from now on", "codex-auth use work"),
        ("Keep the login that Codex has as a profile first", "codex-auth use work --keep-as old"),
    ],
    "app-server": [("In place of `codex app-server`", "codex-auth app-server work -- codex app-server")],
    "keep": [
        ("Let a timer renew what is due", "codex-auth keep --install"),
        ("One round now", "codex-auth keep --once"),
        ("When it ran, and when it runs next", "codex-auth keep --status"),
    ],
    "deliver": [
        ("Lease work to Codex", "codex-auth deliver codex work"),
        ("See what would change at OpenClaw", "codex-auth deliver openclaw work --dry-run"),
        ("Give the whole login away; ours is destroyed", "codex-auth deliver codex work --hand-over"),
        ("Take a lease back", "codex-auth deliver codex work --take-back"),
    ],
    "apply": [
        ("Bring work into the gateway that runs", "codex-auth apply work"),
        ("What is queued, and how the last ended", "codex-auth apply --list"),
        ("Restart the gateway too, when its work is done", "codex-auth apply work --restart"),
    ],
    "import": [
        ("Read the login that Codex has; Codex stays its owner", "codex-auth import codex work"),
        ("Become its owner, and take it out of Codex", "codex-auth import codex work --take-over"),
        ("A copied auth.json, which is removed once the login is kept", "codex-auth import auth.json work --take-over"),
        ("Every login in a folder of such copies", "codex-auth import --from-folder accounts --take-over"),
    ],
    "export": [
        ("An access token as variables, for a job", "codex-auth export work --ci --format env --show"),
        ("Variables of a GitHub Actions job", "codex-auth export work --ci --format github"),
        ("All of it for another machine, under a passphrase", "codex-auth export work --whole -o work.cax"),
    ],
    "key": [
        ("Keep a key", "codex-auth key add glm --kind glm < key"),
        ("What keys there are", "codex-auth key list"),
    ],
    "key add": [
        ("From a file", "codex-auth key add glm --kind glm < key"),
        ("At a hidden prompt, with a note of what it is for", 'codex-auth key add ci --label "nightly build"'),
    ],
    "key list": [("What keys there are", "codex-auth key list")],
    "key remove": [("Remove one here", "codex-auth key remove glm")],
    "leftovers": [
        ("What lies about", "codex-auth leftovers"),
        ("Remove it, after asking", "codex-auth leftovers --remove"),
    ],
    "move": [
        ("Keep work in the keyring", "codex-auth move work --to keyring"),
        ("What would move into the vault", "codex-auth move --all --to vault --dry-run"),
    ],
    "vault": [("Seal it under a new key", "codex-auth vault rekey")],
    "vault rekey": [
        ("A new key of the same kind", "codex-auth vault rekey"),
        ("A passphrase from now on", "codex-auth vault rekey --to passphrase"),
    ],
    "vault accept-rollback": [("Go on with the vault that was put back", "codex-auth vault accept-rollback")],
    "logout": [
        ("End work, after asking", "codex-auth logout work"),
        ("End every login, in a script", "codex-auth logout --all --yes"),
    ],
    "remove": [("End work, after asking", "codex-auth remove work")],
    "doctor": [
        ("What is wrong, and what to type", "codex-auth doctor"),
        ("Mend what is safe to mend", "codex-auth doctor --fix"),
        ("Without asking any provider", "codex-auth doctor --offline --json"),
        ("An archive for a bug report, without anything secret", "codex-auth doctor --bundle"),
    ],
    "config": [
        ("All settings, and where each comes from", "codex-auth config"),
        ("Put new logins into the keyring", "codex-auth config set store keyring"),
    ],
    "config get": [("Where new logins go", "codex-auth config get store")],
    "config set": [
        ("Put new logins into the keyring", "codex-auth config set store keyring"),
        ("Homes of Codex to look into for copies of a token", "codex-auth config set codex_homes ~/a ~/b"),
    ],
    "config unset": [("Take a setting out again", "codex-auth config unset store")],
    "chat": [
        (
            "One message, one reply",
            """echo '{"text": "/codex_auth", "channel": "test", "sender": "1"}' | codex-auth chat""",
        ),
        ("What a message looks like", "codex-auth chat --schema message"),
    ],
    "completion": [
        ("For bash", "codex-auth completion bash > ~/.local/share/bash-completion/completions/codex-auth"),
        ("For zsh, in a folder of $fpath", "codex-auth completion zsh > ~/.zfunc/_codex-auth"),
        ("For fish", "codex-auth completion fish > ~/.config/fish/completions/codex-auth.fish"),
    ],
    "schema": [
        ("The commands that have one", "codex-auth schema"),
        ("What `status --json` prints", "codex-auth schema status"),
    ],
    "sandbox": [
        ("Serve it on a free port", "codex-auth sandbox"),
        ("Be busy for three token requests", "codex-auth sandbox --port 8400 --fault status=429:token:3"),
    ],
    "demo": [("See a whole sign-in", "codex-auth demo")],
}
"""Command: what each example is for, and what to type."""

HEAD = "\b\nExamples:\n"
"""How the section begins; `\\b` is click's word for lines that are not broken anew."""


def text(command: str) -> str:
    """Return the examples of a command as click prints them below the options."""
    return (
        HEAD + "\n".join(f"  # {what}\n  {typed}" for what, typed in EXAMPLES[command]) if command in EXAMPLES else ""
    )
