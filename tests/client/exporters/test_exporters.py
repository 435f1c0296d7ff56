"""Of every platform: what is exported passes its validator, is written whole, and shows no truth."""

import json
import os
import stat

import pytest

from chainrule_client import Reply, exporters
from chainrule_client.exporters import PLATFORMS, files
from client.exporters.conftest import REPORTS, SECRET

of_each_platform = pytest.mark.parametrize("platform", PLATFORMS)


@of_each_platform
def test_what_is_exported_is_valid(platform, graded):
    assert exporters.validate_text(platform, exporters.export(platform, graded)) == []


@of_each_platform
def test_what_says_that_nothing_was_graded_is_valid(platform):
    assert exporters.validate_text(platform, exporters.failure(platform, "the service is away")) == []


@of_each_platform
def test_a_reply_is_exported_as_the_object_that_it_is(platform):
    found = REPORTS["wrong"]
    assert exporters.export(platform, Reply(found)) == exporters.export(platform, found)


@of_each_platform
def test_no_truth_and_no_number_that_is_not_finite_is_written(platform, graded):
    text = exporters.export(platform, graded)
    assert str(SECRET)[:6] not in text
    assert "NaN" not in text


@of_each_platform
@pytest.mark.parametrize("points", [float("nan"), float("inf"), "4", None, [1]])
def test_points_that_are_no_finite_numbers_are_refused(platform, points):
    broken = {**REPORTS["right"], "items": [{**REPORTS["right"]["items"][0], "points": points}]}
    if points == "4":
        assert exporters.export(platform, broken)
    else:
        with pytest.raises(ValueError, match="report"):
            exporters.export(platform, broken)


@of_each_platform
@pytest.mark.parametrize("broken", [{}, {"items": 3}, {"score": 1, "max_score": 1, "items": [{}]}, {"items": [None]}])
def test_what_is_no_report_is_refused(platform, broken):
    with pytest.raises(ValueError, match="no report"):
        exporters.export(platform, broken)


@of_each_platform
@pytest.mark.parametrize("text", ["", "{", "[1]", "NaN", "null", '{"score": NaN}', "{}", "\0", "hello"])
def test_what_is_none_of_a_platforms_files_is_not_valid(platform, text):
    assert exporters.validate_text(platform, text) != []


@of_each_platform
def test_a_fault_of_ours_is_written_as_such_and_the_trace_is_for_staff_alone(platform, tmp_path, capfd):
    def unreachable():
        raise ConnectionError(f"the key is {SECRET}")

    path = tmp_path / "made" / "results"
    assert exporters.deliver(platform, unreachable, path) is False
    assert exporters.validate(platform, path) == []
    text = path.read_text()
    assert str(SECRET) not in text
    assert "ConnectionError" in text or platform == "nbgrader"
    said = capfd.readouterr()
    assert ("ConnectionError" in said.err) is PLATFORMS[platform].private
    assert said.out == ""


@of_each_platform
def test_a_report_that_cannot_be_exported_is_a_fault_of_ours(platform, tmp_path):
    path = tmp_path / "results"
    nothing = {**REPORTS["right"], "score": float("nan")}
    assert exporters.deliver(platform, lambda: nothing, path) is False
    assert path.read_text() == exporters.failure(platform, "the grader failed (ValueError)")


@of_each_platform
def test_a_report_is_delivered(platform, tmp_path, graded):
    path = tmp_path / "results"
    assert exporters.deliver(platform, lambda: graded, path) is True
    assert path.read_text() == exporters.export(platform, graded)


def test_an_unknown_platform_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"'gradscope'; there are gradescope, prairielearn, otter, autolab, nbgrader"):
        exporters.export("gradscope", REPORTS["right"])


def test_a_file_that_is_not_text_is_not_valid(tmp_path):
    (tmp_path / "results").write_bytes(b"\xff{}")
    assert "UTF-8" in exporters.validate("gradescope", tmp_path / "results")[0]


def test_a_file_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    files.write(path, "before")
    seen = []
    rename = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: (seen.append(path.read_text()), rename(old, new)))
    files.write(path, "after")
    assert (seen, path.read_text()) == (["before"], "after")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        files.write(path, "lost")
    assert (path.read_text(), list(tmp_path.iterdir())) == ("after", [path])


@of_each_platform
def test_every_mistake_that_explains_an_answer_is_told_with_its_hint(platform):
    text = exporters.export(platform, REPORTS["wrong"])
    if platform == "nbgrader":
        return  # the cell prints it
    shown = json.loads(text) if platform in ("gradescope", "prairielearn") else text
    for part in ("6 of 35 entries are wrong", "The sign of ∂C/∂ŷ is flipped", "Or: Prediction and target", "Different"):
        assert part in str(shown)
