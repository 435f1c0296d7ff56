"""`validate`: what it says of what would be refused for its cost."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from chainrule.operations import Calls, Limits, Refused
from chainrule.operations.results import Reply

WIDE: dict[str, Any] = {
    "network": {"parameters": {"W": {"shape": [200, 3]}}, "layers": [{"op": "linear", "weight": "W"}]},
    "inputs": [[1, 2, 3]],
    "targets": [[0] * 200],
    "loss": "mse",
    "backend": "numpy",
}


def answer(operation: str, limits: Limits, request: dict[str, Any] = WIDE) -> Reply:
    return Calls(limits).parse(operation, orjson.dumps(request)).run()


@pytest.mark.parametrize(
    ("limits", "refused"),
    [
        (Limits(), []),
        (Limits(returned=300), ["gradients"]),
        (Limits(returned=100), ["loss", "gradients"]),
        (Limits(flops=603_000), ["gradients"]),  # most of them to draw W
        (Limits(flops=600_000), ["loss", "gradients"]),
        (Limits(memory=205_000), ["gradients"]),  # most of it to draw W
        (Limits(memory=200_000), ["loss", "gradients"]),
        (Limits(calls=3), ["gradients"]),
    ],
    ids=str,
)
def test_it_warns_of_what_the_limits_would_refuse(limits: Limits, refused: list[str]) -> None:
    reply = answer("validate", limits)
    assert reply["valid"]
    assert [warning.split()[0] for warning in reply["warnings"]] == refused
    for operation in ("loss", "gradients"):
        if operation not in refused:
            answer(operation, limits)
            continue
        with pytest.raises(Refused) as raised:
            answer(operation, limits)
        cost = raised.value.detail.removeprefix("this would take ").removesuffix(": ask for less at a time")
        assert f"{operation} would be refused: it would take {cost}" in reply["warnings"]


def test_without_a_loss_it_is_forward_that_would_be_refused() -> None:
    request = {name: WIDE[name] for name in ("network", "inputs", "backend")}
    reply = answer("validate", Limits(returned=100), request)
    assert reply["warnings"][0] == (
        "forward would be refused: it would take 200 numbers in the reply; the limit is 100"
    )
    with pytest.raises(Refused, match="200 numbers in the reply; the limit is 100"):
        answer("forward", Limits(returned=100), request)
