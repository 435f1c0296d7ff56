"""Validated requests and their plans, kept for the next request of the same structure, in bounded room."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

from chainrule.engine.backends import Shape
from chainrule.schemas.cuts import Cut
from chainrule.schemas.envelope import Envelope, Span
from chainrule.schemas.requests import Problem
from chainrule.schemas.tensors import ArrayLayout

ROOM = 1 << 23
"""Bytes of text kept in all, each counted once for its model and once for every plan."""
LONGEST = 1 << 16
"""Bytes of text, outside its tensors, of a request that is kept; of its plans, too, the text counted once for each."""
LEAST = 1 << 9
"""Bytes that the shortest is taken for."""
CUTS = 8
"""Ways of cutting a body that are tried for each operation: the latest."""
LONGEST_CUT = 1 << 12
"""Bytes of text outside its tensors of a body that others are cut like."""

Operation = TypeVar("Operation")
Words = tuple[str, bytes]
Key = tuple[str, bytes, tuple[bytes, ...]]


@dataclass(slots=True)
class Structure(Generic[Operation]):
    """A validated request without its numbers, and the operations prepared for it, by its tensors' shapes."""

    model: Problem
    layout: ArrayLayout
    text: int = LEAST
    """Bytes of text that the model was made from, and of the numbers that it brings along."""
    kept: bool = False
    prepared: dict[tuple[Shape, ...], Operation] = field(default_factory=dict)


class Structures(Generic[Operation]):
    """The least recently used goes first. Safe to use from several threads."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._inlined: dict[Words, tuple[int, ...]] = {}
        self._sharing: Counter[Words] = Counter()
        """How many structures are kept of each."""
        self._kept: OrderedDict[Key, Structure[Operation]] = OrderedDict()
        self._cuts: dict[str, tuple[Cut, ...]] = {}
        self._lock = Lock()
        self.known = self.unknown = 0
        """Requests of which something was found, and those that had to be looked into."""

    def cut(self, name: str, body: bytes) -> Envelope | None:
        """The body, cut as a late one of the operation `name` was, if it has the same text around its tensors."""
        for cut in self._cuts.get(name, ()):
            envelope = cut.apply(body)
            if envelope is not None:
                return envelope
        return None

    def remember(self, name: str, envelope: Envelope) -> None:
        """Cut the next bodies in the same way, where that can be done."""
        cut = Cut.of(envelope) if len(envelope.skeleton) <= LONGEST_CUT else None
        if cut is not None:
            with self._lock:
                others = [each for each in self._cuts.get(name, ()) if each.skeleton != cut.skeleton]
                self._cuts[name] = (cut, *others[: CUTS - 1])

    def find(self, name: str, envelope: Envelope[Span]) -> Structure[Operation] | None:
        """What is kept for a request of the operation `name`. Counted where there is something."""
        with self._lock:
            key = self._key(name, envelope, self._inlined.get((name, envelope.skeleton), ()))
            found = self._kept.get(key)
            if found is not None:
                self.known += 1
                self._kept.move_to_end(key)
            return found

    def count_unknown(self) -> None:
        """Count a request that has to be looked into."""
        with self._lock:
            self.unknown += 1

    def keep(self, name: str, envelope: Envelope[Span], structure: Structure[Operation]) -> None:
        """Keep a structure under the text of every span that any request of this skeleton had inlined."""
        words = (name, envelope.skeleton)
        with self._lock:
            inlined = tuple(sorted({*self._inlined.get(words, ()), *structure.layout.inlined}))
            key = self._key(name, envelope, inlined)
            text = len(envelope.skeleton) + sum(map(len, key[2]))
            structure.text = max(LEAST, text + structure.layout.held)
            if structure.text > LONGEST:
                return
            self._inlined[words] = inlined
            if key in self._kept:
                return
            self._kept[key] = structure
            self._sharing[words] += 1
            structure.kept = True
            self._room -= structure.text
            self._make_room()

    def add(self, structure: Structure[Operation], shapes: tuple[Shape, ...], operation: Operation) -> None:
        """Keep an operation prepared for tensors of these shapes, as long as its structure is kept.

        The first one goes where there are as many as a structure of this length may have.
        """
        with self._lock:
            if not structure.kept or shapes in structure.prepared:
                return
            if (len(structure.prepared) + 1) * structure.text > LONGEST:
                del structure.prepared[next(iter(structure.prepared))]
                self._room += structure.text
            structure.prepared[shapes] = operation
            self._room -= structure.text
            self._make_room()

    def _make_room(self) -> None:
        while self._room < 0 and self._kept:
            key, dropped = self._kept.popitem(last=False)
            self._forget(key[:2])
            dropped.kept = False
            self._room += dropped.text * (1 + len(dropped.prepared))

    def _forget(self, words: Words) -> None:
        """One structure of these words has gone. What they inline is known as long as another is kept."""
        self._sharing[words] -= 1
        if not self._sharing[words]:
            del self._sharing[words], self._inlined[words]

    @staticmethod
    def _key(name: str, envelope: Envelope[Span], inlined: Sequence[int]) -> Key:
        return name, envelope.skeleton, tuple([envelope.text(i) for i in inlined])
