"""One suite, in this process: `python measure.py NAME [--quick]` writes a line of JSON to stdout for each comparison.

`run.py` starts it, in the environment and with the thread counts that the suite is to be measured under.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

import orjson
from pairs import record
from suites import SUITES, measure_of


def main() -> None:
    """Measure, and say what was found as soon as it is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=SUITES)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # by way of the ends of what was begun
    if SUITES[asked.name].beside_peers and hasattr(os, "sched_setaffinity"):
        # JAX makes as many threads as it finds cores, whatever the environment says. One core for each side is fair.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for found in measure_of(asked.name)(asked.quick):
        print(orjson.dumps(record(found)).decode(), flush=True)


if __name__ == "__main__":
    main()
