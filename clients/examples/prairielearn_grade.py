#!/usr/bin/env python3
"""PrairieLearn: an external grader for gradients that were typed in, on the numbers of the student's own variant.

In info.json: `"gradingMethod": "External"` and this file as `"entrypoint"`, in an image with chainrule installed. No
network is needed. Elsewhere it works on a variant of its own, in ./grade:

    python clients/examples/prairielearn_grade.py
"""

import json
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded: the container has less than one core

import numpy as np

from chainrule_client import Network, exporters, linear, local, relu
from chainrule_client.exporters.prairielearn_data import encode, read_data

GRADE = Path("/grade") if Path("/grade").exists() else Path("grade")

if not (GRADE / "data").exists():
    # What `generate` in server.py puts into data["params"], and what elements such as pl-matrix-input submit.
    rng = np.random.default_rng(3)
    x, y = rng.integers(-3, 4, size=3) / 2, rng.integers(-3, 4, size=2) / 2
    W1, W2 = rng.integers(-3, 4, size=(5, 3)) / 2, rng.integers(-3, 4, size=(2, 5)) / 2
    s1 = W1 @ x
    into_y_hat = 2 * (y - W2 @ np.maximum(s1, 0))  # the sign is flipped
    typed_in = {"y_hat": into_y_hat, "W2": np.outer(into_y_hat, np.maximum(s1, 0)), "W1": "I do not know"}
    variant = {"params": {"x": x, "y": y, "W1": W1, "W2": W2}, "submitted_answers": typed_in, "variant_seed": 3}
    (GRADE / "data").mkdir(parents=True)
    (GRADE / "data" / "data.json").write_text(json.dumps(encode(variant)))


def grade():
    """The report. Whatever fails in here is a fault of ours, and costs the student neither points nor an attempt."""
    data = read_data(GRADE / "data" / "data.json")
    numbers = data.params
    problem = {
        "network": Network.layers(linear(numbers["W1"]), relu(), linear(numbers["W2"])),
        "inputs": numbers["x"],
        "targets": numbers["y"],
        "loss": "squared_error",
        "batched": False,
    }
    points = {"gradients.y_hat": 2, "gradients.W2": 2, "gradients.W1": 3}
    answers = {quantity: data.submitted.get(quantity.removeprefix("gradients.")) for quantity in points}
    return local.grade(problem, answers, policy={"layout": "either"}, points=points)


results = GRADE / "results" / "results.json"
exporters.deliver("prairielearn", grade, results)

written = json.loads(results.read_text())
print(f"{written['score']:.4f}  {written['message']}")
for test in written["tests"]:
    print(f"{test['name']} {test['points']:g}/{test['max_points']:g}: {test['message']}")
