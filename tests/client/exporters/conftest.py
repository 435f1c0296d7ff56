"""Reports of grading as they come: of right, wrong, NaN and missing answers, in process (NumPy) and over HTTP."""

import numpy as np
import pytest

META = {"version": "0.1.0", "conventions": 1, "backend": "numpy", "device": "cpu", "dtype": "float64"}
SECRET = 31.41592653589793
"""A true value, which no text may show."""


def item(quantity, status, points, max_points, message, **more):
    return {
        "quantity": quantity,
        "status": status,
        "points": points,
        "max_points": max_points,
        "message": message,
        **more,
    }


def report(*items, diagnosis=()):
    return {
        "score": sum(each["points"] for each in items),
        "max_score": sum(each["max_points"] for each in items),
        "first_error": next((each["quantity"] for each in items if each["points"] < each["max_points"]), None),
        "items": list(items),
        "diagnosis": list(diagnosis),
        "feedback": "indices",
        "warnings": [],
        "meta": META,
    }


SIGN = {
    "mistake": "sign",
    "at": "C",
    "explains": ["gradients.y_hat"],
    "follows": ["gradients.W1"],
    "message": "the sign of ∂C/∂ŷ is flipped",
    "hint": "differentiate (ŷ − y)² with respect to ŷ",
    "either": [{"mistake": "swapped", "at": "C", "message": "prediction and target are swapped"}],
}

RIGHT = item("gradients.W1", "correct", 4, 4, "right", expected=[[SECRET]])
WRONG = item("gradients.y_hat", "wrong", 0, 1, "6 of 35 entries are wrong", indices=[[0, 0]], diagnosis=["sign"])
REPORTS = {
    "right": report(RIGHT, item("loss", "correct", 1, 1, "right")),
    "wrong": report(
        WRONG,
        item("gradients.W1", "correct_given_own_work", 4, 4, "follows from ∂C/∂ŷ", follows_from="gradients.y_hat"),
        item("gradients.b1", "wrong", 0.5, 1, "half of it is wrong", max_abs=np.float64("nan"), expected=SECRET),
        diagnosis=[SIGN],
    ),
    "all wrong": report(WRONG),
    "nan": report(item("gradients.b1", "nonfinite", 0, 4, "3 of 35 entries are not finite", max_abs="NaN"), RIGHT),
    "missing": report(
        item("outputs", "missing", 0, 2, "there is no answer"), item("loss", "shape", 0, 1, "found text")
    ),
    "numpy": report(
        item("gradients.W1", "correct", np.float64(4), np.float32(4), "right", expected=np.full((2, 2), SECRET)),
        item("loss", "wrong", np.int64(0), 1, "a null \0 and half a pair \ud83d"),
    ),
    "long": report(*[item(f"values.s{k}", "wrong", 0, 1, "ü" * 20_000) for k in range(100)]),
    "many": report(*[item(f"values.s{k}", "wrong", 0, 1, "no") for k in range(20_000)]),
}


@pytest.fixture(params=REPORTS)
def graded(request):
    return REPORTS[request.param]
