"""The lines of a slice answered in their order, items that are alike but for their numbers computed together.

What goes wrong with a stack, and what only some of its items have, is never told of a stack: those items are computed
alone. So each gets the answer that it would get by itself, to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from chainrule.api.items import Answer, Item, Items, Request
from chainrule.api.lines import Line
from chainrule.api.workers import LARGE, NUMBER
from chainrule.operations import Call
from chainrule.operations.stacks import most_of, stacks

LEAST = 3
"""So many items are worth a stack."""
FEW = 10
"""So many are tried together where some among more are at fault, and in vain but once."""

Watch: TypeAlias = Callable[[], Callable[[], bool]]
"""Makes the check of an item whose time begins now: whether it is over, or nobody waits any more."""


@dataclass(slots=True)
class Due:
    """An item that is to be computed next, and alone."""

    item: Item
    call: Call | None
    """The item ready to run, while that is not let go of."""
    size: int
    """Bytes that its answer is thought to take."""

    def wait(self) -> None:
        """Have the item made ready once more when its turn has come: as it is now, it may hold large arrays."""
        self.call = None


def answers(items: Items, lines: Sequence[Line], watch: Watch) -> Iterator[Answer | Due]:
    """The answers to `lines`, one after another, each computed when it is asked for or with one before it.

    Before one that is thought to take more than LARGE there comes what is due.
    """
    read = [items.read(line) for line in lines]
    alike: dict[Request, list[Item]] = {}
    for item in read:
        if isinstance(item, Item) and item.request.together:
            alike.setdefault(item.request, []).append(item)
    for item in read:
        if isinstance(item, tuple):
            yield item
        else:
            yield from _answer(items, item, alike.get(item.request, []), watch)


def _answer(items: Items, item: Item, alike: list[Item], watch: Watch) -> Iterator[Answer | Due]:
    due = _due(items, item, alike, watch)
    if isinstance(due, Due) and due.size > LARGE:
        yield due
    yield _computed(items, due, watch) if isinstance(due, Due) else due


def _due(items: Items, item: Item, alike: list[Item], watch: Watch) -> Answer | Due:
    """The answer to the item, if it has one by now, perhaps with others like it that make a stack."""
    if item.answer is not None:
        return _handed_over(item)
    call = items.ready(item)
    if not isinstance(call, Call):
        return call
    if not item.tried and len(alike) >= LEAST and stacks(call.operation):
        waiting = [each for each in alike if not each.tried]
        _answer_together(items, waiting[: most_of(call.cost)], watch)
    return Due(item, call, call.cost.returned * NUMBER) if item.answer is None else _handed_over(item)


def _computed(items: Items, due: Due, watch: Watch) -> Answer:
    call, due.call = due.call or items.ready(due.item), None
    return items.answer(due.item, call, watch()) if isinstance(call, Call) else call


def _handed_over(item: Item) -> Answer:
    """The item's answer, which it then keeps no longer."""
    assert item.answer is not None
    answer, item.answer = item.answer, None
    return answer


def _answer_together(items: Items, waiting: list[Item], watch: Watch) -> None:
    """Answer those that can be. What is at fault is told from the rest by its shapes, and then by trying few."""
    for item in waiting:
        item.tried = True
    if len(waiting) < LEAST or items.answer_together(waiting, watch()):
        return
    shapes: dict[tuple[int, ...], list[Item]] = {}
    for item in waiting:
        shapes.setdefault(item.brackets(), []).append(item)
    if len(shapes) == 1 and len(waiting) <= FEW:
        return
    parts = [waiting[i : i + FEW] for i in range(0, len(waiting), FEW)]
    for part in shapes.values() if len(shapes) > 1 else parts:
        _answer_together(items, part, watch)
