"""A service and its caller in a network namespace of their own, whose loopback drops one packet in ten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from chainrule_client import Client, Retries
from faults.regression import Regression
from live_service import live_service

DROP = ["iptables", "-A", "INPUT", "-i", "lo", "-p", "tcp", "-m", "statistic", "--mode", "random"]


def main(calls: int, log: str) -> None:
    with live_service(Path(log)) as service, Client(service.url, retries=Retries(limit=8), timeout=10) as client:
        subprocess.run([*DROP, "--probability", "0.1", "-j", "DROP"], check=True)
        asked = [Regression(seed, rows=7 if seed % 2 else 1500) for seed in range(calls)]
        right = sum(each.is_answered_by(client.gradients(**each.request()).raw) for each in asked)
        counted = subprocess.run(["iptables", "-nvxL", "INPUT"], capture_output=True, text=True, check=True).stdout
        print(right, counted.splitlines()[-1].split()[0])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
