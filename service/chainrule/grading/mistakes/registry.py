"""The registry of mistakes: small alterations of the chain rule, each at one kind of place.

A mistake is a function from a place to what it would make of it there: nothing where it does not apply, one array, or
several, each with a detail such as a function's name. Adding one is such a function and its test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from chainrule.engine.op import Op

Place = TypeVar("Place")


@dataclass(frozen=True, slots=True)
class Altered:
    """What a mistake makes of its place."""

    array: Any
    """The altered cotangent, value or gradient; None where a mistake in the loss leaves that as it is."""
    detail: str | None = None
    """Which of several, in words."""
    op: Op | None = None
    """For a value: the op that was done in place of the right one, whose derivative counts then too."""
    inputs: tuple[Any, ...] | None = None
    """For a value: what the op was given in place of its inputs, which counts in its derivative then too."""
    derivative: Any = None
    """For the loss's value: the derivative that goes with it."""


@dataclass(frozen=True, slots=True)
class Mistake(Generic[Place]):
    """One entry. `message` and `hint` may hold {at} and {detail}."""

    code: str
    message: str
    hint: str
    apply: Callable[[Place], Iterator[Altered]]
    of_sum: bool = False
    """Of a parameter that several steps take: it alters the sum of what they contribute, whatever that is made of."""


class Registry(Generic[Place]):
    """The mistakes of one kind of place, in the order in which they are named where several fit."""

    def __init__(self) -> None:
        self.entries: list[Mistake[Place]] = []

    def __call__(
        self, code: str, message: str, hint: str, *, of_sum: bool = False
    ) -> Callable[[Callable[[Place], Iterator[Altered]]], Any]:
        """Decorator: enter a mistake."""

        def enter(apply: Callable[[Place], Iterator[Altered]]) -> Mistake[Place]:
            mistake = Mistake(code, message, hint, apply, of_sum)
            self.entries.append(mistake)
            return mistake

        return enter

    def __iter__(self) -> Iterator[Mistake[Place]]:
        return iter(self.entries)
