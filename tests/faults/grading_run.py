"""A run of grading as a process of its own, to be killed: in process, its resume file the second argument."""

from __future__ import annotations

import sys

from chainrule_client import local
from client.classes.submissions import PROBLEM, submissions


def main(count: int, resume: str) -> None:
    graded = local.grade_many(submissions(count), PROBLEM, resume=resume)
    print(len(graded), sum(each.report.score for each in graded if each.report is not None))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
