"""How much memory this process may use, in a container too."""

from __future__ import annotations

import os
from collections.abc import Iterator

from chainrule.api.control_groups import OWN, ControlGroups, content

_FILES = ("memory.max", "memory.limit_in_bytes")
"""Of version 2, where no limit is "max", and of version 1, where it is a number beyond any machine."""


def available_memory(groups: ControlGroups = OWN) -> int | None:
    """The less of the machine's memory and what its control groups allow, in bytes; None where nothing tells."""
    return min((*_physical(), *_limits(groups)), default=None)


def _physical() -> Iterator[int]:
    try:
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not a system that says so
        return


def _limits(groups: ControlGroups) -> Iterator[int]:
    for folder in groups.folders("memory"):
        for name in _FILES:
            said = content(folder / name)
            if said is not None and said.isdecimal():
                yield int(said)
