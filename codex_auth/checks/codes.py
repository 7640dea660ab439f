"""Everything that `doctor` knows by a code of its own: what it is, why it matters, what mends it.

`docs/doctor.md` is written from this table (`scripts/codes`). A code is never given another meaning; one that is not
needed any more is left out, and not used again.
"""

from dataclasses import dataclass

SAFE, ASKED = "fix", "ask"
"""What `--fix` does about it: mends it, or mends it once somebody says yes. Empty: a person has to."""
ANOTHER = "A command that needs it ends with this error."
"""The reason of an error that a check met and that has no row here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One thing that can be found."""

    code: str
    family: str
    what: str
    """What it is, for the reference; a finding says it of one file, profile or program."""
    why: str
    """Why it matters, in one sentence."""
    todo: str
    """What mends it, for the reference; a finding says what to type."""
    fix: str = ""
    is_note: bool = False
    """Whether it is only worth knowing: nothing is wrong, and the exit status stays 0."""


FILES, STORES, LOGINS, TARGETS = "Files and folders", "Stores", "Logins", "What other programs were given"
KEEPING, PROGRAMS, SETTINGS, NETWORK = "Timer and queue", "Programs", "Settings and rules", "Way to the provider"
FAMILIES = (FILES, STORES, LOGINS, TARGETS, KEEPING, PROGRAMS, SETTINGS, NETWORK)


def _rows(family: str, *rows: tuple[str, ...], notes: tuple[str, ...] = ()) -> tuple[Kind, ...]:
    return tuple(
        Kind(
            code=code,
            family=family,
            what=what,
            why=why,
            todo=todo,
            fix=more[0] if more else "",
            is_note=code in notes,
        )
        for code, what, why, todo, *more in rows
    )


_ALL = (
    *_rows(
        FILES,
        (
            "not_ours",
            "A file or folder of ours belongs to another user",
            "Its owner can read and change the logins in it; most often a command was run with `sudo` once.",
            "`sudo chown` it back",
        ),
        (
            "home_of_another",
            "The home folder belongs to another user than the one who runs this",
            "What is saved there belongs to the wrong user afterwards; `sudo` without `-H` does this.",
            "Run it as that user",
        ),
        (
            "open_to_others",
            "A file or folder of ours can be opened by others",
            "Whoever reads a token can use the login until it ends.",
            "`chmod`",
            SAFE,
        ),
        (
            "settings_open",
            "Others can write the configuration file",
            "It names commands that are run as you: the hook, and the one that prints a passphrase.",
            "`chmod`",
            SAFE,
        ),
        (
            "neighbour_open",
            "Others can read the file in which Codex or OpenClaw keeps logins",
            "Whoever reads a token can use the login until it ends.",
            "`chmod`",
            SAFE,
        ),
        (
            "unsafe_file",
            "A folder on the way to our files can be changed by others, or a file has a second name",
            "Somebody else could put a file of theirs in the place of ours.",
            "What it says: `chmod`, or a copy without the second name",
        ),
        (
            "link_in_place",
            "A link lies where a folder or file of ours should be",
            "Whoever made it decides what is read and written there.",
            "Remove it, or name the real folder",
        ),
        (
            "damaged_kept",
            "A damaged file was moved aside",
            "It may hold tokens, or the only copy of a login that is missing since.",
            "See that nothing is missing, then remove it",
        ),
        (
            "temporary_left",
            "A killed run left a temporary file",
            "It may hold tokens; the next save in that place removes it.",
            "`--fix` removes it",
            ASKED,
        ),
        (
            "seal_key_damaged",
            "The key that seals sign-ins in progress is torn",
            "What was sealed with it cannot be opened any more; a new key is made where there is none.",
            "`--fix` removes it; begin waiting sign-ins anew",
            SAFE,
        ),
        (
            "pending_folder_unsafe",
            "OpenClaw's folder for temporary files cannot be trusted",
            "Sign-ins in progress are then kept in the state folder, where OpenClaw's skill of before does not look.",
            "Remove what lies there, or have it given to you",
        ),
        (
            "pending_folder_open",
            "OpenClaw's folder for temporary files can be written by others",
            "Somebody else could put a sign-in of theirs in the place of yours; until it is closed it is not used.",
            "`chmod`",
            SAFE,
        ),
        (
            "pending_twice",
            "There are two files of sign-ins in progress",
            "A sign-in that was started by the other file's rule is not found by `finish`.",
            "`codex-auth start` again",
        ),
    ),
    *_rows(
        STORES,
        (
            "store_damaged",
            "The file of logins does not read",
            "No login in it can be used until it is put right; nothing writes over it.",
            "Put a backup back, or sign in again",
        ),
        (
            "store_newer",
            "A vault or a list of logins was written by a newer version",
            "This version could lose what it does not understand, so it leaves that alone.",
            "Update",
        ),
        (
            "store_error",
            "A file of ours cannot be used",
            "What it holds is not known, and nothing is changed that depends on it.",
            "What it says",
        ),
        (
            "not_saved",
            "A store cannot be written now",
            "A refresh would spend the refresh token and have nowhere to keep the new one, so none is made.",
            "Make room, or make the folder writable",
        ),
        (
            "busy",
            "A store is locked by another process",
            "Whoever holds the lock is saving; if it never ends, no login in there can be renewed.",
            "Try again; if it stays, end that process",
        ),
        (
            "kept_twice",
            "A login is in two stores",
            "A move was cut off; the newer one counts, and the other still holds tokens.",
            "`codex-auth move NAME --to KIND` again",
        ),
        (
            "index_damaged",
            "The list of what keyring and vault hold does not read",
            "The logins themselves are safe; without the list they are not found.",
            "Any command that opens the keyring or vault makes it anew",
        ),
        (
            "vault_gone",
            "Logins are listed as in the vault, and there is none",
            "They cannot be used until it is back.",
            "Put the file back, or sign in again",
        ),
        (
            "vault_locked",
            "The vault cannot be unlocked here",
            "No login in it can be used or renewed; a timer can ask nobody.",
            "What it says: the key file, the keyring, or a `passphrase_command`",
        ),
        (
            "vault_unreadable",
            "The vault does not open with its key",
            "Another key or a damaged file look the same on purpose.",
            "Put the right key or a copy of the file back",
        ),
        (
            "vault_rolled_back",
            "The vault is older than the one that was there last",
            "Refresh tokens in it may have been spent; spending one again ends the login.",
            "Put the newer file back, or `codex-auth vault accept-rollback`",
        ),
        (
            "keyring_unavailable",
            "The keyring that holds logins cannot be used",
            "No login in it can be used or renewed.",
            "Start it, or move the logins: `codex-auth move NAME --to vault`",
        ),
        (
            "keyring_locked",
            "The keyring is locked",
            "No login in it can be used or renewed until somebody unlocks it.",
            "Unlock it",
        ),
        (
            "keyring_silent",
            "The keyring does not answer",
            "Most likely it asks a person something, perhaps on another screen.",
            "Answer its window",
        ),
        (
            "keyring_item_gone",
            "A login is listed as in the keyring, and it is not there",
            "Somebody removed the item, or another keyring is open than the one it was put into.",
            "Open the right keyring, or sign in again",
        ),
        (
            "keyring_damaged",
            "What the keyring holds of a login is incomplete",
            "It was cut off or changed, and cannot be used.",
            "Sign in again",
        ),
    ),
    *_rows(
        LOGINS,
        (
            "login_ended",
            "A login has ended, and nothing can renew it",
            "Every program that uses it is refused by the provider.",
            "Sign in again, or log out",
        ),
        (
            "two_copies",
            "A refresh token lies in two places",
            "Whichever program spends it first logs the other out.",
            "Sign in again in one of them, or remove the copy",
        ),
        (
            "same_account",
            "Two profiles are the same account",
            "Each has a login of its own, and both draw on the same limits.",
            "Nothing, if that is meant",
        ),
        (
            "refused_by_policy",
            "A rule forbids the use of a login",
            "It is kept, and not used or renewed.",
            "Ask whoever made the rule, or log out",
        ),
        (
            "default_unknown",
            "The profile that is meant where none is named does not exist",
            "Every command without a name ends with an error.",
            "Name another: `codex-auth use NAME`, the variable, or the folder's file",
        ),
        (
            "refresh_unfinished",
            "A refresh was cut off",
            "Perhaps the refresh token is spent; the next refresh finds out from what was noted.",
            "`codex-auth refresh NAME`",
        ),
        (
            "refreshed_in_future",
            "A login was refreshed in the future, by this machine's clock",
            "The clock was set back, or is wrong now: tokens seem to live longer than they do.",
            "Set the clock",
        ),
        (
            "pending_damaged",
            "The file of sign-ins in progress does not read",
            "No login is in it; what was started has to begin anew.",
            "`codex-auth start` again",
        ),
        notes=("same_account",),
    ),
    *_rows(
        TARGETS,
        (
            "hand_over_unclear",
            "A hand-over was cut off",
            "Until it is known who has the refresh token, nobody spends it.",
            "`codex-auth keep --once` finds out",
        ),
        (
            "delivery_gone",
            "A login that was delivered is not there any more",
            "That program is signed out there.",
            "Deliver again, or take it back",
            SAFE,
        ),
        (
            "delivery_older",
            "What was delivered is older than the token here",
            "It ends sooner; something hindered the last renewal.",
            "Deliver again",
            SAFE,
        ),
        (
            "delivery_newer",
            "Where it was delivered is a token of this account that ends later than the one here",
            "Somebody else delivers there too, and each replaces what the other put.",
            "Deliver again, and stop the other one",
            SAFE,
        ),
        (
            "delivery_other",
            "Where it was delivered is another login by now",
            "Somebody signed in there; that login is theirs, and what was delivered is gone.",
            "Deliver again, which keeps a login of the same account; another account's is left alone",
            SAFE,
        ),
        (
            "lease_ended",
            "A lease has ended where it was delivered",
            "That program is refused by the provider now; `keep` should have renewed it.",
            "`codex-auth keep --once`",
        ),
        (
            "target_gone",
            "The folder that a login was delivered to is gone",
            "What was delivered went with it, or lies somewhere else now.",
            "Take the delivery back, or put the folder back",
        ),
        (
            "delivery_of_nobody",
            "A delivery is noted of a profile that does not exist",
            "A token of it may still lie there, and nothing renews it or takes it away.",
            "`codex-auth deliver TARGET NAME --take-back`, or sign in again",
        ),
        (
            "home_of_nobody",
            "A private Codex home belongs to a profile that does not exist",
            "It may hold an access token that still lives.",
            "`--fix` removes the login in it",
            ASKED,
        ),
    ),
    *_rows(
        KEEPING,
        (
            "nobody_keeps",
            "Logins are leased to other programs, and nothing renews them",
            "A lease ends with its access token, and the program is signed out.",
            "`codex-auth keep --install`",
            ASKED,
        ),
        (
            "timer_stopped",
            "The timer is installed and does not run",
            "Nothing is renewed ahead of its end.",
            "`codex-auth keep --install` again",
            ASKED,
        ),
        (
            "timer_program_gone",
            "The timer starts a program that is not there any more",
            "Every round fails before it begins; an update or a move of the installation does this.",
            "`codex-auth keep --install` again",
            ASKED,
        ),
        (
            "timer_half",
            "One of the two units of the timer is missing, or is somebody else's",
            "Without the other one it does nothing.",
            "`codex-auth keep --install` again",
            ASKED,
        ),
        (
            "timer_silent",
            "The timer is installed, and no round ended for hours",
            "It is started every five minutes, so something hinders it.",
            "`codex-auth keep --once` shows what",
        ),
        (
            "round_overdue",
            "A login was due, and no round renewed it",
            "It ends before anybody notices.",
            "`codex-auth keep --once` shows why",
        ),
        (
            "round_failed",
            "The last round could not renew a login",
            "It ends unless a later round succeeds.",
            "`codex-auth refresh NAME` shows why",
        ),
        (
            "apply_stuck",
            "A login waits to be applied, and nobody works on it",
            "The gateway goes on with the login it had.",
            "`codex-auth apply`",
        ),
    ),
    *_rows(
        PROGRAMS,
        (
            "name_taken_on_path",
            "Another program of our name comes first on PATH",
            "It answers to other words, and an unrelated one is on both package indexes.",
            "Uninstall it, or call ours by its whole path",
        ),
        (
            "name_twice_on_path",
            "Another program of our name is on PATH, after ours",
            "Another shell or a timer may find that one first.",
            "Uninstall it",
        ),
        (
            "versions_on_path",
            "Two versions of this program are on PATH",
            "The older one may not understand what the newer one wrote.",
            "Uninstall one",
        ),
        (
            "interpreter_gone",
            "The Python that our command on PATH is run by is gone",
            "The command does not start; an update of Python does this.",
            "`pipx reinstall codex-auth-profiles`",
        ),
        (
            "library_missing",
            "A library that this installation needs is not there",
            "A command that needs it ends with an error; another program's installation took it away.",
            "`pipx reinstall codex-auth-profiles`",
        ),
        (
            "not_on_path",
            "No `codex-auth` is on PATH",
            "What we print to be typed is not found by a shell.",
            "`pipx ensurepath`, or add its folder to PATH",
        ),
        (
            "codex_twice_on_path",
            "More than one Codex is on PATH",
            "An update of the other one changes nothing, and another shell may find that one first.",
            "Uninstall one",
        ),
        (
            "codex_is_another",
            "The `codex` that PATH finds is another program's",
            "It does not read what is delivered to Codex.",
            "Install Codex, or put its folder first on PATH",
        ),
        (
            "codex_too_old",
            "The installed Codex is older than those we were tried with",
            "It may not read what we deliver: it finds itself signed out, or uses another login.",
            "`npm install -g @openai/codex`",
        ),
        (
            "codex_newer",
            "The installed Codex is newer than those we were tried with",
            "The form of a lease is not documented, and may have changed.",
            "Nothing; if Codex is signed out, say so in a report",
        ),
        (
            "codex_unknown",
            "The release of the installed Codex cannot be told without running it",
            "It is not known whether it reads what we deliver.",
            "`codex --version`",
        ),
        (
            "codex_config_damaged",
            "Codex's configuration does not read",
            "Codex does not start with it, and where it keeps its login is not known.",
            "Correct it, or move it away",
        ),
        (
            "codex_command_gone",
            "Codex gets its token from a command that is not there",
            "It then asks without any token, and says only that it was refused.",
            "`codex-auth deliver codex --provider-id` again",
        ),
        (
            "openclaw_twice_on_path",
            "More than one OpenClaw is on PATH",
            "Two releases may keep credentials in different places.",
            "Uninstall one",
        ),
        (
            "openclaw_unreadable",
            "An `openclaw` is on PATH whose package cannot be found",
            "Its release is not known, so nothing is written for it.",
            "`npm install -g openclaw`",
        ),
        (
            "openclaw_too_old",
            "The installed OpenClaw is too old for the careful way of delivering",
            "Its own functions for that are not there; our writer for its JSON file is used instead.",
            "Update OpenClaw",
        ),
        (
            "openclaw_newer",
            "The installed OpenClaw is newer than those we were tried with",
            "It may keep credentials in another place by now; what is delivered is verified anyway.",
            "Nothing; `deliver` says if it does not fit",
        ),
        (
            "openclaw_node_missing",
            "No Node is found that could run the installed OpenClaw",
            "Delivering uses OpenClaw's own functions, which need it.",
            "Put Node on PATH",
        ),
        (
            "openclaw_migration",
            "A JSON file of logins stops an OpenClaw of the SQLite era",
            "It refuses to work until the file is migrated.",
            "`openclaw doctor --fix`, with the gateway stopped",
        ),
        (
            "leftover",
            "An old copy of credentials was left behind",
            "It may hold tokens, and nobody reads it any more.",
            "`codex-auth leftovers --remove`",
            ASKED,
        ),
        (
            "leftover_open",
            "An old copy of credentials was left behind, and others can open it",
            "It may hold tokens, and nobody reads it any more but those who should not.",
            "`--fix` closes it; `codex-auth leftovers --remove` removes it",
            SAFE,
        ),
        notes=(
            *("not_on_path", "codex_twice_on_path", "codex_newer", "codex_unknown"),
            *("openclaw_twice_on_path", "openclaw_newer"),
        ),
    ),
    *_rows(
        SETTINGS,
        (
            "policy_in_force",
            "Rules are in force",
            "They decide who may sign in, how, and where logins are kept.",
            "`codex-auth status --why` lists them",
        ),
        (
            "policy_unusable",
            "The rules of this machine cannot be known",
            "What they might forbid is refused until they can be read.",
            "Correct the file",
        ),
        (
            "folder_file_unusable",
            "The file that names this folder's profile does not name one",
            "Every command without a name ends with an error here.",
            "Correct it, or remove it",
        ),
        (
            "setting_unknown",
            "A setting has a name that means nothing",
            "It is most likely a slip, and does nothing.",
            "Correct its name",
        ),
        (
            "setting_unusable",
            "A setting in the configuration has a value that cannot be used",
            "The command that needs it ends with an error, perhaps while nobody looks.",
            "`codex-auth config set`, or `config unset`",
        ),
        (
            "hook_gone",
            "The hook is not a command that can be run",
            "Nobody hears when a login ends, and `keep` refuses to begin.",
            "Correct `hook`",
        ),
        (
            "passphrase_command_gone",
            "The command that prints the vault's passphrase cannot be run",
            "The vault stays locked where nobody can be asked.",
            "Correct `passphrase_command`",
        ),
        (
            "token_in_environment",
            "A variable holds a token or key that Codex uses before any login",
            "Codex started from this shell uses that one, whatever was delivered.",
            "`unset` it, or use `codex-auth run`, which takes it away",
        ),
        notes=("policy_in_force", "token_in_environment"),
    ),
    *_rows(
        NETWORK,
        (
            "proxy_unusable",
            "The environment names a proxy that cannot be used",
            "Going direct instead would be a way that somebody forbade, so nothing is asked at all.",
            "Correct the variable",
        ),
        (
            "ca_unusable",
            "The environment names authorities that cannot be used",
            "Nothing is asked without them.",
            "Correct the variable",
        ),
        (
            "ports_held",
            "Both callback ports are held by other programs",
            "A browser cannot come back here.",
            "End them, or sign in with `--device` or `--paste`",
        ),
        (
            "port_held",
            "One of the callback ports is held by another program",
            "The other one is used; a Codex that is signing in holds one too.",
            "Nothing",
        ),
        (
            "localhost_elsewhere",
            "The name `localhost` is not this machine",
            "The browser comes back to `localhost`: the code would go elsewhere, or nowhere.",
            "Correct /etc/hosts",
        ),
        (
            "no_browser",
            "No browser can be opened from here",
            "`login` then offers a device code, or a link and pasting.",
            "`codex-auth login --device`, or set BROWSER",
        ),
        (
            "provider_unreachable",
            "The provider of a login does not answer",
            "Nothing can be renewed meanwhile.",
            "What it says: the network, a name, a certificate",
        ),
        (
            "proxy_failed",
            "The proxy does not lead to the provider",
            "Nothing can be renewed meanwhile.",
            "Ask whoever runs the proxy",
        ),
        (
            "provider_reply_unusable",
            "What answers at the provider's address is not the provider",
            "Most likely a login page of this network, or a proxy, answers in its place.",
            "Open the network's own page in a browser",
        ),
        (
            "bad_issuer",
            "A login is of a provider that may not be talked to",
            "It can be neither renewed nor revoked.",
            "List it under `issuers` in the configuration",
        ),
        (
            "clock_off",
            "The clock here differs from the provider's",
            "Tokens seem to end too early or too late, and id tokens are refused.",
            "Set the clock",
        ),
        notes=("port_held", "no_browser"),
    ),
)
KINDS = {kind.code: kind for kind in _ALL}
"""By code, in the order of the families."""


def why(code: str) -> str:
    """Return why a finding matters."""
    return KINDS[code].why if code in KINDS else ANOTHER


def is_note(code: str) -> bool:
    """Whether a finding is only worth knowing."""
    return code in KINDS and KINDS[code].is_note
