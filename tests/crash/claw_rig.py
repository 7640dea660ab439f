"""The crash sweep of `apply` where OpenClaw counts what it was told: a reload, and a restart after a Node delivered."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from tests.crash import rig
from tests.crash.claw_scene import ClawScene, Gateway
from tests.crash.scene import Scene


class ClawBench(rig.Bench):
    """A provider, a gateway, and a folder for homes in which a login is applied."""

    is_alone = True

    def __enter__(self) -> Self:
        self.gateway = Gateway()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self.gateway.shutdown()
        self.gateway.server_close()

    @contextlib.contextmanager
    def scene(self) -> Iterator[Scene]:
        """Set up a home, take it down again, and count how it ended."""
        with super().scene() as scene:
            assert isinstance(scene, ClawScene)
            yield scene
            if scene.ending:
                self.classes[scene.ending] += 1

    def furnished(self, folder: Path) -> ClawScene:
        """Return a home as the command finds it."""
        return ClawScene(self.command, folder, self.sandbox, gateway=self.gateway)


BENCHES: dict[str, type[rig.Bench]] = dict.fromkeys(("apply-reload", "apply-node"), ClawBench)
