"""An honest keyring that keeps its items in a folder, so that several processes see one keyring.

It has the limit of Windows, and a hook before each operation for tests that stop, lie or sleep.
"""

import os
from collections.abc import Callable
from pathlib import Path

LIMIT = 1280


class FolderKeyring:
    """A back end as the `keyring` library has them."""

    def __init__(self, folder: str, *, limit: int = LIMIT) -> None:
        self.folder = Path(folder)
        self.limit = limit
        self.before: Callable[[str], None] = lambda _operation: None

    def get_password(self, service: str, username: str) -> str | None:
        """Return an item."""
        self.before("get")
        try:
            return self._path(service, username).read_bytes().decode()
        except FileNotFoundError:
            return None

    def set_password(self, service: str, username: str, password: str) -> None:
        """Replace an item at once, as the real ones do."""
        self.before("set")
        if len(password.encode("utf-16-le")) > 2 * self.limit:
            raise OSError("CredWrite: the stub received bad data")
        path = self._path(service, username)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}.new")
        new.write_bytes(password.encode())
        new.rename(path)

    def delete_password(self, service: str, username: str) -> None:
        """Remove an item that is there."""
        self.before("delete")
        self._path(service, username).unlink()

    def items(self) -> dict[str, str]:
        """Return every item by its user name."""
        return {path.name: path.read_bytes().decode() for path in sorted(self.folder.glob("*/*"))}

    def _path(self, service: str, username: str) -> Path:
        return self.folder / service.replace("/", "|") / username
