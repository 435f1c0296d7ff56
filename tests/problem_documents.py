"""What every refusal of the service looks like."""

from __future__ import annotations

import httpx

from chainrule.schemas.replies import ProblemDetails

LONGEST = 10_000


def assert_problem(reply: httpx.Response, *statuses: int) -> ProblemDetails:
    """One of `statuses`, in the one shape there is, and not long."""
    assert reply.status_code in statuses, reply.text[:500]
    assert reply.headers["content-type"] == "application/problem+json"
    assert len(reply.content) < LONGEST
    problem = ProblemDetails.model_validate_json(reply.content)
    assert problem.status == reply.status_code
    assert problem.request_id == reply.headers["x-request-id"]
    assert problem.detail
    assert problem.type.startswith("urn:chainrule:problem:")
    if problem.errors is not None:
        assert problem.error_count is not None
        assert 0 < len(problem.errors) <= min(20, problem.error_count)
        assert all(error.message and error.pointer[:1] in ("", "/") for error in problem.errors)
    return problem
