"""Items of one structure in a batch, which may be computed together, on TEST_DEVICE: each is as it is alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from api.in_process import InProcess
from gpu.problems import check, on_numpy, problem
from torch_device import DEVICE

ITEMS = 250
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_each_item_has_its_own_numbers(dtype: str) -> None:
    problems = [problem(seed, hidden=5 + seed % 2) for seed in range(ITEMS)]
    sent = [{"id": seed, "operation": "gradients", "request": on(each, dtype)} for seed, each in enumerate(problems)]
    body = b"\n".join(orjson.dumps(item, option=orjson.OPT_SERIALIZE_NUMPY) for item in sent)
    reply = InProcess().post("/v1/batch", content=body, headers=NDJSON)
    lines: list[dict[str, Any]] = [orjson.loads(line) for line in reply.content.splitlines()]
    assert [line["id"] for line in lines] == list(range(ITEMS))
    for line, each in zip(lines, problems, strict=True):
        assert (line["status"], line["reply"]["meta"]["device"]) == (200, DEVICE), line
        check(arrays(line["reply"]), on_numpy("gradients", each), dtype)


def on(request: dict[str, Any], dtype: str) -> dict[str, Any]:
    return {**request, "device": DEVICE, "dtype": dtype}


def arrays(reply: dict[str, Any]) -> dict[str, Any]:
    gradients = {name: np.array(value) for name, value in reply["gradients"].items()}
    return {"outputs": np.array(reply["outputs"]), "loss": reply["loss"], "gradients": gradients}
