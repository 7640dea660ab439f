"""What can go wrong when a login is carried in from a file, or out into one."""

from codex_auth.core.errors import AuthError


class FileNotALogin(AuthError):
    """A file holds nothing that could be imported."""

    code = "not_a_login"
    sentence = "{path} holds no login that can be imported: {problem}."
    remedy = "Give an `auth.json` of Codex's, or a file that `codex-auth export` wrote."


class ForeignIssuer(AuthError):
    """A file says that its refresh token belongs to a provider that nobody named."""

    code = "foreign_issuer"
    sentence = "{path} says that its login is of another provider ({issuer}), to which its refresh token would be sent."
    remedy = "If you know that provider, name it: `--issuer {issuer}`."
    status = 6


class AlreadyHere(AuthError):
    """The same login is a profile already."""

    code = "already_here"
    sentence = "{path} holds the login that is the profile {profile} already."
    remedy = "Use {profile}; remove the file if nobody needs it, because it is a second copy."
    status = 5


class NameInTheWay(AuthError):
    """A profile of that name is something else."""

    code = "import_name_taken"
    sentence = "{profile} is {what} already, and was not replaced by what {path} holds."
    remedy = "{todo}."
    status = 5


class IsACodexHome(AuthError):
    """The file is not a stray copy: a Codex lives there."""

    code = "is_a_codex_home"
    sentence = "{path} is the login of a Codex home, which Codex goes on using."
    remedy = "Run `codex-auth import codex {profile} --codex-home {home}`, with --take-over to become its owner."
    status = 5


class NeedsConsent(AuthError):
    """Taking a login over removes the file, and nobody agreed to that."""

    code = "needs_consent"
    sentence = "Nothing was imported: {path} is removed afterwards, because a login has one owner."
    remedy = "{todo}."
    status = 7


class FileInUse(AuthError):
    """A file changed while it was taken over, so whoever changed it goes on using the login."""

    code = "file_in_use"
    sentence = "{path} was changed by another program while it was imported; nothing was imported, and it stays."
    remedy = "End that program and run it again, or leave --take-over out to import the access token only."
    status = 5


class ExportRefused(AuthError):
    """An export was asked for that cannot be."""

    code = "export_refused"
    sentence = "{profile} was not exported: {problem}."
    remedy = "{todo}."
    status = 2
