"""What can go wrong where things are kept: files, keyrings, the vault, locks."""

from codex_auth.core.errors import AuthError


class StoreError(AuthError):
    """A file or folder cannot be used as it is; what was there before is untouched."""

    code = "store_error"
    sentence = "{path} cannot be used: {problem}."
    remedy = "Nothing was changed. Correct that and run the command again."


class UnsafeFile(StoreError):
    """Somebody else could read or change a file or folder that holds secrets; `todo` says what to type."""

    code = "unsafe_file"
    remedy = "{todo}, then run the command again."


class StoreDamaged(AuthError):
    """A file of ours does not read as what it should be; it was moved aside, whole, or left where it is.

    `kept` is its new name, or `it is`.
    """

    code = "store_damaged"
    sentence = "{path} is damaged ({problem}). It was kept as {kept}."
    remedy = "Restore it from {backup}, or sign in again with `codex-auth login`."


class PendingDamaged(StoreDamaged):
    """The pending-state file does not read; it holds no login, only sign-ins in progress."""

    code = "pending_damaged"
    remedy = "No login was in it. Run `codex-auth start` to begin a sign-in anew."


class ForeignFileDamaged(AuthError):
    """Another program's file does not read as what it should be; it was left where it is."""

    code = "foreign_file_damaged"
    sentence = "{path} is damaged ({problem}). It belongs to {owner} and was left as it is."
    remedy = "Repair it with {owner}, then run the command again."


class StoreNewer(AuthError):
    """A file was written by a newer version than this one understands."""

    code = "store_newer"
    sentence = "{path} has version {found}; this program understands up to {known}."
    remedy = "Update with `pipx upgrade codex-auth-profiles`. Nothing was changed."


class StoreNotDurable(AuthError):
    """The save did not reach the disk; the old state is still there."""

    code = "not_saved"
    sentence = "{path} could not be saved: {problem}. What was there before is unchanged."
    remedy = "Make room or make the folder writable, then run the command again; a sign-in has to begin anew."


class FileInTheWay(AuthError):
    """A file is to be written that is there already."""

    code = "file_exists"
    sentence = "{path} is there already, and nothing is written over it."
    remedy = "Name another file, or remove that one first."


class SaveUnconfirmed(StoreNotDurable):
    """The new state is in place, but the disk did not confirm it; a power cut could bring the old one back."""

    code = "save_unconfirmed"
    sentence = "{path} was saved, but the disk did not confirm it: {problem}."
    remedy = "Check the disk, then run `codex-auth status` to see which state is there."
    status = 9


class IndexDamaged(StoreError):
    """The list of what a keyring or vault holds does not read; it can be made anew from there."""

    code = "index_damaged"
    sentence = "{path} is damaged ({problem}). The logins themselves are kept elsewhere and are not affected."
    remedy = (
        "Let the keyring answer and run the command again, which makes the list anew; "
        "if you keep no login in a keyring, remove that file."
    )


class KeyringUnavailable(StoreError):
    """There is no keyring we would use, or it stopped answering."""

    code = "keyring_unavailable"
    sentence = "The keyring cannot be used: {problem}."
    remedy = "Start it and run the command again. A new login can go to the vault, which needs none: `--store vault`."


class KeyringLocked(StoreError):
    """The keyring is there, and a person has to open it."""

    code = "keyring_locked"
    sentence = "The keyring is locked: {problem}."
    remedy = (
        "Unlock it on the desktop, or over SSH with `gnome-keyring-daemon --unlock` (the password comes from stdin), "
        "and run the command again."
    )
    status = 7


class KeyringSilent(StoreError):
    """The keyring did not answer in time; most likely it asks a person something, perhaps on another screen."""

    code = "keyring_silent"
    sentence = "The keyring did not answer within {seconds} seconds."
    remedy = "Look for a window that asks for its password, unlock it, and run the command again."
    status = 7


class KeyringUnfaithful(StoreError):
    """The keyring accepted something and gives something else back."""

    code = "keyring_unfaithful"
    sentence = "The keyring did not keep what it was given: {problem}."
    remedy = "What was stored before is unchanged. Keep the login in the vault instead: `--store vault`."


class KeyringDamaged(StoreError):
    """What the keyring holds of a profile is incomplete or was changed."""

    code = "keyring_damaged"
    sentence = "What the keyring holds of {profile} is damaged ({problem})."
    remedy = "Run `codex-auth login {profile}` to sign in again."


class CopyDiffers(AuthError):
    """A store gave back something else than it was given; the login stays where it was."""

    code = "copy_differs"
    sentence = "The {store} did not give back what it was given for {profile}; the login stays where it was."
    remedy = "Try another store: `codex-auth move {profile} --to vault` or `--to file`."


class OpenClawOwnsStore(AuthError):
    """OpenClaw keeps its credentials in SQLite; a JSON file beside it would break the agent."""

    code = "openclaw_uses_sqlite"
    sentence = "{path} must not be written: this OpenClaw keeps its credentials in SQLite and would stop working."
    remedy = "Leave `--auth-path` out; the login is then kept in codex-auth's own file."


class VaultLocked(AuthError):
    """The vault's key is not there, or somebody has to type the passphrase; `todo` says what to do."""

    code = "vault_locked"
    sentence = "The vault {path} cannot be unlocked: {problem}."
    remedy = "{todo}, then run the command again."
    status = 7


class NoVault(StoreError):
    """There is no vault that something could be done with."""

    code = "no_vault"
    sentence = "There is no vault at {path}."
    remedy = "Put a copy of it back there, or begin one with `codex-auth login --store vault`."


class VaultUnreadable(AuthError):
    """The vault does not open. A wrong key and a damaged file look the same from outside, on purpose."""

    code = "vault_unreadable"
    sentence = "The vault {path} cannot be opened: the passphrase or key is another one, or the file is damaged."
    remedy = (
        "Try the passphrase or key again. If it is right, put a copy of the file back, or move it away and sign in."
    )


class VaultRolledBack(AuthError):
    """The vault is older than the one seen last, or another, so its refresh tokens may be spent; it was left alone."""

    code = "vault_rolled_back"
    sentence = "The vault {path} is not the one that was there last: {problem}."
    remedy = (
        "Put the newer file back. If there is none, run `codex-auth vault accept-rollback`, "
        "and sign in again where a login has ended."
    )
    status = 9


class LockBusy(AuthError):
    """Somebody else held a lock for longer than we may wait."""

    code = "busy"
    sentence = "{what} is in use by {holder}."
    remedy = "Try again in a moment."
    status = 8


class SealBroken(AuthError):
    """A sealed record does not open: the key or the file was replaced."""

    code = "seal_broken"
    sentence = "The sign-in waiting for {profile} cannot be opened; its key or its file was replaced."
    remedy = "Run `codex-auth start --profile {profile}` to begin again."
    status = 3
