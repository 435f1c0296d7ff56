"""A part of a split body as a body of its own: a request within an item of a batch, a request without its answers.

The parts are parsed skeletons, in which `[k]` stands for the k-th span of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from chainrule.schemas.envelope import MAX_DEPTH, Envelope, MalformedBody, S, Span, with_refs

Tree = dict[str, Any]


def detach(tree: Tree, spans: Sequence[Span], key: str) -> tuple[Envelope[Span], Any]:
    """The body with null for the member `key`, and that member with its placeholders as TensorRefs into `spans`.

    How the skeleton is written does not depend on what the member holds, nor on where it stands: null stands last.
    Raises MalformedBody where the member is nested beyond what a request needs.
    """
    rest = {name: item for name, item in tree.items() if name != key} | {key: None}
    found: list[int] = []
    member = with_refs(tree[key], found)
    least = len(spans) - len(found)
    if sorted(found) != list(range(least, len(spans))):  # the member does not stand last
        left = [index for index in range(len(spans)) if index not in set(found)]
        rest = _renumbered(rest, {index: position for position, index in enumerate(left)})
        return Envelope(orjson.dumps(rest), tuple([spans[index] for index in left])), member
    return Envelope(orjson.dumps(rest), tuple(spans[:least])), member


def whole(tree: Tree, spans: Sequence[S]) -> Envelope[S]:
    """The tree, of which every placeholder is there, as a body."""
    return Envelope(orjson.dumps(tree), tuple(spans))


def _renumbered(value: Any, numbers: dict[int, int], depth: int = MAX_DEPTH) -> Any:
    if depth == 0:
        raise MalformedBody(f"the body is nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        return {key: _renumbered(item, numbers, depth - 1) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) == 1 and type(value[0]) is int:
        return [numbers[value[0]]]
    return [_renumbered(item, numbers, depth - 1) for item in value]
