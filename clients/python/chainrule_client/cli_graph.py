"""A graph as text: what each node is, what it takes, and its numbers where there are any."""

from __future__ import annotations

from chainrule_client.cli_rendering import as_text, table
from chainrule_client.replies import Reply
from chainrule_client.tensors import Array

_MOST = 3
"""Numbers of a tensor that go into a table."""


def graph_as_text(reply: Reply) -> str:
    """What a reply of `graph` says, its pictures left out."""
    takes: dict[str, list[str]] = {name: [] for name in reply.nodes}
    for edge in reply.edges:
        takes[edge.target].append(edge.source)
    nodes = [["node", "kind", "op", "shape", "takes"]]
    numbers = [["node", "value", "gradient"]]
    for name, node in reply.nodes.items():
        nodes.append([name, node.kind, node.op or "", str(list(node.shape)), ", ".join(takes[name])])
        numbers.append([name, _shown(node.value), _shown(node.gradient)])
    shown = any(any(row[1:]) for row in numbers[1:])
    rest = {name: reply[name] for name in ("output", "loss", "kink_count", "warnings", "meta") if name in reply}
    return "\n\n".join([table(nodes), *([table(numbers)] if shown else []), as_text(rest)])


def _shown(array: Array | None) -> str:
    if array is None:
        return ""
    if array.size > _MOST:
        return "…"
    numbers = ", ".join(f"{number:.6g}" for number in array.ravel())
    return numbers if array.ndim == 0 else f"[{numbers}]"
