"""The scripts in clients/examples run, check themselves, and print what they are for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from docs.pages import ROOT

EXAMPLES = ROOT / "clients" / "examples"

PRINTED = {
    "homework_1_2.py": ("C   by hand 1.80285268097, by the service 1.80285268097", "W1  3×5, largest difference"),
    "follow_a_logit.py": ("logit of class 3 after each step: [1.419 1.879 2.332",),
    "check_my_gradients.py": ("∂C/∂W1 is right", "∂C/∂b1 is 0.09091 times what it should be"),
    "jacobian_of_softargmax.py": ("softargmax [0.09   0.6652 0.2447]", "logsumexp  3.4076"),
    "explore_steps.py": ("∂C/∂a1 = [[ 8.  2. 14.]]", "diagonal [3. 3. 0.]", "by the factors: [[24.0, 6.0, 0.0]]"),
}
IN_PROCESS = ("check_my_gradients.py", "explore_steps.py")
"""Those that need no service."""


def run(name: str, url: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        cwd=folder,
        env={**os.environ, "CHAINRULE_URL": url, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("name", [name for name in PRINTED if name not in IN_PROCESS])
def test_an_example_runs_against_the_service(name: str, url: str, tmp_path: Path) -> None:
    assert_prints(name, run(name, url, tmp_path))


@pytest.mark.parametrize("name", IN_PROCESS)
def test_an_example_in_process_needs_no_service(name: str, tmp_path: Path) -> None:
    assert_prints(name, run(name, "http://127.0.0.1:9", tmp_path))


def assert_prints(name: str, printed: str) -> None:
    for line in PRINTED[name]:
        assert line in printed
