"""Writes docs/mistakes.md, the mistakes that grading names, from their registry: `python docs/make_mistakes.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from chainrule.grading.mistakes import (
    NAMED,
    Registry,
    activation_mistake,
    linear_mistake,
    loss_mistake,
    parameter_mistake,
    value_mistake,
)

PAGE = Path(__file__).with_name("mistakes.md")

INTRODUCTION = """\
# Mistakes

<!-- Made by `python docs/make_mistakes.py` from the registry. Change the entry, not this page. -->

The mistakes that grading looks for, and what it says of each. `mistake` in a [report](grading.md) is the code, `at` the
place: the loss `C`, a penalty, a node, or a parameter. ‹at›, ‹detail› and ‹factor› stand for the report's fields of
that name, ‹what› for what else a sentence is about.

A wrong answer is held against every one of them at every place between the last answer that is accounted for and this
one, first alone, then two at once. What is reported reproduces the numbers that were handed in, to the tolerance; an
answer that nothing explains gets no name, nor one whose numbers are so few, or its tolerance so coarse, that one would
fit by accident.
"""

HEADINGS: tuple[tuple[str, str, Registry[Any]], ...] = (
    ("In the forward pass", "Seen in a node's value, the outputs, or the loss.", value_mistake),
    ("In the loss", "In its value, in ∂C/∂ŷ, or in both.", loss_mistake),
    ("Back through an activation", "Where ∂C/∂s = ∂C/∂a · f′(s).", activation_mistake),
    ("Back through a linear map", "Where ∂C/∂x = Wᵀ ∂C/∂s.", linear_mistake),
    ("In one parameter's gradient", "In the product, the sum over the batch, or the shape.", parameter_mistake),
)

OTHERS = (
    "Constants, order and bookkeeping",
    "A factor is named where it is 2, N, K, a width, an op's scale, or a product, a quotient or an inverse of those; "
    "any other constant counts only where at least three entries agree on it.",
)

SAME = """\
## Mistakes that cannot be told apart

Some mistakes give the same numbers in every answer that was handed in. Then the one that stands first here, or nearest
to the loss, is the diagnosis, and `either` lists the others:

- the sign of the loss, and target and prediction exchanged, where the loss is of the error ŷ − y;
- a factor of 2 in every gradient, and gradients added to those of a call before;
- a constant at C and at any op between C and the first gradient that was handed in;
- a derivative left out on the way to one gradient alone, and that gradient taken from one step too early;
- an activation left out of the forward pass, and the next layer given the value before it.

An instance whose numbers make two other mistakes coincide by accident is drawn anew ([problems.md](problems.md)).
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for heading, note, registry in HEADINGS:
        parts.append(_section(heading, note, ((each.code, each.message, each.hint) for each in registry)))
    parts.append(_section(*OTHERS, ((each.code, each.message, each.hint) for each in NAMED.values())))
    return "\n".join([*parts, SAME])


def _section(heading: str, note: str, entries: Iterable[tuple[str, str, str]]) -> str:
    return "\n".join(
        [f"## {heading}", "", note, "", "| code | what is said | hint |", "|---|---|---|", *_rows(entries), ""]
    )


def _rows(entries: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    for code, message, hint in entries:
        yield f"| `{code}` | {_shown(message)} | {_shown(hint)} |"


def _shown(text: str) -> str:
    return text.replace("{", "‹").replace("}", "›").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
