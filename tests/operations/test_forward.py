"""`forward`: what it looks at and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.operations import Refused, run


@pytest.mark.parametrize("targets", [[[1.0, 0.0]], [[1.0, 2.0, 3.0]], [[7.0]]])
def test_a_loss_and_targets_may_stand_in_a_forward_request_and_are_not_looked_at(targets: list[list[float]]) -> None:
    request = {"network": {"layers": [{"op": "scale", "factor": 2}]}, "inputs": [[2.0, -3.0]], "backend": "numpy"}
    reply = run("forward", {**request, "targets": targets, "loss": "bce"})
    np.testing.assert_array_equal(reply["outputs"], [[4.0, -6.0]])
    assert set(reply) == {"outputs", "warnings", "meta"}


def test_a_network_of_parameters_alone_needs_no_inputs_where_there_is_no_batch() -> None:
    nodes = [{"name": "f", "op": "relu", "inputs": ["W"]}]
    network = {"parameters": {"W": [[1, -2], [3, 4]]}, "nodes": nodes, "output": "f"}
    request = {"network": network, "inputs": {}, "backend": "numpy"}
    assert run("forward", {**request, "batched": False})["outputs"].tolist() == [[1, 0], [3, 4]]
    with pytest.raises(Refused, match='write "batched": false') as refused:
        run("forward", request)
    assert refused.value.faults[0].pointer == "/inputs"
