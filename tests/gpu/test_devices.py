"""Which device computes, in single precision as well as in double: on TEST_DEVICE, the CPU unless it is set."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from chainrule.engine.backends import choose
from chainrule.operations import Refused, run
from gpu.problems import problem, square
from torch_device import DEVICE


def test_what_is_asked_for_computes_and_the_reply_says_so() -> None:
    assert run("gradients", {**problem(), "device": DEVICE})["meta"]["device"] == DEVICE


def test_auto_takes_a_gpu_where_there_is_one_and_enough_to_do() -> None:
    small, large = (run("gradients", {**each, "device": "auto"})["meta"]["device"] for each in (problem(), square(256)))
    assert (small, large) == ("cpu", "cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:1", "cuda:256", "cuda:999"])
def test_a_device_that_is_not_here_is_refused_in_words(device: str) -> None:
    here = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if device in (["cuda", *here] if here else []):
        assert run("gradients", {**problem(), "device": device})["meta"]["device"] == device
        return
    with pytest.raises(Refused, match="this machine has") as refused:
        run("gradients", {**problem(), "device": device})
    assert (refused.value.status, refused.value.faults[0].pointer) == (422, "/device")


def test_numpy_is_on_the_cpu_alone() -> None:
    with pytest.raises(Refused, match="numpy runs on cpu only"):
        run("gradients", {**problem(), "device": "cuda", "backend": "numpy"})


@pytest.mark.parametrize("size", [17, 512])
def test_single_precision_has_all_its_digits_in_a_product(size: int) -> None:
    """TF32 keeps 10 bits: 5e-4 of the largest."""
    rng = np.random.default_rng(size)
    left, right = rng.standard_normal((2, size, size)).astype(np.float32)
    xp = choose("torch", DEVICE, "float32")
    found = xp.to_numpy(xp.matmul(xp.asarray(left), xp.asarray(right)))
    exact = left.astype(np.float64) @ right.astype(np.float64)
    assert np.abs(found - exact).max() < 2e-6 * np.abs(exact).max()


def test_an_image_that_turns_tf32_on_does_not_turn_it_on_here() -> None:
    code = (
        "import torch; before = torch.get_float32_matmul_precision()\n"
        "from chainrule.engine.backends import choose; choose('torch', 'cpu', 'float32')\n"
        "print(before, torch.get_float32_matmul_precision(), torch.backends.cuda.matmul.allow_tf32)"
    )
    environment: dict[str, Any] = {**os.environ, "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["high", "highest", "False"]
