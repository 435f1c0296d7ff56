"""Classes graded on a cluster of Ray, by the same code as in process."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from chainrule import operations
from chainrule_client.classes.graded import Graded
from chainrule_client.classes.running import run_in_threads
from chainrule_client.classes.session import Chunk, Session
from chainrule_client.local import LocalClient, Sources, answer_of

ATTEMPTS = 5
"""How often a chunk is given to another worker where one, or its machine, has died."""
AHEAD = 2
"""Chunks on their way for each CPU: one is graded, the next is there when it is done."""


class RayClient(LocalClient):
    """`LocalClient`, whose `grade_many` grades in tasks of Ray, as many at once as the cluster has CPUs.

    The cluster is the one at RAY_ADDRESS, as in a job of Ray, else one on this machine, which is started. The answers
    come back here, so the resume file is written in one place, and once for each submission whatever dies. A folder of
    problem sets has to be at the same path on every machine.
    """

    def _grade_all(self, session: Session, concurrency: int, shown: bool | None) -> list[Graded]:
        with session:
            operations.shared_calls(*self._sources)  # a folder that cannot be used is told before Ray starts
            self._look_up(session)
            # Ray tells of workers that died on stdout, which is for the outcome.
            with redirect_stdout(sys.stderr), _connected():
                cpus = int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]
                return run_in_threads(session, self._grade_chunk, max(concurrency, AHEAD * cpus), shown)

    def _grade_chunk(self, chunk: Chunk, session: Session) -> None:
        answers = _grade.remote([task.body for task in chunk], self._sources)
        found: list[dict[str, Any]] = []
        try:
            found = ray.get(answers)
        except RayTaskError as error:
            if _is_own(error):
                raise error.cause from error
        except RayError:  # its workers died, time and again: a later run may have better luck
            pass
        positions = [task.position for task in chunk]
        session.take(chunk, dict(zip(positions, found, strict=False)), last=True)


def _is_own(failed: RayTaskError) -> bool:
    """Whether a task failed by what it does itself, and not by a loss, such as that of an argument with its machine.

    Ray puts a plain RayError in the place of an exception that cannot be sent.
    """
    return not isinstance(failed.cause, RayError) or type(failed.cause) is RayError


@contextmanager
def _connected() -> Iterator[None]:
    """Within a cluster, as before or for the time being."""
    if ray.is_initialized():
        yield
        return
    ray.init(log_to_driver=False, configure_logging=False)
    try:
        yield
    finally:
        ray.shutdown()


@ray.remote(num_cpus=1, max_retries=ATTEMPTS)
def _grade(bodies: Sequence[bytes], sources: Sources) -> list[dict[str, Any]]:
    calls = operations.shared_calls(*sources)
    return [answer_of(body, calls) for body in bodies]
