"""Where the limits stand that control groups put on this process: those of a container, or of a systemd unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath


@dataclass(frozen=True, slots=True)
class ControlGroups:
    """The groups of this process: `root` is where they are mounted, `membership` names them."""

    root: Path = Path("/sys/fs/cgroup")
    membership: Path = Path("/proc/self/cgroup")

    def folders(self, controller: str) -> Iterator[Path]:
        """The group's folder and those of the groups around it, of version 2 and of the version 1 `controller`.

        A limit in any of them holds. They need not be there: a container often sees its own group as the root.
        """
        for mount, listed in ((self.root, ""), (self.root / controller, controller)):
            group = self._group(listed)
            yield from (mount / each for each in (group, *group.parents))

    def _group(self, controller: str) -> PurePath:
        """The group below the root. A line is number, controllers and path; version 2 names no controllers."""
        for line in self._lines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(",") and ".." not in PurePath(path).parts:
                return PurePath(path.lstrip("/"))
        return PurePath()

    def _lines(self) -> list[str]:
        try:
            text = self.membership.read_text(errors="surrogateescape")
        except OSError:
            return []
        return [line for line in text.splitlines() if line.count(":") >= 2]


OWN = ControlGroups()
"""Those of this process."""


def content(file: Path) -> str | None:
    """What a file of a control group says; None where there is no such file."""
    try:
        return file.read_text().strip()
    except OSError:
        return None
