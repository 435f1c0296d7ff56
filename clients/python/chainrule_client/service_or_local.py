"""Grading by the service where one is named and answers, else in process: a grader's container often has no network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from chainrule_client.errors import ConnectionFailed, Overloaded, ResponseInvalid, ServerFault, TimedOut
from chainrule_client.replies import Reply
from chainrule_client.retries import Retries

SECONDS = 4.0
"""What the service may take, all attempts together, before the answer is worked out here: half of a grader's budget."""

AWAY = (ConnectionFailed, TimedOut, ResponseInvalid, Overloaded, ServerFault)
"""What is not about the request. A TimedOut by the service's own word is among them: here there is no such limit."""


class ServiceOrLocal:
    """Grades by the service at `url`, by default CHAINRULE_URL. Without one, or once it could not be reached, locally.

    One that was away is not asked again: every further question would wait as long. Threads may share one.
    """

    def __init__(self, url: str | None = None, *, seconds: float = SECONDS) -> None:
        self._url = url or os.environ.get("CHAINRULE_URL")
        self._seconds = seconds

    def grade(
        self,
        problem: Mapping[str, Any],
        answers: Mapping[str, Any],
        *,
        policy: Mapping[str, Any] | None = None,
        points: Mapping[str, float] | None = None,
    ) -> Reply:
        """The report. Raises ChainruleError or ValueError for a request that is at fault wherever it is answered."""
        if self._url:
            from chainrule_client.client import Client

            try:
                with Client(self._url, timeout=self._seconds, retries=Retries(1, deadline=self._seconds)) as client:
                    return client.grade(problem, answers, policy=policy, points=points)
            except AWAY:
                self._url = None
        from chainrule_client import local

        return local.grade(problem, answers, policy=policy, points=points)
