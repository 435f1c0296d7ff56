"""All that is said of a GPU, tried on one: `python tests/gpu/run.py`; `--help` tells its options.

The checks are tests of this repository, run with torch on that device: every op at every sample, networks drawn at
random, the homework over HTTP, batches, threads, memory. Then come comparisons of speed. One table says what passed.
Exits 1 where a check failed, and 0 where all passed or where there is no such device, which it says.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

ENGINE = ("test_backends.py", "test_jacobians.py", "test_infinite_cotangents.py", "test_stacked.py")
CHECKS: dict[str, tuple[Path, ...]] = {
    "ops": tuple(TESTS / "engine" / "ops" / name for name in ENGINE),
    "networks": (TESTS / "engine" / "random_networks",),
    "homework": (TESTS / "homework",),
    "devices": (TESTS / "gpu" / "test_devices.py",),
    "serving": (TESTS / "gpu" / "test_serving.py",),
    "batches": (TESTS / "gpu" / "test_batches.py",),
    "threads": (TESTS / "gpu" / "test_at_once.py",),
    "memory": (TESTS / "gpu" / "test_memory.py",),
}
SPREAD = {"ops", "networks", "homework"}
"""Checks of which several processes do a part each. The others want the device to themselves."""
SPEED = "speed"


@dataclass
class Outcomes:
    """A pytest plugin that counts how tests end, by what they are called without their parameters."""

    by_test: dict[str, Counter[str]] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            name = report.nodeid.partition("[")[0].rpartition("::")[2]
            self.by_test.setdefault(name, Counter())[report.outcome] += 1


def main() -> int:
    """Check, measure, and print the table."""
    asked = _arguments()
    os.environ["TEST_DEVICE"] = asked.device
    if not _is_here(asked.device):
        print(f"skipped: this machine has no {asked.device}")
        return 0
    print(_described(asked.device), flush=True)
    rows: list[tuple[str, ...]] = []
    failed = False
    for name in asked.only or [*CHECKS, SPEED]:
        print(f"\n{name}", flush=True)
        found = _compared(asked.device, asked.quick) if name == SPEED else _checked(name, asked.quick, asked.processes)
        failed |= any(row[-1] == "FAIL" for row in found)
        rows += found
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, _widths(rows), strict=True)).rstrip())
    return int(failed)


def _checked(name: str, quick: bool, processes: int) -> list[tuple[str, ...]]:
    """A row a test function. Nothing collected, as after a crash, is a failure too."""
    outcomes = Outcomes()
    chosen = ["-m", "not slow"] if quick else []
    spread = ["-n", str(processes)] if name in SPREAD and processes > 1 else []
    options = ["-q", "--no-header", "-p", "no:cacheprovider", "--timeout=3600", f"--rootdir={TESTS.parent}"]
    status = pytest.main([*options, *chosen, *spread, *map(str, CHECKS[name])], plugins=[outcomes])
    rows = [
        (name, test, *(f"{count[kind]} {kind}" for kind in ("passed", "failed", "skipped")), _verdict(count))
        for test, count in outcomes.by_test.items()
    ]
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not rows:
        rows.append((name, f"pytest ended with {status!r}", "", "", "", "FAIL"))
    return rows


def _verdict(count: Counter[str]) -> str:
    return "FAIL" if count["failed"] else "pass" if count["passed"] else "skip"


def _compared(device: str, quick: bool) -> list[tuple[str, ...]]:
    from gpu import speed

    rows = []
    for row in speed.measure(device, quick):
        least, middle, most = row.ratios
        took = f"{row.times[0] * 1e6:.0f} against {row.times[1] * 1e6:.0f} µs"
        rows.append((SPEED, row.what, f"{row.ours}, {row.peer}", took, f"{least:.2f} to {most:.2f}", f"{middle:.2f}"))
        print("  ".join(rows[-1]), flush=True)
    return rows


def _widths(rows: list[tuple[str, ...]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _is_here(device: str) -> bool:
    from chainrule.engine.backends import BackendUnavailable, choose

    try:
        choose("torch", device, "float64")
    except BackendUnavailable:
        return False
    return True


def _described(device: str) -> str:
    import torch

    if not device.startswith("cuda"):
        return f"{device}, torch {torch.__version__}"
    properties = torch.cuda.get_device_properties(torch.device(device))
    memory = f"{properties.total_memory / 2**30:.0f} GiB"
    return f"{properties.name}, {memory}, CUDA {torch.version.cuda}, torch {torch.__version__}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="All that is said of a GPU, tried on one.")
    parser.add_argument(
        "--device",
        default="cuda",
        help="cuda (the default), cuda:1, or cpu, best with --quick, to try the script itself",
    )
    parser.add_argument("--only", action="append", choices=[*CHECKS, SPEED], help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="no slow tests, small sizes")
    parser.add_argument("--processes", type=int, default=1, help="that share a long check; a context of CUDA each")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
