"""The lines of a slice answered in their order, items that are alike but for their numbers computed together.

What goes wrong with a stack, and what only some of its items have, is never told of a stack: those items are computed
alone. So each gets the answer that it would get by itself, to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from chainrule.api.items import Answer, Item, Items, Request
from chainrule.api.lines import Line
from chainrule.operations import Call
from chainrule.operations.stacks import most_of, stacks

LEAST = 3
"""So many items are worth a stack."""
FEW = 10
"""So many are tried together where some among more are at fault, and in vain but once."""

Watch: TypeAlias = Callable[[], Callable[[], bool]]
"""Makes the check of an item whose time begins now: whether it is over, or nobody waits any more."""


def answers(items: Items, lines: Sequence[Line], watch: Watch) -> Iterator[Answer]:
    """The answers to `lines`, one after another, each computed when it is asked for or with one before it."""
    read = [items.read(line) for line in lines]
    alike: dict[Request, list[Item]] = {}
    for item in read:
        if isinstance(item, Item) and item.request.together:
            alike.setdefault(item.request, []).append(item)
    for item in read:
        yield item if isinstance(item, tuple) else _answer(items, item, alike.get(item.request, []), watch)


def _answer(items: Items, item: Item, alike: list[Item], watch: Watch) -> Answer:
    """The answer to the item, and to others like it if they make a stack."""
    if item.answer is not None:
        return _handed_over(item)
    call = items.ready(item)
    if not isinstance(call, Call):
        return call
    if not item.tried and len(alike) >= LEAST and stacks(call.operation):
        waiting = [each for each in alike if not each.tried]
        _answer_together(items, waiting[: most_of(call.cost)], watch)
    return items.answer(item, call, watch()) if item.answer is None else _handed_over(item)


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
