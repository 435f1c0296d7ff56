"""Reading submitted answers: whatever JSON a leaf holds is read, in bounded time and memory, and never refused.

A leaf that is a tensor becomes a float64 array, in which the words "NaN", "Infinity" and "-Infinity" have become
numbers. Any other leaf becomes a `NoTensor`, which says what was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Any, Literal, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from chainrule.schemas.decoding import MalformedText, TensorError, decode
from chainrule.schemas.encoding import spelled
from chainrule.schemas.envelope import MAX_RANK, Span, TensorRef
from chainrule.schemas.pointers import LONGEST, shown

_STAND_INS = ((b'"NaN"', b" 9e307 ", nan), (b'"Infinity"', b" 8e307 ", inf), (b'"-Infinity"', b" -8e307 ", -inf))
"""Numbers that no answer comes near, in place of words: `decode` takes numbers alone. Blanks keep a sign or a digit
beside a word from becoming a part of one."""

_WORDS = ("NaN", "Infinity", "-Infinity")

SINGLE = ("outputs", "loss")
GROUPS = ("values", "gradients", "jacobians")


@dataclass(frozen=True, slots=True)
class NoTensor:
    """What stands in a tensor's place: nothing, or something of no shape. `message` says so."""

    kind: Literal["missing", "shape"]
    message: str

    @classmethod
    def found(cls, what: str) -> NoTensor:
        """Something of no shape."""
        return cls("shape", f"found {what}")


NOTHING = NoTensor("missing", "there is no answer")
"""In the same words as where an answer was left out."""


Answer: TypeAlias = NDArray[np.float64] | NoTensor
Answers: TypeAlias = dict[str, Answer]
"""By quantity: `outputs`, `loss`, `values.s1`, `gradients.W1`, `jacobians.y_hat/x`."""


class MisplacedAnswer(ValueError):
    """Answers that are not in the tree they belong in; `pointer` says where, from `answers` on."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.pointer = pointer


def read_answers(tree: object, spans: Sequence[Span] = ()) -> Answers:
    """The answers of a tree as it is on the wire, a TensorRef into `spans` for each array, or as Python values.

    Raises MisplacedAnswer where the tree itself, its leaves aside, is not one of answers.
    """
    found: Answers = {}
    for quantity, leaf in _leaves(tree):
        try:
            found[quantity] = _read(leaf, spans)
        except MalformedText as error:
            raise MisplacedAnswer(pointer_to(quantity), str(error)) from None
    return found


def pointer_to(quantity: str) -> str:
    """Where in the tree of answers a quantity stands, as a JSON pointer."""
    group, dot, name = quantity.partition(".")
    return f"/{group}/{shown(name)}" if dot else f"/{group}"


def _leaves(tree: object) -> Iterator[tuple[str, object]]:
    if not isinstance(tree, Mapping):
        raise MisplacedAnswer("", "answers wants an object")
    for name, item in tree.items():
        if name in SINGLE:
            yield name, item
            continue
        if name not in GROUPS:
            raise MisplacedAnswer(f"/{shown(name)}", f"this is not a field of answers; {_advice(name)}")
        if not isinstance(item, Mapping | None):
            raise MisplacedAnswer(f"/{name}", f"{name} wants an object, with an answer by name")
        for inner, leaf in (item or {}).items():
            yield f"{name}.{inner}", leaf


def _advice(name: str) -> str:
    """Where an answer belongs that is not in the tree. Points, and the Python client's answers, go by quantity."""
    group, _, inner = name.partition(".")
    if inner and group in GROUPS:
        return f'write {{"{group}": {{"{inner[:LONGEST]}": …}}}}'
    return f"they are {', '.join((*SINGLE, *GROUPS))}"


def _read(leaf: object, spans: Sequence[Span]) -> Answer:
    match leaf:
        case TensorRef():
            span = spans[leaf.index]
            return _of_text(span) if isinstance(span, bytes) else _of_array(span)
        case None:
            return NOTHING
        case bool() | np.bool_():
            return NoTensor.found("a boolean")
        case int() | float():
            return _of_number(leaf)
        case str():
            return np.array(float(leaf)) if leaf in _WORDS else NoTensor.found("text")
        case np.ndarray() | np.generic():
            return _of_array(np.asarray(leaf))
        case list() | tuple():
            return _of_text(text) if (text := _text(leaf)) else NoTensor.found(_odd(leaf))
        case Mapping():
            return NoTensor.found("an object")
    return NoTensor.found(f"a {type(leaf).__name__}")


def _of_text(text: bytes) -> Answer:
    """The tensor that JSON text stands for, words among its numbers."""
    words = [each for each in _STAND_INS if each[0] in text]
    for word, stand_in, _ in words:
        text = text.replace(word, stand_in)
    try:
        array = decode(text).astype(np.float64, copy=False)
    except MalformedText:
        raise
    except TensorError as error:
        return NoTensor("shape", str(error))
    for _, stand_in, value in words:
        array[array == float(stand_in)] = value
    return array


def _of_number(number: float) -> Answer:
    try:
        return np.array(float(number))
    except OverflowError:
        return NoTensor.found("a number beyond float64")


def _of_array(array: NDArray[Any]) -> Answer:
    if array.dtype.kind not in "fiu":
        return NoTensor.found(f"an array of {array.dtype}")
    if array.size == 0 or array.ndim > MAX_RANK:
        return NoTensor.found(f"an array of shape {list(array.shape)[: MAX_RANK + 1]}")
    return np.array(array, np.float64, order="C")


def _text(leaf: Sequence[Any]) -> bytes | None:
    """The JSON text of lists of numbers, as if they had come in a body; None where they hold something else."""
    try:
        try:
            text = _dumps(leaf)
        except TypeError:  # perhaps for an integer of more than 64 bits
            text = _dumps(_as_floats(leaf))
        # orjson writes null for what is not finite.
        text = _dumps(spelled(leaf)) if b"null" in text else text
        return None if b"{" in text else text
    except (TypeError, OverflowError, RecursionError):
        return None


def _dumps(leaf: object) -> bytes:
    return orjson.dumps(leaf, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATACLASS)


def _as_floats(leaf: Any) -> Any:
    if isinstance(leaf, list | tuple):
        return [_as_floats(item) for item in leaf]
    return spelled(float(leaf)) if isinstance(leaf, int | float) and not isinstance(leaf, bool) else leaf


def _odd(leaf: object) -> str:
    """What keeps lists from being a tensor."""
    for item in _flat(leaf):
        if isinstance(item, str):
            return "text among numbers"
        if isinstance(item, Mapping):
            return "an object among numbers"
    return f"arrays nested more than {MAX_RANK} deep"


def _flat(leaf: object) -> Iterator[object]:
    """Everything within nested lists that is no list."""
    waiting = [leaf]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list | tuple):
            waiting += item
        else:
            yield item
