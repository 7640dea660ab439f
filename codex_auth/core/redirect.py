"""What came back from the browser: a code, a refusal by the provider, or the reason it cannot be used.

One verdict for both doors. A pasted text is reduced to the query of an address; the callback server has that
query already; from there on both take the same path (RFC 6749 section 4.1.2, RFC 9207 section 2.4).

Three rules hold everywhere in this module:

* The state is compared before code or error are looked at: nobody without it can end or finish a sign-in.
* A grammar decides, never `urlsplit`: that deletes tabs and line ends, and hosts are read differently by browsers.
* Nothing of the text appears in an error. A reason comes from `Reason`, its sentence from `PROBLEMS`.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn
from urllib.parse import quote, unquote_to_bytes

from codex_auth.core.errors import RedirectRefused
from codex_auth.core.secret import Secret

TEXT_LIMIT = 65_536
"""What a paste may have in characters, words around the address included."""
ADDRESS_LIMIT = 8_192
"""What an address or a query may have: twice what the callback's request line may."""
PARAMETER_LIMIT = 32
"""OpenAI sends three or four; a thousand of them is not a redirect."""

DENIALS = frozenset(
    {
        # RFC 6749 section 4.1.2.1
        "invalid_request",
        "unauthorized_client",
        "access_denied",
        "unsupported_response_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        # OpenID Connect Core section 3.1.2.6
        "interaction_required",
        "login_required",
        "account_selection_required",
        "consent_required",
        # OpenAI's description of `access_denied` for accounts without Codex
        "missing_codex_entitlement",
    }
)
"""The errors that may be named to people; any other is `other`."""


class Reason(StrEnum):
    """Why a text is not the redirect of this sign-in."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    CONTROL_CHARACTER = "control_character"
    HIDDEN_CHARACTER = "hidden_character"
    NOT_ASCII = "not_ascii"
    ODD_CHARACTER = "odd_character"
    WHITESPACE = "whitespace"
    NO_ADDRESS = "no_address"
    SEVERAL_ADDRESSES = "several_addresses"
    SIGN_IN_PAGE = "sign_in_page"
    NO_SCHEME = "no_scheme"
    WRONG_SCHEME = "wrong_scheme"
    USERINFO = "userinfo"
    WRONG_HOST = "wrong_host"
    WRONG_PORT = "wrong_port"
    WRONG_PATH = "wrong_path"
    NO_QUERY = "no_query"
    ONLY_FRAGMENT = "only_fragment"
    FRAGMENT = "fragment"
    BAD_PERCENT = "bad_percent"
    SEMICOLON = "semicolon"
    TOO_MANY_PARAMETERS = "too_many_parameters"
    MALFORMED_QUERY = "malformed_query"
    ENCODED_NAME = "encoded_name"
    DOUBLED_PARAMETER = "doubled_parameter"
    NOT_UTF8 = "not_utf8"
    TOKEN_IN_ADDRESS = "token_in_address"  # noqa: S105 - a reason, not a password
    BARE_CODE = "bare_code"
    NO_STATE = "no_state"
    WRONG_STATE = "wrong_state"
    WRONG_ISSUER = "wrong_issuer"
    CODE_AND_ERROR = "code_and_error"
    NO_CODE = "no_code"
    EMPTY_CODE = "empty_code"
    ODD_CODE = "odd_code"


PROBLEMS: Mapping[Reason, str] = {
    Reason.EMPTY: "nothing was pasted",
    Reason.TOO_LONG: "it is too long",
    Reason.CONTROL_CHARACTER: "it has control characters in it",
    Reason.HIDDEN_CHARACTER: "it has invisible characters in it",
    Reason.NOT_ASCII: "the address has letters that no address has",
    Reason.ODD_CHARACTER: "the address has characters that no address has",
    Reason.WHITESPACE: "there is a space inside the quoted address",
    Reason.NO_ADDRESS: "there is no address in it",
    Reason.SEVERAL_ADDRESSES: "there is more than one address in it",
    Reason.SIGN_IN_PAGE: "it is the page where the sign-in happens; approve there, and the next page is the one",
    Reason.NO_SCHEME: "the http:// at its beginning is missing",
    Reason.WRONG_SCHEME: "it does not begin with http://",
    Reason.USERINFO: "it has a user name in front of the host",
    Reason.WRONG_HOST: "its host is not this machine",
    Reason.WRONG_PORT: "its port is not the one of this sign-in",
    Reason.WRONG_PATH: "its path is not the one of this sign-in",
    Reason.NO_QUERY: "everything from the question mark on is missing",
    Reason.ONLY_FRAGMENT: "it has a # where the question mark belongs",
    Reason.FRAGMENT: "it has a # in it",
    Reason.BAD_PERCENT: "a percent sign in it is not followed by two hexadecimal digits",
    Reason.SEMICOLON: "it has a semicolon in it",
    Reason.TOO_MANY_PARAMETERS: "it has too many parameters",
    Reason.MALFORMED_QUERY: "what follows the question mark is not a list of parameters",
    Reason.ENCODED_NAME: "the name of a parameter is percent-encoded",
    Reason.DOUBLED_PARAMETER: "a parameter is there twice",
    Reason.NOT_UTF8: "a parameter is not text",
    Reason.TOKEN_IN_ADDRESS: "it carries a token, which this sign-in never asks for; do not share that address",
    Reason.BARE_CODE: "a code alone does not say which sign-in it belongs to; paste the whole address",
    Reason.NO_STATE: "the state is missing",
    Reason.WRONG_STATE: "it belongs to another sign-in",
    Reason.WRONG_ISSUER: "it comes from another provider",
    Reason.CODE_AND_ERROR: "it has both a code and an error",
    Reason.NO_CODE: "the code is missing",
    Reason.EMPTY_CODE: "the code is empty",
    Reason.ODD_CODE: "the code has characters that no code has",
}
"""What is said for each reason, as the end of `RedirectRefused`'s sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The redirect one sign-in waits for."""

    redirect_uri: str
    state: Secret
    issuer: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """The provider approved: the code to exchange (RFC 6749 section 4.1.2)."""

    code: Secret


@dataclass(frozen=True, slots=True)
class Denied:
    """The provider said no, for this sign-in's own state; `error` is one of `DENIALS` or `other`."""

    error: str


@dataclass(frozen=True, slots=True, repr=False)
class _Address:
    """An absolute address in its parts (RFC 3986 section 3), as written."""

    scheme: str
    authority: str
    path: str
    rest: str
    """The `?query` or `#fragment`, with its first character."""


def read_redirect(text: str, expected: Expected) -> Redirect | Denied:
    """Return what a pasted text says: the address of the redirect, its query, or `code#state`.

    The address may be quoted, in brackets, a Markdown or Slack link, wrapped over lines, or among words if it
    is the only one. Raises `RedirectRefused` with a `reason` from `Reason`.
    """
    address, query = _open(_find(text))
    if address:
        _check_address(address, expected)
    return read_query(query, expected)


def read_query(query: str, expected: Expected) -> Redirect | Denied:
    """Return what the query of a redirect says (the raw text, as it stood in the request line).

    Raises `RedirectRefused` with a `reason` from `Reason`.
    """
    given = _parameters(query)
    if not expected.state.matches(_value(given, "state") or _refuse(Reason.NO_STATE)):
        _refuse(Reason.WRONG_STATE)
    if "iss" in given and _value(given, "iss") != expected.issuer:  # RFC 9207 section 2.4
        _refuse(Reason.WRONG_ISSUER)
    if "error" in given:
        return _denied(given)
    return Redirect(Secret(_code(given)))


def state_of(text: str) -> Secret | None:
    """Return the state in a pasted text, if one can be read: it tells which sign-in the text belongs to."""
    try:
        _, query = _open(_find(text))
        state = _value(_parameters(query), "state")
    except RedirectRefused:
        return None
    return Secret(state) if state else None


def _refuse(reason: Reason) -> NoReturn:
    raise RedirectRefused(reason=reason, problem=PROBLEMS[reason])


# --- from a pasted text to one address -----------------------------------------------------------------------

_WRAP = re.compile(r"\n(?![^\w\s]{0,8}[A-Za-z][A-Za-z0-9+.-]*://)(?=\S+(?:\n|\Z))")
"""A line end before a line that is one word and starts no address of its own: a long address was wrapped."""
_AUTOLINK = re.compile(r"(?<!\S)<([^<>|\s]+)\|[^<>]*>")
_MARKDOWN_LINK = re.compile(r"(?<!\S)\[[^\[\]\n]*\]\(<?([^()<>\s]+)>?\)")
_HEADER = re.compile(r"(?<!\S)location:(?=[a-z]+://)", re.IGNORECASE)
_WRAPPERS = ('""', "''", "``", "<>", "()", "[]", "\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb")


def _find(text: str) -> str:
    """Return the one address, query or `code#state` that a pasted text holds."""
    if len(text) > TEXT_LIMIT:
        _refuse(Reason.TOO_LONG)
    text = "\n".join(line.strip(" \t") for line in text.replace("\r\n", "\n").split("\n"))
    _refuse_hidden(text.replace("\n", ""))
    text = _WRAP.sub("", text.strip("\n"))
    text = _HEADER.sub("", _MARKDOWN_LINK.sub(r" \1 ", _AUTOLINK.sub(r" \1 ", text)))
    found = _pick(text.strip(" \n"))
    if len(found) > ADDRESS_LIMIT:
        _refuse(Reason.TOO_LONG)
    return found


def _pick(text: str) -> str:
    inner = _unwrap(text)
    words = inner.split()
    if not words:
        _refuse(Reason.EMPTY)
    if len(words) == 1:
        return words[0]
    if inner != text.rstrip(".,"):
        _refuse(Reason.WHITESPACE)
    addresses = [word for word in words if "://" in word]
    if not addresses:
        _refuse(Reason.NO_ADDRESS)
    if len(addresses) > 1:
        _refuse(Reason.SEVERAL_ADDRESSES)
    return _unwrap(addresses[0])


def _unwrap(text: str) -> str:
    """Return text without the punctuation after it and the quotes or brackets around it.

    Inside quotes or brackets nothing is removed: they say exactly where an address ends (RFC 3986 appendix C).
    """
    text = text.rstrip(".,")
    while len(text) > 1 and text[0] + text[-1] in _WRAPPERS:
        text = text[1:-1].strip("\n")
    return text


def _refuse_hidden(text: str) -> None:
    if text.isascii() and text.isprintable():
        return
    kinds = {unicodedata.category(character) for character in text if character != " "}
    if "Cc" in kinds:
        _refuse(Reason.CONTROL_CHARACTER)
    if kinds & {"Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}:
        _refuse(Reason.HIDDEN_CHARACTER)


# --- from an address to its query ----------------------------------------------------------------------------

_QUERY = re.compile(r"\?|(?:code|state|error|error_description|iss|scope|response_type|access_token|id_token)=")
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(.*)", re.DOTALL)
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\d)")
_CODE_AND_STATE = re.compile(r"([A-Za-z0-9._~+=%-]+)#([A-Za-z0-9._~+=%-]+)")
_WITHOUT_SCHEME = re.compile(r"[^?#=]*(?:/|:\d)")
_BARE_CODE = re.compile(r"[A-Za-z0-9._~+=%-]{16,}")
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::(.*))?", re.DOTALL)
_REQUEST = re.compile(r"(?:\A\??|[?&])(?:code_challenge|response_type)=")
_TOKEN = re.compile(r"(?:\A|[?&#])(?:access_token|id_token|refresh_token)=")

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""The spellings of this machine in an address; other ways to write its number are not ours."""


def _open(found: str) -> tuple[_Address | None, str]:
    """Return the address, if there is one, and the query of what was found in a paste."""
    if _QUERY.match(found):
        return None, found.removeprefix("?")
    if parts := _ABSOLUTE.fullmatch(found):
        address = _Address(*parts.groups())
        return address, address.rest.removeprefix("?")
    _refuse_odd(found.replace("#", ""))
    if pair := _CODE_AND_STATE.fullmatch(found):
        code, state = pair.groups()
        return None, f"code={quote(code, safe='')}&state={quote(state, safe='')}"
    if _OTHER_SCHEME.match(found):
        _refuse(Reason.WRONG_SCHEME)
    if _WITHOUT_SCHEME.match(found):
        _refuse(Reason.NO_SCHEME)
    _refuse(Reason.BARE_CODE if _BARE_CODE.fullmatch(found) else Reason.NO_ADDRESS)


def _check_address(address: _Address, expected: Expected) -> None:
    """Refuse an address that is not the registered redirect; on loopback the host may have any spelling."""
    ours = _ABSOLUTE.fullmatch(expected.redirect_uri)
    if not ours:
        raise ValueError("the expected redirect is not an absolute address")
    _refuse_odd(address.scheme + address.authority + address.path)
    if _is_sign_in_page(address, expected):
        _refuse(Reason.SIGN_IN_PAGE)
    if address.scheme.lower() != ours[1]:
        _refuse(Reason.WRONG_SCHEME)
    _check_authority(address.authority, ours[2])
    if address.path != ours[3]:
        _refuse(Reason.WRONG_PATH)
    if address.rest.startswith("#"):
        _refuse(Reason.TOKEN_IN_ADDRESS if _TOKEN.search(address.rest) else Reason.ONLY_FRAGMENT)
    if not address.rest.removeprefix("?"):
        _refuse(Reason.NO_QUERY)


def _is_sign_in_page(address: _Address, expected: Expected) -> bool:
    origin = f"{address.scheme}://{address.authority}".lower()
    return origin == expected.issuer.lower() or bool(_REQUEST.search(address.rest))


def _check_authority(authority: str, ours: str) -> None:
    if "@" in authority:
        _refuse(Reason.USERINFO)
    parts, own = _AUTHORITY.fullmatch(authority), _AUTHORITY.fullmatch(ours)
    host = parts[1].lower() if parts else ""
    if not parts or not own or host not in (_LOOPBACK if own[1] in _LOOPBACK else {own[1]}):
        _refuse(Reason.WRONG_HOST)
    if parts[2] != own[2]:
        _refuse(Reason.WRONG_PORT)


# --- from a query to its parameters --------------------------------------------------------------------------

_QUERY_CHARACTERS = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%\[\]-]*")
"""RFC 3986 section 3.4, and the square brackets that browsers leave as they are."""
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CODE = re.compile(r"[\x21-\x7e]+")
"""RFC 6749 appendix A.11 without the space, which only a damaged paste would bring."""


def _parameters(query: str) -> dict[str, str]:
    """Return the parameters of a query by name, values still encoded; none may be doubled (RFC 6749 section 3.1)."""
    _check_query(query)
    pieces = query.split("&")
    if len(pieces) > PARAMETER_LIMIT:
        _refuse(Reason.TOO_MANY_PARAMETERS)
    given: dict[str, str] = {}
    for piece in pieces:
        name, equals, value = piece.partition("=")
        if "%" in name:
            _refuse(Reason.ENCODED_NAME)
        if not name or not equals:
            _refuse(Reason.MALFORMED_QUERY)
        if name in given:
            _refuse(Reason.DOUBLED_PARAMETER)
        given[name] = value
    return given


def _check_query(query: str) -> None:
    if not query:
        _refuse(Reason.NO_QUERY)
    if len(query) > ADDRESS_LIMIT:
        _refuse(Reason.TOO_LONG)
    _refuse_hidden(query)
    if _TOKEN.search(query):
        _refuse(Reason.TOKEN_IN_ADDRESS)
    if _REQUEST.search(query):
        _refuse(Reason.SIGN_IN_PAGE)
    if "#" in query:
        _refuse(Reason.FRAGMENT)
    if ";" in query:
        _refuse(Reason.SEMICOLON)
    _refuse_odd(query)
    if _BAD_PERCENT.search(query):
        _refuse(Reason.BAD_PERCENT)


def _refuse_odd(text: str) -> None:
    if not text.isascii():
        _refuse(Reason.NOT_ASCII)
    if not _QUERY_CHARACTERS.fullmatch(text):
        _refuse(Reason.ODD_CHARACTER)


def _value(given: dict[str, str], name: str) -> str:
    """Return one parameter decoded, empty if it is not there."""
    octets = unquote_to_bytes(given.get(name, "").replace("+", " "))
    text = octets.decode("utf-8", "replace")
    if text.encode("utf-8") != octets:  # no exception, which would hold the text
        _refuse(Reason.NOT_UTF8)
    _refuse_hidden(text)
    return text


def _denied(given: dict[str, str]) -> Denied:
    if "code" in given:
        _refuse(Reason.CODE_AND_ERROR)
    error = _value(given, "error")
    if error == "access_denied" and given.get("error_description") == "missing_codex_entitlement":
        return Denied("missing_codex_entitlement")
    return Denied(error if error in DENIALS else "other")


def _code(given: dict[str, str]) -> str:
    if "code" not in given:
        _refuse(Reason.NO_CODE)
    code = _value(given, "code")
    if not code:
        _refuse(Reason.EMPTY_CODE)
    if not _CODE.fullmatch(code):
        _refuse(Reason.ODD_CODE)
    return code
