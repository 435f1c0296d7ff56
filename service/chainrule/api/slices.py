"""Lines of a batch that are read together, and answered one after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from chainrule.api.items import Answer
from chainrule.api.lines import Line
from chainrule.api.stacking import Due

MOST_LINES = 100
"""Lines of a slice."""
MOST_BYTES = 1 << 19
"""Bytes of a slice, unless a single line is longer; and of the answers made before they are sent."""


@dataclass(slots=True)
class Slice:
    """Lines that were read together, and what has come of them."""

    late: bool
    """Read after the service began to drain."""
    lines: list[Line] = field(default_factory=list)
    size: int = 0
    """Bytes of the lines."""
    answers: list[bytes] = field(default_factory=list)
    """Those that are made and not yet sent."""
    sent: int = 0
    following: Iterator[Answer | Due] | None = None
    """Makes the next answers, once the first has been asked for."""
    due: Due | None = None
    """The next item, where room is wanted for its answer."""

    @property
    def made(self) -> int:
        """How many lines have an answer."""
        return self.sent + len(self.answers)

    def has_room_for(self, line: Line) -> bool:
        """Whether the line may be added."""
        fits = self.size + len(line.text or b"") <= MOST_BYTES
        return not self.lines or (fits and len(self.lines) < MOST_LINES)

    def add(self, line: Line) -> None:
        """Take a line more."""
        self.lines.append(line)
        self.size += len(line.text or b"")
