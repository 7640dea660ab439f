"""Who may vouch for a host: the machine's authorities, and those that a variable names.

`CODEX_CA_CERTIFICATE` adds to the machine's, and `SSL_CERT_FILE` is then not looked at, as in Codex. Without it,
`SSL_CERT_FILE` and `SSL_CERT_DIR` take the place of the machine's file and folder, as OpenSSL has it; but OpenSSL
ignores one that cannot be read, and whoever sits behind it hears of a bad certificate only.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from codex_auth.core.errors import CaUnusable
from codex_auth.edge.trouble import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

_LIMIT = 16 * 1024 * 1024
_FILES = ("CODEX_CA_CERTIFICATE", "SSL_CERT_FILE")
_BLOCK = re.compile(
    rb"-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----([A-Za-z0-9+/=\s]*)-----END \1-----"  # RFC 7468 section 5
)
_BEGIN = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorities:
    """What the environment says of authorities; all empty where it says nothing."""

    variable: str = ""
    path: str = ""
    certificates: tuple[bytes, ...] = ()
    """In DER, from the file that the variable names."""
    folder: str = ""
    """From `SSL_CERT_DIR`."""


_MACHINE = Authorities()


def find_authorities(env: Mapping[str, str]) -> Authorities:
    """Return the authorities that the environment names. Raises `CaUnusable`; an empty variable counts as unset."""
    variable = next((name for name in _FILES if env.get(name)), "")
    folder = "" if variable == _FILES[0] else env.get("SSL_CERT_DIR", "")
    for each in filter(None, folder.split(os.pathsep)):
        _check_folder(each)
    if not variable:
        return Authorities(folder=folder)
    path = env[variable]
    return Authorities(variable=variable, path=path, certificates=_read(variable, path), folder=folder)


def trust(authorities: Authorities = _MACHINE) -> "ssl.SSLContext":
    """Return TLS 1.2 or later with these authorities, names and chains checked. Raises `CaUnusable`.

    Made by hand: `ssl.create_default_context` writes session keys to whatever file `SSLKEYLOGFILE` names.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authorities == _MACHINE:
        context.load_default_certs()
        return context
    _load_machine(context, authorities)
    try:
        for certificate in authorities.certificates:
            context.load_verify_locations(cadata=certificate)
    except (ssl.SSLError, ValueError):
        damaged = True
    else:
        damaged = False
    if damaged:
        raise CaUnusable(variable=authorities.variable, path=authorities.path, problem="a certificate in it is damaged")
    return context


shared_trust = lru_cache(trust)
"""The same, read once in the life of a process."""


def _load_machine(context: "ssl.SSLContext", authorities: Authorities) -> None:
    """Load what stands for the machine: its own file and folder, but for what the variables of OpenSSL replace."""
    import ssl
    import sys

    if sys.platform == "win32":
        context.load_default_certs()
        return
    ours = ssl.get_default_verify_paths()
    file = "" if authorities.variable == "SSL_CERT_FILE" else ours.openssl_cafile
    folder = authorities.folder or ours.openssl_capath
    if os.path.isfile(file):
        context.load_verify_locations(cafile=file)
    if authorities.folder or os.path.isdir(folder):
        context.load_verify_locations(capath=folder)


def _check_folder(path: str) -> None:
    try:
        os.listdir(path)
    except OSError as trouble:
        problem = "it does not exist" if isinstance(trouble, FileNotFoundError) else words(trouble)
    else:
        return
    raise CaUnusable(variable="SSL_CERT_DIR", path=path, problem=problem)


def _read(variable: str, path: str) -> tuple[bytes, ...]:
    data, problem = b"", ""
    try:
        # Non-blocking: opening a FIFO must not wait.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                problem = "it is not a file"
            else:
                data = file.read(_LIMIT + 1)
    except IsADirectoryError:
        problem = "it is not a file"
    except FileNotFoundError:
        problem = "it does not exist"
    except (OSError, ValueError) as trouble:
        problem = words(trouble) if isinstance(trouble, OSError) else "that is no path"
    certificates = () if problem else tuple(_der(block[2]) for block in _BLOCK.finditer(data))
    if len(data) > _LIMIT:
        problem = "it is too large"
    elif not problem and not certificates:
        problem = "there is no certificate in it (PEM)"
    elif not problem and (b"" in certificates or len(certificates) != len(_BEGIN.findall(data))):
        problem = "a certificate in it is damaged"
    if problem:
        raise CaUnusable(variable=variable, path=path, problem=problem)
    return certificates


def _der(text: bytes) -> bytes:
    """Return the certificate in a PEM block, empty if there is none.

    In a `TRUSTED CERTIFICATE` OpenSSL's own remarks follow it, and only the first element is the certificate.
    """
    from base64 import b64decode

    try:
        data = b64decode(b"".join(text.split()), validate=True)
    except ValueError:
        return b""
    if len(data) < 4 or data[0] != 0x30 or data[1] not in {0x81, 0x82, 0x83}:  # noqa: PLR2004 - X.690 section 8.1.3.5
        return b""
    digits = data[1] & 0x7F
    end = 2 + digits + int.from_bytes(data[2 : 2 + digits], "big")
    return data[:end] if end <= len(data) else b""
