"""A class graded by each client: every submission once, in order, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from chainrule import operations
from chainrule_client import AsyncClient, AuthenticationFailed, Client, ConnectionFailed, Graded, Retries, local
from chainrule_client.classes import progress as progress_module
from client.classes.submissions import PROBLEM, submissions
from waiting import SOON

GradeMany = Callable[..., list[Graded]]


def over_http(url: str, *, transport: Any = None, **settings: Any) -> GradeMany:
    def grade_many(*args: Any, **options: Any) -> list[Graded]:
        with Client(url, transport=transport, **settings) as client:
            return client.grade_many(*args, **options)

    return grade_many


def asynchronously(url: str, *, transport: Any = None, **settings: Any) -> GradeMany:
    def grade_many(*args: Any, **options: Any) -> list[Graded]:
        async def run() -> list[Graded]:
            async with AsyncClient(url, transport=transport, **settings) as client:
                return await client.grade_many(*args, **options)

        return asyncio.run(run())

    return grade_many


@pytest.fixture(params=["sync", "async", "local"])
def grade_many(request: pytest.FixtureRequest) -> GradeMany:
    if request.param == "local":
        return local.grade_many
    url: str = request.getfixturevalue("url")
    return (over_http if request.param == "sync" else asynchronously)(url)


def outcomes(found: list[Graded]) -> list[Any]:
    return [(each.id, each.report.raw if each.report else (each.error and each.error.status)) for each in found]


def test_every_client_says_of_each_what_a_call_of_its_own_says(grade_many: GradeMany) -> None:
    given = submissions(130)
    found = grade_many(
        given, PROBLEM, policy={"feedback": "count"}, points={"loss": 2, "gradients.W1": 1}, concurrency=3
    )
    assert [each.id for each in found] == [each["id"] for each in given]
    for each, sent in list(zip(found, given, strict=True))[:45]:
        if sent["answers"] == {"gradients": "none"}:
            assert each.error is not None
            assert each.error.status == 422
            continue
        alone = local.grade(
            PROBLEM, sent["answers"], policy={"feedback": "count"}, points={"loss": 2, "gradients.W1": 1}
        )
        assert each.report is not None
        assert json.loads(json.dumps(each.report.raw)) == json.loads(json.dumps(alone.raw))


def test_submissions_may_bring_their_own_problem(grade_many: GradeMany) -> None:
    other = {**PROBLEM, "targets": [[0.0], [1.0]]}
    given = [
        {"id": 1, "answers": {"loss": 6.5}},
        {"id": 2, **other, "answers": {"loss": 6.5}},
        {"id": 3, "answers": {"loss": 6.49}, "policy": {"places": 1}},
        {"id": 4, "answers": {"loss": 6.5}, "network": {"layers": [{"op": "rleu"}]}},
    ]
    found = grade_many(given, PROBLEM)
    assert [each.report and each.report.score for each in found] == [1, 0, 1, None]
    assert found[3].error is not None
    assert found[3].error.errors[0].pointer == "/network/layers/0/op"


@pytest.mark.parametrize("concurrency", [0, -1])
def test_a_class_is_not_graded_in_no_portions_at_once(concurrency: int, grade_many: GradeMany, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="concurrency is 1 or more"):
        grade_many(submissions(3), PROBLEM, concurrency=concurrency, resume=tmp_path / "resume")
    assert not (tmp_path / "resume").exists()


def test_a_run_that_is_repeated_asks_for_nothing(grade_many: GradeMany, tmp_path: Path) -> None:
    path = tmp_path / "resume"
    first = grade_many(submissions(60), PROBLEM, resume=path)
    text = path.read_bytes()
    assert outcomes(grade_many(submissions(60), PROBLEM, resume=path)) == outcomes(first)
    assert path.read_bytes() == text
    more = grade_many(submissions(70), PROBLEM, resume=path)
    assert outcomes(more)[:60] == outcomes(first)
    ids = Counter(json.loads(line)["id"] for line in path.read_bytes().splitlines())
    assert set(ids.values()) == {1}


def test_a_line_that_the_service_does_not_read_is_refused_once_and_for_all(
    grade_many: GradeMany, tmp_path: Path
) -> None:
    path = tmp_path / "resume"
    given = [
        {"id": "a", "answers": {"loss": 6.5}},
        {"id": "b", "answers": {"gradients.W1": ["x"] * 300_000}},
        {"id": "c", "answers": {"loss": 6.5}},
    ]
    for _ in range(2):
        found = grade_many(given, PROBLEM, resume=path)
        assert [each.report and each.report.score for each in found] == [1, None, 1]
        assert found[1].error is not None
        assert found[1].error.status == 400
        assert path.read_bytes().count(b"\n") == 3


def test_in_process_a_fault_of_ours_ends_no_run_and_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = operations.answer

    def failing(operation: str, body: bytes, calls: operations.Calls) -> bytes:
        if b"[77]" in body:
            raise KeyError("s1")
        return answer(operation, body, calls)

    given = [{"id": number, "answers": {"gradients.b1": [number]}} for number in (4, 77, 8)]
    with monkeypatch.context() as patched:
        patched.setattr(operations, "answer", failing)
        found = local.grade_many(given, PROBLEM, resume=tmp_path / "resume")
    assert [each.report is not None for each in found] == [True, False, True]
    assert found[1].error is not None
    assert (found[1].error.status, found[1].error.detail) == (500, "a fault in chainrule itself: KeyError: 's1'")
    assert all(each.report for each in local.grade_many(given, PROBLEM, resume=tmp_path / "resume"))


class Failing(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers batches, but for some of the items, or not at all, the first times."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = list(kinds)
        self.asked: Counter[int] = Counter()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        kind = self.kinds.pop(0) if self.kinds else "well"
        items = [json.loads(line) for line in request.read().splitlines()]
        self.asked.update(item["id"] for item in items)
        match kind:
            case "reset":
                raise httpx.ReadError("reset")
            case "busy":
                return httpx.Response(503, json={"title": "Service Unavailable", "status": 503})
            case "forbidden":
                return httpx.Response(403, json={"title": "Forbidden", "status": 403})
            case "half":
                items = items[::2]
        lines = [{"id": item["id"], "status": 200, "reply": {"score": 1.0}} for item in items]
        if kind == "draining":
            lines[3:] = [{"id": item["id"], "status": 503, "problem": {}} for item in items[3:]]
        return httpx.Response(200, text="".join(json.dumps(line) + "\n" for line in lines))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self.handle_request(request)


FAST = Retries(limit=3, first_wait=0.0)


@pytest.mark.parametrize("kind", [over_http, asynchronously])
@pytest.mark.parametrize(
    "failures", [("half", "half"), ("draining",), ("reset", "busy"), ("half", "reset", "draining")]
)
def test_what_was_not_answered_is_asked_again_and_nothing_else(kind: Any, failures: Any) -> None:
    service = Failing(*failures)
    given = [each for each in submissions(40) if each["answers"] != {"gradients": "none"}]
    found = kind("http://service", transport=service, retries=FAST)(given, PROBLEM, concurrency=1)
    assert [each.report and each.report.score for each in found] == [1.0] * len(given)
    if failures == ("half", "half"):
        assert Counter(service.asked.values()) == {1: 20, 2: 10, 3: 9} or sum(service.asked.values()) < 80


@pytest.mark.parametrize("kind", [over_http, asynchronously])
def test_what_is_never_answered_is_an_error_of_its_own(kind: Any) -> None:
    service = Failing(*["draining"] * 9)
    found = kind("http://service", transport=service, retries=Retries(limit=2, first_wait=0.0))(
        submissions(12)[1:], PROBLEM, concurrency=1
    )
    assert [each.report is not None for each in found] == [True] * 9 + [False] * 2
    assert {each.error.status for each in found if each.error} == {503}


@pytest.mark.parametrize("kind", [over_http, asynchronously])
def test_a_service_that_is_not_there_is_raised_and_what_was_graded_is_kept(kind: Any, tmp_path: Path) -> None:
    path = tmp_path / "resume"
    failing = {"transport": Failing("well", "reset", "reset"), "retries": Retries(limit=1, first_wait=0.0)}
    with pytest.raises(ConnectionFailed):
        kind("http://service", **failing)(submissions(120), PROBLEM, concurrency=1, resume=path)
    assert path.read_bytes().count(b"\n") == 50
    with pytest.raises(AuthenticationFailed):
        kind("http://service", transport=Failing("forbidden"))(submissions(3), PROBLEM)
    service = Failing()
    assert len(kind("http://service", transport=service)(submissions(120), PROBLEM, resume=path)) == 120
    assert set(service.asked.values()) == {1}
    assert len(service.asked) == 120 - 50 - 3


RUN = """
import signal
import sys
from chainrule_client import Client
from client.classes.submissions import PROBLEM, submissions
signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background by a shell pays it no heed
with Client(sys.argv[1]) as client:
    print(len(client.grade_many(submissions(1000), PROBLEM, resume=sys.argv[2])))
"""


def test_a_run_killed_again_and_again_loses_none_and_grades_none_twice(url: str, tmp_path: Path) -> None:
    path = tmp_path / "resume"
    command = [sys.executable, "-c", RUN, url, str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for portion in (1, 200, 500):
        with subprocess.Popen(command, env=environment) as process:
            while process.poll() is None and (not path.exists() or path.read_bytes().count(b"\n") < portion):
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
    before = path.read_bytes()
    with path.open("ab") as file:
        file.write(b'{"id": "student-999", "asked"')  # a line that was cut off
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1000\n"
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert path.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert Counter(record["id"] for record in records) == Counter(
        each["id"] for each in submissions(1000) if each["answers"] != {"gradients": "none"}
    )


def test_ctrl_c_ends_a_run_whose_service_does_not_answer(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SOON)
        command = [sys.executable, "-c", RUN, f"http://127.0.0.1:{silent.getsockname()[1]}", str(tmp_path / "resume")]
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            asking, _ = silent.accept()
            with asking:
                process.send_signal(signal.SIGINT)
                try:
                    assert process.wait(SOON) == -signal.SIGINT
                finally:
                    process.kill()


def test_a_bar_is_shown_on_a_terminal_alone(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    local.grade_many(submissions(60), PROBLEM)
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(progress_module.sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")  # a dumb one shows no bar
    local.grade_many(submissions(60), PROBLEM)
    out, err = capfd.readouterr()
    assert out == ""
    assert "grading" in err
    local.grade_many(submissions(60), PROBLEM, progress=False)
    assert capfd.readouterr() == ("", "")
