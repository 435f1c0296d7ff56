"""A service at twice its capacity, measured: first alone, then overloaded, then at once alone again.

One worker computes, on one core; what sends the load has the other. The command for minutes of it:

    python tests/overload/turn.py --seconds 120
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from live_service import LiveService, live_service
from overload.generator import Outcome
from overload.work import Work

SERVICE: dict[str, object] = {"concurrency": 1, "threads": 1, "log_level": "warning"}
SMALL_BODY = Work(width=20_000, depth=300)
"""About 20 ms of computing, in a body so short that its cost is known before it is taken."""
LARGE_BODY = Work(width=10_000, depth=600, spelled_out=True)
"""The same with 200 KB of numbers, which are read only once it has been taken."""
BACK = 1.5
"""A reply within so many times the median of those alone is at full speed."""


@dataclass(frozen=True)
class Overload:
    """What one turn has shown."""

    alone: Outcome
    loaded: Outcome
    after: Outcome

    @property
    def capacity(self) -> float:
        """Requests a second, one after the other."""
        return len(self.alone.accepted) / self.alone.seconds

    @property
    def slowdown(self) -> float:
        """The 99th percentile of the accepted, in multiples of what it is alone."""
        return quantile(self.loaded.accepted, 0.99) / quantile(self.alone.accepted, 0.99)

    @property
    def busy(self) -> float:
        """Requests answered a second under load, as a share of capacity."""
        return len(self.loaded.accepted) / self.loaded.seconds / self.capacity

    @property
    def recovery(self) -> float:
        """Seconds after the load until five replies in a row are at full speed."""
        usual, passed, in_a_row = BACK * quantile(self.alone.accepted, 0.5), 0.0, 0
        for took in self.after.accepted:
            passed += took
            in_a_row = in_a_row + 1 if took <= usual else 0
            if in_a_row == 5:
                return passed
        return float("inf")

    def table(self) -> str:
        alone, loaded = self.alone, self.loaded
        sent = len(loaded.accepted) + len(loaded.refused) + len(loaded.others) + loaded.unanswered
        return "\n".join(
            (
                f"alone: {self.capacity:.1f}/s; p50 {_ms(alone.accepted, 0.5)}, p99 {_ms(alone.accepted, 0.99)}",
                f"sent: {sent} in {loaded.seconds:.0f} s, {sent / loaded.seconds / self.capacity:.2f} of capacity; "
                f"at most {loaded.late * 1e3:.1f} ms late",
                f"200: {len(loaded.accepted) / sent:.1%}, {self.busy:.2f} of capacity; "
                f"p50 {_ms(loaded.accepted, 0.5)}, p99 {_ms(loaded.accepted, 0.99)}, "
                f"{self.slowdown:.2f} times that alone",
                f"429: {len(loaded.refused) / sent:.1%}; p50 {_ms(loaded.refused, 0.5)}, "
                f"p99 {_ms(loaded.refused, 0.99)}, longest {max(loaded.refused, default=0) * 1e3:.1f} ms",
                f"wrong numbers: {loaded.wrong}; other statuses: {len(loaded.others)}; unanswered: {loaded.unanswered}",
                f"full speed {self.recovery:.2f} s after the load",
            )
        )


def quantile(times: list[float], share: float) -> float:
    """Of no times, 0."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))] if times else 0.0


def _ms(times: list[float], share: float) -> str:
    return f"{quantile(times, share) * 1e3:.1f} ms"


def generate(service: LiveService, work: Work, seconds: float, rate: float = 0.0, seed: int = 1) -> Outcome:
    """What becomes of a load on the service, of a process of its own."""
    options: dict[str, Any] = {"seconds": seconds, "rate": rate, "width": work.width, "depth": work.depth, "seed": seed}
    command = [sys.executable, str(Path(__file__).parent / "generator.py"), f"127.0.0.1:{service.port}"]
    command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
    command += ["--spelled-out"] if work.spelled_out else []
    done = subprocess.run(command, capture_output=True, check=True, timeout=seconds + 60)
    return Outcome(**json.loads(done.stdout))


def overload(service: LiveService, work: Work, seconds: float, alone: float = 4.0) -> Overload:
    """One turn: `alone` seconds one request after the other, `seconds` at twice what that came to, and alone again."""
    before = generate(service, work, alone)
    rate = 2 * len(before.accepted) / before.seconds
    return Overload(before, generate(service, work, seconds, rate), generate(service, work, alone))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A service at twice its capacity, measured.")
    parser.add_argument("--seconds", type=float, default=120.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, live_service(Path(folder) / "log", **SERVICE) as running:
        for kind in (SMALL_BODY, LARGE_BODY):
            generate(running, kind, 2.0)  # what is learned at the start
            turn = overload(running, kind, given.seconds, alone=given.seconds / 6)
            print(f"\n{len(kind.body(1 / 3)):,} bytes\n{turn.table()}", flush=True)
