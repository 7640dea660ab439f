"""What administrators allow here, and what the user narrowed further: the rules in force, and what they answer.

1. A rule says what it allows; whatever it does not name it forbids. Where there is no rule, anything goes.
2. All rules of a kind count, whoever wrote them, so another one can only take away.
3. Rules that leave nothing in common refuse everything, and the refusal names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from codex_auth.core.card import OWNER_SELF, Card, Identity
from codex_auth.core.errors import PolicyRefused
from codex_auth.core.model import Credential
from codex_auth.core.openai import OPENAI_ISSUER
from codex_auth.core.text import mask_account

METHODS, FLOWS, STORES, ISSUERS, WORKSPACES = "login methods", "flows", "stores", "issuers", "workspaces"
OWNERS, HAND_OVER, LEASE = "owners", "hand-over", "shortest lease"

CHATGPT, API_KEY = "chatgpt", "api"
"""The two ways to be somebody, in the words of Codex's `forced_login_method`."""
BROWSER, PASTE, DEVICE = "browser", "paste", "device"

KNOWN = {
    METHODS: (CHATGPT, API_KEY),
    FLOWS: (BROWSER, PASTE, DEVICE),
    STORES: ("file", "keyring", "vault"),
    OWNERS: (OWNER_SELF, "codex", "openclaw"),
}
"""What can be allowed, for the kinds where that is a list; any address is an issuer, any id a workspace."""

YES = "yes"

_FLOW_WORDS = {BROWSER: "a browser on this machine", PASTE: "a pasted redirect", DEVICE: "a device code"}
_METHOD_WORDS = {
    CHATGPT: "ChatGPT login is disabled. Use API key login instead",
    API_KEY: "API key login is disabled. Use ChatGPT login instead",
}
"""The sentences of Codex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that one file says."""

    what: str
    """The kind of rule: `METHODS`, `FLOWS` and so on."""
    allows: tuple[str, ...] = ()
    least: timedelta = timedelta()
    """For `LEASE`, which has nothing to allow: how much life a token that is given out must have."""
    source: str
    key: str
    is_own: bool = False
    """Whether the user wrote it, and may change it."""

    @property
    def name(self) -> str:
        """Return what people find it by."""
        return f"{self.key} in {self.source}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Every rule in force; those of administrators first, which is the order in which refusals name them."""

    rules: tuple[Rule, ...] = ()

    def allowed(self, what: str) -> tuple[str, ...] | None:
        """Return what every rule of a kind allows, in the order of the first; None if there is none."""
        rules = self._of(what)
        if not rules:
            return None
        return tuple(value for value in rules[0].allows if all(value in rule.allows for rule in rules))

    def flows(self) -> frozenset[str]:
        """Return the ways of signing in that are allowed."""
        allowed = self.allowed(FLOWS)
        return frozenset(KNOWN[FLOWS] if allowed is None else allowed)

    def stores(self) -> tuple[str, ...]:
        """Return the kinds of store in which a login may be put."""
        allowed = self.allowed(STORES)
        return KNOWN[STORES] if allowed is None else allowed

    def workspaces(self) -> tuple[str, ...] | None:
        """Return the only ChatGPT workspaces that may sign in; None for any."""
        return self.allowed(WORKSPACES)

    def minimum_lease(self) -> timedelta:
        """Return how much life a token must have when it is given out."""
        return max((rule.least for rule in self._of(LEASE)), default=timedelta())

    def login_method_refusal(self, method: str) -> PolicyRefused | None:
        """Return why nobody may be signed in with ChatGPT (`CHATGPT`) or an API key (`API_KEY`)."""
        return self._refusal(METHODS, method, _METHOD_WORDS[method])

    def flow_refusal(self, flow: str) -> PolicyRefused | None:
        """Return why this way of signing in is closed."""
        only = " or ".join(_FLOW_WORDS[each] for each in self.allowed(FLOWS) or ())
        return self._refusal(FLOWS, flow, f"Signing in with {_FLOW_WORDS[flow]} is not allowed here, only with {only}")

    def store_refusal(self, kind: str) -> PolicyRefused | None:
        """Return why a login may not be put into this kind of store."""
        only = " or ".join(self.stores())
        return self._refusal(STORES, kind, f"A login may not be kept in the {kind} here, only in the {only}")

    def issuer_refusal(self, issuer: str) -> PolicyRefused | None:
        """Return why this provider may not be used."""
        issuer = issuer or OPENAI_ISSUER
        return self._refusal(ISSUERS, issuer, f"Logins of {issuer} are not allowed here")

    def account_refusal(self, account_id: str) -> PolicyRefused | None:
        """Return why this account, which is a workspace, may not be signed in; one that is not known may not."""
        problem = f"Login is restricted to other workspaces than this one ({mask_account(account_id)})"
        return self._refusal(WORKSPACES, account_id, problem)

    def owner_refusal(self, owner: str) -> PolicyRefused | None:
        """Return why this program may not own a login."""
        return self._refusal(OWNERS, owner, f"No login may be owned by {owner} here")

    def hand_over_refusal(self) -> PolicyRefused | None:
        """Return why a login may not be handed over."""
        return self._refusal(HAND_OVER, YES, "A login may not be handed over here")

    def lease_refusal(self, left: timedelta) -> PolicyRefused | None:
        """Return why a token with this much life may not be given out."""
        short = [rule for rule in self._of(LEASE) if left < rule.least]
        return _refused("A token with so little life left may not be given out here", short[:1]) if short else None

    def sign_in_refusal(self, *, flow: str, issuer: str, store: str) -> PolicyRefused | None:
        """Return why a ChatGPT sign-in that would end in this store may not begin."""
        return (
            self.login_method_refusal(CHATGPT)
            or (self._nothing_left(WORKSPACES) if self.workspaces() == () else None)
            or self.flow_refusal(flow)
            or self.issuer_refusal(issuer)
            or self.owner_refusal(OWNER_SELF)
            or self.store_refusal(store)
        )

    def use_refusal(self, held: Credential | Card) -> PolicyRefused | None:
        """Return why a login that is there may not be used: given out, or refreshed. Its store does not matter."""
        is_api_key = held.is_api_key if isinstance(held, Credential) else held.kind == "api_key"
        if is_api_key and not (held.key and held.key.is_personal):
            return self.login_method_refusal(API_KEY)
        return (
            self.login_method_refusal(CHATGPT) or self.identity_refusal(held.identity) or self.owner_refusal(held.owner)
        )

    def identity_refusal(self, found: Identity) -> PolicyRefused | None:
        """Return why this account of this provider may not be signed in."""
        return self.issuer_refusal(found.issuer) or self.account_refusal(found.account_id)

    def _of(self, what: str) -> list[Rule]:
        return [rule for rule in self.rules if rule.what == what]

    def _refusal(self, what: str, value: str, problem: str) -> PolicyRefused | None:
        against = [rule for rule in self._of(what) if value not in rule.allows]
        if not against:
            return None
        if what != HAND_OVER and not self.allowed(what):
            return self._nothing_left(what)
        return _refused(problem, against[:1])

    def _nothing_left(self, what: str) -> PolicyRefused:
        """Say which rules contradict: one that allows nothing, two without anything in common, or all of them."""
        rules = self._of(what)
        for each in rules:
            if not each.allows:
                return _refused(f"No {_one(what)} is allowed here", [each])
        for at, each in enumerate(rules):
            for other in rules[at + 1 :]:
                if not set(each.allows) & set(other.allows):
                    return _refused(f"Two rules leave no {_one(what)} that both allow", [each, other])
        return _refused(f"The rules leave no {_one(what)} that all allow", rules)


def _one(what: str) -> str:
    return {FLOWS: "way of signing in"}.get(what, what.removesuffix("s"))


def _refused(problem: str, rules: Sequence[Rule]) -> PolicyRefused:
    own = next((rule for rule in rules if rule.is_own), None)
    todo = f"Change that in {own.source}, which is yours" if own else "Ask whoever administers this machine"
    return PolicyRefused(problem=problem, rules=" and ".join(rule.name for rule in rules), todo=todo)
