"""The types of tensors, and of other lists that may come as raw text, in request models.

A validated model holds no numbers of its tensors. It has a `TensorSlot` for each, an index into a list of
arrays made for every request anew, so that one model serves all requests with the same skeleton:

    envelope = split(body)
    collector = ArrayCollector(envelope.spans)
    request = Request.model_validate(load(envelope), context={"arrays": collector})
    layout = collector.layout
    arrays = layout.arrays(envelope.spans)

Of a later request with the same skeleton, and the same text in the spans of `layout.inlined`, only the last line is
needed. Which spans were inlined may itself depend on the text of others, so a cache looks up by all that any model of
the same skeleton has inlined.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np
import orjson
from pydantic import BaseModel, BeforeValidator, FailFast, Field, GetCoreSchemaHandler, Strict, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import TypeAliasType

from chainrule.schemas.decoding import (
    Array,
    TensorError,
    check_finite,
    decode,
    decode_stack,
    from_array,
    from_lists,
    from_number,
)
from chainrule.schemas.envelope import Span, TensorRef
from chainrule.schemas.pointers import escaped

MAX_INLINE = 1024
"""Most bytes of text that a list which is no tensor may take, one of numbers apart."""

MOST_INTEGERS = 64
"""Most items of a list of integers that is no tensor: a shape, axes."""

MOST_NUMBERS = 10_000
"""Most items of a list of numbers that is no tensor: one for each class, say."""

_BYTES_EACH = 64
"""Bytes of text that each of those numbers may take on average: every digit of a double, and a line of its own."""


@dataclass(frozen=True, slots=True)
class TensorSlot:
    """The tensor at `index` in the request's list of arrays."""

    index: int


class UnfitTensor(TensorError):
    """A span that is no tensor; `ref` is its placeholder, for `pointer_of`."""

    def __init__(self, message: str, ref: TensorRef) -> None:
        super().__init__(message)
        self.ref = ref


@dataclass(frozen=True, slots=True)
class ArrayLayout:
    """Where the arrays of a request come from, slot by slot: a span of its body, or a number in the skeleton."""

    sources: tuple[TensorRef | Array, ...]
    inlined: tuple[int, ...]
    """Indices of the spans whose text the model was built from."""

    @property
    def held(self) -> int:
        """Bytes of the arrays that no request brings: single numbers, and the tensors of a problem on file."""
        return sum(source.nbytes for source in self.sources if not isinstance(source, TensorRef))

    def arrays(self, spans: Sequence[Span]) -> list[Array]:
        """Decodes the spans of one request. Raises UnfitTensor at the first that is no tensor."""
        return [_decoded(source, spans) if isinstance(source, TensorRef) else source for source in self.sources]

    def stacked(self, spans: Sequence[Sequence[bytes]]) -> list[Array]:
        """Decodes the spans of P requests, each array (P, *shape). Raises TensorError where one of them is no tensor or
        their shapes differ."""
        columns, arrays = list(zip(*spans, strict=True)), list[Array]()
        for source in self.sources:
            if isinstance(source, TensorRef):
                arrays.append(decode_stack(columns[source.index]))
            else:
                arrays.append(source[None].repeat(len(spans), 0))
        return arrays


def _decoded(ref: TensorRef, spans: Sequence[Span]) -> Array:
    span = spans[ref.index]
    try:
        return decode(span) if isinstance(span, bytes) else check_finite(span)
    except TensorError as error:
        raise UnfitTensor(str(error), ref) from None


class ArrayCollector:
    """Assigns slots while one request is validated, as `context={"arrays": collector}`.

    A placeholder validated twice, as the branches of a union may do, keeps its slot.
    """

    def __init__(self, spans: Sequence[Span] = ()) -> None:
        self._spans = spans
        self._sources: list[TensorRef | Array] = []
        self._slots: dict[TensorRef, TensorSlot] = {}
        self._inlined: set[int] = set()

    @property
    def layout(self) -> ArrayLayout:
        """What was collected so far."""
        return ArrayLayout(tuple(self._sources), tuple(sorted(self._inlined)))

    @property
    def arrays(self) -> list[Array]:
        """The arrays in slot order. Raises UnfitTensor as `ArrayLayout.arrays` does."""
        return self.layout.arrays(self._spans)

    def slot(self, tensor: object) -> TensorSlot:
        """The slot of a placeholder, number, array or nested lists. Raises TensorError where it is none of them."""
        if isinstance(tensor, TensorRef):
            if tensor not in self._slots:
                self._slots[tensor] = self._add(tensor)
            return self._slots[tensor]
        return self._add(_array_of(tensor))

    def _add(self, source: TensorRef | Array) -> TensorSlot:
        self._sources.append(source)
        return TensorSlot(len(self._sources) - 1)

    def inline(self, ref: TensorRef, most: int = MAX_INLINE, items: str = "") -> list[Any]:
        """The list that a placeholder stands for, where it is part of the request's structure.

        Raises TensorError where it is malformed, or longer than `most` bytes: more than so many `items`, it then says.
        """
        self._inlined.add(ref.index)
        span = self._spans[ref.index]
        if not isinstance(span, bytes):
            raise TensorError("found a tensor of the file; this list is part of the structure: write it in the JSON")
        if len(span) > most:
            limit = f": it wants at most {items}" if items else ""
            raise TensorError(f"found a list of {len(span)} bytes, more than the {most} that fit here{limit}")
        try:
            found: list[Any] = orjson.loads(span)
        except orjson.JSONDecodeError as error:
            raise TensorError(f"{error.msg}, at byte {error.pos} of the list") from None
        return found


def _array_of(value: object) -> Array:
    match value:
        case bool() | None | str() | Mapping():
            kinds = {bool: "a boolean", str: "text", type(None): "null"}
            found = kinds.get(type(value), "an object")
            raise TensorError(f"found {found}; a tensor is a number or nested arrays of numbers")
        case np.ndarray() | np.generic():
            return from_array(np.asarray(value))
        case int() | float():
            return from_number(value)
        case list() | tuple():
            return from_lists(value)
    raise TensorError(f"found a {type(value).__name__}; a tensor is a number or nested arrays of numbers")


def _collector(info: ValidationInfo) -> ArrayCollector:
    if not info.context or "arrays" not in info.context:
        raise TypeError('a model with tensors is validated with context={"arrays": ArrayCollector()}')
    collector: ArrayCollector = info.context["arrays"]
    return collector


def _refused(error: TensorError) -> PydanticCustomError:
    return PydanticCustomError("tensor", "{found}", {"found": str(error)})


def _to_slot(value: object, info: ValidationInfo) -> TensorSlot:
    if isinstance(value, TensorSlot):
        return value
    try:
        return _collector(info).slot(value)
    except TensorError as error:
        raise _refused(error) from None


def _list_within(most: int, items: str = "") -> BeforeValidator:
    """Takes the placeholder of a list of at most `most` bytes, which are room enough for so many `items`."""

    def to_list(value: object, info: ValidationInfo) -> object:
        if not isinstance(value, TensorRef):
            return value
        try:
            return _collector(info).inline(value, most, items)
        except TensorError as error:
            raise _refused(error) from None

    return BeforeValidator(to_list)


# The name it has in the JSON schema.
_Nested: Any = TypeAliasType(
    "Tensor",
    Annotated[
        float | Annotated[list["_Nested"], Field(min_length=1)],  # type: ignore[misc]
        Field(
            title="Tensor",
            description="A number, or arrays of numbers nested to a rectangle with no empty axis. Numbers written as "
            "integers throughout make an integer tensor, which class indices have to be.",
            examples=[[[0.5, -1.0], [2.0, 0.25]], [1, 0, 2], 3.0],
        ),
    ],
)


class _InSlot:
    @staticmethod
    def __get_pydantic_core_schema__(_source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            _to_slot, json_schema_input_schema=handler.generate_schema(_Nested)
        )


Tensor: TypeAlias = Annotated[TensorSlot, _InSlot]
"""A tensor field: takes a placeholder, a finite number, a NumPy array or nested lists; holds a TensorSlot."""

Inline = _list_within(MAX_INLINE)
"""Makes a list field take a placeholder: on the wire `[]`, like `[20, 2]`, is a span."""

_Integer: TypeAlias = Annotated[int, Strict()]
_Number: TypeAlias = Annotated[float, Strict(), Field(allow_inf_nan=False)]

Integers: TypeAlias = Annotated[
    tuple[_Integer, ...],
    Strict(False),
    Field(max_length=MOST_INTEGERS),
    FailFast(),
    _list_within(MAX_INLINE, f"{MOST_INTEGERS} integers"),
]
"""A few integers that are part of the structure: a shape, axes."""

Numbers: TypeAlias = Annotated[
    tuple[_Number, ...],
    Strict(False),
    Field(max_length=MOST_NUMBERS),
    FailFast(),
    _list_within(MOST_NUMBERS * _BYTES_EACH, f"{MOST_NUMBERS} numbers"),
]
"""Numbers that are part of the structure."""


def pointer_of(tree: object, tensor: TensorRef | TensorSlot) -> str | None:
    """The JSON pointer of a placeholder in a loaded body, or of a slot in a validated model, if it is there."""
    if tree == tensor:
        return ""
    for key, item in _members(tree):
        pointer = pointer_of(item, tensor)
        if pointer is not None:
            return f"/{escaped(str(key))}{pointer}"
    return None


def _members(tree: object) -> Iterable[tuple[object, object]]:
    if isinstance(tree, BaseModel):
        return iter(tree)
    if isinstance(tree, Mapping):
        return tree.items()
    return enumerate(tree) if isinstance(tree, list | tuple) else ()
