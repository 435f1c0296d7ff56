"""A class on problems on file, which may be corrected between one run and the next."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from chainrule_client import Client, LocalClient, ServerFault, local
from client.classes.submissions import PROBLEM, RIGHT
from client.classes.test_grade_many import FAST, asynchronously, over_http

ANN = {"assignment": "a", "question": "q", "student": "ann"}
DRAWN = {"shape": [1, 1], "low": 1, "high": 100, "step": 1}
NAMED = [
    {"id": "a", "problem": "course/one", "seed": 1, "answers": {}},
    {"id": "b", "problem": "course/one", "seed": 2, "answers": {}},
    {"id": "c", "problem": "course/two", "seed": 1, "answers": {}},
    {"id": "d", "problem": "course/../one?", "seed": 1, "answers": {}},
    {"id": "e", **PROBLEM, "answers": RIGHT},
]


def folder(path: Path, weight: Any = 2, text: str = "x") -> Path:
    """Problem sets of one: the loss of a network with this weight."""
    template = {
        "network": {"layers": [{"op": "linear", "weight": [[weight]]}]},
        "inputs": DRAWN,
        "targets": [[0]],
        "loss": "squared_error",
    }
    one = {"id": "one", "title": "One", "text": text, "asks": ["loss"], "template": template}
    path.mkdir()
    (path / "course.yaml").write_text(yaml.safe_dump({"id": "course", "title": "C", "problems": [one]}))
    return path


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_what_was_graded_by_a_problem_that_was_corrected_is_graded_anew(tmp_path: Path) -> None:
    resume = tmp_path / "resume"
    before, after = (LocalClient(problems=folder(tmp_path / f"of {weight}", weight)) for weight in (2, 3))
    right = after.call("loss", {"problem": "course/one", "seed": 1}).loss
    given = [{"id": "a", "answers": {"loss": right}}]
    shared = {"problem": "course/one", "seed": 1}
    for client, score, lines in ((before, 0, 1), (before, 0, 1), (after, 1, 2), (after, 1, 2)):
        (found,) = client.grade_many(given, shared, resume=resume)
        assert (found.report and found.report.score, len(records(resume))) == (score, lines)


def test_a_client_made_after_a_correction_has_it_and_one_made_before_stays_as_it_is(tmp_path: Path) -> None:
    sets = folder(tmp_path / "sets")
    before = LocalClient(problems=sets)
    asked = {"problem": "course/one", "seed": 1}
    wrong = before.call("loss", asked).loss
    (sets / "course.yaml").write_text((sets / "course.yaml").read_text().replace("- 2", "- 30"))
    after = LocalClient(problems=sets)
    assert after.call("loss", asked).loss == 225 * wrong
    assert before.call("loss", asked).loss == wrong


def test_a_name_that_nothing_had_may_have_come_to_be_something(tmp_path: Path) -> None:
    given = [{"id": "a", "problem": "course/one", "seed": 1, "answers": {"loss": 0}}]
    (found,) = local.grade_many(given, resume=tmp_path / "resume")
    assert found.error is not None
    (found,) = LocalClient(problems=folder(tmp_path / "sets")).grade_many(given, resume=tmp_path / "resume")
    assert found.report is not None


def test_another_secret_makes_other_numbers_of_an_identity_and_of_no_seed(tmp_path: Path) -> None:
    resume, sets = tmp_path / "resume", folder(tmp_path / "sets")
    given = [{"id": 1, "identity": ANN, "answers": {"loss": 0}}, {"id": 2, "seed": 1, "answers": {"loss": 0}}]
    for secret in ("one", "one", "other"):
        LocalClient(problems=sets, secret=secret).grade_many(given, {"problem": "course/one"}, resume=resume)
    assert Counter(record["id"] for record in records(resume)) == {1: 2, 2: 1}


def test_a_service_and_this_process_tell_the_same_problem_alike(url: str, tmp_path: Path) -> None:
    names = [problem["id"] for each in local.problems()["sets"] for problem in each["problems"]]
    given = [{"id": name, "problem": name, "seed": 1, "answers": {}} for name in names]
    local.grade_many(given, resume=tmp_path / "resume")
    written = (tmp_path / "resume").read_bytes()
    with Client(url) as client:
        client.grade_many(given, resume=tmp_path / "resume")
    assert len(names) > 5
    assert (tmp_path / "resume").read_bytes() == written


class OnFile(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A service with `told` on file under every name, or that answers with a status in its place."""

    def __init__(self, told: Any = None, status: int = 200) -> None:
        self.told, self.status = told, status
        self.looked_up: Counter[str] = Counter()
        self.graded: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            self.looked_up[request.url.path] += 1
            return httpx.Response(
                self.status, json=self.told or {}, headers={"Content-Type": "application/problem+json"}
            )
        items = [json.loads(line) for line in request.read().splitlines()]
        self.graded += [item["id"] for item in items]
        lines = [{"id": item["id"], "status": 200, "reply": {"score": 1.0}} for item in items]
        return httpx.Response(200, text="".join(json.dumps(line) + "\n" for line in lines))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self.handle_request(request)


@pytest.mark.parametrize("kind", [over_http, asynchronously])
def test_each_name_is_looked_up_once_a_run_where_one_may_go_on_from_another(kind: Any, tmp_path: Path) -> None:
    for told, graded in ({"text": "x"}, [0, 1, 2, 3, 4]), ({"text": "x"}, []), ({"text": "y"}, [0, 1, 2]):
        service = OnFile(told)
        kind("http://service", transport=service)(NAMED, resume=tmp_path / "resume")
        assert service.looked_up == {"/v1/problems/course/one": 1, "/v1/problems/course/two": 1}
        assert service.graded == graded
    service = OnFile()
    kind("http://service", transport=service)(NAMED)
    assert not service.looked_up


@pytest.mark.parametrize("kind", [over_http, asynchronously])
def test_a_key_that_only_grades_goes_on_from_what_it_graded(kind: Any, tmp_path: Path) -> None:
    for graded in ([0, 1, 2, 3, 4], []):
        service = OnFile(status=403)
        kind("http://service", transport=service)(NAMED, resume=tmp_path / "resume")
        assert service.graded == graded


@pytest.mark.parametrize("kind", [over_http, asynchronously])
def test_a_look_up_that_fails_is_told_before_anything_is_graded(kind: Any, tmp_path: Path) -> None:
    service = OnFile(status=503)
    with pytest.raises(ServerFault):
        kind("http://service", transport=service, retries=FAST)(NAMED, resume=tmp_path / "resume")
    assert service.graded == []
