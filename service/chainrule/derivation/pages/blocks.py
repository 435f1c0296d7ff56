"""What a page is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """Above a section."""

    text: str


@dataclass(frozen=True)
class Math:
    """A formula within a line of text."""

    latex: str


@dataclass(frozen=True)
class Paragraph:
    """Text and formulas in a line."""

    pieces: tuple[str | Math, ...]


@dataclass(frozen=True)
class Equations:
    """Formulas set apart, one below the other; those after the first go on with it."""

    lines: tuple[str, ...]


Block = Heading | Paragraph | Equations
