"""The replies of every endpoint, as models: for the API's description, and for tests to hold replies to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chainrule.engine.verify import Method
from chainrule.schemas.derivation import DerivationReply
from chainrule.schemas.documented import ComputedReply, Documented, Kink, ResultTensor, Shape, TraceEntry
from chainrule.schemas.flow import FlowReply
from chainrule.schemas.graph import GraphReply
from chainrule.schemas.instances import InstancesReply
from chainrule.schemas.reports import GradeReply
from chainrule.schemas.training import TrainReply


class NodeDescription(Documented):
    """A node, planned."""

    node: str
    op: str
    inputs: dict[str, str] = Field(description="By the op's name for it, the name of what it takes.")
    shape: Shape


class InputDescription(Documented):
    """An input, planned."""

    shape: Shape


class ParameterDescription(Documented):
    """A parameter, planned."""

    shape: Shape
    elements: int


class CostDescription(Documented):
    """What a computation would take."""

    flops: int
    bytes: int
    elements: int = Field(description="Numbers in the reply.")


class Costs(Documented):
    """What the computations of a problem would take."""

    forward: CostDescription
    gradients: CostDescription


class ValidateReply(ComputedReply):
    """Names, shapes, order and cost."""

    valid: Literal[True]
    batch: int | None = Field(description="N; null for a single example.")
    inputs: dict[str, InputDescription]
    parameters: dict[str, ParameterDescription]
    nodes: list[NodeDescription]
    order: list[str] = Field(description="The nodes in the order they are computed.")
    output: str
    cost: Costs


class ForwardReply(ComputedReply):
    """The network's output."""

    outputs: ResultTensor
    trace: list[TraceEntry] | None = Field(default=None, description="Where asked for: every node's value.")
    drawn: dict[str, ResultTensor] | None = Field(default=None, description="With a trace: the parameters drawn.")


class PerExampleLoss(Documented):
    """Each example's share of the loss."""

    loss: ResultTensor


class LossReply(ComputedReply):
    """The outputs and the loss."""

    outputs: ResultTensor
    loss: ResultTensor
    per_example: PerExampleLoss | None = Field(default=None, description="Where asked for.")


class DenseJacobian(Documented):
    """Every entry."""

    structure: Literal["dense"]
    shape: Shape
    value: ResultTensor


class DiagonalJacobian(Documented):
    """Zero but on the diagonal."""

    structure: Literal["diagonal"]
    shape: Shape = Field(description="The shape that it would have in full.")
    diagonal: ResultTensor


class OuterJacobian(Documented):
    """value[n, i, j, k] = left[n, i, j] · right[n, k]."""

    structure: Literal["outer"]
    shape: Shape = Field(description="The shape that it would have in full.")
    left: ResultTensor
    right: ResultTensor


JacobianReply = Annotated[DenseJacobian | DiagonalJacobian | OuterJacobian, Field(discriminator="structure")]


class Step(Documented):
    """One node of the backward pass."""

    node: str
    op: str
    inputs: dict[str, str] = Field(description="By the op's name for it, the name of what it takes.")
    cotangent: ResultTensor = Field(description="∂C/∂node.")
    local: dict[str, JacobianReply] = Field(description="∂node/∂input, by the op's name for the input.")
    contributes: dict[str, ResultTensor] = Field(description="What the node adds to each input's gradient.")


class PerExampleGradients(Documented):
    """Each example's contribution; they sum to the gradients."""

    gradients: dict[str, ResultTensor]


class VerificationReply(Documented):
    """The gradients against differences of forward values, along random directions."""

    method: Method
    passed: bool
    tolerance: float
    deviations: dict[str, ResultTensor] = Field(description="The largest relative deviation, by name.")


class GradientsReply(ComputedReply):
    """The gradients, and what was asked for with them."""

    outputs: ResultTensor
    loss: ResultTensor | None = Field(default=None, description="Left out where an upstream stands in its place.")
    gradients: dict[str, ResultTensor]
    per_example: PerExampleGradients | None = Field(default=None, description="Where asked for.")
    steps: list[Step] | None = Field(default=None, description="Where asked for, from the loss back.")
    kinks: list[Kink] = Field(max_length=20)
    kink_count: int = Field(description="How many there are; `kinks` has the first.")
    verification: VerificationReply | None = Field(default=None, description="Where asked for.")


class JacobiansReply(ComputedReply):
    """The Jacobians, by `of/wrt`."""

    jacobians: dict[str, JacobianReply]
    kinks: list[Kink] = Field(max_length=20)
    kink_count: int = Field(description="How many there are; `kinks` has the first.")


class FaultDescription(Documented):
    """One thing wrong with a request."""

    pointer: str = Field(description="Where in the body: a JSON pointer (RFC 6901).")
    message: str = Field(description="What was found, what was expected, what to write instead.")


class ProblemDetails(Documented):
    """Why there is no other answer (RFC 9457)."""

    type: str = Field(description="A URI for this kind of problem.")
    title: str
    status: int
    detail: str
    request_id: str = Field(description="What the service's log knows the request by.")
    errors: list[FaultDescription] | None = Field(default=None, max_length=20, description="The first faults.")
    error_count: int | None = Field(default=None, description="How many faults there were.")


REPLIES: dict[str, type[ComputedReply]] = {
    "validate": ValidateReply,
    "forward": ForwardReply,
    "loss": LossReply,
    "gradients": GradientsReply,
    "jacobians": JacobiansReply,
    "derivation": DerivationReply,
    "grade": GradeReply,
    "train": TrainReply,
    "flow": FlowReply,
    "graph": GraphReply,
    "instances": InstancesReply,
}
"""By operation."""
