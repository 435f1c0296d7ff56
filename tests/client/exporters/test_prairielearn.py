"""PrairieLearn's results.json, data.json, and arrays."""

import json

import numpy as np
import pytest

from chainrule_client.exporters import prairielearn
from chainrule_client.exporters.prairielearn_data import decode, encode, read_data
from client.exporters.conftest import REPORTS


def test_the_score_is_a_part_of_one():
    found = json.loads(prairielearn.export(REPORTS["wrong"]))
    assert found["score"] == 0.75
    assert found["gradable"] is True
    assert [(test["name"], test["points"], test["max_points"]) for test in found["tests"]] == [
        ("gradients.y_hat", 0, 1),
        ("gradients.W1", 4, 4),
        ("gradients.b1", 0.5, 1),
    ]


@pytest.mark.parametrize("name", ["long", "many"])
def test_a_file_that_would_be_too_large_loses_its_messages_first(name):
    text = prairielearn.export(REPORTS[name])
    assert len(text.encode()) <= prairielearn.LARGEST
    found = json.loads(text)
    assert found["score"] == 0
    assert "too long" in found["message"]
    assert (found["tests"] == []) is (name == "many")
    assert "larger" in prairielearn.validate(json.dumps({"score": 1, "output": "x" * prairielearn.LARGEST}))[0]


def test_no_points_at_all_is_no_score():
    with pytest.raises(ValueError, match="no points can be had"):
        prairielearn.export({"score": 0, "max_score": 0, "items": []})


def test_a_fault_of_ours_costs_neither_points_nor_an_attempt():
    found = json.loads(prairielearn.failure("the grader failed"))
    assert found["gradable"] is False
    assert "score" not in found
    assert found["message"].startswith("Not graded")


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({}, "score: a finite number is wanted, unless gradable is false"),
        ({"score": None}, "score"),
        ({"score": 1.5}, "from 0 to 1"),
        ({"score": -0.5}, "from 0 to 1"),
        ({"score": "1"}, "score"),
        ({"gradable": "no"}, "gradable: true or false"),
        ({"gradable": False, "score": 7}, "from 0 to 1"),
        ({"score": 1, "message": 3}, "message: text"),
        ({"score": 1, "format_errors": [3]}, "format_errors"),
        ({"score": 1, "images": [{"url": "https://example.org/a.png"}]}, "images[0].url: a data URL"),
        ({"score": 1, "tests": [{"name": "a", "points": 1, "max_points": 1}, {"name": "b"}]}, "turns the table off"),
        ({"score": 1, "tests": [{"points": "1", "max_points": 1}]}, "tests[0].points"),
        ({"score": 1, "tests": [{"points": 1, "max_points": 1, "images": [3]}]}, "tests[0].images[0]"),
    ],
)
def test_each_rule_is_checked(tree, says):
    faults = prairielearn.validate(json.dumps(tree))
    assert len(faults) == 1
    assert says in faults[0]


def test_arrays_come_in_and_go_out_as_the_platform_writes_them():
    array = np.arange(6.0).reshape(2, 3) / 3
    written = encode({"W": array, "n": np.int64(3), "deep": [np.float32(0.5), "text"]})
    assert written == {
        "W": {"_type": "ndarray", "_value": array.tolist(), "_dtype": "float64"},
        "n": 3,
        "deep": [0.5, "text"],
    }
    read = decode(json.loads(json.dumps(written)))
    assert np.array_equal(read["W"], array)
    assert read["W"].dtype == np.float64
    assert decode({"_type": "np_scalar", "_concrete_type": "float64", "_value": "0.5"}) == 0.5
    assert decode({"_type": "ndarray", "_value": [1, 2], "_dtype": "float32"}).dtype == np.float32
    for unwritable in (np.array(["a"]), np.array([1j]), np.array([np.nan])):
        with pytest.raises(ValueError, match="array"):
            encode(unwritable)


@pytest.mark.parametrize(
    "claim",
    [
        {"_type": "ndarray"},
        {"_type": "ndarray", "_value": [[1], [1, 2]]},
        {"_type": "ndarray", "_value": ["a"], "_dtype": "float64"},
        {"_type": "ndarray", "_value": [1], "_dtype": "object"},
        {"_type": "ndarray", "_value": [1], "_dtype": "no such"},
        {"_type": "np_scalar", "_value": "x"},
        {"_type": "sympy", "_value": "x + 1"},
    ],
)
def test_what_is_no_array_stays_as_it_is(claim):
    assert decode(claim) == claim


def test_what_was_submitted_is_read(tmp_path):
    path = tmp_path / "data.json"
    path.write_text(
        json.dumps(
            {
                "params": {"x": encode(np.ones(3)), "N": 7},
                "submitted_answers": {"W1": encode(np.eye(2)), "b1": "not a number"},
                "variant_seed": 1234,
                "score": 0,
            }
        )
    )
    found = read_data(path)
    assert (found.seed, found.params["N"], found.submitted["b1"]) == (1234, 7, "not a number")
    assert np.array_equal(found.submitted["W1"], np.eye(2))
    assert found.raw["score"] == 0
    path.write_text("[]")
    with pytest.raises(ValueError, match="no JSON object"):
        read_data(path)
