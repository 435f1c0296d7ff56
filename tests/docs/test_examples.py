"""The scripts in clients/examples run, check themselves, and print what they are for."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule_client import exporters
from docs.pages import ROOT

EXAMPLES = ROOT / "clients" / "examples"

PRINTED = {
    "homework_1_2.py": ("C   by hand 1.80285268097, by the service 1.80285268097", "W1  3×5, largest difference"),
    "follow_a_logit.py": ("logit of class 3 after each step: [1.419 1.879 2.332",),
    "check_my_gradients.py": ("∂C/∂W1 is right", "∂C/∂b1 is 0.09091 times what it should be"),
    "jacobian_of_softargmax.py": ("softargmax [0.09   0.6652 0.2447]", "logsumexp  3.4076"),
    "explore_steps.py": ("∂C/∂a1 = [[ 8.  2. 14.]]", "diagonal [3. 3. 0.]", "by the factors: [[24.0, 6.0, 0.0]]"),
    "gradescope_run_autograder.py": ("11 of 13 points", "gradients.b1 failed: 7 of 7 entries are wrong", "averaged"),
    "prairielearn_grade.py": ("0.2857  2 of 7 points", "gradients.y_hat 0/2: 2 of 2 entries are wrong", "sign"),
    "autolab_grade.py": ("The denominator", '{"scores": {"By hand": 0.0, "In code": 15.0}}'),
    "otter_tests.py": ("q1: passed", "q1: 6 of 6 entries are wrong", "The derivative of a1 is left out"),
    "nbgrader_cell.py": ("gradients.b1: right", "1 of 2 points", "the cell's value: 2.0"),
}
PLATFORMS = {
    "gradescope_run_autograder.py": ("gradescope", "autograder/results/results.json"),
    "prairielearn_grade.py": ("prairielearn", "grade/results/results.json"),
    "autolab_grade.py": ("autolab", None),
    "otter_tests.py": ("otter", EXAMPLES / "otter_tests.py"),
    "nbgrader_cell.py": ("nbgrader", None),
}
"""Those for grading platforms: which, and the file that is to be as the platform wants it; None for what is printed."""

IN_PROCESS = ("check_my_gradients.py", "explore_steps.py", *PLATFORMS)
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


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_platforms_example_hands_over_what_the_platform_wants(name: str, tmp_path: Path) -> None:
    platform, file = PLATFORMS[name]
    printed = run(name, "http://127.0.0.1:9", tmp_path)
    if platform == "nbgrader":
        printed = printed.rpartition(": ")[2]
    faults = exporters.validate(platform, tmp_path / file) if file else exporters.validate_text(platform, printed)
    assert faults == []


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_platforms_example_fits_a_small_container(name: str, tmp_path: Path) -> None:
    """Whole process, from a cold start: under 10 s and 256 MB, and torch is not imported."""
    program = (
        "import pathlib, re, runpy, sys\n"
        f"runpy.run_path({str(EXAMPLES / name)!r}, run_name='__main__')\n"
        "assert 'torch' not in sys.modules\n"
        "status = pathlib.Path('/proc/self/status')\n"  # not getrusage, which counts the process that started this one
        "assert not status.exists() or int(re.search(r'VmHWM:\\s*(\\d+)', status.read_text())[1]) < 256 * 1024\n"
    )
    before = _seconds_of_children()
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, timeout=120, check=True, capture_output=True)
    assert _seconds_of_children() - before < 10


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def assert_prints(name: str, printed: str) -> None:
    for line in PRINTED[name]:
        assert line in printed
