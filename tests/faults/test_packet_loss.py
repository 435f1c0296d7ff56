"""A network that drops packets, by the kernel's own doing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CALLS = 40


@pytest.mark.slow
@pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "iptables"))),
    reason="a network namespace needs root, unshare, ip and iptables",
)
def test_calls_are_answered_rightly_where_one_packet_in_ten_is_dropped(tmp_path: Path) -> None:
    run = f"ip link set lo up && exec {sys.executable} -m faults.lossy_calls {CALLS} {tmp_path / 'log'}"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", run],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    right, dropped = map(int, done.stdout.split()[-2:])
    assert right == CALLS
    assert dropped > 0
