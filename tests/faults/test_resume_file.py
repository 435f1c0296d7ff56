"""The file that a run of grading goes on from: whole after SIGKILL at any moment, and after the disk was full."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chainrule_client import local
from chainrule_client.classes.ledger import Ledger
from client.classes.submissions import PROBLEM, submissions

TESTS = Path(__file__).parents[1]
COUNT = 1500
KILLS = 10


def run(resume: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "faults.grading_run", str(COUNT), str(resume)]
    return subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True)


def whole_lines(resume: Path) -> list[dict[str, Any]]:
    """What the file holds up to its last newline, each line read."""
    text = resume.read_bytes() if resume.exists() else b""
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]


@pytest.mark.slow
def test_killed_at_any_moment_it_holds_whole_lines_and_loses_none(tmp_path: Path) -> None:
    resume, moments, interrupted = tmp_path / "resume", random.Random(4), 0
    expected = local.grade_many(submissions(COUNT), PROBLEM)
    asked = sum(each.report is not None for each in expected)
    before: list[dict[str, Any]] = []
    for _ in range(KILLS):
        running = run(resume)
        started = time.monotonic()
        while running.poll() is None and len(before) == len(whole_lines(resume)) and time.monotonic() - started < 60:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.03))
        running.kill()
        running.communicate()
        found = whole_lines(resume)
        assert found[: len(before)] == before, "what was there is there"
        interrupted += len(before) < len(found) < asked
        before = found
    assert interrupted >= 3, "most runs were over before they were killed"
    told, _ = run(resume).communicate()
    assert told.split() == [str(COUNT), str(sum(each.report.score for each in expected if each.report is not None))]
    ids = [each["id"] for each in whole_lines(resume)]
    assert len(ids) == len(set(ids)) == asked


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    with Ledger(tmp_path / "resume"):
        second = subprocess.run(
            [sys.executable, "-m", "faults.grading_run", "10", str(tmp_path / "resume")],
            cwd=TESTS,
            capture_output=True,
            text=True,
            check=False,
        )
    assert second.returncode != 0
    assert "is being written by another run" in second.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("mounting a disk needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_told_and_the_file_stays_whole(small_disk: Path, tmp_path: Path) -> None:
    resume, filling = small_disk / "resume", small_disk / "filling"
    local.grade_many(submissions(20), PROBLEM, resume=resume)
    before = resume.read_bytes()
    filling.write_bytes(b" " * (os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize - 4096))
    with pytest.raises(OSError, match=r"what was graded cannot be remembered: No space left on device: '.*resume'"):
        local.grade_many(submissions(90), PROBLEM, resume=resume)
    assert resume.read_bytes() == before
    filling.unlink()
    graded = local.grade_many(submissions(60), PROBLEM, resume=resume)
    again = local.grade_many(submissions(60), PROBLEM, resume=tmp_path / "elsewhere")
    assert [each.report and each.report.raw for each in graded] == [each.report and each.report.raw for each in again]
