"""A class graded on Ray: the same as here, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace

import pytest
import ray
from ray.exceptions import ObjectLostError, RayError, RayTaskError, WorkerCrashedError

from chainrule_client import Graded, on_ray
from chainrule_client.on_ray import RayClient
from client.classes.submissions import PROBLEM, submissions
from deploy.ray.cluster import ADDRESS, BIN, Cluster, cluster, until

pytestmark = [pytest.mark.ray, pytest.mark.slow]

COUNT = 30_000
"""So many that the other node has a worker long before the first has graded them all."""


@pytest.fixture
def idle(folder: Path) -> Iterator[Cluster]:
    """Nodes with nothing on them."""
    with cluster(Path(mkdtemp(prefix="c", dir=folder))) as found:
        yield found


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder with a problem and the submissions to it."""
    (tmp_path / "problem.json").write_text(json.dumps(PROBLEM))
    sound = [each for number, each in enumerate(submissions(COUNT)) if number % 10]
    (tmp_path / "class.ndjson").write_text("".join(json.dumps(each) + "\n" for each in sound))
    return tmp_path


def command(out: str, *more: str) -> list[str]:
    return [str(BIN / "chainrule"), "class", "class.ndjson", "--problem", "problem.json", "--out", out, "--json", *more]


def graded(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def test_a_class_is_graded_the_same_though_a_worker_a_node_and_the_run_itself_are_killed(
    idle: Cluster, given: Path
) -> None:
    here = subprocess.run(command("here"), cwd=given, env=idle.environment, capture_output=True, check=True)
    on_ray = command("ray", "--ray")
    environment = {**idle.environment, "RAY_ADDRESS": ADDRESS}
    progress = given / "ray" / "graded.ndjson"
    (node,) = idle.others

    with subprocess.Popen(on_ray, cwd=given, env=environment) as run:
        until(lambda: graded(progress) > 100, "answers")
        run.send_signal(signal.SIGKILL)
    stopped_at = graded(progress)
    assert stopped_at < COUNT * 0.5

    with subprocess.Popen(on_ray, cwd=given, env=environment, stdout=subprocess.PIPE) as run:
        until(lambda: node.processes("ray::_grade"), "worker on the other node")
        os.kill(min(node.processes("ray::_grade")), signal.SIGKILL)
        until(lambda: graded(progress) > stopped_at + 100, "answers")
        assert run.poll() is None
        node.kill()
        said, _ = run.communicate(timeout=600)

    assert run.returncode == 0
    assert json.loads(said) == json.loads(here.stdout)
    assert (given / "ray" / "scores.csv").read_bytes() == (given / "here" / "scores.csv").read_bytes()
    records = [json.loads(line) for line in progress.read_bytes().splitlines()]
    assert set(Counter(record["id"] for record in records).values()) == {1}
    assert by_id(progress) == by_id(given / "here" / "graded.ndjson")


def by_id(file: Path) -> dict[str, object]:
    return {record["id"]: record for record in map(json.loads, file.read_bytes().splitlines())}


def test_a_folder_that_is_not_there_is_told_before_ray_starts(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray was started"))
    with pytest.raises(ValueError, match="folder of problems cannot be read"):
        RayClient(problems=given / "nowhere").grade_many(submissions(9), PROBLEM)


def test_a_task_that_does_not_find_the_folder_ends_the_run(idle: Cluster, given: Path) -> None:
    sets = given / "sets"
    sets.mkdir()
    client = RayClient(problems=sets)
    assert client.problems()["sets"]  # read here, so that it is only for the workers that it is gone
    sets.rmdir()
    ray.init(ADDRESS, log_to_driver=False)
    try:
        with pytest.raises(ValueError, match="folder of problems cannot be read"):
            client.grade_many(submissions(9), PROBLEM, resume=given / "resume")
    finally:
        ray.shutdown()
    assert not (given / "resume").read_bytes()


def failed(cause: Exception) -> RayTaskError:
    return RayTaskError("_grade", "Traceback …", cause, proctitle="ray::_grade", pid=1, ip="127.0.0.1")


@pytest.mark.parametrize("error", [WorkerCrashedError(), failed(ObjectLostError("0", "", ""))])
def test_what_was_lost_with_its_machine_is_for_a_later_run(error: RayError, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [each.error and each.error.status for each in graded_where_tasks_fail(error, monkeypatch)] == [503] * 4


@pytest.mark.parametrize("cause", [KeyError("s1"), RayError("Exception … isn't serializable")])
def test_what_a_task_fails_at_by_itself_is_raised(cause: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(type(cause)) as raised:
        graded_where_tasks_fail(failed(cause), monkeypatch)
    assert raised.value is cause


def graded_where_tasks_fail(error: RayError, monkeypatch: pytest.MonkeyPatch) -> list[Graded]:
    """What becomes of a class whose tasks end with an error, without a cluster."""

    def get(_: object) -> None:
        raise error

    monkeypatch.setattr(on_ray, "_connected", nullcontext)
    monkeypatch.setattr(on_ray, "_grade", SimpleNamespace(remote=lambda *_: None))
    monkeypatch.setattr(ray, "cluster_resources", dict)
    monkeypatch.setattr(ray, "get", get)
    return RayClient().grade_many(submissions(5)[1:], PROBLEM)
