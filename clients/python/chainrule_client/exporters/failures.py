"""A fault of ours must never look like a wrong answer: what is said in its place."""

from __future__ import annotations

NOT_GRADED = "Not graded"


class NotGraded(BaseException):
    """The grader could not grade. Raised where a platform takes exceptions for answers that are wrong.

    Not an Exception, because Otter records any Exception of a test case as a failed test, which scores 0.
    """


def notice(reason: str) -> str:
    """What a student reads where nothing could be graded."""
    return (
        f"{NOT_GRADED}: {reason.rstrip('.')}. This says nothing about your answers. "
        "Course staff can have the submission graded again."
    )


def reason_for(error: BaseException) -> str:
    """Why, as far as a student may know: what kind of fault, and not what it holds."""
    return f"the grader failed ({type(error).__name__})"
