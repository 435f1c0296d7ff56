"""The operations as methods, written once for every client: over HTTP, sync and async, and in process."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Generic, Literal, TypeVar

from chainrule_client.asking import Answer, Backend, DType, Layout, Penalties, computation_fields, problem_fields
from chainrule_client.classes.session import Session
from chainrule_client.exploring import Exploring
from chainrule_client.requests import Inputs, LossLike, NetworkLike, Pairs, grade_request, pairs_on_the_wire
from chainrule_client.tensors import TensorLike

Many = TypeVar("Many", covariant=True)
"""What `grade_many` returns: a list, or a coroutine of one."""

Form = Literal["dense", "structured"]


class Operations(Exploring[Answer], Generic[Answer, Many]):
    """A problem goes in, a `Reply` comes out.

    Of the arguments that the methods share:

    network: a `Network`, or the same as a dict.
    inputs: the input `x`, or a mapping of input names to tensors. Axis 0 is the batch unless `batched` is false.
    targets: what the loss compares the output with.
    loss: a loss's name, or what `loss(...)` makes.
    penalties: what `l1_penalty(...)` and `l2_penalty(...)` make; they are added to the loss.
    backend: None leaves the choice to whoever computes (torch on the service, NumPy in process).
    request_id: names the call in the service's logs; one is made up if none is given.

    A tensor is a NumPy array, a torch tensor or nested lists. Replies hold NumPy arrays.

    Every method raises ValueError for what cannot be sent, and `ChainruleError` (see `errors`) for what went wrong.
    """

    @abstractmethod
    def _grade_all(self, session: Session, concurrency: int, shown: bool | None) -> Many:
        """Have all submissions of a session graded."""

    def validate(
        self,
        network: NetworkLike,
        inputs: Inputs,
        targets: TensorLike | None = None,
        loss: LossLike | None = None,
        *,
        penalties: Penalties | None = None,
        batched: bool = True,
        layout: Layout = "torch",
        dtype: DType = "float64",
        device: str = "auto",
        backend: Backend | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """Names, shapes, order and cost of everything, computing nothing."""
        return self._ask(
            "validate",
            {
                **problem_fields(network, inputs, targets, loss, penalties),
                **computation_fields(batched, layout, dtype, device, backend),
            },
            request_id,
        )

    def forward(
        self,
        network: NetworkLike,
        inputs: Inputs,
        targets: TensorLike | None = None,
        loss: LossLike | None = None,
        *,
        trace: bool = False,
        penalties: Penalties | None = None,
        batched: bool = True,
        layout: Layout = "torch",
        dtype: DType = "float64",
        device: str = "auto",
        backend: Backend | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """`outputs`, and with `trace` every node's inputs and output.

        targets, loss, penalties: not used, so that a whole problem may be passed.
        """
        return self._ask(
            "forward",
            {
                **problem_fields(network, inputs, targets, loss, penalties),
                **computation_fields(batched, layout, dtype, device, backend),
                "trace": trace,
            },
            request_id,
        )

    def loss(
        self,
        network: NetworkLike,
        inputs: Inputs,
        targets: TensorLike,
        loss: LossLike,
        *,
        per_example: bool = False,
        penalties: Penalties | None = None,
        batched: bool = True,
        layout: Layout = "torch",
        dtype: DType = "float64",
        device: str = "auto",
        backend: Backend | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """`outputs` and `loss`, and with `per_example` each example's part of it."""
        return self._ask(
            "loss",
            {
                **problem_fields(network, inputs, targets, loss, penalties),
                **computation_fields(batched, layout, dtype, device, backend),
                "per_example": per_example,
            },
            request_id,
        )

    def gradients(
        self,
        network: NetworkLike,
        inputs: Inputs,
        targets: TensorLike | None = None,
        loss: LossLike | None = None,
        wrt: Literal["parameters", "all"] | Sequence[str] = "parameters",
        *,
        upstream: TensorLike | None = None,
        per_example: bool = False,
        steps: bool = False,
        verify: bool = False,
        penalties: Penalties | None = None,
        batched: bool = True,
        layout: Layout = "torch",
        dtype: DType = "float64",
        device: str = "auto",
        backend: Backend | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """`outputs`, `loss` and `gradients` with respect to parameters, inputs and nodes.

        wrt: `parameters`, `all`, or names.
        upstream: a cotangent of the output, in place of targets and a loss.
        per_example: the contributions that sum to each gradient. steps: the backward pass node by node.
        verify: check the gradients against an independent method.
        """
        return self._ask(
            "gradients",
            {
                **problem_fields(network, inputs, targets, loss, penalties),
                **computation_fields(batched, layout, dtype, device, backend),
                "wrt": wrt,
                "upstream": upstream,
                "per_example": per_example,
                "steps": steps,
                "verify": verify,
            },
            request_id,
        )

    def jacobians(
        self,
        network: NetworkLike,
        inputs: Inputs,
        pairs: Pairs,
        targets: TensorLike | None = None,
        loss: LossLike | None = None,
        *,
        form: Form = "dense",
        penalties: Penalties | None = None,
        batched: bool = True,
        layout: Layout = "torch",
        dtype: DType = "float64",
        device: str = "auto",
        backend: Backend | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """`jacobians` between any two names, per example.

        pairs: `"y_hat/W1"` or `("y_hat", "W1")`, for ∂ŷ/∂W₁; one or several.
        form: `dense`, or `structured` to have diagonals and outer products as such.
        targets, loss: needed where a pair names the loss, `C`.
        """
        return self._ask(
            "jacobians",
            {
                **problem_fields(network, inputs, targets, loss, penalties),
                **computation_fields(batched, layout, dtype, device, backend),
                "pairs": pairs_on_the_wire(pairs),
                "form": form,
            },
            request_id,
        )

    def grade(
        self,
        problem: Mapping[str, Any],
        answers: Mapping[str, Any],
        *,
        policy: Mapping[str, Any] | None = None,
        points: Mapping[str, float] | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """A report on answers: `score`, `max_score`, `items` by quantity, and the `diagnosis` of what is wrong.

        problem: the fields of one, such as `dict(network=…, inputs=…, targets=…, loss=…)`, or one on file:
        `{"problem": "nyu-hw1/1.2b", "seed": 7}`.
        answers: tensors by quantity, `{"loss": 2.5, "gradients.W1": …}`, or the tree of a reply,
        `{"gradients": {"W1": …}}`. Anything may stand for an answer: what is no tensor, or not finite, is not right.
        policy, points: how they are marked, and what each is worth; None for the defaults, or for those on file.
        """
        return self.call("grade", grade_request(problem, answers, policy, points), request_id=request_id)

    def grade_many(
        self,
        submissions: Iterable[Mapping[str, Any]],
        problem: Mapping[str, Any] | None = None,
        *,
        policy: Mapping[str, Any] | None = None,
        points: Mapping[str, float] | None = None,
        resume: str | PathLike[str] | None = None,
        concurrency: int = 2,
        progress: bool | None = None,
    ) -> Many:
        """What became of each submission, in the order given: a list of `Graded`, each with a `report` or an `error`.

        submissions: mappings with an `id`, `answers`, and what differs from the rest: `seed`, say, or a whole problem.
        problem, policy, points: what they have in common, as for `grade`.
        resume: a file that remembers what was graded. After an interruption the same call goes on from there.
        concurrency: how many portions are asked for at once. progress: None for a bar where stderr is a terminal.
        Raises ChainruleError where the service is not there, and ValueError where ids are missing or given twice, or
        a submission is no mapping.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency is 1 or more, not {concurrency}")
        return self._grade_all(Session(submissions, problem, policy, points, resume), concurrency, progress)

    def instances(
        self,
        template: Mapping[str, Any] | None = None,
        seed: int | None = None,
        *,
        problem: str | None = None,
        identity: Mapping[str, Any] | None = None,
        attempt: int | None = None,
        asks: Sequence[str] | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """A `problem` with its numbers drawn, the `seed` they came from, its `sizes`, and which `attempt` it is.

        template: a problem in which tensors may be draws; or `problem`, the name of one on file.
        seed: which numbers; or `identity`, `{"assignment": …, "question": …, "student": …, "revision": 0}`, from which
        whoever computes makes a seed with its secret.
        attempt: just this drawing, as an earlier reply told it, whatever constraints hold by now.
        asks: the quantities by which a template's instance has to tell mistakes apart.
        """
        return self._ask(
            "instances",
            {
                "template": template,
                "problem": problem,
                "seed": seed,
                "identity": identity,
                "attempt": attempt,
                "asks": None if asks is None else list(asks),
            },
            request_id,
        )
