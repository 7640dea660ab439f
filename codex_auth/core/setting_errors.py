"""What can be wrong with a setting that somebody wants to see or to change."""

from codex_auth.core.errors import AuthError


class NoSuchSetting(AuthError):
    """There is no setting of that name."""

    code = "no_such_setting"
    sentence = "There is no such setting.{near}"
    remedy = "`codex-auth config` lists every setting and what it may be."
    status = 2


class SettingRefused(AuthError):
    """A setting cannot have that value."""

    code = "setting_refused"
    sentence = "{name} cannot be that: {problem}."
    remedy = "`codex-auth config` lists every setting and what it may be."
    status = 2
