"""The script for a GPU, tried on the CPU: it runs each check, finds a failure, and says where there is no device."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from chainrule.operations import Calls
from gpu.problems import SIZES, square
from gpu.run import CHECKS, TESTS

SCRIPT = Path(__file__).with_name("run.py")


def script(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=880, env={**os.environ, **variables})


def test_without_the_device_it_says_so_and_nothing_has_failed() -> None:
    done = script("--device", "cuda:999")
    assert (done.returncode, done.stdout) == (0, "skipped: this machine has no cuda:999\n")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_the_device_is_cuda_unless_another_is_named() -> None:
    assert script().stdout == "skipped: this machine has no cuda\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "test"),
    [
        ("ops", "test_both_backends_give_the_same_numbers"),
        ("networks", "test_a_random_network_agrees_with_torch"),
        ("homework", "test_gradients_of_means_over_the_batch_2_1"),
        ("devices", "test_single_precision_has_all_its_digits_in_a_product"),
        ("batches", "test_each_item_has_its_own_numbers"),
        ("threads", "test_every_thread_gets_its_own_numbers"),
    ],
)
def test_each_check_is_a_row_of_the_table(name: str, test: str) -> None:
    done = script("--device", "cpu", "--quick", "--only", name)
    assert done.returncode == 0, done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(f"{name} ")]
    (row,) = [row for row in rows if row[1] == test]
    assert int(row[2]) > 0
    assert row[3:6] == ["passed", "0", "failed"]
    assert row[-1] == "pass"


def test_what_needs_a_gpu_is_skipped_on_the_cpu_and_no_failure() -> None:
    done = script("--device", "cpu", "--only", "memory")
    assert done.returncode == 0
    assert "0 passed  0 failed  1 skipped  skip" in done.stdout


def test_speed_is_told() -> None:
    done = script("--device", "cpu", "--quick", "--only", "speed")
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("speed  ")]
    assert len(rows) == 2 * (2 + 2 + 1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_largest_request_that_is_timed_is_within_the_limits(dtype: str) -> None:
    assert Calls().take("gradients", {**square(SIZES[-1]), "dtype": dtype, "device": "cpu"}).cost.flops > 10**10


def test_a_failure_is_one(tmp_path: Path) -> None:
    """As where a kernel is wrong: here the script is given a check that fails."""
    broken = tmp_path / "test_broken.py"
    broken.write_text("def test_holds():\n    pass\n\n\ndef test_breaks():\n    assert False\n")
    code = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r}); sys.argv = ['run', '--device', 'cpu', '--only', 'memory']\n"
        f"from pathlib import Path; from gpu import run; run.CHECKS['memory'] = (Path({str(broken)!r}),)\n"
        "raise SystemExit(run.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("memory  ")] == ["pass", "FAIL"]


def test_every_path_of_a_check_is_there() -> None:
    assert [path for paths in CHECKS.values() for path in paths if not path.exists()] == []
