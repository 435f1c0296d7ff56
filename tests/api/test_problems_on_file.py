"""Problems on file over HTTP: named in requests, drawn, listed to those who may, and found broken at the start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.in_process import JSON, InProcess
from api.keys import hashed, with_key
from chainrule.operations.instances.seeds import seed_for
from chainrule.schemas import safetensors
from chainrule.schemas.instances import InstancesReply
from chainrule.schemas.on_file import ProblemReply, ProblemsReply
from problem_documents import assert_problem

NAMED = {"problem": "nyu-hw1/1.3a", "seed": 7}
ANN = {"assignment": "hw1", "question": "1.3a", "student": "ann"}
SECRET = "a secret that is long enough"
A_SET = """
id: course
title: A course
problems:
  - id: one
    title: One
    text: Give the output.
    asks: [outputs]
    template:
      network: {layers: [{op: tanh}]}
      inputs: {shape: [3, 2], low: -1, high: 1, step: 0.25}
"""


def file_of(request: bytes) -> bytes:
    """A request in safetensors without a tensor."""
    header = json.dumps({"__metadata__": {"request": request.decode()}}).encode()
    return len(header).to_bytes(8, "little") + header


def reply(service: InProcess, path: str, body: dict[str, Any], **sent: Any) -> Any:
    found = service.post(path, json=body, **sent)
    assert found.status_code == 200, found.text
    return found.json()


def test_a_problem_by_name_is_the_problem_that_is_drawn(in_process: InProcess) -> None:
    drawn = reply(in_process, "/v1/instances", NAMED)
    InstancesReply.model_validate(drawn)
    named = reply(in_process, "/v1/gradients", {**NAMED, "wrt": "all"})
    assert named == reply(in_process, "/v1/gradients", {**drawn["problem"], "wrt": "all"})
    again = reply(in_process, "/v1/instances", {**NAMED, "attempt": drawn["attempt"]})
    assert again == drawn


@pytest.mark.parametrize(
    "spelled", ["problem", r"\u0070roblem", r"pro\u0062lem", r"\u0070\u0072\u006F\u0062\u006c\u0065\u006D"]
)
@pytest.mark.parametrize("kind", ["application/json", safetensors.MEDIA_TYPE])
def test_a_problem_is_drawn_in_a_thread_however_its_key_is_spelled(
    spelled: str, kind: str, in_process: InProcess
) -> None:
    body = b'{"%b": "nyu-hw1/1.3a", "seed": 7, "wrt": "all"}' % spelled.encode()
    sent = body if kind == "application/json" else file_of(body)
    found = in_process.post("/v1/gradients", content=sent, headers={"Content-Type": kind})
    assert found.json() == reply(in_process, "/v1/gradients", {**NAMED, "wrt": "all"})
    assert "queue" in found.headers["Server-Timing"]


def test_a_name_in_another_script_is_no_reason_for_a_thread(in_process: InProcess) -> None:
    named = {"network": {"layers": [{"op": "tanh", "name": "\N{GREEK SMALL LETTER ALPHA}"}]}, "inputs": [[1.0]]}
    body = json.dumps(named).encode()
    assert b"\\u03b1" in body
    found = in_process.post("/v1/forward", content=body, headers=JSON)
    assert found.status_code == 200
    assert "queue" not in found.headers["Server-Timing"]


def test_answers_to_a_problem_by_name_are_graded_by_its_file(in_process: InProcess) -> None:
    outputs = reply(in_process, "/v1/forward", {"problem": "nyu-hw1/1.2b", "seed": 7})["outputs"]
    graded = {"problem": "nyu-hw1/1.2b", "seed": 7, "answers": {"outputs": outputs}}
    report = reply(in_process, "/v1/grade", graded)
    assert (report["score"], report["max_score"]) == (1, 4)


def test_the_lists_are_as_described(in_process: InProcess) -> None:
    listed = ProblemsReply.model_validate(in_process.get("/v1/problems").json())
    for entry in listed.sets[0].problems:
        page = in_process.get(f"/v1/problems/{entry.id}")
        found = ProblemReply.model_validate(page.json())
        assert (found.id, found.title, found.asks) == (entry.id, entry.title, entry.asks)
        drawn = {"template": found.template, "asks": found.asks, "seed": 3}
        by_name = reply(in_process, "/v1/instances", {"problem": entry.id, "seed": 3})
        assert reply(in_process, "/v1/instances", drawn) == by_name


@pytest.mark.parametrize(
    "path", ["nyu-hw1/9", "nyu-hw2/1.2b", "nyu-hw1", "nyu-hw1/..%2fx", "..%2f..%2fetc/passwd", "x" * 3000 + "/1"]
)
def test_what_is_not_on_file_is_404(path: str, in_process: InProcess) -> None:
    assert_problem(in_process.get(f"/v1/problems/{path}"), 404)


@pytest.mark.parametrize("operation", ["forward", "instances"])
@pytest.mark.parametrize(
    ("changes", "pointer"),
    [({"problem": "nyu-hw1/9"}, "/problem"), ({"seed": -1}, "/seed"), ({"inputs": [[1]]}, "/inputs"), ({"x": 1}, "/x")],
)
def test_what_cannot_be_named_is_422(
    operation: str, changes: dict[str, Any], pointer: str, in_process: InProcess
) -> None:
    problem = assert_problem(in_process.post(f"/v1/{operation}", json={**NAMED, **changes}), 422)
    assert problem.errors
    assert problem.errors[0].pointer == pointer


def test_a_secret_makes_seeds_and_is_told_to_nobody() -> None:
    service = InProcess(secret=SECRET)
    drawn = reply(service, "/v1/instances", {"problem": "nyu-hw1/1.3a", "identity": ANN})
    assert drawn["seed"] == seed_for(SECRET, "hw1", "1.3a", "ann", 0)
    assert SECRET not in repr(service.app.settings)
    assert_problem(InProcess().post("/v1/instances", json={"problem": "nyu-hw1/1.3a", "identity": ANN}), 422)


def test_pages_and_drawing_are_for_those_who_may_compute() -> None:
    keys = {"keys": hashed("compute"), "grade_keys": hashed("grade")}
    service = InProcess(**keys)
    for ask in (
        lambda **sent: service.get("/v1/problems", **sent),
        lambda **sent: service.get("/v1/problems/nyu-hw1/1.2b", **sent),
        lambda **sent: service.post("/v1/instances", json=NAMED, **sent),
    ):
        assert_problem(ask(), 401)
        assert_problem(ask(headers=with_key("grade")), 403)
        assert ask(headers=with_key("compute")).status_code == 200


def test_a_key_for_grading_gets_the_files_policy_and_its_own_seed() -> None:
    service = InProcess(keys=hashed("compute"), grade_keys=hashed("grade"))
    by_key = {"headers": with_key("grade")}
    graded = {"problem": "nyu-hw1/1.2b", "seed": 7, "answers": {"outputs": [0, 0, 0, 0, 0]}}
    assert reply(service, "/v1/grade", graded, **by_key)["max_score"] == 4
    for own in ({"points": {"outputs": 9}}, {"policy": {"feedback": "values"}}):
        assert_problem(service.post("/v1/grade", json={**graded, **own}, **by_key), 403)


def test_a_folder_is_served(tmp_path: Path) -> None:
    (tmp_path / "course.yaml").write_text(A_SET)
    service = InProcess(problems=tmp_path)
    assert [each["id"] for each in service.get("/v1/problems").json()["sets"]] == ["course", "nyu-hw1"]
    assert len(reply(service, "/v1/forward", {"problem": "course/one", "seed": 1})["outputs"]) == 3


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PROBLEMS", "{folder}", "course.yaml: problem one, asks: values.h"),
        ("PROBLEMS", "{folder}/none", "cannot be read"),
        ("SECRET", "short", "CHAINRULE_SECRET"),
    ],
)
def test_a_start_that_cannot_be_is_ended_with_a_line(name: str, value: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "course.yaml").write_text(A_SET.replace("[outputs]", "[values.h]"))
    variables = {**os.environ, f"CHAINRULE_{name}": value.replace("{folder}", str(tmp_path)), "CHAINRULE_PORT": "0"}
    command = [sys.executable, "-m", "chainrule_client.cli", "serve"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "short" not in done.stderr
