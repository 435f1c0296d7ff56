"""A weight for each of many classes, with all its digits: as many as ImageNet has, and the limit."""

import json

import numpy as np
import pytest
import torch

from chainrule.operations import Calls, Refused
from chainrule.schemas.envelope import split
from chainrule.schemas.tensors import MOST_NUMBERS
from chainrule_client import from_torch, local

IMAGENET = 1000


def drawn(classes):
    """Logits, weights of 17 digits, and class indices."""
    draw = np.random.default_rng(classes)
    return draw.normal(size=(3, classes)), draw.uniform(1e-3, 1, classes), draw.integers(0, classes, 3)


def body(classes, op="cross_entropy"):
    logits, weights, targets = drawn(classes)
    request = {
        "network": {"layers": [{"op": "log_softargmax" if op == "nll" else "identity"}]},
        "inputs": logits.tolist(),
        "targets": targets.tolist(),
        "loss": {"op": op, "class_weights": weights.tolist()},
        "backend": "numpy",
    }
    return json.dumps(request).encode()


@pytest.mark.parametrize("op", ["cross_entropy", "nll"])
@pytest.mark.parametrize("classes", [65, 100, IMAGENET, MOST_NUMBERS])
def test_the_loss_is_that_of_torch(op, classes):
    logits, weights, targets = map(torch.tensor, drawn(classes))
    expected = torch.nn.functional.cross_entropy(logits, targets, weight=weights)
    assert Calls().parse("loss", body(classes, op)).run()["loss"] == pytest.approx(expected.item(), rel=1e-12)


def test_one_more_is_refused_and_told_the_limit():
    with pytest.raises(Refused, match=r"/loss/class_weights: wants at most 10000 entries; found 10001"):
        Calls().parse("loss", body(MOST_NUMBERS + 1))


def test_a_request_with_the_weights_of_imagenet_is_kept_for_the_next():
    calls = Calls()
    first, second = (calls.parse("loss", body(IMAGENET)) for _ in range(2))
    assert first.operation is second.operation


def test_other_weights_are_not_taken_for_these():
    calls = Calls()
    text = body(IMAGENET)
    other = text.replace(split(text).spans[2], json.dumps([1.0] * IMAGENET).encode())
    assert calls.parse("loss", text).run()["loss"] != calls.parse("loss", other).run()["loss"]
    assert calls.parse("loss", text).run()["loss"] == Calls().parse("loss", text).run()["loss"]


def test_weights_of_a_torch_loss_go_through_the_client():
    logits, weights, targets = drawn(IMAGENET)
    module = torch.nn.CrossEntropyLoss(torch.tensor(weights))
    problem = from_torch(torch.nn.Sequential(torch.nn.Identity()).double(), module)
    reply = local.loss(**problem, inputs=logits, targets=targets)
    assert reply.loss == pytest.approx(module(torch.tensor(logits), torch.tensor(targets)).item(), rel=1e-12)
