"""Pictures as answers: their media types, and the headers that keep a browser from running anything in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.responses import Response

from chainrule.operations import Reply
from chainrule.operations.flow import flow_svg
from chainrule.operations.graph import graph_dot, graph_svg

SVG = b"image/svg+xml"
DOT = b"text/vnd.graphviz"

PICTURES: Mapping[str, Mapping[bytes, Callable[[Reply], str]]] = {
    "flow": {SVG: flow_svg},
    "graph": {SVG: graph_svg, DOT: graph_dot},
}
"""By operation and media type: how the reply is drawn."""

SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
)
"""Names are escaped where a picture is drawn; this is for the case that one day they are not."""


def picture(text: str, kind: bytes) -> Response:
    """A picture as a whole reply."""
    headers = {name.decode(): value.decode() for name, value in SAFE}
    return Response(text, media_type=kind.decode(), headers=headers)
