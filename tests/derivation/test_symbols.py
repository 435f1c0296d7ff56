"""What values are called: the homework's notation, and names that cannot be commands."""

from __future__ import annotations

import re

import pytest

from chainrule.derivation.subject import Subject
from chainrule.derivation.symbols import spelled
from chainrule.engine.graph import LOSS, TARGETS, Graph, Node
from chainrule.engine.plan import Plan, make_plan
from chainrule.engine.registry import find

HOSTILE = [
    r"\input{passwd}",
    r"}\write18{rm}",
    "$x$",
    "a%b",
    "a#b",
    "a&b",
    "a~b",
    "a^b_c",
    "<script>alert(1)<script>",
    r"\end{align*}\end{document}",
    "größe",
    "重み",
    "🙂",
    "a'b\"c",
    "n" * 100,
]


def plan_with(names: list[str], *, loss: bool = True) -> Plan:
    """A chain of nodes of these names after an input."""
    nodes = [Node(name, find("tanh")(), (before,)) for name, before in zip(names, ["x", *names], strict=False)]
    target = Node(LOSS, find("mse")(), (names[-1], TARGETS)) if loss else None
    graph = Graph(("x",), (), tuple(nodes), names[-1], target)
    return make_plan(graph, {"x": (3,), TARGETS: (3,)}, 2)


def latex_of(names: list[str], **how: bool) -> dict[str, str]:
    return {name: symbol.latex() for name, symbol in Subject(plan_with(names, **how)).symbols.items()}


def test_the_homeworks_names() -> None:
    found = latex_of(["s1", "a1", "s2", "out"])
    assert found == {"x": "x", "s1": "s_{1}", "a1": "a_{1}", "s2": "s_{2}", "out": r"\tilde{y}", "y": "y", "C": "C"}


def test_without_a_loss_the_output_has_its_own_name() -> None:
    assert latex_of(["f", "h"], loss=False) == {"x": "x", "f": "f", "h": "h"}


def test_parameters_are_numbered_above() -> None:
    graph = Graph(("x",), ("W1", "b1", "scale"), (Node("s1", find("linear")(), ("x", "W1", "b1")),), "s1")
    plan = make_plan(graph, {"x": (3,), "W1": (2, 3), "b1": (2,), "scale": ()}, 1)
    symbols = Subject(plan).symbols
    assert symbols["W1"].latex() == "W^{(1)}"
    assert symbols["W1"].with_indices("ij") == "W_{ij}^{(1)}"
    assert symbols["scale"].latex() == r"\mathrm{scale}"
    assert symbols["s1"].with_indices("i") == "s_{1,i}"


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_a_command(name: str) -> None:
    found = spelled(name)
    assert re.fullmatch(r"(?:[A-Za-z0-9.\[\]]|\\_|\{-\})+", found)
    assert len(found) < 150


def test_no_two_names_are_written_alike() -> None:
    names = [*HOSTILE, "a_1", "a1", "a.1", "[3c]", "<", "R1", r"\tilde{y}", "n" * 99 + "m", "alpha", "out"]
    found = latex_of(names)
    assert len(set(found.values())) == len(found)


def test_letters_of_indices_and_lengths_are_no_names_of_values() -> None:
    subject = Subject(plan_with(["i", "n", "N", "j", "out"]))
    assert [index.letter for index in subject.letters.indices((3, 3))] == ["k", r"\ell"]
    assert {size.letter for size in subject.sizes.values()} == {r"\bar{n}"}
    assert subject.batch is not None
    assert subject.batch.letter == r"\hat{N}"


def test_there_are_indices_enough_for_every_rank() -> None:
    letters = Subject(plan_with(["out"])).letters
    found = [index.letter for index in letters.indices((2,) * 24)]
    assert len(set(found)) == 24


def test_the_length_of_an_input_called_y_has_a_letter() -> None:
    graph = Graph(("x", "y"), (), (Node("out", find("concat")(), ("x", "y")),), "out")
    sizes = Subject(make_plan(graph, {"x": (3,), "y": (4,)}, 2)).sizes
    assert {length: size.letter for length, size in sizes.items()} == {3: "n", 7: "K", 4: "a"}
