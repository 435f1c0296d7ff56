"""Requests and replies as safetensors: the JSON in the metadata, in it `{"$tensor": name}` for tensors of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from chainrule.schemas.encoding import encode, nonfinite
from chainrule.schemas.envelope import MAX_DEPTH, MAX_RANK, Envelope, MalformedBody, Span, parse_skeleton, split
from chainrule.schemas.parts import Tree
from chainrule.schemas.pointers import shown
from chainrule.schemas.safetensors import DTYPES, NAMES, Buffer, File, read, write

REQUEST = "request"
REPLY = "response"
"""The keys of the metadata."""
MOST_AXES = {REQUEST: MAX_RANK, REPLY: 1 + 2 * MAX_RANK}
"""Of a tensor. A Jacobian's are those of the batch and of two values."""
REFERENCE = "$tensor"


class UnfitReference(ValueError):
    """A reference to no tensor of the file, or a tensor that nothing refers to; `pointer` says where in the JSON."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.pointer = pointer


def read_request(body: Buffer, *, words: bool = False) -> tuple[Tree, tuple[Span, ...]]:
    """The request in a file, as a parsed skeleton and its spans: text of the JSON's arrays, and tensors of the file.

    `words` is as for `split`. Raises MalformedBody, and UnfitReference.
    """
    file = read(body, REQUEST)
    references = _References(file, split(file.text, words=words))
    return references.resolved(), tuple(references.spans)


def read_tree(body: Buffer, key: str, place: Callable[[NDArray[Any]], Any] = np.asarray) -> Any:
    """The JSON in a file with what `place` makes of each tensor in its place. Raises MalformedBody, UnfitReference."""
    file = read(body, key, MOST_AXES[key])
    try:
        tree = orjson.loads(file.text)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"{key} is not JSON: {error.msg}, at its byte {error.pos}") from None
    used: set[str] = set()
    placed = _map(tree, lambda name, path: place(file.tensors[_known(name, path, file, used)]))
    _check_all_used(file, used)
    return placed


def write_tree(tree: Any, key: str, on_nonfinite: Callable[[list[str]], object] | None = None) -> list[Buffer]:
    """A tree of dicts, lists, text, numbers and arrays as a file, in pieces.

    Every array becomes a tensor, but one in a list of rows, which is one tensor in all: that stays in the JSON.
    A tensor is named by its path, such as `gradients.W1`. What is not finite stays as it is in tensors, and is spelled
    in the JSON; `on_nonfinite` is as for `encoding.encode`.
    """
    if on_nonfinite is not None and (paths := nonfinite(tree)):
        on_nonfinite(paths)
    tensors: dict[str, NDArray[Any]] = {}
    lifted = _lifted(tree, "", tensors)
    return write(encode(lifted), tensors, key)


def _lifted(tree: Any, path: str, tensors: dict[str, NDArray[Any]]) -> Any:
    if isinstance(tree, Mapping):
        return {key: _lifted(item, f"{path}.{key}" if path else key, tensors) for key, item in tree.items()}
    if isinstance(tree, list | tuple) and _has_objects(tree):
        return [_lifted(item, f"{path}[{index}]", tensors) for index, item in enumerate(tree)]
    if not isinstance(tree, np.ndarray) or not tree.ndim or not tree.size or tree.dtype.kind not in "fiu":
        return tree
    name = path if path not in tensors else f"{path}#{len(tensors)}"
    tensors[name] = _standard(tree)
    return {REFERENCE: name}


def _has_objects(items: Sequence[Any]) -> bool:
    return any(isinstance(item, Mapping) or (isinstance(item, list | tuple) and _has_objects(item)) for item in items)


def _standard(array: NDArray[Any]) -> NDArray[Any]:
    """The array in C order, in a dtype of the format's that holds its numbers."""
    dtype = array.dtype.newbyteorder("<")
    if dtype not in NAMES:
        beyond = array.dtype.kind == "f" or int(array.max()) > np.iinfo(np.int64).max
        dtype = DTYPES["F64"] if beyond else DTYPES["I64"]
    return np.ascontiguousarray(array, dtype)


class _References:
    """Renumbers the placeholders of a skeleton in their order, references to tensors among them."""

    def __init__(self, file: File, envelope: Envelope) -> None:
        self._file, self._envelope = file, envelope
        self._used: set[str] = set()
        self._lists = 0
        self.spans: list[Span] = []

    def resolved(self) -> Tree:
        tree: Tree = _map(parse_skeleton(self._envelope), self._tensor, self._list)
        if self._lists < len(self._envelope.spans):
            raise MalformedBody("an object of the request has the same key twice")
        _check_all_used(self._file, self._used)
        return tree

    def _tensor(self, name: object, path: str) -> list[int]:
        return self._placeholder(self._file.tensors[_known(name, path, self._file, self._used)])

    def _list(self, number: int) -> list[int]:
        self._lists += 1
        return self._placeholder(self._envelope.spans[number])

    def _placeholder(self, span: Span) -> list[int]:
        self.spans.append(span)
        return [len(self.spans) - 1]


_Found: TypeAlias = Callable[[object, str], Any]


def _map(
    tree: Any, found: _Found, placeholder: Callable[[int], Any] | None = None, path: str = "", depth: int = MAX_DEPTH
) -> Any:
    """The tree with what `found` makes of a reference's name and path in its place, and so for each placeholder."""
    kind = type(tree)
    if kind is not dict and kind is not list:
        return tree
    if depth == 0:
        raise MalformedBody(f"the request is nested more than {MAX_DEPTH} deep")
    if kind is dict:
        if REFERENCE in tree:
            if len(tree) > 1:
                raise UnfitReference(path, f'a reference is {{"{REFERENCE}": name}} and nothing else')
            return found(tree[REFERENCE], path)
        return {
            key: _map(item, found, placeholder, f"{path}/{shown(key)}", depth - 1)
            if type(item) in (dict, list)
            else item
            for key, item in tree.items()
        }
    if placeholder is not None and len(tree) == 1 and type(tree[0]) is int:
        return placeholder(tree[0])
    return [_map(item, found, placeholder, f"{path}/{index}", depth - 1) for index, item in enumerate(tree)]


def _known(name: object, path: str, file: File, used: set[str]) -> str:
    if not isinstance(name, str):
        raise UnfitReference(path, f"{REFERENCE} wants the name of a tensor of the file")
    if name not in file.tensors:
        raise UnfitReference(path, f"the file has no tensor {name[:100]}")
    if name in used:  # a body of a megabyte could otherwise stand for a thousand
        raise UnfitReference(path, f"the tensor {name[:100]} stands elsewhere already, and may only once")
    used.add(name)
    return name


def _check_all_used(file: File, used: set[str]) -> None:
    unused = next(_unused(file, used), None)
    if unused is not None:
        raise UnfitReference("", f'the JSON does not refer to the tensor {unused[:100]}: write {{"{REFERENCE}": …}}')


def _unused(file: File, used: set[str]) -> Iterator[str]:
    return (name for name in file.tensors if name not in used)
