"""Speed against the peers, as ratios: `python tests/benchmarks/run.py [--only NAME] [--json FILE] [--quick]`.

Exits 0 whether goals are met or missed, and 1 where something is broken, such as two sides that disagree.
"""

from __future__ import annotations

import os

# Before NumPy and torch are imported: more threads than that would measure the machine's other guests.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import bodies
import class_grading
import cold_start
import gradients
import jacobians
import machine
import small_requests
import torch
from pairs import Row, Skipped

BENCHMARKS = {
    "homework": gradients.homework,
    "large": gradients.large,
    "jacobian": jacobians.per_example,
    "body": bodies.large,
    "body_http": bodies.over_http,
    "requests": small_requests.per_second,
    "class": class_grading.graded,
    "cold_start": cold_start.whole_process,
}


def main() -> None:
    """Measure, print each comparison as it is done, and all of them in one table at the end."""
    asked = _arguments()
    torch.set_num_threads(1)
    described = machine.describe()
    for name, value in described.items():
        print(f"{name:10} {value}")
    found: list[Row | Skipped] = []
    for name in asked.only or BENCHMARKS:
        print(f"\nmeasuring: {name}", flush=True)
        for outcome in BENCHMARKS[name](asked.quick):
            found.append(outcome)
            print(f"  {_line(outcome)}", flush=True)
    print()
    print("\n".join(table(found)))
    if asked.json:
        asked.json.write_text(json.dumps({"machine": described, "rows": [record(each) for each in found]}, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speed against the peers, as ratios.")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="measure this one (may be repeated)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was found to FILE")
    parser.add_argument("--quick", action="store_true", help="a few turns, small sizes: does it run? Not how fast")
    return parser.parse_args()


def _line(outcome: Row | Skipped) -> str:
    if isinstance(outcome, Skipped):
        return f"{outcome.what}: skipped, {outcome.why}"
    return f"{outcome.ours} against {outcome.peer}: {outcome.ratios[1]:.2f} ({outcome.verdict})"


HEADINGS = ("what", "ours", "peer", "our time", "its time", "min", "median", "max", "goal", "")


def table(found: list[Row | Skipped]) -> list[str]:
    """Ratios are times as fast where the goal is ≥, and parts of the peer's time where it is ≤."""
    cells = [HEADINGS, *(_cells(each) for each in found)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def _cells(outcome: Row | Skipped) -> tuple[str, ...]:
    if isinstance(outcome, Skipped):
        return (outcome.what, f"skipped: {outcome.why}", *[""] * (len(HEADINGS) - 2))
    times = [_amount(amount, outcome.unit) for amount in outcome.times]
    ratios = [f"{ratio:.2f}" for ratio in outcome.ratios]
    return (outcome.what, outcome.ours, outcome.peer, *times, *ratios, str(outcome.goal), outcome.verdict)


def _amount(amount: float, unit: str) -> str:
    return _duration(amount) if unit == "s" else f"{amount:.3g} {unit}"


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def record(outcome: Row | Skipped) -> dict[str, Any]:
    """An outcome for scripts."""
    if isinstance(outcome, Skipped):
        return {"what": outcome.what, "verdict": "skipped", "why": outcome.why}
    smallest, middle, largest = outcome.ratios
    ours, peer = outcome.times
    return {
        "what": outcome.what,
        "ours": outcome.ours,
        "peer": outcome.peer,
        "ratio": {"kind": outcome.goal.kind, "min": smallest, "median": middle, "max": largest},
        "seconds" if outcome.unit == "s" else outcome.unit: {"ours": ours, "peer": peer},
        "goal": outcome.goal.bound,
        "verdict": outcome.verdict,
    }


if __name__ == "__main__":
    sys.exit(main())
