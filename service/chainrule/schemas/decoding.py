"""Strict decoding of one tensor: from JSON text, from Python numbers and lists, from a NumPy array.

Every way gives a C-contiguous int64 or float64 array, or a TensorError that says what was found. Single precision comes
in files alone, and stays what it is.
"""

import re
from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from chainrule.schemas.buffers import parse
from chainrule.schemas.envelope import MAX_RANK, NOT_JSON

Array: TypeAlias = NDArray[np.int64] | NDArray[np.float64] | NDArray[np.float32] | NDArray[np.int32]

_INT64 = np.iinfo(np.int64)
_STANDARD = (np.dtype(np.float64), np.dtype(np.int64))

_LARGE = 4096
"""Bytes of text from which flattening the rows here is faster than leaving nested lists to np.array."""

_PIECE = 1 << 19
"""Bytes of text parsed at a time. orjson lets no other thread run, and its lists take five times the memory of text."""

_LONG, _SPARSE = 1 << 20, 8
"""Bytes of text from which one that cannot be cut has to have so many for each list, which takes 72 of memory."""

_BEYOND = "is infinity"
"""In orjson's error for a number beyond float64."""

# What text of one kind has, and text of numbers has not.
_NOT_NUMBERS = ((b'"', "text"), (b"{", "an object"), (b"n", "null"), (b"t", "true"), (b"f", "false"))


class TensorError(ValueError):
    """Ragged, empty, malformed, of too many axes, not finite, or with something in it that is no number."""


class MalformedText(TensorError):
    """Text that is not JSON."""


def decode(text: bytes) -> Array:
    """The array that JSON text stands for: nested arrays of numbers, rectangular, no axis empty.

    int64 where every number is written as an integer and fits, else float64, correctly rounded. Raises
    TensorError for anything else; a number beyond float64 is refused too.
    """
    # Most tensors are short, and np.array takes [1, true] for [1, 1]; true and false have an e, which few numbers have.
    if len(text) < _LARGE and b"e" not in text:
        array = _short(text)
        if array is not None:
            return array
    return _decoded(text) if len(text) < 2 * _PIECE else _joined(text)


def _short(text: bytes) -> Array | None:
    """What NumPy makes of the text, if it is a tensor."""
    try:
        array = np.array(orjson.loads(text))
    except ValueError:
        return None
    return array if array.dtype in _STANDARD and array.size and 0 < array.ndim <= MAX_RANK else None


def decode_stack(texts: Sequence[bytes]) -> Array:
    """The arrays that the texts stand for as one, of one axis more: (number of texts, …).

    Raises TensorError where `decode` refuses one of them, and where they differ in shape. float64 where one of them is.
    """
    together = b",".join(texts)
    _refuse_words(together)
    # Text that is not JSON may be JSON among its neighbours, as "[[1]" before "[2]]". Of the nulls between them, one
    # that such a text has drawn into its brackets is not at the top, and no number where it is.
    try:
        nested = orjson.loads(b"[%b]" % b",null,".join(texts))
    except orjson.JSONDecodeError:
        raise TensorError("a text is not JSON") from None
    rows = nested[::2]
    if len(nested) != 2 * len(texts) - 1 or nested[1::2].count(None) < len(texts) - 1 or type(rows[0]) is not list:
        raise TensorError("a text is no array")
    return _flattened(rows, 0, integers=_are_integers(together))


def _joined(text: bytes) -> Array:
    """Decodes a long text piece by piece, cut between rows of its first axis.

    In the text of a tensor with r axes, r - 1 brackets and a comma follow each other nowhere but there, unless there
    are blanks between them; then a piece is longer.
    """
    first = re.match(rb"[\s\[]*+", text)
    assert first is not None
    axes = first[0].count(b"[")
    if not 0 < axes <= MAX_RANK:
        return _decoded(text)
    cut = b"]" * (axes - 1) + b","
    start, end = text.index(b"[") + 1, text.rfind(b"]")
    if text[end + 1 :].strip():
        return _decoded(text)
    pieces: list[Array] = []
    rows = 0
    while True:
        found = _find(text, cut, start + _PIECE, end)
        stop = end if found < 0 else found + len(cut) - 1
        row = _long_row(text[start:stop], axes) if stop - start > 2 * _PIECE else None
        pieces.append(_decoded(b"[%b]" % text[start:stop], at=start - 1, rows=rows) if row is None else row)
        _refuse_change(pieces[0].shape, pieces[-1].shape, rows)
        rows += len(pieces[-1])
        if found < 0:
            return _standard(np.concatenate(pieces))
        start = stop + 1


def _find(text: bytes, cut: bytes, start: int, end: int) -> int:
    """`text.find(cut, start, end)`. Of two characters, the second frequent, that looks at every one of them."""
    if len(cut) != 2:
        return text.find(cut, start, end)
    found = text.find(b"]", start, end)
    while found >= 0 and not text.startswith(cut, found, end):
        found = text.find(b"]", found + 1, end)
    return found


def _long_row(text: bytes, axes: int) -> Array | None:
    """A single row of a tensor with so many axes, decoded piece by piece as well; None where it may be none."""
    try:
        row = decode(text) if axes > 1 and _find(text, b"]" * (axes - 1) + b",", 0, len(text)) < 0 else None
    except TensorError:  # found again, and told with its place in the whole
        return None
    return row[None] if row is not None and row.ndim == axes - 1 else None


def _refuse_change(expected: tuple[int, ...], found: tuple[int, ...], row: int) -> None:
    if expected[1:] != found[1:]:
        raise TensorError(f"the array is ragged: row {row} has shape {list(found[1:])}, row 0 has {list(expected[1:])}")


def _decoded(text: bytes, *, at: int = 0, rows: int = 0) -> Array:
    """Decodes a text in one go. In its errors bytes are counted from `at`, rows of the first axis from `rows`."""
    if len(text) >= _LONG and text.count(b"[") * _SPARSE > len(text):
        raise TensorError(
            f"the array is ragged, or has more than {MAX_RANK} axes, or has blanks between its brackets: leave them out"
        )
    if len(text) >= _LARGE and (array := parse(text, integers=_are_integers(text))) is not None:
        return array
    try:
        nested = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        hint = NOT_JSON if b"N" in text or b"I" in text else ""
        kind = TensorError if _BEYOND in error.msg else MalformedText
        raise kind(f"{error.msg}, at byte {at + error.pos} of the array{hint}") from None
    _refuse_words(text)
    if type(nested) is not list:
        raise TensorError("found a single number where an array of numbers was expected")
    return _flattened(nested, rows, integers=_are_integers(text))


def _are_integers(text: bytes) -> bool:
    return not (b"." in text or b"e" in text or b"E" in text)


def _standard(array: NDArray[Any]) -> Array:
    """The same numbers as int64 or float64, C-contiguous, copied only where that takes a copy."""
    if array.dtype.kind == "f" or (array.dtype.kind == "u" and int(array.max()) > _INT64.max):
        return np.asarray(array, np.float64, order="C")
    return np.asarray(array, np.int64, order="C")


def _refuse_words(text: bytes) -> None:
    found = [(text.find(mark), kind) for mark, kind in _NOT_NUMBERS if mark in text]
    if found:
        raise TensorError(f"found {min(found)[1]}; a tensor holds numbers only")


def _flattened(nested: list[Any], rows: int, *, integers: bool) -> Array:
    """Works out the shape from the lengths of rows, level by level, then converts all numbers in one pass."""
    shape: list[int] = []
    level = [nested]
    while True:
        shape.append(_common_length(level, shape, rows))
        if type(level[0][0]) is not list:
            break
        if len(shape) == MAX_RANK:
            raise TensorError(f"the array has more than {MAX_RANK} axes")
        level = list(chain.from_iterable(level))
    numbers = chain.from_iterable(level)
    try:
        # The integers may not fit, and NumPy then has to choose the type by looking at each.
        flat = np.array(list(numbers)) if integers else np.fromiter(numbers, np.float64, prod(shape))
    except (TypeError, ValueError):
        raise TensorError("the array is ragged: it has numbers and arrays side by side") from None
    return _standard(flat.reshape(shape))


def _common_length(rows: list[Any], outer: list[int], before: int) -> int:
    """How many entries each of `rows` has; `outer`, the shape that they form, `before`, how many precede on axis 0."""
    try:
        lengths = set(map(len, rows))
    except TypeError:
        raise TensorError("the array is ragged: it has numbers and arrays side by side") from None
    first = len(rows[0])
    if len(lengths) > 1:
        odd = next(i for i, row in enumerate(rows) if len(row) != first)
        leading, *others = np.unravel_index(odd, outer)
        where = ", ".join(str(i) for i in (leading + before, *others))
        origin = ", ".join("0" * len(outer))
        raise TensorError(f"the array is ragged: row {where} has {len(rows[odd])} entries, row {origin} has {first}")
    if first == 0:
        raise TensorError(f"the array is empty: axis {len(outer)} has no entries")
    return first


def from_array(array: NDArray[Any]) -> Array:
    """`array` itself where it is int64 or float64 and contiguous, else converted.

    Raises TensorError where it is empty, not finite, of more than MAX_RANK axes, or not of real numbers.
    """
    if array.dtype.kind not in "fiu":
        raise TensorError(f"found an array of {array.dtype}; a tensor holds integers or floats")
    if array.ndim > MAX_RANK:
        raise TensorError(f"the array has {array.ndim} axes, more than {MAX_RANK}")
    if array.size == 0:
        raise TensorError(f"the array is empty: its shape is {array.shape}")
    return check_finite(_standard(array))


def check_finite(array: NDArray[Any]) -> Array:
    """The array. Raises TensorError where a number is not finite."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise TensorError("the array has numbers that are not finite")
    return array


def from_number(number: int | float) -> Array:
    """A tensor without axes. Raises TensorError where the number is not finite or beyond float64."""
    if isinstance(number, int) and _INT64.min <= number <= _INT64.max:
        return np.array(number, np.int64)
    try:
        real = np.array(float(number))
    except OverflowError:
        raise TensorError("the number is beyond float64") from None
    return from_array(real)


def from_lists(nested: list[Any] | tuple[Any, ...]) -> Array:
    """Nested lists or tuples of Python or NumPy numbers, as strictly as their JSON text."""
    try:
        text = orjson.dumps(nested, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATACLASS)
    except TypeError:
        found = _kind_within(nested)
        told = f"found {found}; a tensor holds numbers only" if found else "nested lists may hold 64-bit numbers only"
        raise TensorError(told) from None
    if b"null" in text:
        raise TensorError("found None, NaN or an infinity; a tensor holds finite numbers only")
    return decode(text)


def _kind_within(nested: list[Any] | tuple[Any, ...]) -> str | None:
    """What JSON has beside numbers and lists, if it is there. In lists of a body it may stand beside placeholders."""
    level = list(nested)
    for _ in range(MAX_RANK):
        kinds = set(map(type, level))
        if kinds & {str, dict}:
            return "text" if str in kinds else "an object"
        level = [inner for each in level if isinstance(each, list | tuple) for inner in each]
    return None
