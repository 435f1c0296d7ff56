"""Every suite runs and finds both sides equal; the ratios themselves are for `make bench`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "performance.md"


def modules(code: str) -> Any:
    """What `code` prints as JSON, in a process that imports this folder's modules."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-c", f"import json\n{code}"], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


SUITES: dict[str, str] = modules("import suites; print(json.dumps({n: s.title for n, s in suites.SUITES.items()}))")


@pytest.mark.slow
@pytest.mark.parametrize("name", SUITES)
def test_a_suite_runs_and_its_comparisons_are_on_the_page(name: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, str(HERE / "run.py"), "--quick", "--only", name, "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=880)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(report.read_text())["rows"]
    assert rows
    on_page = [cells(line) for line in block(name)]
    for row in rows:
        assert row["suite"] == name
        assert row["what"] in done.stdout.split("min")[-1]
        if row["verdict"] == "skipped":
            assert "not installed" in row["why"]
            continue
        assert row["ratio"]["min"] <= row["ratio"]["median"] <= row["ratio"]["max"]
        assert row["ratio"]["max"] > 0  # and not the least: of two small sizes the larger may be the quicker once
        (shown,) = [line for line in on_page if line[1:3] == [row["ours"], row["peer"]] and about(line[0], row["what"])]
        assert (shown[-1] in ("pass", "miss")) == (row["goal"]["bound"] is not None)
        if shown[-1]:
            assert shown[-2].split()[-1] == f"{row['goal']['bound']:g}"
            assert [shown[-2], *shown[:3]] in [cells(line)[:4] for line in block("goals")]


def about(shown: str, what: str) -> bool:
    """Whether both are of one comparison, but for the sizes, which are small where it is only tried."""
    return "".join(filter(str.isalpha, shown.partition("(")[0])) == "".join(filter(str.isalpha, what.partition("(")[0]))


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def block(name: str) -> Sequence[str]:
    """The rows of a block of the page, without their heading."""
    text = PAGE.read_text(encoding="utf-8").partition(f"<!-- measured: {name} -->\n")[2].partition("<!-- end -->")[0]
    return [line for line in text.splitlines() if line.startswith("|")][2:]


def test_every_suite_has_its_section_on_the_page_and_no_other_has() -> None:
    text = PAGE.read_text(encoding="utf-8")
    marks = [line.split()[2] for line in text.splitlines() if line.startswith("<!-- measured: ")]
    assert marks == ["machine", "goals", *SUITES]
    for name, title in SUITES.items():
        section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
        assert f"<!-- measured: {name} -->" in section
        assert block(name), f"{name} has not been measured"


def test_the_goals_are_those_of_the_suites() -> None:
    sought = [line for name in SUITES for line in block(name) if cells(line)[-1]]
    assert sought
    assert [cells(line)[:4] for line in block("goals")] == [[cells(line)[-2], *cells(line)[:3]] for line in sought]


PAGE_CODE = """
from page import MachinesDiffer, blocks, rewritten
from pairs import Goal, Row, Skipped
names = "machine", "goals", "a", "b"
text = "".join(f"words of {name}\\n<!-- measured: {name} -->\\n<!-- end -->\\n" for name in names)
row = Row("w", "ours", "it", Goal("times as fast", 2), ((1.0, 3.0), (1.0, 1.0), (2.0, 8.0)))
told = Row("w", "ours", "other", Goal("of its time"), ((1.0, 2.0),))
"""


def test_a_run_writes_between_the_marks_alone() -> None:
    found = modules(
        PAGE_CODE
        + """
new = rewritten(text, {"processor": "p", "load": "1"}, {"a": [row, told], "b": [Skipped("x", "not installed")]})
print(json.dumps([[line for line in new.splitlines() if line[:5] == "words"], blocks(new)]))
"""
    )
    words, held = found
    assert words == ["words of machine", "words of goals", "words of a", "words of b"]
    assert "| w | ours | it | 1 s | 3 s | 3.00 | 2.00 to 3.50 | ≥ 2 | pass |" in held["a"].splitlines()
    assert "| w | ours | other | 1 s | 2 s | 0.50 | 0.50 to 0.50 | — |  |" in held["a"].splitlines()
    assert held["b"] == "Not measured: x, not installed.\n"
    assert held["goals"].splitlines()[2:] == ["| ≥ 2 | w | ours | it | 3.00 | pass |"]
    assert "| processor | p |" in held["machine"].splitlines()


def test_a_part_of_the_page_is_measured_again_only_on_the_same_machine() -> None:
    kept, refused = modules(
        PAGE_CODE
        + """
whole = rewritten(text, {"processor": "p", "load": "1"}, {"a": [row], "b": [told]})
kept = blocks(rewritten(whole, {"processor": "p", "load": "9"}, {"b": [row]}))["a"] == blocks(whole)["a"]
try:
    rewritten(whole, {"processor": "q", "load": "1"}, {"b": [row]})
    refused = False
except MachinesDiffer:
    refused = True
print(json.dumps([kept, refused]))
"""
    )
    assert kept
    assert refused


def test_what_is_recorded_is_read_back() -> None:
    code = "from pairs import outcome_of, record\nboth = (row, Skipped('x', 'y'))\n"
    ask = "print(json.dumps([outcome_of(json.loads(json.dumps(record(each)))) == each for each in both]))"
    assert modules(PAGE_CODE + code + ask) == [True, True]
