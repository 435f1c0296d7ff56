"""A template made definite: its sizes and choices drawn, and its tensors known by shape, but no number of them yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from chainrule.engine.backends import Shape
from chainrule.engine.drawing import draw_below
from chainrule.operations.instances.seeds import stream_key
from chainrule.schemas.envelope import TensorRef
from chainrule.schemas.pointers import escaped
from chainrule.schemas.templates import Choice, Classes, DrawnTensor, Length, Size, Sizes, Template

PRIMES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61)
"""Odd ones, enough for MOST_SIZES sizes of which all but one are given as primes."""
FREE_PRIMES = 4
"""How many of the smallest primes that no other size is are drawn from."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A tensor to draw: its place (a JSON pointer), how it is drawn, its shape, and for classes how many there are."""

    place: str
    how: DrawnTensor
    shape: Shape
    classes: int = 0


@dataclass
class Spelling:
    """A problem with `TensorRef(i)` where `draws[i]` belongs."""

    sizes: dict[str, int]
    problem: dict[str, Any] = field(default_factory=dict)
    draws: list[Draw] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)

    @property
    def structure(self) -> tuple[Any, ...]:
        """What two spellings of one template have in common where they differ in nothing."""
        return (*self.sizes.items(), *self.chosen)


def spell(template: Template, seed: int, attempt: int) -> Spelling:
    """The spelling of one attempt."""
    stream = _Stream(seed, attempt)
    speller = _Speller(stream, Spelling(draw_sizes(template.sizes, stream)))
    speller.spelling.problem = speller.spell(template.tree(), "")
    return speller.spelling


@dataclass(frozen=True, slots=True)
class _Stream:
    seed: int
    attempt: int

    def pick(self, options: Sequence[Any], place: str) -> Any:
        return options[self.index(len(options), place)]

    def index(self, n: int, place: str) -> int:
        return int(draw_below(n, (), stream_key(self.seed, self.attempt, place)))


def draw_sizes(sizes: Sizes, stream: _Stream) -> dict[str, int]:
    """A length for every size, by name and in the order of names.

    Where there is a choice, none is taken that another size has, if that leaves any. The size with the fewest lengths
    left is drawn first.
    """
    if isinstance(sizes, list):
        return dict(sorted(stream.pick(sizes, "/sizes").items()))
    found = {name: size for name, size in sizes.items() if isinstance(size, int)}
    while left := sizes.keys() - found:
        name = min(left, key=lambda name: (len(_free(sizes[name], found)), name))
        size = sizes[name]
        options = _free(size, found) or (size if isinstance(size, list) else [])
        found[name] = stream.pick(options, f"/sizes/{name}")
    return dict(sorted(found.items()))


def _free(size: Size, found: Mapping[str, int]) -> list[int]:
    """The lengths to choose from that no size has yet."""
    taken = set(found.values())
    if isinstance(size, list):
        return [length for length in size if length not in taken]
    return list(islice((prime for prime in PRIMES if prime not in taken), FREE_PRIMES))


@dataclass(frozen=True, slots=True)
class _Speller:
    stream: _Stream
    spelling: Spelling

    def spell(self, tree: Any, place: str) -> Any:
        if isinstance(tree, DrawnTensor):
            return self._ref(tree, place)
        if isinstance(tree, Choice):
            index = self.stream.index(len(tree.choose), f"{place}/choose")
            self.spelling.chosen.append(index)
            return self.spell(tree.choose[index], place)
        if isinstance(tree, dict):
            return {key: self.spell(item, f"{place}/{escaped(key)}") for key, item in tree.items()}
        if isinstance(tree, list):
            return [self.spell(item, f"{place}/{position}") for position, item in enumerate(tree)]
        return tree

    def _ref(self, tensor: DrawnTensor, place: str) -> TensorRef:
        shape = tuple(map(self._length, tensor.shape))
        classes = self._length(tensor.classes) if isinstance(tensor, Classes) else 0
        self.spelling.draws.append(Draw(place, tensor, shape, classes))
        return TensorRef(len(self.spelling.draws) - 1)

    def _length(self, length: Length) -> int:
        return self.spelling.sizes[length] if isinstance(length, str) else length
