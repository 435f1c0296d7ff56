"""Speed against the peers, as ratios: `python tests/benchmarks/run.py [--only SUITE] [--quick] [--json F] [--page F]`.

Each suite is measured in a process of its own. Exits 0 whether goals are met or missed, and 1 where something is
broken, such as two sides that disagree.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import machine
from environment import python_beside_peers, variables
from page import rewritten
from pairs import Row, Skipped, outcome_of, record
from suites import SUITES
from table import line, table

Found = dict[str, list[Row | Skipped]]
"""What each suite found."""


def main() -> int:
    """Measure, print each comparison as it is done, and all of them in one table at the end."""
    asked = _arguments()
    described = machine.describe()
    for name, value in described.items():
        print(f"{name:10} {value}")
    found: Found = {}
    broken = []
    for name in asked.only or SUITES:
        print(f"\nmeasuring: {name}", flush=True)
        found[name] = []
        try:
            for outcome in measured(name, asked.quick):
                found[name].append(outcome)
                print(f"  {line(outcome)}", flush=True)
        except subprocess.CalledProcessError as error:
            broken.append(name)
            print(f"  broken: exit status {error.returncode}", flush=True)
    every = [outcome for outcomes in found.values() for outcome in outcomes]
    print()
    print("\n".join(table(every)))
    if asked.json:
        rows = [{"suite": name, **record(each)} for name, outcomes in found.items() for each in outcomes]
        asked.json.write_text(json.dumps({"machine": described, "rows": rows}, indent=1))
    if asked.page and not broken:
        asked.page.write_text(rewritten(asked.page.read_text(encoding="utf-8"), described, found), encoding="utf-8")
    return len(broken) > 0


def measured(name: str, quick: bool) -> Iterator[Row | Skipped]:
    """What a suite finds, as it finds it. Raises CalledProcessError where it breaks off."""
    python = python_beside_peers() if SUITES[name].beside_peers else sys.executable
    command = [python, str(Path(__file__).with_name("measure.py")), name, *(["--quick"] if quick else [])]
    with subprocess.Popen(command, env=variables(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            fields: dict[str, Any] = json.loads(text)
            yield outcome_of(fields)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speed against the peers, as ratios.")
    parser.add_argument("--only", action="append", choices=SUITES, help="measure this one (may be repeated)")
    parser.add_argument("--quick", action="store_true", help="a few turns, small sizes: does it run? Not how fast")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was found to FILE")
    parser.add_argument("--page", type=Path, metavar="FILE", help="also write it into the page FILE, at its marks")
    asked = parser.parse_args()
    if asked.quick and asked.page:
        parser.error("--quick finds no figures for a page")
    return asked


if __name__ == "__main__":
    sys.exit(main())
