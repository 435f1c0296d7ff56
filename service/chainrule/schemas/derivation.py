"""The request and the reply of `derivation`."""

from __future__ import annotations

from pydantic import Field

from chainrule.schemas.documented import ComputedReply, Documented, Shape
from chainrule.schemas.ops import Name
from chainrule.schemas.requests import Problem, Wrt


class DerivationRequest(Problem):
    """The chain of each gradient in LaTeX, factor by factor, with the instance's numbers where they are few."""

    of: Name | None = Field(
        default=None, description="What is differentiated. By default the loss, and where there is none the output."
    )
    wrt: Wrt = "parameters"
    numbers: bool = Field(default=True, description="Fill in the instance's numbers where they are few.")
    document: bool = Field(default=False, description="Also return all of it as one LaTeX document.")


class WrittenSymbol(Documented):
    """What a value is called."""

    latex: str
    shape: Shape = Field(description="Of one example.")
    space: str = Field(description="The shape in LaTeX, its lengths by their letters: \\mathbb{R}^{K \\times a}.")


class Formula(WrittenSymbol):
    """Something in LaTeX, with its shape. Of a batch it is one example's."""

    numbers: list[str] = Field(
        description="With the instance's numbers, an example each where they differ; empty where they are many."
    )


class WrittenStep(Formula):
    """What a node computes."""

    node: str
    op: str
    inputs: dict[str, str] = Field(description="By the op's name for it, what it takes, in LaTeX.")
    element: str = Field(description="An entry of it.")
    where: list[str] = Field(description="What the letters of `element` stand for.")


class LocalJacobian(Formula):
    """One step's own derivative by one value that it takes."""

    equals: str | None = Field(description="The matrix that it is, where that has a name: W, or I.")
    element: str = Field(description="An entry of it.")
    where: list[str] = Field(description="What the letters of `element` stand for.")


class ChainFactor(Formula):
    """What stands in a product."""

    jacobian: str | None = Field(description="Which of `jacobians` it is, as it stands or transposed.")
    element: str | None = Field(description="An entry of that Jacobian.")


class ChainTerm(Documented):
    """The product along one path."""

    latex: str
    over_examples: bool = Field(description="It is summed over the batch.")
    factors: list[ChainFactor] = Field(description="From left to right.")


class WrittenGradient(Formula):
    """A gradient, or a Jacobian: the sum of its terms."""

    left: str = Field(description="The left side of `latex`.")
    by_example: bool = Field(description="There is one for each example, and `shape` is one's.")
    terms: list[ChainTerm] = Field(description="A path each; none where it is 0.")


class DerivationReply(ComputedReply):
    """Every formula of the derivation."""

    symbols: dict[str, WrittenSymbol] = Field(description="Every value, by name.")
    sizes: dict[str, int] = Field(description="The lengths that letters stand for.")
    forward: list[WrittenStep] = Field(description="Every node, in the order of computation.")
    loss: list[WrittenStep] = Field(
        description="The loss, penalties and what they add up to; empty where there is none."
    )
    jacobians: dict[str, LocalJacobian] = Field(description="By `of/wrt`, every Jacobian that a chain is made of.")
    gradients: dict[str, WrittenGradient] = Field(description="What was asked for, by name.")
    through: dict[str, WrittenGradient] = Field(
        description="Those of nodes through which others are written, where a network has too many paths."
    )
    document: str | None = Field(default=None, description="Where asked for: a LaTeX document.")
