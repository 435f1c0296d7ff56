#!/usr/bin/env python3
"""Gradescope: grades a function in the submission and writes results.json, in about a second.

Put this in the autograder's zip as `run_autograder`, and chainrule's wheel, which its `setup.sh` installs. Elsewhere it
works on a submission of its own, in ./autograder:

    python clients/examples/gradescope_run_autograder.py
"""

import json
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded: the container has half a core

import numpy as np

from chainrule_client import Network, exporters, linear, local, loss, sigmoid, tanh

HERE = Path("/autograder") if Path("/autograder").exists() else Path("autograder")
POINTS = {"outputs": 1, "gradients.W1": 4, "gradients.b1": 2, "gradients.W2": 4, "gradients.b2": 2}

SUBMITTED = """
import numpy as np

def backprop(x, y, W1, b1, W2, b2):
    a1 = np.tanh(x @ W1.T + b1)
    y_hat = 1 / (1 + np.exp(-(a1 @ W2.T + b2)))
    into_s2 = (y_hat - y) / y.size
    into_s1 = into_s2 @ W2 * (1 - a1**2)
    return {"outputs": y_hat, "W1": into_s1.T @ x, "b1": into_s1.mean(axis=0), "W2": into_s2.T @ a1,
            "b2": into_s2.sum(axis=0)}
"""
if not (HERE / "submission").exists():
    (HERE / "submission").mkdir(parents=True)
    (HERE / "submission" / "backprop.py").write_text(SUBMITTED)

rng = np.random.default_rng(7)
n, a, K, N = 3, 7, 5, 11  # pairwise different, so that a transposed weight cannot go unseen
given = {
    "x": rng.normal(size=(N, n)),
    "y": rng.integers(0, 2, size=(N, K)).astype(float),
    "W1": rng.normal(size=(a, n)),
    "b1": rng.normal(size=a),
    "W2": rng.normal(size=(K, a)),
    "b2": rng.normal(size=K),
}
problem = {
    "network": Network.layers(linear(given["W1"], given["b1"]), tanh(), linear(given["W2"], given["b2"]), sigmoid()),
    "inputs": given["x"],
    "targets": given["y"],
    "loss": loss("bce", reduction="mean"),
}

# The submission runs in a process of its own, which is given the numbers and hands back numbers: it can neither reach
# the grader nor end it.
RUN = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from backprop import backprop
given = {name: np.array(value) for name, value in json.load(sys.stdin).items()}
with open(sys.argv[2], "w") as file:
    json.dump({name: np.asarray(value).tolist() for name, value in backprop(**given).items()}, file)
"""


def answers():
    """What the submission computes; nothing where it fails, which is then missing and not a fault of ours."""
    numbers = json.dumps({name: value.tolist() for name, value in given.items()})
    answered = HERE / "answers.json"
    command = [sys.executable, "-c", RUN, str(HERE / "submission"), str(answered)]
    try:
        subprocess.run(command, input=numbers, text=True, timeout=60, check=True)
        found = json.loads(answered.read_text())
    except (OSError, ValueError, subprocess.SubprocessError):
        found = {}
    return {quantity: found.get(quantity.removeprefix("gradients.")) for quantity in POINTS}


submitted = answers()
results = HERE / "results" / "results.json"
exporters.deliver(
    "gradescope",
    lambda: local.grade(problem, submitted, points=POINTS),
    results,
    failure_options={"metadata": HERE / "submission_metadata.json"},
)

written = json.loads(results.read_text())
print(written["output"])
for test in written["tests"]:
    print(f"{test['name']} {test['status']}: {test['output']}")
