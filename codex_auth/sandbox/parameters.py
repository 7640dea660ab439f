"""What a request says, whichever way it says it: query, form, or the JSON body that Codex refreshes with."""

from collections.abc import Mapping

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Payload, OAuth2Request
from flask import Request
from werkzeug.datastructures import Headers


class _Payload(OAuth2Payload):
    def __init__(self, said: Mapping[str, str]) -> None:
        self._said = said

    @property
    def data(self) -> Mapping[str, str]:
        return self._said

    @property
    def datalist(self) -> dict[str, list[str]]:
        return {name: [value] for name, value in self._said.items()}


class SpokenRequest(OAuth2Request):
    """A request in the form Authlib's grants expect, with the parameters already read."""

    def __init__(self, method: str, headers: Headers, said: Mapping[str, str]) -> None:
        # Authlib refuses plain http to any host but `localhost` in some of its releases. The sandbox listens on
        # loopback only, and nothing else is derived from this address.
        super().__init__(method=method, uri="http://localhost:0/", headers=headers)
        self.payload = _Payload(said)

    @property
    def form(self) -> Mapping[str, str]:
        """Return the parameters: those of a JSON body count as form fields."""
        data: Mapping[str, str] = self.payload.data
        return data


def read_parameters(request: Request) -> dict[str, str]:
    """Return the parameters of a request: the query of a GET, the body of anything else.

    Raise InvalidRequestError for a repeated parameter (RFC 6749 section 3.1), or a JSON body that is not an object of
    strings.
    """
    if request.method == "GET":
        pairs = list(request.args.items(multi=True))
    elif request.is_json:
        pairs = _read_json(request)
    else:
        pairs = list(request.form.items(multi=True))
    said = dict(pairs)
    if len(said) < len(pairs):
        raise InvalidRequestError("A parameter is repeated.")
    return said


def _read_json(request: Request) -> list[tuple[str, str]]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise InvalidRequestError("The JSON body is not an object of strings.")
    return list(body.items())
