"""A grading script from a cold start: ours on the local engine, and one that imports torch and calls autograd."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from pairs import Goal, Row, paired

SHARED = """
import json, numpy as np
W, b = np.array([[0.5, -1.0, 0.25], [1.0, 0.5, -0.75]]), np.array([0.25, -0.5])
x = np.array([[1.0, -0.5, 2.0], [0.5, 1.5, -1.0], [2.0, 0.25, 0.5], [-1.0, 1.0, 1.0], [0.75, -2.0, 0.5]])
y = np.eye(5, 2)
g = (1 / (1 + np.exp(-(x @ W.T + b))) - y) / y.size
answers = {"W1": g.T @ x, "b1": g.mean(0)}
"""
OURS = """
from chainrule_client import Network, linear, local, loss, sigmoid
problem = {"network": Network.layers(linear(W, b), sigmoid()), "inputs": x, "targets": y, "loss": loss("bce")}
report = local.grade(problem, {f"gradients.{name}": value for name, value in answers.items()})
assert [item["status"] for item in report["items"]] == ["correct", "wrong"]
print(json.dumps({"score": report["score"], "why": report["diagnosis"][0]["message"]}))
"""
AUTOGRAD = """
import torch
W, b = torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True)
output = torch.sigmoid(torch.nn.functional.linear(torch.tensor(x), W, b))
torch.nn.functional.binary_cross_entropy(output, torch.tensor(y)).backward()
truth = {"W1": W.grad, "b1": b.grad}
right = {name: torch.allclose(torch.tensor(value), truth[name]) for name, value in answers.items()}
assert right == {"W1": True, "b1": False}
print(json.dumps({"score": sum(right.values())}))
"""


def measure(quick: bool) -> Iterator[Row]:
    """Time and memory from starting Python to the marks."""
    turns = 1 if quick else 15
    with tempfile.TemporaryDirectory() as folder:
        scripts = {"ours": SHARED + OURS, "peer": SHARED + AUTOGRAD}
        files = {name: Path(folder, f"{name}.py") for name in scripts}
        for name, script in scripts.items():
            files[name].write_text(script)
        sides = ("local.grade", "import torch, autograd")
        for what, unit, measure in (("time", "s", _seconds), ("memory", "MiB", _mebibytes)):
            yield paired(
                f"a grading script from a cold start, {what}",
                (sides[0], lambda measure=measure: measure(files["ours"])),
                (sides[1], lambda measure=measure: measure(files["peer"])),
                Goal("of its time" if unit == "s" else "of its memory", 1 / 3),
                turns,
                unit=unit,
            )


def _seconds(script: Path) -> float:
    started = perf_counter()
    subprocess.run([sys.executable, str(script)], check=True, capture_output=True)
    return perf_counter() - started


def _mebibytes(script: Path) -> float:
    """The largest resident set of the script's own process, by the kernel."""
    source = f"{script.read_text()}\nprint(open('/proc/self/status').read())"
    done = subprocess.run([sys.executable, "-c", source], check=True, capture_output=True, text=True)
    (peak,) = (line for line in done.stdout.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024
