"""What can be wrong with names of profiles: the one that a folder has, and the one that a login is to have."""

from codex_auth.core.errors import AuthError


class FolderFileUnusable(AuthError):
    """The file that should name this folder's profile does not."""

    code = "folder_file_unusable"
    sentence = "{path} does not name a profile."
    remedy = "Write one name into it and nothing else, e.g. `echo work > {path}`, or remove it."
    status = 2


class NothingChosen(AuthError):
    """A person was asked which profile, and left."""

    code = "nothing_chosen"
    sentence = "No profile was chosen, and nothing was changed."
    remedy = "Name it: `codex-auth {command} NAME`."
    status = 2


class BadLabel(AuthError):
    """A label that is not kept; what was typed is not repeated."""

    code = "bad_label"
    sentence = "That cannot be a label: {problem}."
    remedy = 'Take a few words, e.g. `codex-auth label work "the night build"`; "" takes a label away.'
    status = 2


class LabelsDamaged(AuthError):
    """The file of labels does not read; nothing is written over it."""

    code = "labels_damaged"
    sentence = "The labels in {path} cannot be read, so nothing was changed."
    remedy = "Correct the file, or move it away to begin with none; no login is in it."


class NameTaken(AuthError):
    """Another login has the name that was asked for."""

    code = "name_taken"
    sentence = "There is another login named {name}."
    remedy = "Choose another name; `codex-auth list` shows those that are taken."
    status = 2


class NotRenamedNow(AuthError):
    """Something is under way that would find the login gone."""

    code = "not_renamed_now"
    sentence = "{profile} cannot be renamed now: {problem}."
    remedy = "{todo}"


class NameOfOthers(AuthError):
    """Another program knows the login by its name."""

    code = "name_of_others"
    sentence = "{profile} cannot be renamed: {problem}."
    remedy = "{todo}."
