"""A flow as text: a row a node, and for each alternative what reaches it and how many of its units let little pass."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule_client.cli_rendering import as_text, table
from chainrule_client.flows import Flow, NodeFlow
from chainrule_client.replies import Reply


def flow_as_text(reply: Reply) -> str:
    """What a reply of `flow` says, its picture left out."""
    flows: Sequence[Flow] = reply.flows
    names = [flow.activation or "as it is" for flow in flows]
    nodes = [["node", *names], *([node, *(_at(flow.nodes[node]) for flow in flows)] for node in flows[0].nodes)]
    gradients = [
        ["parameter", *names],
        *([name, *(f"{flow.gradients[name]:.3g}" for flow in flows)] for name in flows[0].gradients),
    ]
    tables = [table(nodes), *([table(gradients)] if flows[0].gradients else [])]
    rest = {name: reply[name] for name in ("warnings", "meta")}
    return "\n\n".join([*tables, as_text(rest)])


def _at(node: NodeFlow) -> str:
    shares = {"saturated": node.saturated, "inactive": node.inactive}
    said = [f"{100 * share:.0f} % {word}" for word, share in shares.items() if share is not None]
    return "  ".join([f"{node.cotangent:.3g}", *said])
