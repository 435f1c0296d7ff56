"""The blocks of a derivation's page, from a reply of `derivation`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chainrule.derivation.pages.blocks import Block, Equations, Heading, Math, Paragraph

Tree = Mapping[str, Any]


def blocks_of(reply: Tree) -> list[Block]:
    """Everything that a reply of `derivation` says."""
    return list(_blocks(reply))


def _blocks(reply: Tree) -> Iterator[Block]:
    yield from _sizes(reply["sizes"])
    yield from _leaves(reply)
    yield Heading("Forward")
    for step in reply["forward"]:
        yield from _step(step)
    if reply["loss"]:
        yield Heading("Loss")
    for step in reply["loss"]:
        yield from _step(step)
    if reply["jacobians"]:
        yield Heading("The derivative of each step")
    for jacobian in reply["jacobians"].values():
        yield from _jacobian(jacobian)
    yield Heading("The chain rule")
    yield from _reading(reply)
    for gradient in (*reply["gradients"].values(), *reply["through"].values()):
        yield from _gradient(gradient)


def _sizes(sizes: Mapping[str, int]) -> Iterator[Block]:
    if sizes:
        pieces: list[str | Math] = ["Lengths: "]
        for letter, length in sizes.items():
            pieces += [Math(f"{letter} = {length}"), ", "]
        yield Paragraph((*pieces[:-1], ". Indices count from 0."))


def _leaves(reply: Tree) -> Iterator[Block]:
    """What is given: inputs, parameters and targets."""
    computed = {step["node"] for step in (*reply["forward"], *reply["loss"])}
    given = [symbol for name, symbol in reply["symbols"].items() if name not in computed]
    pieces: list[str | Math] = ["Given: "]
    for symbol in given:
        pieces += [Math(rf"{symbol['latex']} \in {symbol['space']}"), ", "]
    if given:
        yield Paragraph((*pieces[:-1], "."))


def _step(step: Tree) -> Iterator[Block]:
    lines = [rf"{step['latex']} \in {step['space']}"]
    if step["element"] != step["latex"]:
        lines.append(step["element"])
    left = step["latex"].partition(" = ")[0]
    yield Equations((*lines, *_numbers(left, step["numbers"])))
    yield from _where(step["where"])


def _jacobian(jacobian: Tree) -> Iterator[Block]:
    equals = f" = {jacobian['equals']}" if jacobian["equals"] else ""
    head = rf"{jacobian['latex']}{equals} \in {jacobian['space']}"
    lines: tuple[str, ...] = (head, jacobian["element"])
    if jacobian["element"].startswith(f"{jacobian['latex']} = "):  # of a number by a number
        lines = (rf"{jacobian['element']} \in {jacobian['space']}",)
    numbers = [each for each in _numbers(jacobian["latex"], jacobian["numbers"]) if each != jacobian["element"]]
    yield Equations((*lines, *numbers))
    yield from _where(jacobian["where"])


def _gradient(gradient: Tree) -> Iterator[Block]:
    left, _, right = gradient["latex"].partition(" = ")
    lines = [rf"{left} = {right}"]
    single = not gradient["terms"] or left != gradient["left"]
    lines[0] += "" if single else rf" \in {gradient['space']}"
    if left != gradient["left"]:
        lines.append(rf"{gradient['left']} \in {gradient['space']}")
    yield Equations((*lines, *_numbers(gradient["left"], gradient["numbers"])))


def _numbers(left: str, numbers: Sequence[str]) -> Iterator[str]:
    """An equation for each example: `left`, of example m where there are several."""
    for example, each in enumerate(numbers, start=1):
        of = left if len(numbers) == 1 else rf"\left({left}\right)_{{{example}}}"
        yield f"{of} {each}"


def _where(where: Sequence[str]) -> Iterator[Block]:
    if where:
        pieces: list[str | Math] = ["where "]
        for each in where:
            pieces += [Math(each), ", "]
        yield Paragraph(tuple(pieces[:-1]))


def _reading(reply: Tree) -> Iterator[Block]:
    """What the signs in the chains mean, of those that are there."""
    gradients = [*reply["gradients"].values(), *reply["through"].values()]
    latex = " ".join(gradient["latex"] for gradient in gradients)
    if any(term["over_examples"] for gradient in gradients for term in gradient["terms"]):
        yield Paragraph(("What is in parentheses with an index under them is of that example of the batch.",))
    elif any(gradient["by_example"] for gradient in gradients):
        yield Paragraph(("Each is of one example of the batch.",))
    if " : " in latex:
        yield Paragraph(("A : B is summed over every axis of the value between the two.",))
    if "direct" in latex:
        told = "The derivative marked as direct is the step's own, other ways between the two left out."
        yield Paragraph((told,))
