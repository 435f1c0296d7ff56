"""The operations that let a network be looked into: training step by step, the flow of gradients, the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal

from chainrule.schemas.progress import Watch
from chainrule_client.asking import (
    Answer,
    Asking,
    Backend,
    DType,
    Layout,
    Penalties,
    computation_fields,
    problem_fields,
)
from chainrule_client.curves import OpLike
from chainrule_client.requests import Inputs, LossLike, NetworkLike
from chainrule_client.tensors import TensorLike


class Exploring(Asking[Answer], Generic[Answer]):
    """Part of `Operations`, which says what the arguments are that all its methods share."""

    def train(
        self,
        network: NetworkLike,
        inputs: Inputs,
        targets: TensorLike | None = None,
        loss: LossLike | None = None,
        *,
        steps: int,
        learning_rate: float,
        optimizer: str | Mapping[str, Any] = "sgd",
        maximize: bool = False,
        clear_gradients: bool = True,
        wrt: Literal["parameters"] | Sequence[str] = "parameters",
        upstream: TensorLike | None = None,
        record: int = 1,
        trace: bool = False,
        watch: Watch | None = None,
        penalties: Penalties | None = None,
        batched: bool = True,
        layout: Layout = "torch",
        dtype: DType = "float64",
        device: str = "auto",
        backend: Backend | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """`losses` before each step; `outputs`, `loss` and what `moved` after the last; and `recorded`, step by step.

        optimizer: `sgd`, `adam`, or with options `{"name": "sgd", "momentum": 0.9}`.
        clear_gradients: False adds the gradients of all steps up.
        wrt: what moves, parameters or inputs. upstream: a cotangent of the output, in place of targets and a loss.
        record: the numbers of the first step, and of every so-many-th after it; 0 for none.
        watch: called with a `Progress` (step, steps, loss) now and then while it goes on.
        """
        return self._ask(
            "train",
            {
                **problem_fields(network, inputs, targets, loss, penalties),
                **computation_fields(batched, layout, dtype, device, backend),
                "steps": steps,
                "learning_rate": learning_rate,
                "optimizer": optimizer,
                "maximize": maximize,
                "clear_gradients": clear_gradients,
                "wrt": wrt,
                "upstream": upstream,
                "record": record,
                "trace": trace,
            },
            request_id,
            watch,
        )

    def derivation(
        self,
        network: NetworkLike,
        inputs: Inputs,
        targets: TensorLike | None = None,
        loss: LossLike | None = None,
        wrt: Literal["parameters", "all"] | Sequence[str] = "parameters",
        *,
        of: str | None = None,
        numbers: bool = True,
        document: bool = False,
        penalties: Penalties | None = None,
        batched: bool = True,
        layout: Layout = "torch",
        dtype: DType = "float64",
        device: str = "auto",
        backend: Backend | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """The chain of each gradient in LaTeX: `forward`, `loss`, `jacobians` by `of/wrt`, and `gradients` by name.

        of: what is differentiated, by default the loss, and where there is none the output.
        numbers: fill in the instance's where they are few. document: all of it as one LaTeX document as well.
        """
        return self._ask(
            "derivation",
            {
                **problem_fields(network, inputs, targets, loss, penalties),
                **computation_fields(batched, layout, dtype, device, backend),
                "of": of,
                "wrt": wrt,
                "numbers": numbers,
                "document": document,
            },
            request_id,
        )

    def flow(
        self,
        network: NetworkLike,
        inputs: Inputs,
        targets: TensorLike | None = None,
        loss: LossLike | None = None,
        alternatives: Sequence[OpLike] = (),
        *,
        at: Sequence[str] | None = None,
        upstream: TensorLike | None = None,
        format: Literal["json", "svg"] = "json",
        penalties: Penalties | None = None,
        batched: bool = True,
        dtype: DType = "float64",
        device: str = "auto",
        backend: Backend | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """`flows`: how much of the gradient reaches each node, with each of some activations; `at`: where they are.

        alternatives: names, or with options `{"op": "leaky_relu", "slope": 0.1}`; none for the network as it is.
        at: the nodes whose place they take; None for every activation but the output.
        upstream: a cotangent of the output, in place of targets and a loss.
        format: "svg" for the plot as well, under `svg`.
        """
        return self._ask(
            "flow",
            {
                **problem_fields(network, inputs, targets, loss, penalties),
                **computation_fields(batched, "torch", dtype, device, backend),
                "alternatives": list(alternatives),
                "at": None if at is None else list(at),
                "upstream": upstream,
                "format": format,
            },
            request_id,
        )

    def graph(
        self,
        network: NetworkLike,
        inputs: Inputs,
        targets: TensorLike | None = None,
        loss: LossLike | None = None,
        *,
        values: bool = False,
        gradients: bool = False,
        upstream: TensorLike | None = None,
        format: Literal["json", "dot", "svg"] = "json",
        penalties: Penalties | None = None,
        batched: bool = True,
        layout: Layout = "torch",
        dtype: DType = "float64",
        device: str = "auto",
        backend: Backend | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """`nodes` by name, `edges`, and the name of the `output`: the computation as a graph.

        values: each node's as well. gradients: ∂C/∂node, and at each edge what comes back along it.
        upstream: a cotangent of the output, in place of targets and a loss.
        format: "dot" or "svg" for the graph in that form as well, under that name.
        """
        return self._ask(
            "graph",
            {
                **problem_fields(network, inputs, targets, loss, penalties),
                **computation_fields(batched, layout, dtype, device, backend),
                "values": values,
                "gradients": gradients,
                "upstream": upstream,
                "format": format,
            },
            request_id,
        )
