"""Marking submitted answers: what is right, what went wrong, and what follows from it."""

from chainrule.grading.distinct import accidental_collision
from chainrule.grading.grader import Answer, Grader, Unreadable
from chainrule.grading.policy import LEVELS, Feedback, Policy
from chainrule.grading.quantities import Quantity, UnknownQuantity
from chainrule.grading.report import Report

__all__ = [
    "LEVELS",
    "Answer",
    "Feedback",
    "Grader",
    "Policy",
    "Quantity",
    "Report",
    "UnknownQuantity",
    "Unreadable",
    "accidental_collision",
]
