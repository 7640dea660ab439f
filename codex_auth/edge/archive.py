"""A zip archive of texts, written once: 0600, never over a file, the same bytes for the same texts."""

import io
import os
import zipfile
from collections.abc import Mapping

from codex_auth.core.store_errors import FileInTheWay, StoreNotDurable
from codex_auth.edge import files
from codex_auth.edge.trouble import words

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_NO_DATE = (1980, 1, 1, 0, 0, 0)
"""The first that a zip can say; the texts say when they were made."""


def write_archive(path: str, folder: str, texts: Mapping[str, str]) -> None:
    """Write the texts under their names, in a folder, in this order. Raises `FileInTheWay` and `StoreNotDurable`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", _NO_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, text)
    try:
        descriptor = os.open(path, _NEW, 0o600)
    except FileExistsError:
        raise FileInTheWay(path=path) from None
    except OSError as error:
        raise StoreNotDurable(path=path, problem=words(error)) from None
    try:
        with open(descriptor, "wb") as file:
            file.write(packed.getvalue())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        files.remove(path)
        raise StoreNotDurable(path=path, problem=words(error)) from None
