"""The crash sweep of the vault, of moves between all stores, and of a change of the vault's key."""

from collections.abc import Sequence
from pathlib import Path

from tests.crash import refresh_rig, rig
from tests.crash.calls import KILL, Call, Injection, is_vital
from tests.crash.scene import COMMANDS, Scene
from tests.crash.store_scene import KeepingScene, VaultHome, VaultRefreshScene


class VaultBench(rig.Bench):
    """A provider and a folder for homes whose logins are in a vault."""

    def furnished(self, folder: Path) -> Scene:
        """Return a home as the command finds it."""
        return VaultHome(self.command, folder, self.sandbox)


class VaultRefreshBench(refresh_rig.RefreshBench):
    """The same for a refresh."""

    def furnished(self, folder: Path) -> VaultRefreshScene:
        """Return a home with a login to refresh."""
        return VaultRefreshScene(self.command, folder, self.sandbox)


class KeepingBench(rig.Bench):
    """A folder for homes in which a login is moved, or the key of the vault is changed."""

    def furnished(self, folder: Path) -> Scene:
        """Return a home as the command finds it."""
        return KeepingScene(self.command, folder, self.sandbox)


KEEPING = tuple(name for name in COMMANDS if name.startswith("move-") or name == "rekey")
BENCHES: dict[str, type[rig.Bench]] = {
    "finish-vault": VaultBench,
    "refresh-vault": VaultRefreshBench,
    **dict.fromkeys(KEEPING, KeepingBench),
}


def sample(calls: Sequence[Call], *, every: int) -> list[Injection]:
    """Return a kill at each so-manieth call that changes something, and in between another of its faults."""
    vital = [call for call in calls if is_vital(call)]
    chosen = [Injection(call=call, fault=KILL) for call in vital[::every]]
    for turn, call in enumerate(vital[every // 2 :: every]):
        chosen.append(Injection(call=call, fault=call.faults[turn % len(call.faults)]))
    return chosen
