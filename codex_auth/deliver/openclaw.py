"""OpenClaw as a target: its own SDK does the writing, run by the Node that runs it, in every release since 2026.5.7."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from codex_auth.core.card import Identity
from codex_auth.core.delivery_errors import (
    DeliveryError,
    NoOpenClaw,
    OpenClawBusy,
    OpenClawFailed,
    OpenClawHasLogin,
    OpenClawHasOther,
    OpenClawHides,
    OpenClawHidesWhose,
    OpenClawKeptOther,
    OpenClawMigrationPending,
    OpenClawModeConflict,
    OpenClawNodeUnusable,
    OpenClawNotThere,
    OpenClawRefreshFailed,
    OpenClawRefreshing,
    OpenClawSlow,
    OpenClawUnknown,
    OrderNotSet,
)
from codex_auth.core.errors import AuthError
from codex_auth.core.model import Credential
from codex_auth.core.openai import OPENAI_ISSUER
from codex_auth.core.secret import Secret
from codex_auth.deliver.protocol import Gift, Given, Held, hash_of
from codex_auth.edge import errand
from codex_auth.neighbours.openclaw import SHARED_ERA, Installation
from codex_auth.neighbours.openclaw_homes import MAIN, OpenClawHome, gateway_of
from codex_auth.notes.deliveries import Choice, Place

NAME = "openclaw"
SECONDS = 150.0
"""How long the SDK may take: OpenClaw 6.1 refreshes for up to 120 seconds inside the lock that we wait for."""
COMMAND_SECONDS = 120.0
"""How long its own command line may take, which needs three seconds to start and many more on a busy machine."""
_PASSED_ON = ("HOME", "USERPROFILE", "OPENCLAW_HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LANG", "TZ")
"""What the SDK sees of our environment besides what names the state folder; nothing that could load code."""
_REFUSALS: dict[str, type[DeliveryError]] = {
    "migration_pending": OpenClawMigrationPending,
    "store_refused": OpenClawBusy,
    "fence_running": OpenClawRefreshing,
    "fenced": OpenClawRefreshFailed,
    "other_account": OpenClawHasOther,
    "holds_login": OpenClawHasLogin,
    "mode_conflict": OpenClawModeConflict,
}
CLEAN = (
    OpenClawMigrationPending,
    OpenClawRefreshing,
    OpenClawHasOther,
    OpenClawHasLogin,
    OpenClawHides,
    OpenClawHidesWhose,
    OpenClawModeConflict,
    OpenClawNodeUnusable,
)
"""The refusals after which it is certain that nothing was written."""


class OpenClaw:
    """One profile id in one state folder of the installed OpenClaw.

    `agent` is empty for the store that a release since 2026.8.1 shares among its agents, and for the main agent of
    an older one.
    """

    def __init__(
        self, installed: Installation, home: OpenClawHome, *, name: str, agent: str, env: Mapping[str, str]
    ) -> None:
        if installed.era is None:
            raise OpenClawUnknown(path=installed.package)
        self._installed = installed
        self._home = home
        self._env = env
        self.profile = name
        self._provider = installed.prefix.removesuffix(":")
        self.place = Place(
            target=NAME,
            state=home.state,
            config=home.config,
            home_profile=home.profile,
            agent=agent,
            profile_id=installed.prefix + name,
        )

    def at_id(self, profile_id: str) -> "OpenClaw":
        """Return the same for another profile id."""
        provider, _, name = profile_id.partition(":")
        other = OpenClaw(self._installed, self._home, name=name, agent=self.place.agent, env=self._env)
        other._provider = provider
        other.place = Place(
            **{slot: getattr(self.place, slot) for slot in Place.__slots__} | {"profile_id": profile_id}
        )
        return other

    def check(self, gift: Gift) -> Given:
        """Return what is there now; raise what `give` would, as far as that is known before trying."""
        return self._given(self._ask("would_put", gift))

    def give(self, gift: Gift) -> Given:
        """Put the gift there, and make sure that it is what is read back."""
        given = self._given(self._ask("put", gift))
        self._verify(gift, given)
        return given

    def look(self) -> Given:
        """Return what is there."""
        return self._given(self._ask("look"))

    def take_back(self, credential: Credential, _choice: Choice | None = None) -> Given:
        """Remove what is there, if it is of this account and no login of OpenClaw's own."""
        return self._given(self._ask("delete", Gift(credential=credential, check_settings=False)))

    def export(self, profile: str) -> Credential:
        """Return the login that is there, without its refresh token."""
        answer = self._ask("export")
        return _credential(answer["credential"], _held(answer["now"]), profile)

    def let_use(self, given: Given) -> dict[str, tuple[str, ...]]:
        """Append our id to each explicit order that leaves it out, with OpenClaw's own command."""
        changed = {}
        for agent, order in given.orders:
            wanted = (*(each for each in order if each in given.ids), self.place.profile_id)
            words = ["models", "auth", "order", "set", "--provider", self._provider, "--agent", agent, *wanted]
            if self.run(words) is None:
                raise OrderNotSet(
                    profile=self.profile,
                    target=NAME,
                    profile_id=self.place.profile_id,
                    provider=self._provider,
                    ids=" ".join(wanted),
                    agent=agent,
                )
            changed[agent] = wanted
        return changed

    def run(self, words: list[str], given: bytes = b"") -> bytes | None:
        """Run OpenClaw's own command line with each Node until one succeeds; return its answer, None if none did."""
        program = os.path.realpath(self._installed.program)
        is_script = program.endswith((".mjs", ".js"))
        for node in self._nodes() or ([] if is_script else [program]):
            command = [node, program, *words] if is_script else [program, *words]
            done = errand.send(command, given, self._environment(node), seconds=COMMAND_SECONDS)
            if done.status == 0:
                return done.text
        return None

    def unusable(self) -> OpenClawNodeUnusable:
        """Return the error that says that no Node here runs the SDK."""
        return OpenClawNodeUnusable(release=self._installed.release, nodes=", ".join(self._nodes()) or "none")

    # --- the helper --------------------------------------------------------------------------------------------

    def _ask(self, op: str, gift: Gift | None = None) -> dict[str, Any]:
        """Run the helper with each Node until one loads the SDK; return its answer or raise what it refused."""
        from importlib.resources import as_file, files

        request = json.dumps(self._request(op, gift)).encode()
        nodes = self._nodes()
        with as_file(files("codex_auth.deliver") / "openclaw_helper.mjs") as helper:
            for node in nodes:
                done = errand.send([node, str(helper)], request, self._environment(node), seconds=SECONDS)
                if done.is_late:
                    raise OpenClawSlow(seconds=f"{SECONDS:g}")
                answer = _read_answer(done.text)
                if answer.get("ok") is True:
                    return answer
                # Too old a Node may also die on our own syntax, without an answer.
                if answer.get("code", "no_sdk") != "no_sdk":
                    self._refuse(str(answer["code"]), answer, gift)
        raise self.unusable()

    def _request(self, op: str, gift: Gift | None) -> dict[str, object]:
        request: dict[str, object] = {
            "op": op,
            "package": self._installed.package,
            "id": self.place.profile_id,
            "agent_dir": self._home.agent_folder(self.place.agent) if self.place.agent else None,
        }
        if gift is None:
            return request
        credential = gift.credential
        return request | {
            "credential": self._fields(gift),
            "account": credential.identity.account_id,
            "email": credential.identity.email,
            "replace": gift.may_replace,
            "known_refresh": hash_of(credential.refresh) if gift.is_whole else "",
            "check_config": gift.check_settings,
            "agent_dirs": [self._home.agent_folder(each) for each in self._readers()] if gift.check_settings else [],
        }

    def _fields(self, gift: Gift) -> dict[str, object]:
        """Return the credential in OpenClaw's own schema."""
        credential = gift.credential
        identity = credential.identity
        fields: dict[str, object] = {
            "type": "oauth" if gift.is_whole else "token",
            "provider": self._provider,
            "expires": round(credential.expires.timestamp() * 1000),
            "accountId": identity.account_id,
            "email": identity.email,
        }
        if gift.is_whole and credential.refresh is not None:
            fields |= {
                "access": credential.access.reveal(),
                "refresh": credential.refresh.reveal(),
                "idToken": credential.id_token.reveal() if credential.id_token else "",
                "clientId": credential.client_id,
                "chatgptPlanType": identity.plan,
            }
        else:
            fields["token"] = credential.access.reveal()
        return {name: value for name, value in fields.items() if value != ""}

    def _refuse(self, code: str, answer: Mapping[str, object], gift: Gift | None) -> NoReturn:
        facts: dict[str, object] = {
            "profile": self.profile,
            "target": NAME,
            "profile_id": self.place.profile_id,
            "state": self._home.state,
            "mode": "oauth" if gift and gift.is_whole else "token",
        }
        if code == "not_found":
            ids = answer.get("ids")
            raise OpenClawNotThere(**facts, ids=", ".join(map(str, ids)) if isinstance(ids, list) and ids else "none")
        if code == "hidden":
            hidden = answer.get("hidden")
            folders = hidden if isinstance(hidden, list) else []
            agents = [each for each in self._readers() if self._home.agent_folder(each) in folders]
            raise OpenClawHides(**facts, agents=", ".join(agents), agent=agents[0] if agents else MAIN)
        kind = _REFUSALS.get(code)
        if kind is not None:
            raise kind(**facts)
        step = {"": "no answer", "invalid_config": "it refuses its own configuration"}.get(code, "unexpected")
        raise OpenClawFailed(step=step, **facts)

    def _verify(self, gift: Gift, given: Given) -> None:
        """Compare what OpenClaw reads back with what it was given: type, tokens, end; and whether agents see it."""
        held, credential = given.now, gift.credential
        problem = ""
        if held is None or held.access_hash != hash_of(credential.access):
            problem = "it holds another token"
        elif gift.is_whole and held.refresh_hash != hash_of(credential.refresh):
            problem = "it holds another refresh token"
        elif held.kind != ("oauth" if gift.is_whole else "token"):
            problem = f"it is of type {held.kind}"
        elif held.account and credential.identity.account_id and held.account != credential.identity.account_id:
            problem = "it belongs to another account"
        elif held.expires is None or abs((held.expires - credential.expires).total_seconds()) > 1:
            problem = "it ends at another time"
        if problem:
            raise OpenClawKeptOther(
                profile=self.profile, target=NAME, profile_id=self.place.profile_id, problem=problem
            )

    def _given(self, answer: Mapping[str, Any]) -> Given:
        orders = answer.get("orders")
        listed = zip(self._readers(), orders, strict=False) if isinstance(orders, list) else ()
        return Given(
            before=_held(answer.get("before")),
            now=_held(answer.get("now")),
            orders=tuple(
                (agent, tuple(map(str, order)))
                for agent, order in listed
                if isinstance(order, list) and order and self.place.profile_id not in order
            ),
            ids=tuple(map(str, answer.get("ids") or ())),
        )

    def _nodes(self) -> list[str]:
        """Return the Nodes to try: a running gateway's is known to run OpenClaw."""
        gateway = gateway_of(self._home)
        first = (gateway.node,) if gateway and gateway.node else ()
        return list(dict.fromkeys((*first, *self._installed.nodes)))

    def _readers(self) -> tuple[str, ...]:
        """Return the agents that will use this: the one that was named, or all that share the store."""
        if self.place.agent or self._installed.era != SHARED_ERA:
            return (self.place.agent or MAIN,)
        return tuple(dict.fromkeys((MAIN, *self._home.agents)))

    def _environment(self, node: str) -> dict[str, str]:
        kept = {name: self._env[name] for name in _PASSED_ON if name in self._env}
        path = os.pathsep.join((os.path.dirname(node), "/usr/bin", "/bin"))
        return {**kept, "PATH": path, "OPENCLAW_HIDE_BANNER": "1", "NO_COLOR": "1", **self._home.environment}


def open_openclaw(
    installed: Installation | None, home: OpenClawHome, *, name: str, agent: str, env: Mapping[str, str]
) -> OpenClaw:
    """Return the target. Raises `NoOpenClaw`, and `OpenClawUnknown` for a release that does not say what it is."""
    if installed is None:
        raise NoOpenClaw(problem="no `openclaw` is on PATH")
    if not os.path.isdir(home.state):
        raise NoOpenClaw(problem=f"{home.state} does not exist")
    if agent and agent not in home.agents and agent != MAIN:
        known = ", ".join(home.agents) or "none"
        raise NoOpenClaw(problem=f"{home.state} has no agent of that name (it has: {known})")
    # An older release's main agent is meant by naming none, too; one note for one place.
    is_main = agent == MAIN and installed.era != SHARED_ERA
    return OpenClaw(installed, home, name=name, agent="" if is_main else agent, env=env)


def _read_answer(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _held(value: object) -> Held | None:
    if not isinstance(value, dict):
        return None
    expires = value.get("expires")
    return Held(
        kind=str(value.get("type") or ""),
        account=str(value.get("account") or ""),
        email=str(value.get("email") or ""),
        expires=_moment(expires),
        fence=str(value.get("fence") or ""),
        access_hash=str(value.get("access_hash") or ""),
        refresh_hash=str(value.get("refresh_hash") or ""),
    )


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(value / 1000, UTC) if isinstance(value, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None


def _credential(fields: Mapping[str, object], held: Held | None, profile: str) -> Credential:
    """Return what OpenClaw holds as a credential that OpenClaw owns."""
    access = fields.get("token") or fields.get("access")
    if held is None or held.kind not in {"oauth", "token"} or not isinstance(access, str):
        raise OpenClawFailed(step="it holds no login that could be read", profile=profile, target=NAME)
    return Credential(
        profile=profile,
        identity=Identity(
            issuer=OPENAI_ISSUER,
            subject="",
            account_id=held.account,
            email=held.email,
            plan=str(fields.get("chatgptPlanType") or ""),
        ),
        access=Secret(access),
        refresh=None,
        id_token=None,
        expires=held.expires or datetime(9999, 1, 1, tzinfo=UTC),
        owner=NAME,
        client_id=str(fields.get("clientId") or ""),
    )


__all__ = ["CLEAN", "NAME", "AuthError", "OpenClaw", "open_openclaw"]
