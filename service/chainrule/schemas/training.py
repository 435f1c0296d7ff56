"""The request and the reply of `train`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, Union

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from chainrule.schemas.documented import ComputedReply, Documented, Kink, ResultTensor, TraceEntry
from chainrule.schemas.ops import ParameterNames, Strict, text_or
from chainrule.schemas.own_words import in_own_words
from chainrule.schemas.requests import Differentiated
from chainrule.schemas.tensors import Inline

MOST_STEPS = 100_000
LARGEST = 1e30
"""Of a rate: what float32 can hold with room."""

Rate = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]


class SGDOptimizer(Strict):
    """Stochastic gradient descent, as `torch.optim.SGD`."""

    name: Literal["sgd"]
    momentum: Rate = 0.0
    dampening: Rate = 0.0
    nesterov: bool = Field(default=False, description="Wants a momentum, and no dampening.")
    weight_decay: Rate = Field(default=0.0, description="times the value, added to its gradient")

    @model_validator(mode="after")
    def _nesterov_wants_momentum(self) -> Self:
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise in_own_words("nesterov wants a momentum above 0, and no dampening")
        return self


class AdamOptimizer(Strict):
    """Adam, as `torch.optim.Adam`."""

    name: Literal["adam"]
    betas: Annotated[tuple[Share, Share], Field(strict=False), Inline] = Field(
        default=(0.9, 0.999), description="How much of the old means of the gradient and of its square is kept."
    )
    eps: Rate = Field(default=1e-8, description="added to the root of the second")
    weight_decay: Rate = Field(default=0.0, description="times the value, added to its gradient (not AdamW's)")


NAMES = ("sgd", "adam")
_EXAMPLE = 'write "sgd", "adam", or {"name": "sgd", "momentum": 0.9}'


def _named(value: Any) -> Any:
    """An optimizer's bare name as an object, which alone is looked at further."""
    if isinstance(value, str):
        value = {"name": value}
    if isinstance(value, SGDOptimizer | AdamOptimizer):
        return value
    if not isinstance(value, dict):
        raise in_own_words(f"an optimizer is a name or an object: {_EXAMPLE}")
    if value.get("name") not in NAMES:
        said = "is missing" if "name" not in value else "is none that there is"
        raise in_own_words(f"the optimizer's name {said}: {_EXAMPLE}")
    return value


def _which(value: Any) -> str:
    return str(value["name"] if isinstance(value, dict) else value.name)


OptimizerField = Annotated[
    Union[Annotated[SGDOptimizer, Tag("sgd")], Annotated[AdamOptimizer, Tag("adam")]],  # noqa: UP007
    Discriminator(_which),
    BeforeValidator(_named, json_schema_input_type=Literal["sgd", "adam"] | SGDOptimizer | AdamOptimizer),
    Field(description="How values move: its name, or an object with its options."),
]


def _is_group(value: object) -> object:
    if value != "parameters":
        raise in_own_words('wants "parameters" or a list of names: write ["x"] for x alone')
    return value


Moving = Annotated[
    Union[  # noqa: UP007
        Annotated[Literal["parameters"], BeforeValidator(_is_group), Tag("group")],
        Annotated[ParameterNames, Tag("names")],
    ],
    text_or("names", text="group"),
    Field(description="What moves: parameters, or a list of names of parameters and inputs; the rest stays fixed."),
]


class TrainRequest(Differentiated):
    """Steps of descent, the five stages of each with their numbers. With `upstream` in place of a loss,
    Σ upstream · output is descended: with `maximize` and `wrt: ["x"]` an input follows a class's logit uphill."""

    steps: int = Field(ge=1, le=MOST_STEPS, description="How many.")
    learning_rate: float = Field(ge=0, le=LARGEST, allow_inf_nan=False, description="η.")
    optimizer: OptimizerField = SGDOptimizer(name="sgd")
    maximize: bool = Field(default=False, description="Go uphill, as torch's `maximize`.")
    clear_gradients: bool = Field(
        default=True,
        description="Whether each step forgets the gradients of the one before. With false they add up, as in torch "
        "without `zero_grad()`.",
    )
    wrt: Moving = "parameters"
    record: int = Field(
        default=1,
        ge=0,
        le=MOST_STEPS,
        description="The numbers of the first step, and of every so-many-th after it: 1 for every step, 10 for steps "
        "1, 11, 21, …, 0 for none. The losses of all steps are always there.",
    )
    trace: bool = Field(default=False, description="In the steps recorded, every node's value as well.")


class ForwardStage(Documented):
    """The network, run on the values as they are."""

    outputs: ResultTensor
    trace: list[TraceEntry] | None = Field(default=None, description="Where asked for: every node's value.")


class LossStage(Documented):
    """What is descended."""

    loss: ResultTensor = Field(description="With an upstream, Σ upstream · output.")


class ClearStage(Documented):
    """The gradients forgotten, or not."""

    cleared: bool
    gradients: dict[str, ResultTensor] = Field(description="What the backward pass finds: 0, or the sum so far.")


class BackwardStage(Documented):
    """The backward pass."""

    gradients: dict[str, ResultTensor] = Field(description="What this step brings.")
    accumulated: dict[str, ResultTensor] = Field(description="That added to what was there: what the update goes by.")


class UpdateStage(Documented):
    """The values moved."""

    state: dict[str, dict[str, ResultTensor]] = Field(
        description="What the optimizer remembers of each: `momentum_buffer`, or `exp_avg` and `exp_avg_sq`."
    )
    change: dict[str, ResultTensor] = Field(description="New less old.")
    values: dict[str, ResultTensor] = Field(description="The new.")


class TrainingStep(Documented):
    """One step in five stages, in the order in which they happen."""

    step: int = Field(description="From 1.")
    forward: ForwardStage
    loss: LossStage
    clear: ClearStage
    backward: BackwardStage
    update: UpdateStage


class TrainKink(Kink):
    """A place where a node has no derivative, and the step at which a subgradient was taken there."""

    step: int


class TrainReply(ComputedReply):
    """What became of the values."""

    losses: ResultTensor = Field(description="What is descended, before each update.")
    outputs: ResultTensor = Field(description="After the last update.")
    loss: ResultTensor = Field(description="After the last update.")
    moved: dict[str, ResultTensor] = Field(description="What moved, as it is after the last update.")
    recorded: list[TrainingStep]
    kinks: list[TrainKink] = Field(max_length=20)
    kink_count: int = Field(description="How many there are, over all steps; `kinks` has the first.")
