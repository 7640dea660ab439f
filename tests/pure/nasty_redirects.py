"""Every redirect we could think of, as data: what was pasted, and the verdict it must get.

`STATE`, `CODE` and `CANARY` are unmistakable: if six characters of them turn up anywhere, something leaked.
A row's verdict is `ACCEPTED` (the code is `CODE`), `denied:<error>`, or the reason of the refusal.
"""

from typing import NamedTuple

from codex_auth.core.redirect import Expected
from codex_auth.core.secret import Secret

ACCEPTED = "accepted"

STATE = "qZ7xK2vW9pLm4RtY8sBn3JdF6hGc1QaE5uXo0ViTwUk"
CODE = "ac_Zx81QvW7kLp39TyBnM52RdFh6GjUcXs4"
CANARY = "JqXvZkWpYh"
OTHER_STATE = "Nf3VbX9zLq2WkTy7RpHs5MdJc8GaQe1UxZo6YiBvKwP"
REDIRECT_URI = "http://localhost:1455/auth/callback"
ISSUER = "https://auth.openai.com"
EXPECTED = Expected(redirect_uri=REDIRECT_URI, state=Secret(STATE), issuer=ISSUER)

QUERY = f"code={CODE}&state={STATE}"
URL = f"{REDIRECT_URI}?{QUERY}"
AUTHORIZE = (
    f"{ISSUER}/oauth/authorize?response_type=code&client_id={CANARY}&state={STATE}&code_challenge={CANARY}"
    "&code_challenge_method=S256"
)


class Row(NamedTuple):
    """One pasted text and its verdict."""

    id: str
    text: str
    verdict: str


def at(place: str, query: str = QUERY) -> str:
    """Return a URL whose part before the query is `place`."""
    return f"{place}?{query}"


def _decorated() -> list[Row]:
    shapes = {
        "plain": URL,
        "only the query": QUERY,
        "only the query with its question mark": f"?{QUERY}",
        "code and state": f"{CODE}#{STATE}",
        "code and state in backticks": f"`{CODE}#{STATE}`",
        "code and state wrapped": f"{CODE[:12]}\n{CODE[12:]}#{STATE}",
        "query wrapped": f"?{QUERY[:30]}\n{QUERY[30:]}",
        "spaces around": f"   {URL}  ",
        "tabs around": f"\t{URL}\t",
        "line ends around": f"\n\n{URL}\r\n\r\n",
        "double quotes": f'"{URL}"',
        "single quotes": f"'{URL}'",
        "curly quotes": f"\u201c{URL}\u201d",
        "curly single quotes": f"\u2018{URL}\u2019",
        "guillemets": f"\u00ab{URL}\u00bb",
        "backticks": f"`{URL}`",
        "code fence": f"```\n{URL}\n```",
        "angle brackets": f"<{URL}>",
        "parentheses": f"({URL})",
        "square brackets": f"[{URL}]",
        "quotes in brackets": f'<"{URL}">',
        "quotes and full stop": f'"{URL}".',
        "Markdown link": f"[the page]({URL})",
        "Markdown link to itself": f"[{URL}]({URL})",
        "Markdown link among words": f"here is [the page]({URL}) for you",
        "Markdown link with brackets": f"[the page](<{URL}>)",
        "Slack link": f"<{URL}|the page>",
        "Slack link to itself": f"<{URL}|{URL}>",
        "Slack link among words": f"look: <{URL}|localhost:1455> thanks",
        "Location prefix": f"Location: {URL}",
        "location prefix without space": f"location:{URL}",
        "location prefix among words": f"it answered location:{URL} and closed",
        "wrapped in two": f"{URL[:60]}\n{URL[60:]}",
        "wrapped in two by CR LF": f"{URL[:60]}\r\n{URL[60:]}",
        "wrapped in four": f"{URL[:30]}\n{URL[30:60]}\n{URL[60:90]}\n{URL[90:]}",
        "wrapped and indented": f"  {URL[:60]}\n  {URL[60:]}",
        "wrapped in brackets": f"<{URL[:60]}\n{URL[60:]}>",
        "wrapped inside the host": f"{URL[:12]}\n{URL[12:]}",
        "wrapped with words in front": f"I ended here: {URL[:60]}\n{URL[60:]}",
        "wrapped with iss at the line's start": f"{URL}\n&iss=https://auth.openai.com",
        "trailing full stop": f"{URL}.",
        "trailing comma": f"{URL},",
        "trailing dots": f"{URL}...",
        "words in front": f"The browser says {URL}",
        "words behind": f"{URL} is what I see",
        "words around": f"Here it is: {URL}, I hope that helps \u2014 bye",
        "words on other lines": f"Here it is!\n\n{URL}\n\nCan you try again?",
        "quotes among words": f'It said "{URL}" to me',
        "angle brackets among words": f"It said <{URL}>, twice",
        "words of other scripts": f"\u3053\u308c\u3067\u3059 {URL} \u3069\u3046\u305e",
        "emoji": f"\U0001f44d {URL}",
    }
    return [Row(name, text, ACCEPTED) for name, text in shapes.items()]


def _spelled() -> list[Row]:
    """Return rows whose host, port or parameters are written differently, and still right."""
    shapes = {
        "127.0.0.1": at("http://127.0.0.1:1455/auth/callback"),
        "IPv6 loopback": at("http://[::1]:1455/auth/callback"),
        "capital host": at("http://LOCALHOST:1455/auth/callback"),
        "capital scheme": at("HTTP://localhost:1455/auth/callback"),
        "mixed case": at("Http://LocalHost:1455/auth/callback"),
        "state first": at(REDIRECT_URI, f"state={STATE}&code={CODE}"),
        "scope between": at(REDIRECT_URI, f"code={CODE}&scope=openid+profile%20email&state={STATE}"),
        "unknown parameter": at(REDIRECT_URI, f"{QUERY}&session_state={CANARY}"),
        "unknown empty parameter": at(REDIRECT_URI, f"{QUERY}&hint="),
        "our issuer": at(REDIRECT_URI, f"{QUERY}&iss=https%3A%2F%2Fauth.openai.com"),
        "our issuer not encoded": at(REDIRECT_URI, f"{QUERY}&iss=https://auth.openai.com"),
        "encoded code": at(REDIRECT_URI, f"code=%{ord(CODE[0]):02x}{CODE[1:]}&state={STATE}"),
        "encoded state": at(REDIRECT_URI, f"code={CODE}&state=%{ord(STATE[0]):02X}{STATE[1:]}"),
        "as long as may be": at(REDIRECT_URI, f"{QUERY}&x=".ljust(8192 - len(REDIRECT_URI) - 1, "x")),
        "4,095 characters": at(REDIRECT_URI, f"{QUERY}&x=".ljust(4095 - len(REDIRECT_URI) - 1, "x")),
        "4,096 characters": at(REDIRECT_URI, f"{QUERY}&x=".ljust(4096 - len(REDIRECT_URI) - 1, "x")),
    }
    return [Row(name, text, ACCEPTED) for name, text in shapes.items()]


SHAPES = [
    Row("empty", "", "empty"),
    Row("only spaces", "   ", "empty"),
    Row("only line ends", "\n\r\n\n", "empty"),
    Row("only quotes", '""', "empty"),
    Row("only a dot", ".", "empty"),
    Row("soft hyphen", URL.replace("code=", "co\u00adde="), "hidden_character"),
    Row("zero-width space", URL.replace("code=", "code\u200b="), "hidden_character"),
    Row("zero-width joiner", f"{URL}\u200d", "hidden_character"),
    Row("word joiner", f"\u2060{URL}", "hidden_character"),
    Row("byte order mark", f"\ufeff{URL}", "hidden_character"),
    Row("right-to-left override", f"\u202e{URL}", "hidden_character"),
    Row("left-to-right isolate", f"\u2066{URL}\u2069", "hidden_character"),
    Row("no-break space", f"{URL}\u00a0", "hidden_character"),
    Row("ideographic space", f"\u3000{URL}", "hidden_character"),
    Row("line separator", f"{URL[:60]}\u2028{URL[60:]}", "hidden_character"),
    Row("lone surrogate", f"{URL}\udc80", "hidden_character"),
    Row("private use", f"{URL}\ue000", "hidden_character"),
    Row("tag characters", f"{URL}\U000e0041", "hidden_character"),
    Row("NUL", URL.replace("&state", "\x00&state"), "control_character"),
    Row("escape", f"\x1b[31m{URL}", "control_character"),
    Row("bell", f"{URL}\x07", "control_character"),
    Row("delete", f"{URL}\x7f", "control_character"),
    Row("next line", f"{URL}\x85", "control_character"),
    Row("vertical tab", f"{URL[:60]}\x0b{URL[60:]}", "control_character"),
    Row("lone carriage return", f"{URL[:60]}\r{URL[60:]}", "control_character"),
    Row("carriage return in front", f"\r{URL}", "control_character"),
    Row("tab inside", f"{URL[:60]}\t{URL[60:]}", "control_character"),
    Row("tab in the host", URL.replace("local", "lo\tcal"), "control_character"),
    Row("two addresses", f"{URL} {URL}", "several_addresses"),
    Row("two addresses on two lines", f"{URL}\n{URL}", "several_addresses"),
    Row("two different addresses", f"{AUTHORIZE} then {URL}", "several_addresses"),
    Row("words only", f"it did not work {CANARY}", "no_address"),
    Row("query among words", f"I got {QUERY} here", "no_address"),
    Row("one word", "hello", "no_address"),
    Row("quoted words", f'"open {URL} now"', "whitespace"),
    Row("quoted words around", f'"here": {URL} "there".', "whitespace"),
    Row("space inside brackets", f"<{URL[:60]} {URL[60:]}>", "whitespace"),
    Row("space inside", URL.replace("&state", " &state"), "no_state"),
    Row("unbalanced quote", f'"{URL}', "odd_character"),
    Row("unbalanced bracket", f"{URL}>", "odd_character"),
    Row("only the code", CODE, "bare_code"),
    Row("only the code in quotes", f'"{CODE}"', "bare_code"),
    Row("8,193 characters", at(REDIRECT_URI, f"{QUERY}&x=".ljust(8193 - len(REDIRECT_URI) - 1, "x")), "too_long"),
    Row("70,000 characters", f"{URL} {'x' * 70_000}", "too_long"),
    Row("100,000-character code", at(REDIRECT_URI, f"code={'x' * 100_000}&state={STATE}"), "too_long"),
    Row("HTML-escaped", URL.replace("&", "&amp;"), "semicolon"),
    Row("authorize URL", AUTHORIZE, "sign_in_page"),
    Row("authorize query", AUTHORIZE.partition("?")[2], "sign_in_page"),
    Row("authorize URL on loopback", AUTHORIZE.replace(ISSUER, "http://127.0.0.1:8765"), "sign_in_page"),
    Row("log-in page", f"{ISSUER}/log-in?{CANARY}=1", "sign_in_page"),
    Row("consent page", f"{ISSUER}/sign-in-with-chatgpt/codex/consent", "sign_in_page"),
]

SCHEMES = [
    Row("https", URL.replace("http:", "https:"), "wrong_scheme"),
    Row("file", "file:///auth/callback?" + QUERY, "wrong_scheme"),
    Row("ftp", URL.replace("http:", "ftp:"), "wrong_scheme"),
    Row("ws", URL.replace("http:", "ws:"), "wrong_scheme"),
    Row("javascript", f"javascript:alert('{CANARY}')", "wrong_scheme"),
    Row("javascript with slashes", f"javascript://localhost:1455/auth/callback?{QUERY}", "wrong_scheme"),
    Row("data", f"data:text/html,{CANARY}", "wrong_scheme"),
    Row("view-source", f"view-source:{URL}", "wrong_scheme"),
    Row("one slash", URL.replace("://", ":/"), "wrong_scheme"),
    Row("no scheme", URL.removeprefix("http://"), "no_scheme"),
    Row("no scheme on 127.0.0.1", at("127.0.0.1:1455/auth/callback"), "no_scheme"),
    Row("two slashes", URL.removeprefix("http:"), "no_scheme"),
    Row("only the path", at("/auth/callback"), "no_scheme"),
    Row("no host", at("http:///auth/callback"), "wrong_host"),
]

_HOSTS = {
    "host with ours in front": ("localhost.evil.com:1455", "wrong_host"),
    "our host as user": ("localhost@evil.com:1455", "userinfo"),
    "our host and port as user": ("localhost:1455@evil.com", "userinfo"),
    "user": (f"{CANARY}@localhost:1455", "userinfo"),
    "user and password": (f"{CANARY}:{CANARY}@localhost:1455", "userinfo"),
    "fragment before our host": ("evil.com#@localhost:1455", "wrong_host"),
    "backslash": ("localhost\\@evil.com:1455", "odd_character"),
    "backslash at the end": ("localhost:1455\\", "odd_character"),
    "short number": ("127.1:1455", "wrong_host"),
    "hexadecimal number": ("0x7f.1:1455", "wrong_host"),
    "one number": ("2130706433:1455", "wrong_host"),
    "octal number": ("0177.0.0.1:1455", "wrong_host"),
    "other loopback": ("127.0.0.2:1455", "wrong_host"),
    "any address": ("0.0.0.0:1455", "wrong_host"),
    "IPv6 any address": ("[::]:1455", "wrong_host"),
    "IPv4 in IPv6": ("[::ffff:127.0.0.1]:1455", "wrong_host"),
    "IPv6 zone": ("[::1%lo]:1455", "wrong_host"),
    "IPv6 encoded zone": ("[::1%25lo]:1455", "wrong_host"),
    "IPv6 written out": ("[0:0:0:0:0:0:0:1]:1455", "wrong_host"),
    "IPv6 without brackets": ("::1:1455", "wrong_host"),
    "IPv6 unbalanced": ("[::1:1455", "wrong_host"),
    "full-width digits": ("\uff11\uff12\uff17.0.0.1:1455", "not_ascii"),
    "circled digits": ("\u2460\u2461\u2466.0.0.1:1455", "not_ascii"),
    "Cyrillic o": ("l\u043ecalhost:1455", "not_ascii"),
    "ideographic full stop": ("127\u30020.0.1:1455", "not_ascii"),
    "trailing dot": ("localhost.:1455", "wrong_host"),
    "encoded host": ("%6cocalhost:1455", "wrong_host"),
    "punycode": ("xn--localhost-abc:1455", "wrong_host"),
    "underscore": ("local_host:1455", "wrong_host"),
    "localhost.localdomain": ("localhost.localdomain:1455", "wrong_host"),
    "evil": (f"{CANARY}.example:1455", "wrong_host"),
    "no port": ("localhost", "wrong_port"),
    "empty port": ("localhost:", "wrong_port"),
    "other port": ("localhost:8080", "wrong_port"),
    "other registered port": ("localhost:1457", "wrong_port"),
    "port 99999": ("localhost:99999", "wrong_port"),
    "port with a zero in front": ("localhost:01455", "wrong_port"),
    "signed port": ("localhost:+1455", "wrong_port"),
    "two ports": ("localhost:1455:1455", "wrong_port"),
    "Arabic port": ("localhost:\u0661\u0664\u0665\u0665", "not_ascii"),
}
HOSTS = [Row(name, at(f"http://{host}/auth/callback"), verdict) for name, (host, verdict) in _HOSTS.items()]

_PATHS = {
    "no path": "",
    "root": "/",
    "trailing slash": "/auth/callback/",
    "double slash": "//auth/callback",
    "double slash inside": "/auth//callback",
    "dot segment": "/auth/./callback",
    "dot-dot segment": "/x/../auth/callback",
    "encoded slash": "/auth%2fcallback",
    "encoded letter": "/auth/c%61llback",
    "path parameter": "/auth/callback;x",
    "capitals": "/Auth/Callback",
    "longer": "/auth/callbacks",
    "other": f"/{CANARY}",
    "success page": "/success",
}
PATHS = [Row(f"path: {name}", at(f"http://localhost:1455{path}"), "wrong_path") for name, path in _PATHS.items()]

_QUERIES = {
    "nothing": ("", "no_query"),
    "no code": (f"state={STATE}", "no_code"),
    "empty code": (f"code=&state={STATE}", "empty_code"),
    "code without value": (f"code&state={STATE}", "malformed_query"),
    "no state": (f"code={CODE}", "no_state"),
    "empty state": (f"code={CODE}&state=", "no_state"),
    "other state": (f"code={CODE}&state={OTHER_STATE}", "wrong_state"),
    "beginning of the state": (f"code={CODE}&state={STATE[:-1]}", "wrong_state"),
    "state and more": (f"code={CODE}&state={STATE}x", "wrong_state"),
    "state in capitals": (f"code={CODE}&state={STATE.upper()}", "wrong_state"),
    "state of accents": (f"code={CODE}&state=%C3%A9{STATE[1:]}", "wrong_state"),
    "doubled code": (f"code={CODE}&code={CANARY}&state={STATE}", "doubled_parameter"),
    "doubled same code": (f"code={CODE}&code={CODE}&state={STATE}", "doubled_parameter"),
    "doubled state": (f"{QUERY}&state={STATE}", "doubled_parameter"),
    "doubled state, first wrong": (f"state={OTHER_STATE}&{QUERY}", "doubled_parameter"),
    "doubled error": (f"error=access_denied&error=x&state={STATE}", "doubled_parameter"),
    "doubled iss": (f"{QUERY}&iss={ISSUER}&iss={ISSUER}", "doubled_parameter"),
    "doubled unknown": (f"{QUERY}&x=1&x=2", "doubled_parameter"),
    "semicolons": (f"code={CODE};state={STATE}", "semicolon"),
    "space in code": (f"code={CODE}%20{CANARY}&state={STATE}", "odd_code"),
    "plus in code": (f"code={CODE}+{CANARY}&state={STATE}", "odd_code"),
    "accent in code": (f"code={CODE}%C3%A9&state={STATE}", "odd_code"),
    "NUL in code": (f"code={CODE}%00&state={STATE}", "control_character"),
    "line end in code": (f"code={CODE}%0d%0a&state={STATE}", "control_character"),
    "NUL in state": (f"code={CODE}&state={STATE}%00", "control_character"),
    "right-to-left override in code": (f"code={CODE}%E2%80%AE&state={STATE}", "hidden_character"),
    "not UTF-8 in code": (f"code={CODE}%ff&state={STATE}", "not_utf8"),
    "not UTF-8 in state": (f"code={CODE}&state=%ff{STATE}", "not_utf8"),
    "overlong UTF-8": (f"code={CODE}%c0%af&state={STATE}", "not_utf8"),
    "encoded surrogate": (f"code={CODE}%ed%a0%80&state={STATE}", "not_utf8"),
    "lone percent": (f"code={CODE}%&state={STATE}", "bad_percent"),
    "half a percent": (f"code={CODE}%4&state={STATE}", "bad_percent"),
    "percent u": (f"code={CODE}%u0041&state={STATE}", "bad_percent"),
    "encoded name": (f"c%6fde={CODE}&state={STATE}", "encoded_name"),
    "encoded state name": (f"{QUERY}&st%61te={STATE}", "encoded_name"),
    "capital name": (f"Code={CODE}&state={STATE}", "no_code"),
    "array name": (f"code[]={CODE}&state={STATE}", "no_code"),
    "empty piece": (f"code={CODE}&&state={STATE}", "malformed_query"),
    "trailing ampersand": (f"{QUERY}&", "malformed_query"),
    "no name": (f"{QUERY}&={CANARY}", "malformed_query"),
    "encoded ampersand": (f"code={CODE}%26state={STATE}", "no_state"),
    "1,000 parameters": ("&".join([QUERY, *(f"a{n}=" for n in range(1000))]), "too_many_parameters"),
    "code and error": (f"{QUERY}&error=access_denied", "code_and_error"),
    "access token": (f"{QUERY}&access_token={CANARY}", "token_in_address"),
    "id token": (f"{QUERY}&id_token={CANARY}", "token_in_address"),
    "refresh token": (f"refresh_token={CANARY}&{QUERY}", "token_in_address"),
    "foreign iss": (f"{QUERY}&iss=https%3A%2F%2F{CANARY}.example", "wrong_issuer"),
    "iss with a slash": (f"{QUERY}&iss=https%3A%2F%2Fauth.openai.com%2F", "wrong_issuer"),
    "iss in capitals": (f"{QUERY}&iss=https%3A%2F%2FAUTH.openai.com", "wrong_issuer"),
    "empty iss": (f"{QUERY}&iss=", "wrong_issuer"),
    "fragment": (f"{QUERY}#{CANARY}", "fragment"),
    "empty fragment": (f"{QUERY}#", "fragment"),
    "query and fragment both": (f"{QUERY}#{QUERY}", "fragment"),
    "state in the fragment": (f"code={CODE}#state={STATE}", "fragment"),
    "token in the fragment": (f"{QUERY}#access_token={CANARY}", "token_in_address"),
    "error without state": ("error=access_denied", "no_state"),
    "error with other state": (f"error=access_denied&state={OTHER_STATE}", "wrong_state"),
    "error and foreign iss": (f"error=access_denied&state={STATE}&iss=https://{CANARY}.example", "wrong_issuer"),
    "denied": (f"error=access_denied&state={STATE}", "denied:access_denied"),
    "denied with words": (
        f"error=access_denied&error_description=The+owner+said+{CANARY}.&state={STATE}",
        "denied:access_denied",
    ),
    "denied for want of Codex": (
        f"error=access_denied&error_description=missing_codex_entitlement&state={STATE}",
        "denied:missing_codex_entitlement",
    ),
    "unavailable": (f"error=temporarily_unavailable&state={STATE}", "denied:temporarily_unavailable"),
    "unknown error": (f"error={CANARY}&state={STATE}", "denied:other"),
    "empty error": (f"error=&state={STATE}", "denied:other"),
    "script as error": (f"error=%3Cscript%3E{CANARY}%3C/script%3E&state={STATE}", "denied:other"),
    "not UTF-8 as error": (f"error=%ff&state={STATE}", "not_utf8"),
    "script as code": (f"code=%3Cscript%3E&state={STATE}{CANARY}", "wrong_state"),
    "quote": (f'code={CODE}"&state={STATE}', "odd_character"),
    "angle brackets inside": (f"code=<{CODE}>&state={STATE}", "odd_character"),
    "pipe": (f"code={CODE}|{CANARY}&state={STATE}", "odd_character"),
    "backslash in code": (f"code={CODE}\\&state={STATE}", "odd_character"),
    "caret": (f"code={CODE}^&state={STATE}", "odd_character"),
    "letter with accent": (f"code={CODE}\u00e9&state={STATE}", "not_ascii"),
}
QUERIES = [Row(f"query: {name}", query, verdict) for name, (query, verdict) in _QUERIES.items()]
"""These hold for the pasted address and for the callback's request alike."""

OTHERS = [
    Row("no question mark", REDIRECT_URI, "no_query"),
    Row("only in the fragment", f"{REDIRECT_URI}#{QUERY}", "only_fragment"),
    Row("token only in the fragment", f"{REDIRECT_URI}#access_token={CANARY}", "token_in_address"),
    Row("code and other state", f"{CODE}#{OTHER_STATE}", "wrong_state"),
    Row("code and two states", f"{CODE}#{STATE}#{STATE}", "no_address"),
    Row("code, no state", f"{CODE}#", "no_address"),
    Row("state, no code", f"#{STATE}", "no_address"),
]

ROWS = [
    *_decorated(),
    *_spelled(),
    *SHAPES,
    *SCHEMES,
    *HOSTS,
    *PATHS,
    *(Row(name, at(REDIRECT_URI, query), verdict) for name, query, verdict in QUERIES),
    *OTHERS,
]
"""Every pasted text with its verdict."""
