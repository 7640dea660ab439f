"""OpenClaw of the JSON era as a target where no Node can run its SDK: our own writer, under OpenClaw's lock."""

import json
import os
from dataclasses import replace

from codex_auth.core.card import OWNER_SELF
from codex_auth.core.delivery_errors import OpenClawHasLogin, OpenClawHasOther, OpenClawNotThere, OrderNotSet
from codex_auth.core.model import Credential
from codex_auth.core.names import name_of_id
from codex_auth.deliver.protocol import Gift, Given, Held, hash_of
from codex_auth.edge import files
from codex_auth.notes.deliveries import Choice, Place
from codex_auth.stores.auth_profiles import AuthProfiles

_STATE_NAME = "auth-state.json"
_MAIN = "main"


class JsonEra:
    """One profile id in the `auth-profiles.json` of one agent."""

    def __init__(self, place: Place, folder: str, *, locks: str) -> None:
        self.place = place
        self._folder = folder
        self._name = name_of_id(place.profile_id) or ""
        prefix = place.profile_id.removesuffix(self._name)
        path = os.path.join(folder, "auth-profiles.json")
        self._store = AuthProfiles(path, locks=locks, openclaw=True, prefix=prefix)

    def check(self, gift: Gift) -> Given:
        """Return what is there now; raise what `give` would."""
        held = self._store.load(self._name)
        if held is not None and not gift.may_replace:
            ours = gift.credential
            if held.is_api_key or held.identity.account_id != ours.identity.account_id:
                raise OpenClawHasOther(**self._facts)
            if held.refresh is not None and not (gift.is_whole and held.refresh == ours.refresh):
                raise OpenClawHasLogin(**self._facts)
        return self._given(held, held)

    def give(self, gift: Gift) -> Given:
        """Write the gift, and return what is read back."""
        before = self.check(gift).before
        whole = gift.credential
        owner = "openclaw" if gift.is_whole else OWNER_SELF
        self._store.save(
            replace(whole, profile=self._name, refresh=whole.refresh if gift.is_whole else None, owner=owner)
        )
        return replace(self.look(), before=before)

    def look(self) -> Given:
        """Return what is there."""
        held = self._store.load(self._name)
        return self._given(held, held)

    def take_back(self, credential: Credential, _choice: Choice | None = None) -> Given:
        """Remove what is there, if it is of this account and no login of OpenClaw's own."""
        before = self.check(Gift(credential=credential)).before
        self._store.delete(self._name)
        return replace(self.look(), before=before)

    def export(self, profile: str) -> Credential:
        """Return the login that is there, without its refresh token."""
        held = self._store.load(self._name)
        if held is None:
            raise OpenClawNotThere(**self._facts, ids=", ".join(self._store.names()) or "none")
        return replace(held, profile=profile, refresh=None, id_token=None, owner="openclaw")

    def let_use(self, given: Given) -> dict[str, tuple[str, ...]]:
        """Say that an order leaves ours out: only OpenClaw's own command changes it, and that needs Node."""
        for agent, order in given.orders:
            ids = " ".join((*order, self.place.profile_id))
            provider = self.place.profile_id.partition(":")[0]
            raise OrderNotSet(**self._facts, agent=agent, provider=provider, ids=ids)
        return {}

    @property
    def _facts(self) -> dict[str, object]:
        return {"profile": self._name, "target": self.place.target, "profile_id": self.place.profile_id}

    def _given(self, before: Credential | None, now: Credential | None) -> Given:
        return Given(before=_held(before), now=_held(now), orders=self._orders())

    def _orders(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        text = files.read_private(os.path.join(self._folder, _STATE_NAME), foreign=True)
        try:
            state = json.loads(text or b"{}")
            order = tuple(map(str, state["order"][self.place.profile_id.partition(":")[0]]))
        except (ValueError, KeyError, TypeError, RecursionError):
            return ()
        return ((self.place.agent or _MAIN, order),) if self.place.profile_id not in order else ()


def _held(credential: Credential | None) -> Held | None:
    if credential is None:
        return None
    kind = "api_key" if credential.is_api_key else "oauth" if credential.refresh else "token"
    return Held(
        kind=kind,
        account=credential.identity.account_id,
        email=credential.identity.email,
        expires=credential.expires,
        fence="",
        access_hash=hash_of(credential.access),
        refresh_hash=hash_of(credential.refresh),
    )
