"""The settings as they are, where each comes from, and changing one in the configuration file."""

import contextlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass

from codex_auth.core.errors import ConfigDamaged
from codex_auth.core.settings import SETTINGS, Value, changed
from codex_auth.edge import files
from codex_auth.edge.config import Config
from codex_auth.edge.files import FileChanged
from codex_auth.edge.folders import private_folder, resolve

CONFIGURATION, DEFAULT = "configuration", "default"
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One setting as it counts now."""

    name: str
    value: Value | None
    """None where nothing is said."""
    source: str
    """A variable, `configuration`, or `default`."""


def listed(config: Config, env: Mapping[str, str]) -> list[Shown]:
    """Return every setting: the environment counts more than the file."""
    return [shown(name, config, env) for name in SETTINGS]


def shown(name: str, config: Config, env: Mapping[str, str]) -> Shown:
    """Return one setting."""
    variable = SETTINGS[name].variable
    if variable and env.get(variable):
        return Shown(name=name, value=env[variable], source=variable)
    said = getattr(config, name)
    if isinstance(said, frozenset | tuple):
        said = sorted(said) if isinstance(said, frozenset) else list(said)
    if said not in ("", None, []):
        return Shown(name=name, value=said, source=CONFIGURATION)
    return Shown(name=name, value=SETTINGS[name].otherwise or None, source=DEFAULT)


def change(name: str, value: Value | None, path: str) -> bool:
    """Put a setting into the file, or take it out, durably; return whether that changed anything.

    The file is made where there is none, keeps its mode, and may be a link, which then stays one. Raises
    `ConfigDamaged` for a file that is not TOML, `StoreError` and `StoreNotDurable`.
    """
    private_folder(os.path.dirname(path))
    for _ in range(_TRIES):
        before = files.snapshot(resolve(path), foreign=True, is_open=True)
        try:
            text = (before.raw or b"").decode()
            after = changed(text, name, value)
        except ValueError:
            raise ConfigDamaged(path=path, problem="it is not plain TOML") from None
        if after == text:
            return False
        with contextlib.suppress(FileChanged):
            mode = stat.S_IMODE(os.stat(before.path).st_mode) if before.raw is not None else 0o600
            files.replace(before.path, [after.encode()], expected=before, mode=mode)
            return True
    raise ConfigDamaged(path=path, problem="another program keeps changing it")
