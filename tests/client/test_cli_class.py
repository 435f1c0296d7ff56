"""The command that grades a whole class, and grade for problems on file."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chainrule_client import local
from client.classes.submissions import PROBLEM, submissions
from client.command_line import run

Write = Callable[[str, str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, text: str) -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return written


def lines(count: int) -> str:
    answers = [{**each, "answers": {**each["answers"], "gradients.W1": "…"}} for each in submissions(count)[10::10]]
    sound = [each for number, each in enumerate(submissions(count)) if number % 10]
    return "".join(json.dumps(each) + "\n" for each in [*sound, *answers])


def test_a_class_is_graded_into_a_folder_and_summed_up(write: Write, tmp_path: Path) -> None:
    problem, out = write("problem.json", json.dumps(PROBLEM)), tmp_path / "out"
    done = run("class", write("class.ndjson", lines(40)), "--problem", problem, "--out", out)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("39 submissions, 38 graded: mean")
    assert "sign" in done.stdout
    assert {path.name for path in out.iterdir()} == {"scores.csv", "report.html", "graded.ndjson"}
    assert (out / "graded.ndjson").read_text().count("\n") == 38
    again = run("class", write("class.ndjson", lines(40)), "--problem", problem, "--out", out, "--json")
    summary = json.loads(again.stdout)
    assert (summary["total"], summary["graded"], sum(summary["distribution"])) == (39, 38, 38)
    assert (out / "graded.ndjson").read_text().count("\n") == 38


def test_a_service_grades_as_this_process_does(url: str, write: Write, tmp_path: Path) -> None:
    problem = write("problem.json", json.dumps(PROBLEM))
    args = ["class", write("class.ndjson", lines(30)), "--problem", problem, "--json"]
    here, there = run(*args, "--out", tmp_path / "here"), run(*args, "--out", tmp_path / "there", "--url", url)
    assert (here.exit_code, there.exit_code) == (0, 0)
    assert here.stdout == there.stdout
    scores = [(tmp_path / name / "scores.csv").read_bytes() for name in ("here", "there")]
    assert scores[0] == scores[1]


def test_a_problem_on_file_and_seeds_of_each_ones_own(write: Write, tmp_path: Path) -> None:
    text = "".join(
        json.dumps({"id": seed, "seed": seed, "answers": {"outputs": local.forward(**numbers(seed)).outputs.tolist()}})
        + "\n"
        for seed in range(3)
    )
    done = run(
        "class", write("class.ndjson", text), "--problem", "nyu-hw1/1.2b", "--seed", 5, "--out", tmp_path / "out"
    )
    assert done.exit_code == 0, done.output
    rows = (tmp_path / "out" / "scores.csv").read_text().splitlines()[1:]
    assert {row.rsplit(",", 1)[1] for row in rows} == {"1.0"}


def numbers(seed: int) -> dict[str, Any]:
    problem = local.instances(problem="nyu-hw1/1.2b", seed=seed)["problem"]
    return {name: problem[name] for name in ("network", "inputs", "batched")}


def test_grade_takes_a_problem_on_file(write: Write) -> None:
    answers = write("answers.json", json.dumps({"outputs": local.forward(**numbers(7)).outputs.tolist()}))
    done = run("grade", "--problem", "nyu-hw1/1.2b", "--seed", 7, "--answers", answers)
    assert done.exit_code == 0, done.output
    assert any(line.split()[:2] == ["outputs", "correct"] for line in done.stdout.splitlines())
    both = run("grade", answers, "--problem", "nyu-hw1/1.2b", "--seed", 7, "--answers", answers)
    neither = run("grade", "--answers", answers)
    for refused in (both, neither):
        assert refused.exit_code == 2
        assert "give one of FILE" in refused.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "line 2: not JSON: Expecting value, at character 1"),
        ("\xff", "line 2: not JSON"),
        ("[" * 100_000, "line 2: not JSON"),
        ("[1]", "line 2: a submission is an object"),
        ('{"answers": {}}', "line 2: it has no id"),
        ('{"id": true, "answers": {}}', "line 2: it has no id"),
        ('{"id": 1' + 30 * "0" + "}", "line 2: its id is an integer of more than 64 bits"),
        ('{"id": "\\ud800"}', "line 2: its id has characters"),
        ('{"id": "a", "answers": {}}', "line 2: the id 'a' stands on line 1 already"),
    ],
)
def test_a_line_that_is_no_submission_is_told_and_keeps_no_other_from_being_graded(
    text: str, said: str, write: Write, tmp_path: Path
) -> None:
    problem, out = write("problem.json", json.dumps(PROBLEM)), tmp_path / "out"
    sound = ['{"id": "a", "answers": {"loss": 6.5}}', '{"id": "b", "answers": {"loss": 0}}']
    args = ("class", write("class.ndjson", "\n".join([sound[0], text, sound[1]])), "--problem", problem, "--out", out)
    for _ in range(2):
        done = run(*args)
        assert done.exit_code == 2
        assert done.stdout.startswith("3 submissions, 2 graded")
        assert f"  {said}" in done.stdout
        assert done.stderr == "chainrule: 1 line is no submission; scores.csv says why\n"
    first, broken, last = csv.reader((out / "scores.csv").read_text().splitlines()[1:])
    assert (first[:2], last[:2]) == (["a", "1.0"], ["b", "0.0"])
    assert ": ".join([broken[0], broken[5]]).startswith(said)
    assert (out / "graded.ndjson").read_text().count("\n") == 2


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    done = run("class", tmp_path / "class.ndjson", "--out", tmp_path / "out")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "cannot be read" in done.stderr


def test_submissions_are_no_resume_file_and_stay_as_they_are(write: Write, tmp_path: Path) -> None:
    problem, text = write("problem.json", json.dumps(PROBLEM)), '{"id":"ada","answers":{"loss":9}}'
    given = write("one.ndjson", text)
    done = run("class", given, "--problem", problem, "--out", tmp_path / "out", "--resume", given)
    assert done.exit_code == 2
    assert "one.ndjson, line 1: not what a run of grading wrote" in done.stderr
    assert Path(given).read_text() == text


def test_what_cannot_be_graded_is_told_and_fails_no_other(write: Write, tmp_path: Path) -> None:
    text = '{"id": "a", "answers": {"loss": NaN}}\n{"id": "b", "answers": {"los": 1}}\n\n{"id": "c"}\n'
    text += '{"id": "d", "answers": null}\n{"id": "e", "answers": [1]}\n'
    problem = write("problem.json", json.dumps(PROBLEM))
    done = run("class", write("class.ndjson", text), "--problem", problem, "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert "5 submissions, 1 graded" in done.stdout
    assert "  b: 'los' is no quantity" in done.stdout
    assert "  c: there are no answers" in done.stdout
    assert "  d: answers want an object" in done.stdout
    assert "  e: answers want an object" in done.stdout


def test_a_problem_that_nobody_can_be_graded_by_ends_with_2(write: Write, tmp_path: Path) -> None:
    asked = ("class", write("class.ndjson", lines(3)), "--problem", "nyu-hw1/1.9", "--seed", "1")
    done = run(*asked, "--out", tmp_path / "out")
    assert (done.exit_code, done.stderr) == (
        2,
        "chainrule: not one submission could be graded; scores.csv says why\n",
    )
    assert "no such problem" in done.stdout


def test_no_service_is_another_matter(write: Write, tmp_path: Path) -> None:
    problem = write("problem.json", json.dumps(PROBLEM))
    done = run(
        "class", "-", "--problem", problem, "--out", tmp_path / "out", "--url", "http://127.0.0.1:9", stdin=lines(3)
    )
    assert done.exit_code == 1
    assert "no connection" in done.stderr


def test_a_service_and_a_cluster_of_ray_are_not_both_asked(write: Write, tmp_path: Path) -> None:
    done = run("class", write("class.ndjson", lines(20)), "--out", tmp_path, "--ray", "--url", "http://127.0.0.1:1")
    assert done.exit_code == 2
    assert "--ray" in done.stderr


def test_without_ray_its_option_says_what_to_install(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "chainrule_client.on_ray", raising=False)
    done = run("class", write("class.ndjson", lines(20)), "--out", tmp_path, "--ray")
    assert done.exit_code == 2
    assert "chainrule[ray]" in done.stderr
