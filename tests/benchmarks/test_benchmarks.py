"""Every benchmark runs and finds both sides equal; the ratios themselves are for `make bench`."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RUN = Path(__file__).with_name("run.py")


def names() -> list[str]:
    """The keys of BENCHMARKS, read without importing: the import would set this process's thread counts."""
    for statement in ast.parse(RUN.read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "BENCHMARKS":
            assert isinstance(statement.value, ast.Dict)
            return [ast.literal_eval(key) for key in statement.value.keys if key is not None]
    raise AssertionError("run.py has no BENCHMARKS")


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_runs_and_reports_each_comparison(name: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, str(RUN), "--quick", "--only", name, "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(report.read_text())["rows"]
    assert rows
    for row in rows:
        assert row["what"] in done.stdout.split("min")[-1]
        if row["verdict"] == "skipped":
            assert "wrk" in row["why"]
        else:
            assert 0 < row["ratio"]["min"] <= row["ratio"]["median"] <= row["ratio"]["max"]
