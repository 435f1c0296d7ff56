"""What values are called in a derivation: the homework's notation for the names of layers, and a safe one for the rest.

A name from a request never reaches LaTeX as it is: all of it but letters and digits is spelled out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count

from chainrule.derivation.expressions import Size
from chainrule.derivation.indexed import Index, Symbol
from chainrule.engine.graph import DATA, LOSS
from chainrule.engine.plan import Plan

LONGEST = 24
"""Characters of a name that are shown."""

_NUMBERED = re.compile(r"([A-Za-z])([0-9]{1,4})")
_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "  # noqa: SIM905
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
_INDICES = ("i", "j", "k", r"\ell", "q", "r", "u", "v")


def symbols_of(plan: Plan) -> dict[str, Symbol]:
    """A symbol for every value of a plan, no two alike."""
    output = plan.slots[plan.output].name if plan.loss is not None else None
    found: dict[str, Symbol] = {}
    taken: set[str] = set()
    parameters = frozenset(plan.parameters)
    penalties = count(1)
    for slot in plan.slots:
        if plan.loss is not None and slot.name == output:
            symbol = Symbol(slot.name, r"\tilde{y}")
        elif slot.name == DATA and plan.loss is not None:
            symbol = Symbol(slot.name, LOSS, r"\mathrm{data}")
        elif _is_penalty(plan, slot.name):
            symbol = Symbol(slot.name, "R", str(next(penalties)))
        else:
            symbol = _symbol(slot.name, parameter=slot.name in parameters)
        while symbol.latex() in taken:
            symbol = replace(symbol, letter=rf"\bar{{{symbol.letter}}}")
        taken.add(symbol.latex())
        found[slot.name] = symbol
    return found


def _is_penalty(plan: Plan, name: str) -> bool:
    step = plan.producer(plan.index[name])
    return step is not None and step.op.family == "penalty"


def _symbol(name: str, *, parameter: bool) -> Symbol:
    if numbered := _NUMBERED.fullmatch(name):
        letter, number = numbered.groups()
        return Symbol(name, letter, sup=f"({number})") if parameter else Symbol(name, letter, sub=number)
    if len(name) == 1 and name.isascii() and name.isalpha():
        return Symbol(name, name)
    if name in _GREEK:
        return Symbol(name, f"\\{name}")
    return Symbol(name, rf"\mathrm{{{spelled(name)}}}")


def spelled(name: str) -> str:
    """A name in letters and digits and what stands for the rest, shortened where it is long."""
    shown = name if len(name) <= LONGEST else f"{name[: LONGEST - 6]}{_digest(name)}"
    return "".join(map(_character, shown))


def _digest(name: str) -> str:
    """Five digits that tell long names with the same beginning apart."""
    return f".{sum(ord(letter) * (position + 1) for position, letter in enumerate(name)) % 100_000:05}"


def _character(letter: str) -> str:
    if letter.isascii() and letter.isalnum():
        return letter
    return {"_": r"\_", ".": ".", "-": "{-}"}.get(letter, f"[{ord(letter):x}]")


class Letters:
    """Letters for indices, sizes and what is defined beside a formula, none of them the name of a value."""

    def __init__(self, symbols: Mapping[str, Symbol], sizes: Mapping[int, str] | None = None) -> None:
        self._taken = {symbol.latex() for symbol in symbols.values()} | set((sizes or {}).values())

    def free(self, letter: str) -> str:
        """The letter, or with a hat where it is a value's."""
        return rf"\hat{{{letter}}}" if letter in self._taken else letter

    def indices(self, sizes: Iterable[int], used: Iterable[Index] = ()) -> tuple[Index, ...]:
        """An index for each size, of letters that are not `used`."""
        before = {index.letter for index in used}
        letters = (letter for letter in self._all() if letter not in before)
        return tuple(Index(next(letters), size) for size in sizes)

    def _all(self) -> Iterator[str]:
        yield from (letter for letter in _INDICES if letter not in self._taken)
        yield from (f"i_{{{number}}}" for number in count(1))


def size_letters(plan: Plan, symbols: Mapping[str, Symbol]) -> dict[int, Size]:
    """A letter for each length there is: n of the input, K of the output, a of what lies between, where they are
    free; d₁, d₂, … where several lie there.

    Axes of one length share its letter: what is written holds for the lengths that there are.
    """
    taken = {symbol.latex() for symbol in symbols.values()}
    found: dict[int, Size] = {}

    def name(length: int, wanted: str) -> None:
        if length > 1 and length not in found:
            found[length] = Size(wanted if wanted not in taken else rf"\bar{{{wanted}}}", length)

    if plan.inputs:
        for length in plan.slots[plan.index[plan.inputs[0]]].shape[-1:]:
            name(length, "n")
    for length in plan.slots[plan.output].shape[-1:]:
        name(length, "K")
    shapes = (slot.shape for number, slot in enumerate(plan.slots) if number != plan.targets)
    between = list(dict.fromkeys(length for shape in shapes for length in shape))
    others = [length for length in between if length > 1 and length not in found]
    for number, length in enumerate(others, start=1):
        name(length, "a" if len(others) == 1 else f"d_{{{number}}}")
    return found
