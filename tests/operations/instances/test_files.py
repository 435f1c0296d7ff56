"""Problem sets on file: what is wrong with one is said with its file, problem and field, and ids lead nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from chainrule.operations.instances.files import ProblemFileError, read_set
from chainrule.operations.instances.library import Library, UnknownProblem
from operations.instances.templates_by_hand import two_layers

SIZES = {"n": 3, "a": 7, "K": 5, "N": 11}


def a_set(**fields: Any) -> dict[str, Any]:
    """A sound set of one problem, with `fields` of that problem changed."""
    problem = {
        "id": "one",
        "title": "A net",
        "text": "Give the gradients.",
        "asks": ["gradients.W1", "outputs"],
        "template": two_layers(SIZES),
        **fields,
    }
    return {"id": "course", "title": "A course", "problems": [problem]}


def written(folder: Path, content: Any, name: str = "course.yaml") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_set_in_a_folder_is_found_beside_the_bundled_ones(tmp_path: Path) -> None:
    written(tmp_path, a_set())
    (tmp_path / "README.md").write_text("not a set")
    library = Library(tmp_path)
    assert [each.id for each in library.sets()] == ["course", "nyu-hw1"]
    assert library.find("course/one").title == "A net"
    assert library.find("course/one").worth() == {"gradients.W1": 1, "outputs": 1}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"titel": "x"}, ["course.yaml: problem one, titel", "not a field"]),
        ({"asks": []}, ["course.yaml: problem one, asks"]),
        ({"points": {"loss": 1}}, ["course.yaml: problem one", "loss is not among asks"]),
        ({"policy": {"rtol": -1}}, ["course.yaml: problem one, policy/rtol"]),
        ({"policy": {"feedback": "all"}}, ["course.yaml: problem one, policy/feedback"]),
        ({"template": {"network": {"layers": []}}}, ["course.yaml: problem one, template/inputs", "missing"]),
        ({"id": 1.2}, ["course.yaml: problem number 1, id", "text"]),
        ({"id": "../etc"}, ["course.yaml: problem ../etc, id"]),
        ({"asks": ["gradients.W9"]}, ["course.yaml: problem one, asks: gradients.W9"]),
        ({"asks": ["grads.W1"]}, ["course.yaml: problem one, asks: grads.W1"]),
        ({"template": two_layers(SIZES, {"op": "rleu"})}, ["problem one, template/network/layers/1/op", "relu"]),
        (
            {"template": two_layers(SIZES, constraints={"kink_distance": 1, "attempts": 2})},
            ["course.yaml: problem one, template", "kink_distance failed 2 times"],
        ),
    ],
)
def test_a_fault_is_told_with_its_problem_and_field(fields: dict[str, Any], told: list[str], tmp_path: Path) -> None:
    written(tmp_path, a_set(**fields))
    with pytest.raises(ProblemFileError) as caught:
        Library(tmp_path)
    assert [part for part in told if part not in str(caught.value)] == [], str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("id: [", "not YAML"),
        ("- 1", "object"),
        ("id: a\nid: a\n", "the key id is there twice"),
        ("id: !!python/object/apply:os.system [ls]", "not YAML"),
        ("\xff\x00", "not YAML"),
        ("a: &a [*a]", "course.yaml"),
        ("id: my course\n", "/id: an id has 1 to 64 letters"),
        ("x" * (1 << 20 | 1), "more than"),
        ("", "object"),
    ],
)
def test_a_file_that_is_no_set_is_refused(content: str, told: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ProblemFileError, match="course") as caught:
        read_set(path)
    assert told in str(caught.value)


def test_every_fault_is_told_not_the_first_alone(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError) as caught:
        read_set(written(tmp_path, a_set(titel="x", policy={"rtol": -1})))
    assert len(str(caught.value).splitlines()) == 2


def test_two_problems_of_one_id_are_refused(tmp_path: Path) -> None:
    both = a_set()
    both["problems"] *= 2
    with pytest.raises(ProblemFileError, match="two problems have the id one"):
        read_set(written(tmp_path, both))


def test_a_file_is_named_after_its_set_and_no_set_hides_another(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match=r"call it course\.yaml"):
        Library(written(tmp_path / "a", a_set(), "other.yaml").parent)
    with pytest.raises(ProblemFileError, match="nyu-hw1 already"):
        Library(written(tmp_path / "b", {**a_set(), "id": "nyu-hw1"}, "nyu-hw1.yaml").parent)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match="cannot be read"):
        Library(tmp_path / "none")


def test_ids_lead_to_no_other_file(tmp_path: Path) -> None:
    written(tmp_path, a_set())
    inside = tmp_path / "sets"
    written(inside, {**a_set(), "id": "mine"}, "mine.yaml")
    library = Library(inside)
    names = [
        "../course/one",
        "course/one",
        "/etc/passwd",
        "mine",
        "mine/",
        "mine/../one",
        "",
        "/",
        "mine/one/",
        "nyu-hw1/1",
    ]
    for name in names:
        with pytest.raises(UnknownProblem):
            library.find(name)


def test_advice_for_a_name_that_is_not_there() -> None:
    with pytest.raises(UnknownProblem, match=r"did you mean 1\.2b"):
        Library().find("nyu-hw1/1.2bb")
    with pytest.raises(UnknownProblem, match="nyu-hw1"):
        Library().find("nyu-hw2/1.2b")
