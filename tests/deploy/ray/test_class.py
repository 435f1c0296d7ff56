"""A class graded on Ray: the same as here, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.classes.submissions import PROBLEM, submissions
from deploy.ray.cluster import ADDRESS, BIN, Cluster, cluster, until

pytestmark = [pytest.mark.ray, pytest.mark.slow]

COUNT = 30_000
"""So many that the other node has a worker long before the first has graded them all."""


@pytest.fixture
def idle(folder: Path) -> Iterator[Cluster]:
    """Nodes with nothing on them."""
    own = folder / "c"
    own.mkdir()
    with cluster(own) as found:
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
        said, _ = run.communicate(timeout=120)

    assert run.returncode == 0
    assert json.loads(said) == json.loads(here.stdout)
    assert (given / "ray" / "scores.csv").read_bytes() == (given / "here" / "scores.csv").read_bytes()
    records = [json.loads(line) for line in progress.read_bytes().splitlines()]
    assert set(Counter(record["id"] for record in records).values()) == {1}
    assert by_id(progress) == by_id(given / "here" / "graded.ndjson")


def by_id(file: Path) -> dict[str, object]:
    return {record["id"]: record for record in map(json.loads, file.read_bytes().splitlines())}
